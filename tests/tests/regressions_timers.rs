//! What went wrong elsewhere with deadlines, and must not go wrong here.
//!
//! Each test names its entry (`R-…`) in the list of bugs that others really had; `REGRESSIONS.md` has the
//! whole list, with the tests, models and properties that stand for the entries not found here.

use filch::io::Async;
use filch::time::sleep;
use filch::{Runtime, spawn};
use filch_tests::{PATIENCE, Tally, Watchdog, child, wait_until};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// `full`, cut as the environment says.
fn cut(full: u32) -> u32 {
    let cut = std::env::var("FILCH_TEST_CUT").ok().and_then(|cut| cut.parse::<u32>().ok());
    (full / cut.unwrap_or(1)).max(10)
}

/// a span that was rounded down to milliseconds had the worker spin through the rest of it; one that
/// was rounded to nothing disarmed the alarm, and it slept for ever.
#[test]
fn fractions_of_a_millisecond_are_slept_through_and_not_spun_through() {
    let watchdog = Watchdog::usual();
    const TEST: &str = "fractions_of_a_millisecond_are_slept_through_and_not_spun_through";
    if child::role().is_none() {
        // Alone in its process, on one worker: what is counted is its doing.
        child::run_well(TEST, "nap");
        return;
    }
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    watchdog.watch("naps", runtime.handle());
    // Waited for in a plain park, and, with a descriptor registered, in the reactor.
    for with_a_socket in [false, true] {
        let socket = with_a_socket.then(|| {
            let (here, there) = UnixStream::pair().expect("sockets");
            let here = {
                let runtime = runtime.handle().clone();
                futures_lite::future::block_on(
                    runtime.spawn(async { Async::new(here).expect("it is registered") }),
                )
            };
            (here.expect("no panic"), there)
        });
        for nanos in [1, 999, 65_000, 500_000, 999_999, 1_000_001, 1_500_000, 2_999_999] {
            let naps = cut(30);
            let before = runtime.metrics().total();
            let task = runtime.spawn(async move {
                for _ in 0..naps {
                    let (begin, delay) = (Instant::now(), Duration::from_nanos(nanos));
                    sleep(delay).await;
                    assert!(begin.elapsed() >= delay, "too early");
                }
            });
            futures_lite::future::block_on(task).expect("no panic");
            let after = runtime.metrics().total();
            // One poll and one sleep per nap; as many again for sleeps that others end, the sentinel for one.
            let (polls, parks) = (after.polls - before.polls, after.parks - before.parks);
            assert!(polls <= u64::from(naps) + 1, "{polls} polls for {naps} naps of {nanos} ns");
            assert!(parks <= 2 * u64::from(naps) + 10, "{parks} sleeps for {naps} naps of {nanos} ns");
        }
        drop(socket);
    }
}

/// beside a reactor that always had something to tell, a timer was no longer told after a while, and
/// readiness that was compared with the count of another thread's turns was missed.
#[test]
fn timers_and_sockets_beside_a_reactor_that_is_always_busy_are_all_told() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("busy", runtime.handle());
    let (over, rounds) = (Arc::new(AtomicBool::new(false)), Tally::new());
    /// Sends a byte back and forth with its other end for as long as it lasts.
    async fn ball(socket: UnixStream, serves: bool, over: Arc<AtomicBool>, rounds: Tally) -> io::Result<()> {
        let socket = Async::new(socket)?;
        let mut serves = serves;
        loop {
            if serves {
                let ends = over.load(Ordering::SeqCst);
                socket.write_with(|mut io| io.write(if ends { b"e" } else { b"b" })).await?;
                if ends {
                    return Ok(());
                }
            }
            let mut byte = [0];
            assert_eq!(socket.read_with(|mut io| io.read(&mut byte)).await?, 1);
            if byte == *b"e" {
                return Ok(());
            }
            rounds.count();
            serves = true;
        }
    }
    let balls: Vec<_> = (0..8)
        .flat_map(|_| {
            let (one, other) = UnixStream::pair().expect("sockets");
            [(one, true), (other, false)]
        })
        .map(|(socket, serves)| runtime.spawn(ball(socket, serves, over.clone(), rounds.clone())))
        .collect();
    wait_until("the reactor is busy", || rounds.counted() > 100);
    // Each sleeper sleeps as often as it is to, however busy the reactor is: a deadline that is forgotten is
    // never made up for.
    let sleepers: Vec<_> = (1..=16)
        .map(|n| {
            runtime.spawn(async move {
                let naps = cut(100);
                for _ in 0..naps {
                    sleep(Duration::from_micros(500 * n)).await;
                }
                // And once from a task of its own, so that deadlines lie with every worker.
                spawn(sleep(Duration::from_millis(n))).await.expect("no panic");
            })
        })
        .collect();
    let begin = rounds.counted();
    sleepers.into_iter().for_each(|sleeper| futures_lite::future::block_on(sleeper).expect("no panic"));
    assert!(rounds.counted() > begin, "the reactor was not busy, so nothing was tested");
    over.store(true, Ordering::SeqCst);
    for ball in balls {
        futures_lite::future::block_on(ball).expect("no panic").expect("sockets work");
    }
    assert!(runtime.shutdown(PATIENCE).is_clean());
}
