//! The whole pool, its threads included: one job, or two, against what else may happen to them.
//!
//! Few jobs, because it is the only job there is whose loss nobody covers. Every model ends with the pool gone, and the
//! checker waits for its threads: one that stays is a deadlock.

use super::{Job, Pool};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::sync::{Condvar, Mutex};
use filch_primitive::thread;
use loom::future::block_on;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// Over as soon as nobody else has anything to do.
const SHORT: Duration = Duration::ZERO;
/// Never over in a model.
const LONG: Duration = Duration::MAX;

fn pool(threads: usize, keep_alive: Duration) -> Pool {
    Pool::builder().max_threads(threads).keep_alive(keep_alive).build().expect("a pool that can be")
}

fn refuse_starts(pool: &Pool) {
    pool.0.core.refuses_starts.store(true, std::sync::atomic::Ordering::SeqCst);
}

/// Shut, until somebody opens it for good.
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn new() -> Arc<Self> {
        Arc::new(Self { is_open: Mutex::new(false), opened: Condvar::new() })
    }

    fn open(&self) {
        *self.is_open.lock() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let mut is_open = self.is_open.lock();
        while !*is_open {
            self.opened.wait(&mut is_open);
        }
    }
}

#[test]
fn loom_one_job_after_the_other_finds_its_thread() {
    // The second is submitted when the first is known to have ended: the thread is between busy and idle.
    loom::model(|| {
        let pool = pool(1, LONG);
        assert_eq!(block_on(pool.spawn(|| 1)).ok(), Some(1));
        assert_eq!(block_on(pool.spawn(|| 2)).ok(), Some(2));
        assert_eq!(pool.stats().threads, 1);
    });
}

#[test]
fn loom_a_job_at_the_end_of_the_keep_alive_time_is_served() {
    loom::model(|| {
        let pool = pool(1, SHORT);
        assert_eq!(block_on(pool.spawn(|| 1)).ok(), Some(1));
        // The thread leaves, has left, or stays for this one.
        assert_eq!(block_on(pool.spawn(|| 2)).ok(), Some(2));
    });
}

#[test]
fn loom_two_that_submit_at_the_cap_are_served() {
    loom::model(|| {
        let pool = pool(1, LONG);
        let ran = Gate::new();
        let (runs, other) = (ran.clone(), pool.clone());
        let thread = thread::spawn(move || other.submit(Job::new(move || runs.open())).is_ok());
        assert_eq!(block_on(pool.spawn(|| 2)).ok(), Some(2));
        ran.pass();
        assert!(thread.join().unwrap());
        assert_eq!(pool.stats().threads, 1);
    });
}

#[test]
fn loom_below_the_cap_no_job_waits_for_another() {
    loom::model(|| {
        let pool = pool(2, LONG);
        // Its thread is idle, or on its way there, when the next two come.
        assert!(block_on(pool.spawn(|| ())).is_ok());
        let gate = Gate::new();
        let (waits, opens) = (gate.clone(), gate);
        let first = pool.spawn(move || waits.pass());
        pool.spawn(move || opens.open()).detach();
        assert!(block_on(first).is_ok());
        assert_eq!(pool.stats().threads, 2);
    });
}

#[test]
fn loom_a_submit_meets_a_close() {
    loom::model(|| {
        let pool = pool(1, LONG);
        let other = pool.clone();
        let thread = thread::spawn(move || other.close());
        match block_on(pool.spawn(|| 1)) {
            Ok(value) => assert_eq!(value, 1),
            Err(error) => assert!(error.is_closed()),
        }
        thread.join().unwrap();
        assert!(pool.submit(Job::new(|| ())).is_err_and(|error| error.is_closed()));
    });
}

#[test]
fn loom_a_job_that_is_queued_while_the_pool_closes_does_not_wait_for_those_that_run() {
    loom::model(|| {
        let pool = pool(1, LONG);
        let gate = Gate::new();
        let waits = gate.clone();
        pool.spawn(move || waits.pass()).detach();
        let other = pool.clone();
        let thread = thread::spawn(move || other.close());
        // Behind a job that does not end before this one has its answer.
        assert!(block_on(pool.spawn(|| 1)).is_err_and(|error| error.is_closed()));
        gate.open();
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_submit_meets_a_shutdown() {
    loom::model(|| {
        let pool = pool(1, LONG);
        let ran = Arc::new(AtomicUsize::new(0));
        let runs = ran.clone();
        let other = pool.clone();
        let thread = thread::spawn(move || {
            // Ordering: Relaxed, the shutdown orders it.
            let job = Job::new(move || {
                runs.fetch_add(1, Ordering::Relaxed);
            });
            other.submit(job).is_ok()
        });
        let report = pool.shutdown(Instant::now());
        assert!(report.abandoned.is_empty());
        let submitted = thread.join().unwrap();
        // Whoever counted a job out also said what became of it.
        assert_eq!(pool.stats().threads, 0);
        assert!(ran.load(Ordering::Relaxed) <= usize::from(submitted));
        assert!(report.cancelled <= usize::from(submitted));
    });
}

#[test]
fn loom_a_job_of_a_pool_without_handles_still_runs() {
    loom::model(|| {
        let pool = pool(1, LONG);
        let ran = Arc::new(AtomicUsize::new(0));
        let runs = ran.clone();
        let job = pool.spawn(move || runs.fetch_add(1, Ordering::Relaxed));
        drop(pool);
        assert_eq!(block_on(job).ok(), Some(0));
        assert_eq!(ran.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn loom_a_job_whose_thread_cannot_start_is_served_or_refused() {
    loom::model(|| {
        let pool = pool(2, SHORT);
        assert_eq!(block_on(pool.spawn(|| 1)).ok(), Some(1));
        refuse_starts(&pool);
        // The only thread serves it, or has left, and then it is an error rather than a job that rests.
        match block_on(pool.spawn(|| 2)) {
            Ok(value) => assert_eq!(value, 2),
            Err(error) => assert!(!error.is_closed() && !error.is_panic()),
        }
    });
}

#[test]
fn loom_two_whose_threads_cannot_start_count_on_no_thread_that_is_not_there() {
    loom::model(|| {
        let pool = pool(2, LONG);
        refuse_starts(&pool);
        let other = pool.clone();
        let thread = thread::spawn(move || block_on(other.spawn(|| 1)).is_err());
        assert!(block_on(pool.spawn(|| 2)).is_err());
        assert!(thread.join().unwrap());
        assert_eq!((pool.stats().threads, pool.stats().queued), (0, 0));
    });
}

/// A waker that submits to the very pool whose thread wakes it, and waits.
struct Nests {
    pool: Pool,
    ran: Arc<AtomicUsize>,
}

impl Wake for Nests {
    fn wake(self: Arc<Self>) {
        if block_on(self.pool.spawn(|| ())).is_ok() {
            // Ordering: Release, paired with the Acquire load in the model.
            self.ran.fetch_add(1, Ordering::Release);
        }
    }
}

#[test]
fn loom_a_waker_that_waits_for_a_job_of_its_own_pool_is_not_counted_on() {
    loom::model(|| {
        let pool = pool(2, LONG);
        let ran = Arc::new(AtomicUsize::new(0));
        let waker = Waker::from(Arc::new(Nests { pool: pool.clone(), ran: ran.clone() }));
        let mut job = Box::pin(pool.spawn(|| 1));
        let polled = Future::poll(job.as_mut(), &mut Context::from_waker(&waker));
        drop(waker);
        assert!(polled.is_ready() || block_on(job).is_ok());
        drop(pool);
        // Its thread ends after the waker has what it waits for; nothing more to ask than that they all end.
        assert!(ran.load(Ordering::Acquire) <= 1);
    });
}

#[test]
fn loom_canary_a_submit_that_does_not_look_for_a_close() {
    assert_noticed(
        "pool.deliver.blind",
        "pool::model::loom_a_job_that_is_queued_while_the_pool_closes_does_not_wait_for_those_that_run",
    );
}

#[test]
fn loom_canary_a_thread_that_leaves_in_two_steps() {
    assert_noticed("pool.leave.split", "pool::model::loom_a_job_at_the_end_of_the_keep_alive_time_is_served");
}

#[test]
fn loom_canary_a_job_left_to_threads_that_are_not_there() {
    assert_noticed(
        "pool.claim.hopeful",
        "pool::model::loom_two_whose_threads_cannot_start_count_on_no_thread_that_is_not_there",
    );
}
