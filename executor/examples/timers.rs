//! The three timers: sleep once, tick at a steady pace, give up after a while.
//!
//! Look at three things. A timer never fires early; `late` shows by how little it is late. An interval keeps
//! to its schedule however long the work between two ticks takes, and by default it skips ticks that nobody
//! could take. A timeout drops the future that took too long; here the error then goes on as an
//! [`io::Error`].
//!
//! ```text
//! cargo run --example timers
//! ```

use filch::time::{interval, sleep, sleep_until, timeout};
use std::io;
use std::time::{Duration, Instant};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn sleep_once() {
    let deadline = Instant::now() + ms(50);
    sleep_until(deadline).await;
    let late = Instant::now().checked_duration_since(deadline).expect("a timer never fires early");
    println!("sleep: 50 ms, and {late:.0?} late");
}

/// Ticks every 50 ms, but the third tick's work takes 120 ms.
async fn tick() {
    let mut beat = interval(ms(50));
    let start = beat.tick().await;
    let mut scheduled = vec![0];
    for n in 1..6 {
        let tick = beat.tick().await;
        scheduled.push((tick - start).as_millis());
        println!("tick {n}: scheduled at {:?}, now {:.0?}", tick - start, start.elapsed());
        if n == 2 {
            // The tick at 150 ms comes due in here, and is delivered late; the one at 200 ms is skipped.
            sleep(ms(120)).await;
        }
    }
    assert!(scheduled.iter().all(|at| at % 50 == 0), "ticks stay on the schedule: {scheduled:?}");
    assert!(scheduled.windows(2).all(|pair| pair[0] < pair[1]), "no tick comes twice: {scheduled:?}");
}

/// The answer, which takes its time.
async fn answer(takes: Duration) -> u32 {
    sleep(takes).await;
    42
}

async fn ask(takes: Duration, patience: Duration) -> io::Result<u32> {
    Ok(timeout(patience, answer(takes)).await?)
}

#[filch::main]
async fn main() -> io::Result<()> {
    sleep_once().await;
    tick().await;

    println!("timeout: in time, the answer is {}", ask(ms(20), ms(10_000)).await?);
    let error = ask(ms(10_000), ms(20)).await.expect_err("the answer takes longer than the asker waits");
    println!("timeout: too late, {error}");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    Ok(())
}
