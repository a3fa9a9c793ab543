//! The pool under random schedules: submitters, a cap, threads that tire of waiting, and the end at any moment.
//!
//! Built with `--cfg filch_shuttle`; see [`filch_primitive::explore`] for how a run is repeated, and what is not explored:
//!
//! ```text
//! RUSTFLAGS="--cfg filch_shuttle" CARGO_TARGET_DIR=target/shuttle cargo test --release -p filch-blocking --lib shuttle_
//! ```

use super::{Job, Pool};
use filch_primitive::explore::{Times, block_on, dice, explore};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Over as soon as others have had a chance.
const SHORT: Duration = Duration::ZERO;
/// Never over in a model.
const LONG: Duration = Duration::MAX;

const TIMES: Times = Times { rounds: 2_000, timeouts: 0 };

/// What became of the jobs. The real atomics: they are no part of what is explored.
#[derive(Default)]
struct Ledger {
    made: AtomicUsize,
    begun: AtomicUsize,
    dropped: AtomicUsize,
}

/// Lives in a job, and is dropped with it.
struct Life(Arc<Ledger>);

impl Life {
    fn new(ledger: &Arc<Ledger>) -> Self {
        ledger.made.fetch_add(1, SeqCst);
        Self(ledger.clone())
    }

    /// The job runs.
    fn begin(&self) {
        self.0.begun.fetch_add(1, SeqCst);
        for _ in 0..dice(3) {
            thread::yield_now();
        }
        if dice(8) == 0 {
            std::panic::resume_unwind(Box::new("as planned"));
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

fn pool(threads: usize) -> Pool {
    let keep_alive = if dice(2) == 0 { SHORT } else { LONG };
    Pool::builder().max_threads(threads).keep_alive(keep_alive).build().expect("a pool that can be")
}

/// A plain thread that submits three jobs and awaits some of them. Returns how many were refused.
fn submitter(pool: &Pool, ledger: &Arc<Ledger>) -> thread::JoinHandle<usize> {
    let (pool, ledger) = (pool.clone(), ledger.clone());
    thread::spawn(move || {
        let mut refused = 0;
        for _ in 0..3 {
            let life = Life::new(&ledger);
            match dice(4) {
                0 => {
                    let job = Job::new(move || life.begin());
                    refused += usize::from(pool.submit(job).is_err());
                }
                1 => pool.spawn(move || life.begin()).detach(),
                2 => {
                    // One that submits another, and does not wait for it.
                    let (inner, within) = (Life::new(&ledger), pool.clone());
                    let outer = pool.spawn(move || {
                        within.spawn(move || inner.begin()).detach();
                        life.begin();
                    });
                    drop(block_on(outer));
                }
                _ => drop(block_on(pool.spawn(move || life.begin()))),
            }
        }
        refused
    })
}

/// All jobs run, though threads leave whenever nobody needs them: one that is lost is waited for.
#[test]
fn shuttle_every_job_runs_at_the_cap_and_when_threads_leave() {
    explore(TIMES, || {
        let pool = pool(1 + dice(2));
        let ledger = Arc::new(Ledger::default());
        for submitter in [(); 3].map(|()| submitter(&pool, &ledger)) {
            assert_eq!(submitter.join().expect("a submitter does not panic"), 0, "the pool is open");
        }
        // What nobody waited for still runs when the last handle is gone; then the threads end, which shuttle waits for.
        drop(pool);
        while ledger.dropped.load(SeqCst) < ledger.made.load(SeqCst) {
            thread::yield_now();
        }
        assert_eq!(ledger.begun.load(SeqCst), ledger.made.load(SeqCst), "each job runs once");
    });
}

/// Every job runs or is dropped, once, and no thread is left, whenever the pool is shut down.
#[test]
fn shuttle_a_shutdown_at_any_moment_leaves_no_job_and_no_thread() {
    explore(TIMES, || {
        let pool = pool(1 + dice(2));
        let ledger = Arc::new(Ledger::default());
        let submitters = [(); 2].map(|()| submitter(&pool, &ledger));
        if dice(2) == 0 {
            (0..dice(30)).for_each(|_| thread::yield_now());
        }
        let report = pool.shutdown(Instant::now());
        assert!(report.abandoned.is_empty(), "threads were left: {:?}", report.abandoned);
        let refused: usize = submitters
            .into_iter()
            .map(|submitter| submitter.join().expect("a submitter does not panic"))
            .sum();
        let [made, begun, dropped] =
            [&ledger.made, &ledger.begun, &ledger.dropped].map(|count| count.load(SeqCst));
        assert_eq!(dropped, made, "each job is dropped once, run or not");
        assert!(begun + report.cancelled + refused <= made);
        assert_eq!((pool.stats().threads, pool.stats().queued), (0, 0));
    });
}

#[test]
fn shuttle_canary_a_thread_that_leaves_in_two_steps() {
    assert_noticed(
        "pool.leave.split",
        "pool::shuttle_suites::shuttle_every_job_runs_at_the_cap_and_when_threads_leave",
    );
}

#[test]
fn shuttle_canary_an_end_that_nobody_hears_of() {
    assert_noticed(
        "registry.strike.silent",
        "pool::shuttle_suites::shuttle_a_shutdown_at_any_moment_leaves_no_job_and_no_thread",
    );
}
