//! Threads that cannot start, some of them, and a pool closed at the worst moment.

use super::{Job, Pool};
use crate::counters::Claim;
use crate::unblock;
use futures_lite::future::block_on;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(30);

fn refuse_starts(pool: &Pool, refuse: bool) {
    pool.0.core.refuses_starts.store(refuse, Ordering::SeqCst);
}

/// A job that has begun, and ends when what it returns is dropped.
fn hold(pool: &Pool) -> Sender<()> {
    let (began, begun) = channel();
    let (release, released): (_, Receiver<()>) = channel();
    pool.spawn(move || {
        began.send(()).unwrap();
        let _ = released.recv();
    })
    .detach();
    begun.recv_timeout(SOON).expect("the job begins");
    release
}

/// Asks, when it is woken, whether the pool is at rest.
struct Asks {
    pool: Pool,
    answer: Sender<bool>,
}

impl std::task::Wake for Asks {
    fn wake(self: std::sync::Arc<Self>) {
        let _ = self.answer.send(self.pool.is_at_rest());
    }
}

#[test]
fn a_pool_is_not_at_rest_before_whoever_awaits_its_last_job_was_woken() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    assert!(pool.is_at_rest());
    let held = hold(&pool);
    assert!(!pool.is_at_rest());
    let (answer, answers) = channel();
    let waker = std::task::Waker::from(std::sync::Arc::new(Asks { pool: pool.clone(), answer }));
    let mut job = std::pin::pin!(pool.spawn(|| ()));
    assert!(job.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    drop(held);
    assert_eq!(answers.recv_timeout(SOON), Ok(false));
    // Dropped unrun counts as well.
    let held = hold(&pool);
    pool.spawn(|| ()).detach();
    pool.close();
    drop(held);
    assert!(pool.shutdown(std::time::Instant::now() + SOON).is_clean());
    assert!(pool.is_at_rest());
}

#[test]
fn while_a_thread_serves_jobs_wait_for_it() {
    let pool = Pool::builder().max_threads(8).build().unwrap();
    let held = hold(&pool);
    refuse_starts(&pool, true);
    let jobs: Vec<_> = (0..3).map(|i| pool.spawn(move || i)).collect();
    let stats = pool.stats();
    assert_eq!((stats.threads, stats.running, stats.queued), (1, 1, 3));
    drop(held);
    let values: Vec<_> = jobs.into_iter().map(|job| block_on(job).unwrap()).collect();
    assert_eq!(values, [0, 1, 2]);
}

#[test]
fn the_next_submit_makes_up_for_threads_that_did_not_start() {
    let pool = Pool::builder().max_threads(8).build().unwrap();
    let held = hold(&pool);
    refuse_starts(&pool, true);
    let (sender, receiver) = channel();
    for _ in 0..2 {
        let sender = sender.clone();
        pool.submit(Job::new(move || sender.send(()).unwrap())).unwrap();
    }
    assert!(receiver.try_recv().is_err());
    refuse_starts(&pool, false);
    pool.submit(Job::new(move || sender.send(()).unwrap())).unwrap();
    for _ in 0..3 {
        receiver.recv_timeout(SOON).expect("it runs while the first thread is still taken");
    }
    assert_eq!(pool.stats().threads, 4);
    drop(held);
}

#[test]
fn once_no_thread_serves_the_error_is_the_submitters() {
    let pool = Pool::builder().keep_alive(Duration::ZERO).build().unwrap();
    block_on(pool.spawn(|| ())).unwrap();
    while pool.stats().threads > 0 {
        std::thread::yield_now();
    }
    refuse_starts(&pool, true);
    let refused = pool.submit(Job::new(|| ())).unwrap_err();
    assert_eq!(refused.io_error().unwrap().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!((pool.stats().running, pool.stats().queued), (0, 0));
    refuse_starts(&pool, false);
    assert_eq!(block_on(pool.spawn(|| 3)).unwrap(), 3);
}

/// Between the claim and the send the pool is closed and emptied, and its only thread is taken for good.
#[test]
fn a_job_sent_after_the_emptying_is_cancelled_at_once() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let held = hold(&pool);
    let (work, future) = unblock::pair(|| unreachable!("the pool is closed"));
    assert_eq!(pool.0.core.counters.claim(1), Claim::Granted);
    pool.close();
    pool.0.core.deliver(Job::from_work(work));
    let outcome: Result<(), _> = block_on(future);
    assert!(outcome.unwrap_err().is_closed());
    assert_eq!(pool.stats().running, 1, "the thread is still taken");
    drop(held);
}
