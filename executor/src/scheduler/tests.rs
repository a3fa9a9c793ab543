//! The scheduler's parts by hand, and the whole on a [`Park`] that knows nothing but threads.

use super::core::Core;
use super::hot_slot::HotSlot;
use super::inbox::{Inbox, Pushed};
use super::park_testing::{Nothing, sleeps_and_nothing_else};
use super::slot::Slot;
use super::{Entered, Hooks, Park, Policies, Shared, policy};
use crate::task::{Heap, JoinHandle, Meta, Runnable, Schedule, yield_now};
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Tasks made for a test, and those that were woken.
struct Bench {
    /// Kept for the heap, which knows it weakly.
    _woken: Arc<Woken>,
    heap: Mutex<Heap<Woken>>,
}

#[derive(Default)]
struct Woken(Mutex<VecDeque<Runnable>>);

impl Schedule for Woken {
    fn schedule(target: &Weak<Self>, task: Runnable) {
        if let Some(woken) = target.upgrade() {
            woken.0.lock().unwrap().push_back(task);
        }
    }
}

impl Bench {
    fn new() -> Self {
        let woken = Arc::new(Woken::default());
        let heap = Mutex::new(Heap::new(Arc::downgrade(&woken)));
        Self { _woken: woken, heap }
    }

    #[allow(unsafe_code, reason = "spawns into a heap under its lock")]
    fn task<F>(&self, future: F) -> (Runnable, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // SAFETY: 1. the lock stands for the heap's ownership. 2. the types are Send.
        unsafe { self.heap.lock().unwrap().spawn(future, meta()) }
    }
}

pub(super) fn meta() -> Meta {
    Meta { location: Location::caller(), name: None }
}

#[test]
fn an_inbox_gives_back_in_order_and_tells_the_first() {
    let bench = Bench::new();
    let inbox = Inbox::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut pushed = Vec::new();
    for n in 0..5 {
        let order = order.clone();
        let (task, handle) = bench.task(async move { order.lock().unwrap().push(n) });
        handle.detach();
        pushed.push(inbox.push(task));
    }
    assert_eq!(pushed[0], Pushed::First);
    assert!(pushed[1..].iter().all(|pushed| *pushed == Pushed::Behind));
    inbox.take().for_each(|task| drop(task.run()));
    assert!(inbox.is_empty());
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn an_inbox_loses_and_doubles_nothing_between_threads() {
    const SENDERS: usize = 3;
    const EACH: usize = if cfg!(debug_assertions) { 5_000 } else { 50_000 };
    let bench = Arc::new(Bench::new());
    let inbox = Arc::new(Inbox::new());
    let ran = Arc::new(AtomicUsize::new(0));
    let firsts = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (bench, inbox, ran, firsts) = (bench.clone(), inbox.clone(), ran.clone(), firsts.clone());
            thread::spawn(move || {
                for _ in 0..EACH {
                    let ran = ran.clone();
                    let (task, handle) = bench.task(async move {
                        ran.fetch_add(1, Ordering::Relaxed);
                    });
                    handle.detach();
                    if inbox.push(task) == Pushed::First {
                        firsts.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let takers: Vec<_> = (0..2)
        .map(|_| {
            let (inbox, ran) = (inbox.clone(), ran.clone());
            thread::spawn(move || {
                let mut nonempty = 0;
                while ran.load(Ordering::Relaxed) < SENDERS * EACH {
                    let mut chain = inbox.take().peekable();
                    nonempty += usize::from(chain.peek().is_some());
                    chain.for_each(|task| drop(task.run()));
                    thread::yield_now();
                }
                nonempty
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    let taken: usize = takers.into_iter().map(|taker| taker.join().unwrap()).sum();
    assert_eq!(ran.load(Ordering::Relaxed), SENDERS * EACH);
    assert_eq!(firsts.load(Ordering::Relaxed), taken, "each filling of the inbox has one first");
}

/// The two queues and the hot slot of a place, emptied by their owner, by thieves and by the sentinel at once, while the
/// owner pushes and the queues change roles: every task runs, and runs once.
///
/// Not a model, because the queues are crossbeam's: a model checker does not see their atomics, and their indices cannot
/// be set to where they wrap. Bursts make them grow and shrink, and what lies between sends them round their
/// buffers many times.
#[test]
fn a_place_loses_and_doubles_nothing_while_it_is_robbed() {
    const TASKS: usize = if cfg!(debug_assertions) { 40_000 } else { 400_000 };
    let bench = Bench::new();
    let slot = Slot::new(Weak::new());
    let core = slot.occupy().unwrap();
    let ran: Arc<[AtomicUsize]> = (0..TASKS).map(|_| AtomicUsize::new(0)).collect();
    let over = AtomicBool::new(false);
    let run = |task: Runnable| drop(task.run());
    thread::scope(|scope| {
        // A searcher, who takes half a queue over.
        scope.spawn(|| {
            let own = Core::new();
            while !over.load(Ordering::Relaxed) {
                if let Some((task, _)) = slot.steal_into(&own) {
                    run(task);
                }
                std::iter::from_fn(|| own.queue().pop()).for_each(run);
            }
        });
        // One without a place, who takes what comes first, and the hot slot last.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                slot.steal_one().or_else(|| slot.hot.take()).into_iter().for_each(run);
            }
        });
        // The sentinel, for whom all is takeable.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                slot.take_everything(run);
                thread::yield_now();
            }
        });
        let mut random = 1_usize;
        for number in 0..TASKS {
            let ran = ran.clone();
            let (task, handle) = bench.task(async move {
                ran[number].fetch_add(1, Ordering::Relaxed);
            });
            handle.detach();
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match random >> 61 {
                0..3 => core.queue().push(task),
                3..5 => core.yielded().push(task),
                _ => slot.hot.put(task).into_iter().for_each(|displaced| core.queue().push(displaced)),
            }
            // Now and then all of it, else two at most: the queues grow in bursts.
            let take = if (random >> 50).is_multiple_of(128) { usize::MAX } else { (random >> 40) % 3 };
            for _ in 0..take {
                if core.queue().is_empty() {
                    core.change_roles();
                }
                let Some(task) = core.queue().pop().or_else(|| slot.hot.take()) else { break };
                run(task);
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    slot.take_everything(run);
    assert!(core.is_empty() && !slot.has_takeable(), "something was left");
    let wrong = ran.iter().position(|ran| ran.load(Ordering::Relaxed) != 1);
    assert_eq!(wrong, None, "a task was lost or doubled");
}

#[test]
fn a_place_is_worth_robbing_for_work_and_not_for_tasks() {
    let bench = Bench::new();
    let slot = Slot::new(Weak::new());
    let core = slot.occupy().unwrap();
    let queue_up = |tasks: usize| {
        for _ in 0..tasks {
            let (task, handle) = bench.task(async {});
            handle.detach();
            core.queue().push(task);
        }
    };
    let least = policy::STEAL_WORTH_NS;
    let (short, coarse) = (least / 10, policy::SHORT_POLL_NS);
    for mean in [0, short, coarse] {
        slot.set_mean_poll_ns(mean);
        assert!(!slot.is_worth_robbing(false, least) && !slot.is_worth_robbing(false, 0), "it is empty");
    }
    queue_up(1);
    assert!(
        slot.is_worth_robbing(false, least) && slot.is_worth_robbing(true, least),
        "its polls are coarse"
    );
    slot.set_mean_poll_ns(short);
    assert!(!slot.is_worth_robbing(false, least), "it will soon be through with that");
    assert!(slot.is_worth_robbing(false, 0), "which does not matter to everybody");
    assert!(!slot.is_worth_robbing(true, 0), "unless short tasks rest");
    queue_up(8);
    assert!(!slot.is_worth_robbing(false, least));
    // Those that yielded count, too.
    core.change_roles();
    queue_up(1);
    assert!(slot.is_worth_robbing(false, least), "that takes long enough");
    assert!(!slot.is_worth_robbing(true, least), "but short tasks rest");
    slot.take_everything(drop);
}

#[test]
fn a_hot_slot_displaces_the_one_before() {
    let bench = Bench::new();
    let slot = HotSlot::new();
    let (first, first_handle) = bench.task(async {});
    let (second, second_handle) = bench.task(async {});
    assert!(slot.put(first).is_none());
    let displaced = slot.put(second).expect("the first comes back");
    drop(displaced.run());
    assert!(first_handle.is_finished());
    drop(slot.take().expect("the second is there").run());
    assert!(second_handle.is_finished());
    assert!(slot.take().is_none());
}

#[test]
fn a_hot_slot_dropped_full_aborts_its_task() {
    let bench = Bench::new();
    let slot = HotSlot::new();
    let (task, handle) = bench.task(async {});
    assert!(slot.put(task).is_none());
    drop(slot);
    assert!(handle.is_finished());
}

thread_local! {
    /// How many events this thread finds when it looks.
    pub(super) static EVENTS: Cell<usize> = const { Cell::new(0) };
}

/// A park without timers and descriptors: a flag and a condition variable per slot.
struct Plain {
    slots: Vec<(Mutex<bool>, Condvar)>,
}

impl Park for Plain {
    sleeps_and_nothing_else!();

    fn take_events(&self) -> usize {
        EVENTS.take()
    }

    fn enter(&self, _: usize) -> Box<dyn Entered> {
        Box::new(Nothing)
    }

    fn park(&self, slot: usize, limit: Option<Duration>, _: &dyn Fn() -> bool) -> bool {
        let (notified, condvar) = &self.slots[slot];
        let mut notified = notified.lock().unwrap();
        if !*notified {
            let limit = limit.unwrap_or(Duration::from_secs(3600));
            notified = condvar.wait_timeout(notified, limit).unwrap().0;
        }
        std::mem::take(&mut *notified)
    }

    fn unpark(&self, slot: usize) {
        let (notified, condvar) = &self.slots[slot];
        *notified.lock().unwrap() = true;
        condvar.notify_one();
    }
}

/// A scheduler without threads.
pub(super) fn unstarted(workers: usize, policies: Policies) -> Arc<Shared> {
    let slots = (0..Shared::slots_for(workers)).map(|_| Default::default()).collect();
    let hooks = Hooks { name: "test".into(), stack_size: None, on_start: None, on_stop: None, wrap: None };
    Shared::new(workers, true, policies, hooks, Arc::new(Plain { slots }))
}

fn scheduler(workers: usize) -> Arc<Shared> {
    let shared = unstarted(workers, Policies::default());
    shared.start().unwrap();
    shared
}

fn end(shared: &Shared) {
    let left = shared.end(Instant::now().checked_add(Duration::from_secs(30)));
    assert_eq!(left, 0, "threads were left");
}

#[test]
fn tasks_run_wherever_they_are_spawned() {
    let shared = scheduler(2);
    let outside = shared.spawn(async { 1 }, meta());
    let inside = shared.clone();
    let sum = shared.block_on(async move {
        let guest = inside.spawn(async { 2 }, meta());
        let nested = inside.spawn(async { 3 }, meta());
        outside.await.unwrap() + guest.await.unwrap() + nested.await.unwrap()
    });
    assert_eq!(sum, 6);
    end(&shared);
}

#[test]
fn yielded_tasks_go_behind_everything_that_is_ready() {
    let shared = scheduler(1);
    let (order, received) = mpsc::channel();
    let runtime = shared.clone();
    let all = shared.spawn(
        async move {
            let spawn = |name: &'static str, yields: bool| {
                let order = order.clone();
                runtime.spawn(
                    async move {
                        if yields {
                            yield_now().await;
                        }
                        order.send(name).unwrap();
                    },
                    meta(),
                )
            };
            // The last one spawned runs first, from the hot slot; it yields, and so runs last.
            let handles = [spawn("first", false), spawn("second", false), spawn("yielded", true)];
            for handle in handles {
                handle.await.unwrap();
            }
        },
        meta(),
    );
    // Not by a guest, which would run some of them itself.
    while !all.is_finished() {
        thread::yield_now();
    }
    assert_eq!(received.try_iter().collect::<Vec<_>>(), ["first", "second", "yielded"]);
    end(&shared);
}

#[test]
fn a_blocked_worker_keeps_nothing_but_its_task() {
    let shared = scheduler(1);
    let runtime = shared.clone();
    let (let_go, blocked) = mpsc::channel::<()>();
    let (ran, all_ran) = mpsc::channel();
    let blocker = shared.spawn(
        async move {
            // One in the hot slot, one in the queue behind it.
            for n in 0..2 {
                let ran = ran.clone();
                runtime.spawn(async move { ran.send(n).unwrap() }, meta()).detach();
            }
            blocked.recv().unwrap();
        },
        meta(),
    );
    let limit = Duration::from_secs(20);
    let mut seen = [all_ran.recv_timeout(limit).unwrap(), all_ran.recv_timeout(limit).unwrap()];
    seen.sort_unstable();
    assert_eq!(seen, [0, 1]);
    assert!(!blocker.is_finished());
    let_go.send(()).unwrap();
    shared.block_on(blocker).unwrap();
    end(&shared);
}

#[test]
fn one_task_at_a_time_from_outside_is_never_stranded() {
    let shared = scheduler(2);
    let rounds = if cfg!(debug_assertions) { 20_000 } else { 100_000 };
    for n in 0..rounds {
        let (done, wait) = mpsc::sync_channel(1);
        shared.spawn(async move { done.send(n).unwrap() }, meta()).detach();
        assert_eq!(wait.recv_timeout(Duration::from_secs(30)), Ok(n));
    }
    end(&shared);
}

#[test]
#[allow(unsafe_code, reason = "spawns into a heap that is the test's alone")]
fn a_wake_that_outlasts_the_scheduler_ends_the_task() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let shared = scheduler(1);
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = Counted(dropped.clone());
    let heap = Heap::new(Arc::downgrade(&shared));
    let future = async move {
        std::future::pending::<()>().await;
        drop(counted);
    };
    // SAFETY: 1. the heap is this thread's alone. 2. the types are Send.
    let (task, handle) = unsafe { heap.spawn(future, meta()) };
    // The task stays in the hands of a thread that has just woken it.
    let weak = Arc::downgrade(&shared);
    end(&shared);
    drop(shared);
    Shared::schedule(&weak, task);
    assert!(handle.is_finished());
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "the future was not dropped");
}

#[test]
fn spawns_that_race_the_end_all_resolve() {
    for _ in 0..200 {
        let shared = scheduler(2);
        let spawners: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || (0..50).map(|_| shared.spawn(async {}, meta())).collect::<Vec<_>>())
            })
            .collect();
        end(&shared);
        for handle in spawners.into_iter().flat_map(|spawner| spawner.join().unwrap()) {
            // On the ended scheduler: it waits, but only for what has been decided already.
            let _ran_or_aborted = shared.block_on(handle);
        }
        assert_eq!(shared.count_unfinished(&[]), 0);
    }
}
