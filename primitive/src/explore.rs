//! Runs a scenario under many random schedules, with shuttle.
//!
//! Every suite goes through [`explore`]: what belongs to one run and lives outside of shuttle's own storage begins
//! anew there.
//!
//! # Environment
//! | variable | meaning |
//! |---|---|
//! | `FILCH_SHUTTLE_ROUNDS` | schedules per scenario and scheduler, instead of the suite's own number |
//! | `FILCH_SHUTTLE_REPLAY` | a file with a schedule as shuttle printed it: this and nothing else is run |
//! | `SHUTTLE_RANDOM_SEED` | the seed shuttle printed; with one round, the random scheduler runs that schedule |
//!
//! # What is not explored
//! All runs on one thread of the operating system, which changes coroutines at the facade's operations and nowhere else: what
//! does not go through the facade is one step. That holds for `crossbeam-deque`'s queues, whose operations are thus atomic, and
//! for reference counts. Memory is sequentially consistent whatever the ordering says: weak memory is loom's part.
//!
//! No time passes. A wait with an end, [`park_timeout`](crate::thread::park_timeout), ends by time as often in a run as the
//! suite allows ([`Times::timeouts`]), and beyond that only when woken; code that looks again and again by design
//! ([`pause`](crate::thread::pause)) always gets to do so.

use crate::{thread, time};
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, Scheduler, UncontrolledNondeterminismCheckScheduler,
};
use shuttle::{Config, MaxSteps, Runner};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// How a scenario is run.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Schedules of each scheduler, unless the environment says otherwise.
    pub rounds: usize,
    /// Waits that end by time, in each run.
    pub timeouts: usize,
}

/// Preemptions of a schedule of the second scheduler, at most: most known bugs of this kind need no more.
const PCT_DEPTH: usize = 3;

/// Steps after which a run counts as one that never ends.
const STEPS_MAX: usize = 400_000;

/// Runs `scenario` under random schedules, then under ones with few preemptions. Panics, with the schedule on the error
/// stream, when a run panics, comes to a stop with threads left, or does not end.
///
/// # Panics
/// See above.
pub fn explore(times: Times, scenario: impl Fn() + Send + Sync + 'static) {
    let scenario = Arc::new(whole(times, scenario));
    if let Ok(file) = std::env::var("FILCH_SHUTTLE_REPLAY") {
        let schedule =
            std::fs::read_to_string(&file).expect("FILCH_SHUTTLE_REPLAY names a file with a schedule");
        return run(ReplayScheduler::new_from_encoded(schedule.trim().trim_matches('"').trim()), scenario);
    }
    let rounds = rounds(times.rounds);
    run(RandomScheduler::new(rounds), scenario.clone());
    run(PctScheduler::new(PCT_DEPTH, rounds), scenario);
}

/// Runs each schedule of `scenario` twice. Panics when the second run goes another way: then something else than the
/// schedule decides, and no failure could be repeated.
///
/// # Panics
/// See above.
pub fn assert_repeatable(times: Times, scenario: impl Fn() + Send + Sync + 'static) {
    let schedules = RandomScheduler::new(rounds(times.rounds));
    run(UncontrolledNondeterminismCheckScheduler::new(schedules), Arc::new(whole(times, scenario)));
}

/// `scenario`, with what begins anew in each run.
fn whole(times: Times, scenario: impl Fn() + Send + Sync + 'static) -> impl Fn() + Send + Sync + 'static {
    move || {
        thread::begin(times.timeouts);
        time::begin();
        scenario();
        thread::end();
    }
}

/// Runs `future` to its end on this thread, which belongs to nothing.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A number below `end`, from the schedule's own dice: a replay throws the same.
#[must_use]
pub fn dice(end: usize) -> usize {
    use shuttle::rand::Rng;
    shuttle::rand::thread_rng().gen_range(0..end)
}

fn rounds(usual: usize) -> usize {
    match std::env::var("FILCH_SHUTTLE_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("FILCH_SHUTTLE_ROUNDS is a number"),
        Err(_unset) => usual,
    }
}

fn run(scheduler: impl Scheduler + 'static, scenario: Arc<impl Fn() + Send + Sync + 'static>) {
    let mut config = Config::new();
    // Enough for a panic's message to be formatted in a build without optimisation.
    config.stack_size = 512 << 10;
    config.max_steps = MaxSteps::FailAfter(STEPS_MAX);
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(move || scenario());
}
