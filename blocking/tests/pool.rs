//! Running jobs: order, panics, dropped futures, hooks, contexts, bad settings.

#![cfg(not(filch_loom))]

mod common;

use common::{SOON, hold, soon, until};
use filch_blocking::{Job, Pool, enter, unblock};
use futures_lite::future::{block_on, poll_once};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{io, thread};

struct CountsDrop(Arc<AtomicUsize>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("a destructor that panics on purpose");
    }
}

#[test]
fn a_job_gives_its_value() {
    let pool = Pool::new().unwrap();
    assert_eq!(block_on(pool.spawn(|| 6 * 7)).unwrap(), 42);
    assert_eq!(block_on(pool.spawn(|| vec![1, 2, 3])).unwrap(), [1, 2, 3]);
}

#[test]
fn a_future_pending_first_is_woken_by_the_last_waker() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let held = hold(&pool);
    let mut job = pool.spawn(|| 5);
    assert!(block_on(poll_once(&mut job)).is_none());
    assert!(block_on(poll_once(&mut job)).is_none());
    held.release();
    assert_eq!(block_on(job).unwrap(), 5);
}

#[test]
fn jobs_run_in_order() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let held = hold(&pool);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let jobs: Vec<_> = (0..100)
        .map(|i| {
            let seen = seen.clone();
            pool.spawn(move || seen.lock().unwrap().push(i))
        })
        .collect();
    held.release();
    jobs.into_iter().for_each(|job| block_on(job).unwrap());
    assert_eq!(*seen.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_panic_reaches_the_future_and_the_thread_goes_on() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let before = block_on(pool.spawn(|| thread::current().id())).unwrap();
    let error = block_on(pool.spawn(move || panic!("on purpose, in {before:?}"))).unwrap_err();
    assert!(error.is_panic() && !error.is_closed() && error.io_error().is_none());
    assert_eq!(error.to_string(), format!("the job panicked: on purpose, in {before:?}"));
    assert_eq!(*error.into_panic().downcast::<String>().unwrap(), format!("on purpose, in {before:?}"));
    pool.submit(Job::new(|| panic!("nobody awaits this one"))).unwrap();
    pool.submit(Job::new(|| std::panic::panic_any(PanicsInDrop))).unwrap();
    pool.spawn(|| PanicsInDrop).detach();
    drop(pool.spawn(|| std::panic::panic_any(PanicsInDrop)));
    assert_eq!(block_on(pool.spawn(|| thread::current().id())).unwrap(), before);
    assert_eq!(pool.stats().threads, 1);
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics on purpose");
        }
    }
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let held = hold(&pool);
    let mut job = Box::pin(pool.spawn(|| 1));
    let waker = std::task::Waker::from(Arc::new(Panics));
    assert!(job.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    held.release();
    assert_eq!(block_on(pool.spawn(|| 2)).unwrap(), 2);
    assert_eq!(block_on(job).unwrap(), 1);
    until("the thread is idle", || pool.stats().idle == 1);
}

/// A waker may run the task right there, and the task may wait for the next job of the same pool.
#[test]
fn a_waker_may_submit_and_wait() {
    struct RunsInline(Pool, std::sync::mpsc::Sender<i32>);
    impl std::task::Wake for RunsInline {
        fn wake(self: Arc<Self>) {
            self.1.send(block_on(self.0.spawn(|| 9)).unwrap()).unwrap();
        }
    }
    let pool = Pool::builder().max_threads(2).build().unwrap();
    let (sender, receiver) = channel();
    let waker = std::task::Waker::from(Arc::new(RunsInline(pool.clone(), sender)));
    let (release, released) = channel::<()>();
    let mut job = Box::pin(pool.spawn(move || released.recv().is_err()));
    assert!(job.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    assert_eq!(pool.stats().threads, 1);
    drop(release);
    assert_eq!(receiver.recv_timeout(SOON).expect("the waking thread is not counted on"), 9);
    assert!(block_on(job).unwrap());
    until("the books balance", || pool.stats().running == 0);
    assert_eq!(pool.stats().threads, 2);
}

#[test]
fn a_dropped_future_detaches_even_a_queued_job() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let held = hold(&pool);
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = channel();
    let value = CountsDrop(drops.clone());
    drop(pool.spawn(move || {
        sender.send("ran").unwrap();
        value
    }));
    held.release();
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), "ran");
    until("the value nobody wants is dropped", || drops.load(Ordering::SeqCst) == 1);
}

#[test]
#[should_panic(expected = "polled again")]
fn polling_after_the_end_says_so() {
    let pool = Pool::new().unwrap();
    let mut job = pool.spawn(|| ());
    block_on(&mut job).unwrap();
    let _ = block_on(&mut job);
}

#[test]
fn hooks_run_around_each_thread_and_may_panic() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let log = log.clone();
        move || {
            log.lock().unwrap().push(what);
            panic!("a hook that panics on purpose");
        }
    };
    let wrapped = log.clone();
    let pool = Pool::builder()
        .on_thread_start(note("start"))
        .on_thread_stop(note("stop"))
        .wrap_thread(move |body| {
            wrapped.lock().unwrap().push("wrap");
            body();
            wrapped.lock().unwrap().push("unwrap");
            body();
            panic!("a hook that panics on purpose");
        })
        .build()
        .unwrap();
    let inside = log.clone();
    block_on(pool.spawn(move || inside.lock().unwrap().push("job"))).unwrap();
    assert!(pool.shutdown(soon()).is_clean());
    assert_eq!(*log.lock().unwrap(), ["wrap", "start", "job", "stop", "unwrap"]);
}

#[test]
fn a_wrap_hook_that_forgets_the_body_loses_no_job() {
    let returns = Pool::builder().wrap_thread(|_body| {}).build().unwrap();
    assert_eq!(block_on(returns.spawn(|| 1)).unwrap(), 1);
    let panics = Pool::builder().wrap_thread(|_body| panic!("on purpose")).build().unwrap();
    assert_eq!(block_on(panics.spawn(|| 2)).unwrap(), 2);
    assert_eq!(block_on(panics.spawn(|| 3)).unwrap(), 3);
}

#[test]
fn contexts_nest_and_pool_threads_have_their_own() {
    let name = || thread::current().name().unwrap_or_default().to_owned();
    let [outer, inner] = ["outer", "inner"].map(|name| Pool::builder().thread_name(name).build().unwrap());
    let first = enter(&outer);
    let second = enter(&inner);
    assert_eq!(block_on(unblock(name)).unwrap(), "inner-0");
    drop(second);
    assert_eq!(block_on(unblock(name)).unwrap(), "outer-0");
    let nested = block_on(unblock(move || block_on(unblock(name)).unwrap())).unwrap();
    assert!(nested.starts_with("outer-"), "{nested}");
    drop(first);
    let default = block_on(unblock(name)).unwrap();
    assert!(default.starts_with("filch-block-"), "{default}");
}

#[test]
fn unblock_works_while_thread_locals_are_torn_down() {
    struct AtExit(std::sync::mpsc::Sender<i32>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            self.0.send(block_on(unblock(|| 4)).unwrap()).unwrap();
        }
    }
    thread_local!(static LAST: std::cell::RefCell<Option<AtExit>> = const { std::cell::RefCell::new(None) });
    let (sender, receiver) = channel();
    thread::spawn(move || {
        LAST.set(Some(AtExit(sender)));
        let pool = Pool::new().unwrap();
        std::mem::forget(enter(&pool));
    })
    .join()
    .unwrap();
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), 4);
}

#[test]
fn bad_settings_are_refused() {
    let refused = Pool::builder().max_threads(0).build().unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("max_threads"));
    let refused = Pool::builder().thread_name("a\0b").build().unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    let pool = Pool::builder().max_threads(usize::MAX).keep_alive(Duration::MAX).build().unwrap();
    assert_eq!(block_on(pool.spawn(|| 1)).unwrap(), 1);
    assert!(pool.shutdown(soon()).is_clean());
}

#[test]
fn a_thread_that_cannot_start_is_the_submitters_error() {
    for bytes in [1 << 44, usize::MAX] {
        let pool = Pool::builder().thread_stack_size(bytes).build().unwrap();
        let refused = pool.submit(Job::new(|| ())).unwrap_err();
        assert!(!refused.is_closed() && refused.io_error().is_some(), "{refused:?}");
        let error = block_on(pool.spawn(|| 1)).unwrap_err();
        assert!(error.io_error().is_some() && !error.is_panic() && !error.is_closed());
        let system = error.io_error().unwrap().kind();
        assert_eq!(io::Error::from(error).kind(), system);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.running, stats.queued), (0, 0, 0));
        assert!(pool.shutdown(Instant::now()).is_clean());
    }
}

#[test]
fn a_job_given_back_can_be_run_here() {
    let pool = Pool::builder().thread_stack_size(1 << 44).build().unwrap();
    let (sender, receiver) = channel();
    let refused = pool.submit(Job::new(move || sender.send(thread::current().id()).unwrap())).unwrap_err();
    refused.into_job().run();
    assert_eq!(receiver.try_recv().unwrap(), thread::current().id());
}
