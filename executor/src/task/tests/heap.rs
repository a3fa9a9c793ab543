//! The heap: reuse, release, walks beside traffic, and what stays when it goes.

use super::{Drops, Queue, take};
use crate::task::{Heap, Meta, Phase, Ran, Runnable, Schedule};
use std::collections::HashSet;
use std::future::{pending, ready};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Weak};
use std::thread;

/// Collects what is scheduled.
#[derive(Default)]
struct Bin(Mutex<Vec<Runnable>>);

impl Schedule for Bin {
    fn schedule(target: &Weak<Self>, task: Runnable) {
        match target.upgrade() {
            Some(bin) => bin.0.lock().unwrap().push(task),
            None => drop(task),
        }
    }
}

#[track_caller]
fn meta() -> Meta {
    Meta { location: Location::caller(), name: None }
}

#[test]
fn an_owned_heap_reuses_the_slot_freed_last() {
    let bin = Arc::new(Bin::default());
    let heap = Heap::new(Arc::downgrade(&bin));
    assert_eq!(heap.retained_bytes(), 0, "no page yet");
    // SAFETY: this thread alone allocates.
    let owned = unsafe { heap.own() };
    let mut places = HashSet::new();
    for _ in 0..1000 {
        // SAFETY: as above.
        let (task, handle) = unsafe { heap.spawn(async {}, meta()) };
        handle.detach();
        let raw = task.into_raw();
        places.insert(raw);
        // SAFETY: it came from `into_raw`.
        assert!(matches!(unsafe { Runnable::from_raw(raw) }.run(), Ran::Done));
    }
    assert_eq!(places.len(), 1);
    drop(owned);
    // SAFETY: as above.
    drop(unsafe { heap.own() });
}

#[test]
#[should_panic(expected = "one owner at a time")]
fn a_heap_has_one_owner() {
    let heap = Heap::new(Weak::<Bin>::new());
    // SAFETY: nobody allocates.
    let _first = unsafe { heap.own() };
    // SAFETY: as above.
    let _second = unsafe { heap.own() };
}

#[test]
fn a_burst_is_given_back_but_for_what_is_kept() {
    let bin = Arc::new(Bin::default());
    let heap = Heap::new(Arc::downgrade(&bin));
    // SAFETY: this thread alone allocates.
    let _owned = unsafe { heap.own() };
    for round in 0..3 {
        let tasks: Vec<_> = (0..100_000)
            // SAFETY: as above.
            .map(|_| unsafe { heap.spawn(ready([round; 3]), meta()) }.0)
            .collect();
        assert!(heap.retained_bytes() >= 100_000 * 64);
        // Out of order, so that pages come and go in the middle of the lists.
        let (odd, even): (Vec<_>, Vec<_>) =
            tasks.into_iter().enumerate().partition(|(at, _)| at.is_multiple_of(2));
        odd.into_iter().rev().for_each(|(_, task)| assert!(matches!(task.run(), Ran::Done)));
        even.into_iter().for_each(|(_, task)| assert!(matches!(task.run(), Ran::Done)));
        assert_eq!(heap.live(), 0);
        // What is kept follows the swings, within bounds,
        assert!(heap.retained_bytes() <= (1 << 20) << round, "{} are kept", heap.retained_bytes());
    }
    // and goes when nothing swings any more.
    for _ in 0..100 {
        // SAFETY: as above.
        unsafe { heap.collect() };
    }
    assert!(heap.retained_bytes() <= 1 << 20, "{} are kept", heap.retained_bytes());
}

#[test]
fn a_guard_may_outlive_its_heap() {
    let bin = Arc::new(Bin::default());
    let heap = Heap::new(Arc::downgrade(&bin));
    // SAFETY: this thread alone allocates.
    let owned = unsafe { heap.own() };
    // SAFETY: as above.
    let tasks: Vec<_> = (0..3).map(|n| unsafe { heap.spawn(ready(n), meta()) }).collect();
    drop(heap);
    let mut tasks = tasks.into_iter();
    let (task, handle) = tasks.next().unwrap();
    drop((task, handle));
    drop(owned);
    for (n, (task, mut handle)) in (1..).zip(tasks) {
        assert!(matches!(task.run(), Ran::Done));
        assert_eq!(take(&mut handle).unwrap(), n);
    }
    assert_eq!(Arc::weak_count(&bin), 0, "the core is gone");
}

#[test]
fn slots_freed_elsewhere_come_home() {
    let bin = Arc::new(Bin::default());
    let heap = Heap::new(Arc::downgrade(&bin));
    // SAFETY: this thread alone allocates.
    let _owned = unsafe { heap.own() };
    let (send, receive) = channel::<Runnable>();
    let (tell, done) = channel();
    let runner = thread::spawn(move || {
        for task in receive {
            assert!(matches!(task.run(), Ran::Done));
            tell.send(()).unwrap();
        }
    });
    for _ in 0..20_000 {
        // SAFETY: as above.
        let (task, handle) = unsafe { heap.spawn(async {}, meta()) };
        drop(handle);
        send.send(task).unwrap();
        done.recv().unwrap();
    }
    drop(send);
    runner.join().unwrap();
    // One page of slots goes round and round.
    assert!(heap.retained_bytes() <= 64 * 1024, "{} bytes for one task at a time", heap.retained_bytes());
    // SAFETY: as above.
    unsafe { heap.collect() };
    assert_eq!(heap.live(), 0);
}

#[test]
fn every_size_comes_from_its_own_pages_and_goes_back() {
    fn sized<const N: usize>(queue: &Queue) {
        let mut handles: Vec<_> = (0..40).map(|_| queue.spawn(ready([1_u8; N]))).collect();
        queue.run_all();
        handles.iter_mut().for_each(|handle| assert_eq!(take(handle).unwrap(), [1; N]));
    }
    let queue = Queue::new();
    for _ in 0..3 {
        sized::<0>(&queue);
        sized::<24>(&queue);
        sized::<99>(&queue);
        sized::<190>(&queue);
        sized::<300>(&queue);
        sized::<900>(&queue);
        sized::<1999>(&queue);
        sized::<3000>(&queue);
        sized::<4020>(&queue);
        sized::<9000>(&queue);
        assert_eq!(queue.live(), 0);
    }
}

#[test]
fn cancelling_all_takes_the_idle_and_marks_the_others() {
    let queue = Queue::new();
    let drops = Drops::default();
    let hold = |guard| async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let mut idle: Vec<_> = (0..1000).map(|_| queue.spawn(hold(drops.guard()))).collect();
    queue.run_all();
    let mut done = queue.spawn(async { 5 });
    queue.run_all();
    let mut queued = queue.spawn(hold(drops.guard()));
    let mut taken = Vec::new();
    assert_eq!(queue.heap.cancel_all(|task| taken.push(task)), 1001);
    assert_eq!(taken.len(), 1000);
    assert_eq!(queue.heap.cancel_all(drop), 1001, "marked, and not complete yet");
    assert_eq!(drops.get(), 0);
    drop(taken);
    assert_eq!(drops.get(), 1000);
    queue.run_all();
    assert_eq!(drops.get(), 1001);
    assert_eq!(queue.heap.cancel_all(drop), 0);
    idle.push(std::mem::replace(&mut queued, queue.spawn(async {})));
    idle.iter_mut().for_each(|handle| assert!(take(handle).unwrap_err().is_aborted()));
    assert_eq!(take(&mut done).unwrap(), 5);
    queue.run_all();
    take(&mut queued).unwrap();
}

#[test]
fn tasks_are_described_while_they_live() {
    let queue = Queue::new();
    let (task, handle) = queue.cell_named(pending::<()>(), Some("sleeper"));
    let other = queue.spawn(async {});
    let describe = || {
        let mut all = Vec::new();
        queue.heap.for_each(|task| all.push(task));
        all
    };
    let all = describe();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|task| task.phase == Phase::Scheduled));
    let own = task.describe();
    assert_eq!((own.id, own.meta.name.as_deref()), (handle.id(), Some("sleeper")));
    assert!(matches!(task.run(), Ran::Pending));
    queue.run_all();
    let all = describe();
    assert_eq!(all.len(), 1, "the complete one is nobody's business");
    assert_eq!((all[0].id, all[0].phase), (handle.id(), Phase::Idle));
    assert_eq!(all[0].meta.location.file(), file!());
    handle.abort();
    assert_eq!(describe()[0].phase, Phase::Cancelled);
    queue.run_all();
    assert!(describe().is_empty());
    drop((handle, other));
    assert_eq!(queue.live(), 0);
}

#[test]
fn a_walk_keeps_the_pages_it_is_looking_at() {
    let bin = Arc::new(Bin::default());
    let heap = Heap::new(Arc::downgrade(&bin));
    // SAFETY: this thread alone allocates.
    let _owned = unsafe { heap.own() };
    // SAFETY: as above.
    let mut handles: Vec<_> = (0..60_000).map(|_| unsafe { heap.spawn(pending::<()>(), meta()) }.1).collect();
    // All of them were cancelled when their runnables were dropped; new ones, idle, that live by their handles:
    assert_eq!(heap.cancel_all(drop), 0);
    handles.clear();
    let spawn = || {
        // SAFETY: as above.
        let (task, handle) = unsafe { heap.spawn(pending::<()>(), meta()) };
        assert!(matches!(task.run(), Ran::Pending));
        handle
    };
    handles.extend((0..60_000).map(|_| spawn()));
    let before = heap.retained_bytes();
    let mut handles = Some(handles);
    let mut found = 0;
    heap.for_each(|_| {
        found += 1;
        // Everything goes during the first step of the walk.
        if let Some(handles) = handles.take() {
            drop(handles);
            bin.0.lock().unwrap().drain(..).for_each(drop);
        }
    });
    assert!(found < 1000, "{found}: what was gone was not described");
    assert!(heap.retained_bytes() < before * 3 / 4);
    // The one that was being described went last.
    bin.0.lock().unwrap().drain(..).for_each(drop);
    assert_eq!(heap.live(), 0);
}

#[test]
fn walks_beside_spawns_runs_and_page_releases() {
    let bin = Arc::new(Bin::default());
    let heap = Arc::new(Heap::new(Arc::downgrade(&bin)));
    let stop = Arc::new(AtomicBool::new(false));
    let walkers: Vec<_> = (0..2)
        .map(|which| {
            let (heap, stop) = (heap.clone(), stop.clone());
            thread::spawn(move || {
                let mut seen = 0;
                while !stop.load(Ordering::Relaxed) {
                    if which == 0 {
                        heap.for_each(|task| seen += usize::from(task.meta.name.is_none()));
                    } else {
                        seen += heap.cancel_all(drop);
                    }
                }
                seen
            })
        })
        .collect();
    let drops = Drops::default();
    let spawned = Arc::new(AtomicUsize::new(0));
    {
        // SAFETY: this thread alone allocates.
        let _owned = unsafe { heap.own() };
        for round in 0..30 {
            let mut tasks = Vec::new();
            for _ in 0..3000 {
                let guard = drops.guard();
                let future = async move {
                    let _guard = guard;
                    pending::<()>().await;
                };
                // SAFETY: as above.
                let (task, handle) = unsafe { heap.spawn(future, meta()) };
                spawned.fetch_add(1, Ordering::Relaxed);
                // Some idle with a handle, some queued, some gone at once.
                match round % 3 {
                    0 => drop(task.run()),
                    1 => drop(task),
                    _ => {
                        handle.detach();
                        drop(task.run());
                        continue;
                    }
                }
                tasks.push(handle);
            }
            drop(tasks);
            let scheduled = std::mem::take(&mut *bin.0.lock().unwrap());
            scheduled.into_iter().for_each(drop);
        }
    }
    stop.store(true, Ordering::Relaxed);
    for walker in walkers {
        assert!(walker.join().unwrap() > 0, "the walk met tasks");
    }
    heap.cancel_all(drop);
    bin.0.lock().unwrap().drain(..).for_each(drop);
    assert_eq!(heap.live(), 0);
    assert_eq!(drops.get(), spawned.load(Ordering::Relaxed));
}

#[test]
fn what_is_left_when_the_heap_goes_stays_valid_and_goes_by_itself() {
    let bin = Arc::new(Bin::default());
    let drops = Drops::default();
    for rounds in 0..20 {
        let heap = Heap::new(Arc::downgrade(&bin));
        let mut tasks = Vec::new();
        for n in 0..1200 {
            let guard = drops.guard();
            let future = async move {
                let _guard = guard;
                n
            };
            // SAFETY: this thread alone allocates.
            tasks.push(unsafe { heap.spawn(future, meta()) });
        }
        let runner = {
            let (runnables, mut handles): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
            let runner = thread::spawn(move || runnables.into_iter().for_each(|task| drop(task.run())));
            if rounds % 2 == 0 {
                // Freed on both threads, before, while and after the heap goes.
                handles.drain(..600).for_each(drop);
            }
            drop(heap);
            (runner, handles)
        };
        runner.0.join().unwrap();
        let first = if rounds % 2 == 0 { 600 } else { 0 };
        for (n, mut handle) in (first..).zip(runner.1) {
            assert_eq!(take(&mut handle).unwrap(), n);
        }
    }
    assert_eq!(drops.get(), 20 * 1200);
    assert_eq!(Arc::weak_count(&bin), 0, "every heap let go of its scheduler, the core included");
}

#[test]
fn ids_are_never_given_twice() {
    let ids = Arc::new(Mutex::new(HashSet::new()));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let ids = ids.clone();
            thread::spawn(move || {
                let queue = Queue::new();
                let own: Vec<_> = (0..10_000).map(|_| queue.spawn(async {}).id()).collect();
                assert!(own.windows(2).all(|pair| pair[0] < pair[1]));
                assert!(own.iter().all(|id| id.get() > 0 && id.to_string() == id.get().to_string()));
                ids.lock().unwrap().extend(own);
                queue.run_all();
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(ids.lock().unwrap().len(), 40_000);
}

#[test]
fn runnables_link_up() {
    let queue = Queue::new();
    let (mut first, one) = queue.cell(async { 1 });
    let (second, two) = queue.cell(async { 2 });
    first.set_next(Some(second.into_raw()));
    let second = first.next().unwrap();
    assert!(matches!(first.run(), Ran::Done));
    // SAFETY: it came from `into_raw`.
    assert!(matches!(unsafe { Runnable::from_raw(second) }.run(), Ran::Done));
    for (n, mut handle) in [(1, one), (2, two)] {
        assert_eq!(take(&mut handle).unwrap(), n);
    }
}
