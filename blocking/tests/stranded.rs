//! One job outstanding at a time, over and over: where the hand-off between busy and idle loses a job, this hangs.

#![cfg(not(filch_loom))]

mod common;

use common::{SOON, hold, soon, until};
use filch_blocking::Pool;
use futures_lite::future::{block_on, poll_once};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 100_000;

/// Submits a job, awaits it, and begins again; a job that takes this long is stranded.
fn one_by_one(pool: &Pool, rounds: u32) {
    one_by_one_after(pool, rounds, |_| ());
}

/// The same, with something before each submit.
fn one_by_one_after(pool: &Pool, rounds: u32, before: impl Fn(u32) + Send + 'static) {
    let (sender, receiver) = channel();
    let jobs = pool.clone();
    let waiting = std::thread::spawn(move || {
        for round in 0..rounds {
            before(round);
            assert_eq!(block_on(jobs.spawn(move || round)).unwrap(), round);
            if round % 1024 == 0 {
                sender.send(round).unwrap();
            }
        }
    });
    loop {
        match receiver.recv_timeout(SOON) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => panic!("a job is stranded: {:?}", pool.stats()),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    waiting.join().unwrap();
}

#[test]
fn inside_the_cap_one_thread_serves_all() {
    let pool = Pool::builder().max_threads(8).build().unwrap();
    one_by_one(&pool, ROUNDS);
    assert_eq!(pool.stats().threads, 1, "whoever awaited the last job finds its thread idle");
}

/// Polled over and over, the result is seen the moment it is there, before any wake-up.
#[test]
fn whoever_sees_a_result_finds_its_thread_idle() {
    let pool = Pool::builder().max_threads(8).build().unwrap();
    for round in 0..ROUNDS / 4 {
        let mut job = pool.spawn(move || round);
        let deadline = soon();
        while block_on(poll_once(&mut job)).is_none() {
            assert!(Instant::now() < deadline, "a job is stranded: {:?}", pool.stats());
            // With one processor, the thread needs it.
            std::thread::yield_now();
        }
    }
    assert_eq!(pool.stats().threads, 1);
}

#[test]
fn at_the_cap() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    one_by_one(&pool, ROUNDS);
}

#[test]
fn with_the_other_threads_taken() {
    let pool = Pool::builder().max_threads(3).build().unwrap();
    let held = [hold(&pool), hold(&pool)];
    one_by_one(&pool, ROUNDS / 4);
    drop(held);
}

#[test]
fn two_submitters_at_the_cap() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let other = pool.clone();
    let beside = std::thread::spawn(move || one_by_one(&other, ROUNDS / 4));
    one_by_one(&pool, ROUNDS / 4);
    beside.join().unwrap();
}

/// The thread is at its keep-alive time-out whenever the next job comes.
#[test]
fn across_the_keep_alive_time() {
    for keep_alive in [0, 1, 20, 50].map(Duration::from_micros) {
        let pool = Pool::builder().max_threads(1).keep_alive(keep_alive).build().unwrap();
        one_by_one_after(&pool, 3_000, move |round| {
            let from = Instant::now();
            // Sweeps over the moment at which the thread leaves.
            while from.elapsed() < keep_alive.mul_f64(f64::from(round % 100) / 50.0) {
                std::hint::spin_loop();
            }
        });
        one_by_one(&pool, 2_000);
        until("the thread leaves", || pool.stats().threads == 0);
    }
}

#[test]
fn threads_leave_when_there_is_nothing_to_do() {
    let pool = Pool::builder().max_threads(4).keep_alive(Duration::from_millis(1)).build().unwrap();
    assert_eq!(pool.stats().threads, 0, "none before the first job");
    let held: Vec<_> = (0..4).map(|_| hold(&pool)).collect();
    let queued = pool.spawn(|| "queued");
    let stats = pool.stats();
    assert_eq!((stats.threads, stats.idle, stats.running, stats.queued), (4, 0, 4, 1));
    held.into_iter().for_each(common::Held::release);
    assert_eq!(block_on(queued).unwrap(), "queued");
    until("all have left", || pool.stats().threads == 0);
    assert_eq!(block_on(pool.spawn(|| "again")).unwrap(), "again");
}
