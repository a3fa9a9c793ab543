//! `block_on`: the future's wake-up, what a guest leaves behind, and local tasks.

use super::{Count, closing, meta, scheduler, scheduler_that, sleeper};
use crate::model::check;
use crate::scheduler::spawn_local;
use crate::task::yield_now;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A flag that a future waits for.
#[derive(Clone)]
struct Flag(Arc<(AtomicBool, Mutex<Option<Waker>>)>);

impl Flag {
    fn new() -> Self {
        Self(Arc::new((AtomicBool::new(false), Mutex::new(None))))
    }

    fn raise(&self) {
        // Ordering: Relaxed, on purpose: that the wake-up orders it is part of what is checked.
        self.0.0.store(true, Ordering::Relaxed);
        let waker = self.0.1.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn raised(&self) -> impl Future<Output = ()> + use<> {
        let this = self.clone();
        poll_fn(move |cx: &mut Context<'_>| {
            // Ordering: Relaxed, as above: whoever left its waker in time is woken, and sees the flag then; whoever did
            // not comes behind in the order of the lock.
            *this.0.1.lock() = Some(cx.waker().clone());
            if this.0.0.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
        })
    }
}

/// A future is woken while its guest lies down, or while a thread that does not help does.
fn wake_up(helps: bool) {
    check(move || {
        let (shared, _) = scheduler_that(1, helps);
        let flag = Flag::new();
        let raised = flag.raised();
        let waking = thread::spawn(move || flag.raise());
        shared.block_on(raised);
        waking.join().unwrap();
    });
}

#[test]
fn loom_a_guest_is_woken() {
    wake_up(true);
}

#[test]
fn loom_a_plain_waiter_is_woken() {
    wake_up(false);
}

/// A guest's waker is used while the guest leaves and the runtime is dropped.
#[test]
fn loom_a_guest_is_woken_too_late() {
    check(|| {
        let (shared, _) = scheduler(1);
        let flag = Flag::new();
        let waits = flag.raised();
        let mut waits = Box::pin(waits);
        let waking = thread::spawn(move || flag.raise());
        shared.block_on(poll_fn(|cx| {
            let _either_way = waits.as_mut().poll(cx);
            Poll::Ready(())
        }));
        super::existence();
        drop(shared);
        waking.join().unwrap();
    });
}

/// A guest leaves a task in its place and goes, while the one worker lies down.
#[test]
fn loom_what_a_guest_leaves_is_found() {
    check(|| {
        let (shared, _) = scheduler(1);
        let worker = sleeper(&shared, 0);
        let closed = shared.clone();
        shared.block_on(async {
            shared.spawn(async move { closed.close() }, meta()).detach();
        });
        worker.join().unwrap();
    });
}

/// A task is sent to a worker that lies down, while the guest, the only other one, leaves.
#[test]
fn loom_a_guest_leaves_while_a_task_is_sent() {
    check(|| {
        let (shared, _) = scheduler(1);
        let last = closing(&shared);
        let worker = sleeper(&shared, 0);
        let sender = {
            let shared = shared.clone();
            thread::spawn(move || shared.send(last))
        };
        shared.block_on(async {});
        sender.join().unwrap();
        worker.join().unwrap();
    });
}

/// A local task is woken by another thread while its own lies down as a guest, or in a plain park.
fn wake_local(helps: bool) {
    check(move || {
        let (shared, _) = scheduler_that(1, helps);
        let flag = Flag::new();
        let raised = flag.raised();
        let waking = thread::spawn(move || flag.raise());
        shared.block_on(async { spawn_local(raised, meta()).await }).unwrap();
        waking.join().unwrap();
    });
}

#[test]
fn loom_a_local_task_of_a_guest_is_woken() {
    wake_local(true);
}

#[test]
fn loom_a_local_task_of_a_plain_waiter_is_woken() {
    wake_local(false);
}

/// A local task is woken while its thread ends: its future is dropped there, once.
#[test]
fn loom_a_local_task_is_woken_while_its_thread_ends() {
    check(|| {
        let (shared, _) = scheduler(1);
        let drops = Count::new();
        let flag = Flag::new();
        let home = {
            let (raised, guard) = (flag.raised(), drops.guard());
            thread::spawn(move || {
                let polled = Rc::new(Cell::new(false));
                let local = {
                    let (mut raised, polled) = (Box::pin(raised), polled.clone());
                    poll_fn(move |cx| {
                        let _guard = &guard;
                        polled.set(true);
                        raised.as_mut().poll(cx)
                    })
                };
                shared.block_on(async move {
                    let handle = spawn_local(local, meta());
                    while !polled.get() {
                        yield_now().await;
                    }
                    handle.detach();
                });
            })
        };
        let waking = thread::spawn(move || flag.raise());
        home.join().unwrap();
        // In the model a thread is joined before its thread-locals are dropped. Waiting in vain is a failure, too.
        while drops.get() == 0 {
            thread::yield_now();
        }
        waking.join().unwrap();
        assert_eq!(drops.get(), 1);
    });
}
