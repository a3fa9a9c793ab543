//! Virtual time, for tests: the functions that act on the clock around the caller.

#[allow(unused_imports, reason = "named by the docs")]
use filch_timer::Clock;
use std::future::Future;
use std::time::Duration;

/// Stops the virtual clock of the runtime around the caller: time goes on only by [`advance`], or when the clock
/// [moves by itself](Clock::auto).
///
/// # Panics
/// When the runtime goes by the machine's clock; see [`Builder::clock`](crate::Builder::clock).
///
/// # Examples
/// ```
/// use filch::time::{Clock, advance, now, pause, resume};
/// use std::time::Duration;
///
/// let runtime = filch::Runtime::builder().clock(Clock::manual()).build()?;
/// runtime.block_on(async {
///     resume();
///     pause();
///     let noon = now();
///     advance(Duration::from_secs(3600)).await;
///     assert_eq!(now() - noon, Duration::from_secs(3600));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn pause() {
    filch_timer::clock().pause();
}

/// Lets the virtual clock of the runtime around the caller run as fast as the machine's, from the time it shows.
///
/// # Panics
/// When the runtime goes by the machine's clock; see [`Builder::clock`](crate::Builder::clock).
///
/// # Examples
/// ```
/// use filch::time::{Clock, now, resume, sleep};
/// use std::time::Duration;
///
/// let runtime = filch::Runtime::builder().clock(Clock::manual()).build()?;
/// runtime.block_on(async {
///     let start = now();
///     resume();
///     sleep(Duration::from_millis(2)).await;
///     assert!(now() - start >= Duration::from_millis(2));
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn resume() {
    filch_timer::clock().resume();
}

/// Moves the virtual clock of the runtime around the caller forward, from deadline to deadline: before each step everything that
/// can run has run, and every job of [`spawn_blocking`](crate::spawn_blocking) is over, or waits in a `block_on`. Work that sets new timers on the way
/// therefore finds them fire in their order, and an interval ticks each time.
///
/// A clock that runs is not stopped for that: it moves at once, as by [`Clock::advance`].
///
/// Descriptors are not waited for: what comes from outside the program comes when it comes. Nor are threads that the runtime
/// knows nothing of.
///
/// # Panics
/// When the runtime goes by the machine's clock; see [`Builder::clock`](crate::Builder::clock).
/// # Cancel safety
/// When the future is dropped, the clock stays where it came to.
///
/// # Complexity
/// A move of the clock for each deadline on the way; one for a clock that runs.
/// # Examples
/// ```
/// use filch::time::{Clock, advance, interval};
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
///
/// static BEATS: AtomicU32 = AtomicU32::new(0);
/// let runtime = filch::Runtime::builder().worker_threads(2).clock(Clock::manual()).build()?;
/// runtime.block_on(async {
///     filch::spawn(async {
///         let mut beat = interval(Duration::from_secs(1));
///         loop {
///             beat.tick().await;
///             BEATS.fetch_add(1, Ordering::Relaxed);
///         }
///     })
///     .detach();
///     filch::task::yield_now().await;
///     advance(Duration::from_millis(10_500)).await;
///     assert_eq!(BEATS.load(Ordering::Relaxed), 11);
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn advance(duration: Duration) -> impl Future<Output = ()> + Send {
    let clock = filch_timer::clock();
    // The sleep knows what to do about durations beyond the reach of instants.
    let sleep = filch_timer::sleep(duration);
    let moving = clock.move_until(sleep.deadline());
    async move {
        let _moving = moving;
        if !clock.is_paused() {
            clock.advance(sleep.deadline().saturating_duration_since(clock.now()));
        }
        sleep.await;
    }
}
