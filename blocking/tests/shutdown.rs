//! Closing, shutting down, and pools whose last handle is gone.

#![cfg(not(filch_loom))]

mod common;

use common::{SOON, hold, soon, until};
use filch_blocking::{Job, Pool};
use futures_lite::future::block_on;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn closing_drops_what_is_queued_and_spares_what_runs() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let (release, released) = channel::<()>();
    let running = pool.spawn(move || released.recv().is_err());
    until("the job has a thread", || pool.stats().running == 1);
    let queued: Vec<_> = (0..10).map(|_| pool.spawn(|| unreachable!("dropped unrun"))).collect();
    assert_eq!(pool.stats().queued, 10);
    pool.close();
    pool.close();
    assert!(pool.is_closed());
    for job in queued {
        // Now, while the thread is still taken.
        assert!(block_on(job).unwrap_err().is_closed());
    }
    let refused = pool.submit(Job::new(|| ())).unwrap_err();
    assert!(refused.is_closed() && refused.io_error().is_none());
    assert_eq!(refused.to_string(), "the pool is closed");
    assert!(block_on(pool.spawn(|| ())).unwrap_err().is_closed());
    drop(release);
    // The first job may have been cancelled too, had its thread not begun it before the pool was closed.
    let _ = block_on(running);
    let report = pool.shutdown(soon());
    assert!(report.is_clean());
    assert!(report.cancelled == 10 || report.cancelled == 11, "{report:?}");
    assert_eq!(pool.stats().threads, 0);
}

#[test]
fn shutdown_names_what_did_not_end_and_returns_in_time() {
    let pool = Pool::builder().thread_name("stuck").build().unwrap();
    let held = hold(&pool);
    let start = Instant::now();
    let report = pool.shutdown(start + Duration::from_millis(50));
    assert!(start.elapsed() >= Duration::from_millis(50) && start.elapsed() < SOON);
    assert_eq!(report.abandoned, ["stuck-0"]);
    assert_eq!(pool.shutdown(start).abandoned, ["stuck-0"], "a past deadline is fine");
    held.release();
    let report = pool.shutdown(soon());
    assert!(report.is_clean());
    assert_eq!(report.cancelled, 0);
}

#[test]
fn shutdown_calls_idle_threads_at_once() {
    let stopped = Arc::new(AtomicUsize::new(0));
    let count = stopped.clone();
    let pool = Pool::builder()
        .keep_alive(Duration::MAX)
        .on_thread_stop(move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let held: Vec<_> = (0..8).map(|_| hold(&pool)).collect();
    held.into_iter().for_each(common::Held::release);
    until("all are idle", || pool.stats().idle == 8);
    assert!(pool.shutdown(soon()).is_clean());
    assert_eq!(stopped.load(Ordering::SeqCst), 8, "hooks are over, too, when it returns");
}

#[test]
fn shutdown_on_threads_of_the_pool_waits_for_the_others_only() {
    let pool = Pool::new().unwrap();
    let held = hold(&pool);
    let (sender, receiver) = channel();
    let both_run = Arc::new(Barrier::new(2));
    for _ in 0..2 {
        let (inner, sender, both_run) = (pool.clone(), sender.clone(), both_run.clone());
        let shut_down = move || {
            both_run.wait();
            let deadline = soon();
            let report = inner.shutdown(deadline);
            sender.send((report, Instant::now() < deadline)).unwrap();
        };
        pool.submit(Job::new(shut_down)).unwrap();
    }
    drop(sender);
    until("it is closed", || pool.is_closed());
    assert!(receiver.try_recv().is_err(), "the held job still runs");
    held.release();
    let reports: Vec<_> = receiver.iter().collect();
    assert_eq!(reports.len(), 2);
    for (report, in_time) in reports {
        assert!(in_time, "neither waits for itself, nor for the other");
        // One of them may look while the other is on its way out of its wait.
        assert_eq!(report.cancelled, 0);
    }
    assert!(pool.shutdown(soon()).is_clean());
}

#[test]
fn without_handles_jobs_still_run_and_threads_end() {
    let stopped = channel();
    let pool = Pool::builder()
        .max_threads(1)
        .keep_alive(Duration::MAX)
        .on_thread_stop(move || stopped.0.send(()).unwrap())
        .build()
        .unwrap();
    let held = hold(&pool);
    let jobs: Vec<_> = (0..5).map(|i| pool.spawn(move || i)).collect();
    drop(pool);
    held.release();
    let values: Vec<_> = jobs.into_iter().map(|job| block_on(job).unwrap()).collect();
    assert_eq!(values, [0, 1, 2, 3, 4]);
    stopped.1.recv_timeout(SOON).expect("the thread ends though its keep-alive time does not");
}

#[test]
fn without_handles_idle_threads_end_at_once() {
    let stopped = channel();
    let pool = Pool::builder()
        .keep_alive(Duration::MAX)
        .on_thread_stop(move || stopped.0.send(()).unwrap())
        .build()
        .unwrap();
    let held: Vec<_> = (0..4).map(|_| hold(&pool)).collect();
    held.into_iter().for_each(common::Held::release);
    until("all are idle", || pool.stats().idle == 4);
    drop(pool);
    (0..4).for_each(|_| stopped.1.recv_timeout(SOON).expect("an idle thread is called"));
}

#[test]
fn submitters_racing_close_all_learn_their_outcome() {
    for round in 0..300 {
        let pool = Pool::builder().max_threads(1 + round % 3).keep_alive(Duration::MAX).build().unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let submitters: Vec<_> = (0..3)
            .map(|_| {
                let (pool, ran) = (pool.clone(), ran.clone());
                thread::spawn(move || {
                    let jobs: Vec<_> = (0..20)
                        .map(|_| {
                            let ran = ran.clone();
                            pool.spawn(move || ran.fetch_add(1, Ordering::SeqCst))
                        })
                        .collect();
                    jobs.into_iter().map(block_on).filter(Result::is_ok).count()
                })
            })
            .collect();
        if round % 2 == 0 {
            until("something ran", || ran.load(Ordering::SeqCst) > 0);
        }
        assert!(pool.shutdown(soon()).is_clean());
        let ok: usize = submitters.into_iter().map(|submitter| submitter.join().unwrap()).sum();
        assert_eq!(ok, ran.load(Ordering::SeqCst));
        // A submitter may have been between its claim and its send when the last thread left.
        until("the books balance", || {
            let stats = pool.stats();
            (stats.threads, stats.running, stats.queued) == (0, 0, 0)
        });
    }
}
