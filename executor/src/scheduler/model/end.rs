//! The scheduler's end beside what still comes in.

use super::{Count, Guard, existence, meta, scheduler, sleeper};
use crate::model::check;
use crate::scheduler::Shared;
use crate::task::JoinHandle;
use filch_primitive::sync::Mutex;
use loom::thread;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What the sentinel and the one who ends the scheduler do, once the workers are gone.
fn sweep_to_the_end(shared: &Shared) {
    shared.sweep();
    shared.set_over();
}

fn spawn_waiting(shared: &Shared, guard: Guard) -> JoinHandle<()> {
    shared.spawn_outside(
        async move {
            let _guard = guard;
            pending::<()>().await;
        },
        meta(),
    )
}

/// A task is spawned while the scheduler ends: it is refused or swept, and its handle resolves.
#[test]
fn loom_a_spawn_beside_the_end() {
    check(|| {
        let (shared, _) = scheduler(1);
        let drops = Count::new();
        let spawner = {
            let (shared, guard) = (shared.clone(), drops.guard());
            thread::spawn(move || spawn_waiting(&shared, guard))
        };
        shared.close();
        sweep_to_the_end(&shared);
        let handle = spawner.join().unwrap();
        assert!(handle.is_finished(), "the spawn was left hanging");
        assert_eq!(drops.get(), 1);
    });
}

/// The same with a worker, which may have taken the task over before it leaves.
#[test]
fn loom_a_spawn_beside_a_worker_that_leaves() {
    check(|| {
        let (shared, _) = scheduler(1);
        let drops = Count::new();
        let worker = sleeper(&shared, 0);
        let spawner = {
            let (shared, guard) = (shared.clone(), drops.guard());
            thread::spawn(move || spawn_waiting(&shared, guard))
        };
        shared.close();
        worker.join().unwrap();
        sweep_to_the_end(&shared);
        let handle = spawner.join().unwrap();
        assert!(handle.is_finished(), "the spawn was left hanging");
        assert_eq!(drops.get(), 1);
    });
}

/// A task that waits, and its waker.
fn waiting(shared: &Shared, guard: Guard) -> (JoinHandle<()>, Waker) {
    let place = Arc::new(Mutex::new(None));
    let left = place.clone();
    let future = poll_fn(move |cx: &mut Context<'_>| {
        let _guard = &guard;
        *left.lock() = Some(cx.waker().clone());
        Poll::Pending
    });
    let (task, handle) = super::task(shared, future);
    drop(task.run());
    let waker = place.lock().take().expect("it was polled");
    (handle, waker)
}

/// A wake-up while the runtime ends and is dropped, which waits for the task as long as it takes: its future is dropped,
/// once, by whoever came last.
#[test]
fn loom_a_wake_beside_the_end() {
    check(|| {
        let (shared, _) = scheduler(1);
        let drops = Count::new();
        let (handle, waker) = waiting(&shared, drops.guard());
        let waking = thread::spawn(move || waker.wake());
        shared.close();
        sweep_to_the_end(&shared);
        while shared.count_unfinished(&[]) > 0 {
            thread::yield_now();
        }
        assert_eq!(drops.get(), 1);
        existence();
        drop(shared);
        waking.join().unwrap();
        assert!(handle.is_finished());
    });
}

/// The same when nobody waits for the task any more: the waker may find no scheduler, or be the last to hold it. The
/// handle resolves; the future is dropped at most once, and where it is not, its memory is never used again.
#[test]
fn loom_a_wake_beside_a_runtime_that_is_dropped() {
    check(|| {
        let (shared, _) = scheduler(1);
        let drops = Count::new();
        let (handle, waker) = waiting(&shared, drops.guard());
        let waking = thread::spawn(move || waker.wake());
        shared.close();
        sweep_to_the_end(&shared);
        existence();
        drop(shared);
        waking.join().unwrap();
        assert!(handle.is_finished(), "the joiner was left hanging");
        assert!(drops.get() <= 1);
    });
}

/// The last waker and the handle go while the runtime is dropped: the heap outlives its scheduler for as long as they
/// need it.
#[test]
fn loom_references_outlive_the_runtime() {
    check(|| {
        let (shared, _) = scheduler(1);
        let drops = Count::new();
        let (handle, waker) = waiting(&shared, drops.guard());
        let leaving = thread::spawn(move || drop(waker));
        let detaching = thread::spawn(move || drop(handle));
        shared.close();
        sweep_to_the_end(&shared);
        existence();
        drop(shared);
        leaving.join().unwrap();
        detaching.join().unwrap();
        assert!(drops.get() <= 1);
    });
}
