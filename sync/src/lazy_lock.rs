//! A value with the async function that makes it: [`LazyLock`].
//!
//! # States
//! The value lies in a [`SetOnce`]. The initialiser's future lies in the lock, not in the future of one who waits, and belongs to
//! whoever polls it at the moment. Under the queue's lock:
//!
//! | polled | due | meaning | leaves by |
//! |---|---|---|---|
//! | no | yes | it may go on (at first: it may begin) | whoever of those who wait is polled first |
//! | yes | no | somebody is polling it | that poll's end |
//! | yes | yes | the same, and it was woken meanwhile | that poll's end, which tells all |
//! | no | no | it waits for something | its waker, which tells all |
//!
//! Poisoned, for ever, is one whose initialiser panicked.
//!
//! # Protocol
//! Force: 1. load the value; there is the end. Else, under the queue's lock, 2. the same once more, and panic where it is
//! poisoned. 3. Where it is due and not polled, take the poll; else join, with the present round. 4. With the poll, and no lock: poll
//! the future with the waker of the lock itself ([`Shared`]). 5. If that is all, set the value. 6. Give the poll back ([`Drive`]):
//! when it ended or panicked, drop the future, and tell all; when it was woken meanwhile, tell all; else begin again at 1.
//!
//! Wake: under the queue's lock, 1. set due. 2. Where nobody polls, begin a new round, and tell all of former rounds, a batch at
//! a time, waking outside the lock.
//!
//! # Why it is right
//! *No lost work*: the future stays where it is when one who drove it goes away.
//!
//! *No lost wake-up, futurelock*: due and not polled means that all who wait were told; whichever is polled drives. None of
//! them is relied upon, so there is nothing to pass on when one is dropped or not polled. The price is that a wake-up of the
//! initialiser is one for each that waits, as long as it takes to make one value.
//!
//! *A panic hangs nobody*: the poll is given back by unwinding as well.
//!
//! # Rejected
//! Beginning anew when the one who drove it is dropped, as [`OnceCell`](crate::OnceCell) does, where each brings an initialiser
//! of its own: a timeout around `force` shorter than the initialiser would never see its end. Running the initialiser again
//! after a panic: it is taken by value, as the standard library's.
#![allow(unsafe_code, reason = "a future that is polled by whoever has the right to")]

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::tell::tell_while;
use crate::{SetOnce, blocking};
use filch_primitive::cell::UnsafeCell;
use filch_primitive::wait_list::{Locked, Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{contained, mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
// A waker is made of std's `Arc` and of no other.
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};

const COME: u32 = 0;

/// What the initialiser of a static [`LazyLock`] returns: a future of a type that can be written down.
///
/// ```
/// use filch_sync::{LazyFuture, LazyLock};
/// fn answer() -> LazyFuture<u32> {
///     Box::pin(async { 6 * 7 })
/// }
/// static ANSWER: LazyLock<u32> = LazyLock::new(answer);
/// assert_eq!(ANSWER.force_blocking(), &42);
/// ```
pub type LazyFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Begins to make a `T`: any function without arguments that returns a future.
///
/// ```
/// use filch_sync::{Initializer, LazyLock};
///
/// /// Makes its value as soon as it is made, whatever it is.
/// fn eager<T, F: Initializer<T>>(init: F) -> LazyLock<T, F> {
///     let lock = LazyLock::new(init);
///     lock.force_blocking();
///     lock
/// }
/// assert_eq!(eager(async || 6 * 7).get(), Some(&42));
/// ```
pub trait Initializer<T> {
    /// What makes the value.
    type Future: Future<Output = T>;

    /// Begins.
    ///
    /// ```
    /// use filch_sync::Initializer;
    /// let making = Initializer::begin(async || 42);
    /// assert_eq!(futures_lite::future::block_on(making), 42);
    /// ```
    fn begin(self) -> Self::Future;
}

impl<T, F, Fut> Initializer<T> for F
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = T>,
{
    type Future = Fut;

    fn begin(self) -> Fut {
        self()
    }
}

/// A value that is made by an async function of its own, when it is first asked for.
///
/// The initialiser runs once. It is driven by those who wait for it: when one of them is dropped, the next drives it on from
/// where it stands; when none is left, it rests until somebody comes. One that panics poisons the lock, as in
/// [`std::sync::LazyLock`]. One that forces its own lock waits for itself, for ever.
///
/// A static one names only `T`, and boxes its future; a local one takes any async closure.
///
/// # Complexity
/// A value that is there costs one load. Until then each wake-up of the initialiser is one for each that waits.
/// # Examples
/// ```
/// use filch_sync::LazyLock;
/// static GREETING: LazyLock<String> = LazyLock::new(|| Box::pin(greet("you")));
///
/// async fn greet(whom: &str) -> String {
///     format!("hello, {whom}")
/// }
/// # futures_lite::future::block_on(async {
/// assert_eq!(GREETING.get(), None);
/// assert_eq!(GREETING.force().await, "hello, you");
///
/// let local = LazyLock::new(async || 6 * 7);
/// assert_eq!(local.force().await, &42);
/// # });
/// ```
pub struct LazyLock<T, F: Initializer<T> = fn() -> LazyFuture<T>> {
    value: SetOnce<T>,
    /// Made when it is first needed: a waker of the initialiser may outlive the lock.
    shared: SetOnce<Arc<Shared>>,
    stage: UnsafeCell<Stage<F, F::Future>>,
}

enum Stage<F, Fut> {
    New(F),
    Running(Pin<Box<Fut>>),
    Over,
}

/// The waker of the initialiser, and those who wait.
struct Shared {
    queue: WaitQueue<Driving>,
}

struct Driving {
    polled: bool,
    due: bool,
    started: bool,
    poisoned: bool,
    /// How often those who wait were told.
    round: u64,
}

// SAFETY: a shared one lends the value to all threads (`T: Sync`), and has it made on one to be dropped on another
// (`T: Send`). The initialiser and its future are touched by one thread at a time, the one that took the poll under the queue's lock,
// and move between threads that way: both are `Send`.
unsafe impl<T: Send + Sync, F: Initializer<T> + Send> Sync for LazyLock<T, F> where F::Future: Send {}

impl<T, F: Initializer<T>> LazyLock<T, F> {
    /// One whose value `init` will make.
    ///
    /// ```
    /// use filch_sync::LazyLock;
    /// static ANSWER: LazyLock<u32> = LazyLock::new(|| Box::pin(async { 42 }));
    /// assert_eq!(ANSWER.get(), None);
    /// assert_eq!(futures_lite::future::block_on(ANSWER.force()), &42);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(init: F) -> Self {
        let stage = UnsafeCell::new(Stage::New(init));
        Self { value: SetOnce::new(), shared: SetOnce::new(), stage }
    }

    /// One whose value `init` will make.
    #[cfg(filch_loom)]
    pub fn new(init: F) -> Self {
        let stage = UnsafeCell::new(Stage::New(init));
        Self { value: SetOnce::new(), shared: SetOnce::new(), stage }
    }

    /// The value, if it is there.
    ///
    /// # Complexity
    /// One load.
    /// # Examples
    /// ```
    /// let lazy = filch_sync::LazyLock::new(async || 1);
    /// assert_eq!(lazy.get(), None);
    /// lazy.force_blocking();
    /// assert_eq!(lazy.get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value; makes it, or helps to, where it is not there.
    ///
    /// # Panics
    /// When the initialiser panics, or has before.
    /// # Cancel safety
    /// Dropping the future loses nothing: what the initialiser has done stays in the lock, and whoever waits goes on with it.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lazy = filch_sync::LazyLock::new(async || {
    ///     futures_lite::future::yield_now().await;
    ///     1
    /// });
    /// drop(futures_lite::future::poll_once(lazy.force()).await);
    /// assert_eq!(lazy.force().await, &1);
    /// # });
    /// ```
    pub fn force(&self) -> LazyForce<'_, T, F> {
        let shared = self.shared.get().unwrap_or_else(|| {
            // Refused if another was quicker.
            let _ = self.shared.set(Arc::new(Shared::new()));
            self.shared.get().expect("just set")
        });
        LazyForce { lazy: self, shared, waiter: Waiter::new(&shared.queue) }
    }

    /// The value, on a plain thread. In a task this would hold up the thread that polls it: there, `force().await`.
    ///
    /// # Panics
    /// As with [`force`](Self::force).
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::LazyLock::new(async || 1).force_blocking(), &1);
    /// ```
    pub fn force_blocking(&self) -> &T {
        self.get().unwrap_or_else(|| blocking::block_on(self.force()))
    }

    /// The value, if it was made.
    ///
    /// ```
    /// let lazy = filch_sync::LazyLock::new(async || 1);
    /// lazy.force_blocking();
    /// assert_eq!(lazy.into_inner(), Some(1));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Whether the initialiser has panicked.
    ///
    /// ```
    /// assert!(!filch_sync::LazyLock::new(async || 1).is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        self.shared.get().is_some_and(|shared| shared.queue.lock().poisoned)
    }

    /// How it stands: a look at one moment.
    ///
    /// ```
    /// let lazy = filch_sync::LazyLock::new(async || 1);
    /// assert!(!lazy.statistics().initializing);
    /// lazy.force_blocking();
    /// assert!(lazy.statistics().initialized);
    /// ```
    pub fn statistics(&self) -> LazyLockStatistics {
        let locked = self.shared.get().map(|shared| shared.queue.lock());
        let initialized = self.value.is_set();
        LazyLockStatistics {
            initialized,
            initializing: !initialized && locked.as_ref().is_some_and(|now| now.started && !now.poisoned),
            waiters: locked.as_ref().map_or(0, Locked::len),
            waiters_peak: locked.as_ref().map_or(0, Locked::peak),
        }
    }
}

impl<T: fmt::Debug, F: Initializer<T>> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyLock")
            .field("value", &self.get())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

/// How a [`LazyLock`] stood at one moment; see [`LazyLock::statistics`].
///
/// ```
/// use filch_sync::LazyLock;
/// let lazy = LazyLock::new(async || 1);
/// assert!(!lazy.statistics().initialized);
/// lazy.force_blocking();
/// let seen = lazy.statistics();
/// assert!(seen.initialized && !seen.initializing);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LazyLockStatistics {
    /// Whether the value was there.
    pub initialized: bool,
    /// Whether the initialiser had begun, and not ended.
    pub initializing: bool,
    /// How many waited for it.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

impl Shared {
    fn new() -> Self {
        let now = Driving { polled: false, due: true, started: false, poisoned: false, round: 0 };
        Self { queue: WaitQueue::new(now) }
    }

    fn tell_all(&self, mut locked: Locked<'_, Driving>) {
        locked.round += 1;
        let round = locked.round;
        tell_while(&self.queue, locked, COME, |tag| tag.number < round);
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut locked = self.queue.lock();
        if locked.polled && mutant::planted("lazy_lock.wake.deaf") {
            return;
        }
        locked.due = true;
        if !locked.polled {
            self.tell_all(locked);
        }
    }
}

/// The right to poll the initialiser. Dropped, it is over with that: by a value, or by a panic.
struct Drive<'a, T, F: Initializer<T>> {
    lazy: &'a LazyLock<T, F>,
    shared: &'a Arc<Shared>,
}

impl<T, F: Initializer<T>> Drive<'_, T, F> {
    fn poll(&self) -> Poll<T> {
        let waker = Waker::from(self.shared.clone());
        self.lazy.stage.with_mut(|stage| {
            // SAFETY: `self` is the right to it, one at a time, and is kept until after this call.
            let stage = unsafe { &mut *stage };
            *stage = match mem::replace(stage, Stage::Over) {
                Stage::New(init) => Stage::Running(Box::pin(init.begin())),
                begun => begun,
            };
            let Stage::Running(future) = stage else { unreachable!("who is over has no poll to give") };
            future.as_mut().poll(&mut Context::from_waker(&waker))
        })
    }

    /// Gives the poll back, with more to do. Whether all were told, this one being none of them.
    fn rest(self) -> bool {
        let mut locked = self.shared.queue.lock();
        locked.polled = false;
        let due = locked.due;
        if due {
            self.shared.tell_all(locked);
        }
        mem::forget(self);
        due
    }
}

impl<T, F: Initializer<T>> Drop for Drive<'_, T, F> {
    fn drop(&mut self) {
        let over = self.lazy.stage.with_mut(|stage| {
            // SAFETY: as in `poll`.
            mem::replace(unsafe { &mut *stage }, Stage::Over)
        });
        // What it still holds may panic when dropped: those who wait are to be told all the same.
        contained(|| drop(over));
        let mut locked = self.shared.queue.lock();
        locked.polled = false;
        locked.poisoned = !self.lazy.value.is_set();
        self.shared.tell_all(locked);
    }
}

/// What one who forces finds.
enum Found<'a, T> {
    Value(&'a T),
    Poll,
    Poison,
}

pin_project! {
    /// Waits for the value of a [`LazyLock`], and drives its initialiser; made by [`LazyLock::force`].
    ///
    /// ```
    /// use filch_sync::LazyLock;
    /// use futures_lite::future::{block_on, poll_once, yield_now};
    /// let lazy = LazyLock::new(async || {
    ///     yield_now().await;
    ///     "made"
    /// });
    /// let mut first = Box::pin(lazy.force());
    /// assert!(block_on(poll_once(first.as_mut())).is_none());
    /// // What has begun is not lost with who began it: another goes on with it.
    /// drop(first);
    /// assert!(lazy.statistics().initializing);
    /// assert_eq!(block_on(lazy.force()), &"made");
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct LazyForce<'a, T, F: Initializer<T>> {
        lazy: &'a LazyLock<T, F>,
        shared: &'a Arc<Shared>,
        // Dropped, it leaves the list, and that is all: whoever was to be told was told.
        #[pin]
        waiter: Waiter<'a, Driving>,
    }
}

impl<'a, T, F: Initializer<T>> Future for LazyForce<'a, T, F> {
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let (lazy, shared) = (*this.lazy, *this.shared);
        loop {
            if let Some(value) = lazy.get() {
                return Poll::Ready(value);
            }
            let found = ready!(this.waiter.as_mut().poll_wait(cx, |mut waiter, locked| {
                let (phase, tag) = waiter.as_mut().look(locked);
                let found = match lazy.get() {
                    Some(value) => Found::Value(value),
                    None if locked.poisoned => Found::Poison,
                    None if locked.due && !locked.polled => {
                        (locked.polled, locked.due, locked.started) = (true, false, true);
                        Found::Poll
                    }
                    None => {
                        // Who stays keeps the round it came in: the list is told as far as its rounds are in order.
                        let stays = phase == Phase::Waiting;
                        let tag = if stays { tag } else { Tag { number: locked.round, ..Tag::NONE } };
                        return Step::Wait { front: false, tag };
                    }
                };
                if phase != Phase::Idle {
                    waiter.leave_locked(locked);
                }
                Step::Done(found)
            }));
            match found {
                Found::Value(value) => return Poll::Ready(value),
                Found::Poison => panic!("the initialiser of this `LazyLock` panicked"),
                Found::Poll => {
                    let drive = Drive { lazy, shared };
                    if let Poll::Ready(value) = drive.poll() {
                        // Refused by nobody: there is one initialiser.
                        let _ = lazy.value.set(value);
                        drop(drive);
                    } else if drive.rest() {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl<T, F: Initializer<T>> fmt::Debug for LazyForce<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyForce").finish_non_exhaustive()
    }
}
