//! One seat by hand: what is ready, and in which order it is taken.

use super::{Pick, Seat};
use crate::scheduler::inbox::Pushed;
use crate::scheduler::sharing::Spoils;
use crate::scheduler::tests::{EVENTS, meta, unstarted};
use crate::scheduler::{Policies, policy, worker};
use crate::task::Runnable;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// Runs `f` in the only worker's seat of a scheduler without threads.
fn seated<R>(f: impl FnOnce(&Seat) -> R) -> R {
    seated_without(|_| {}, f)
}

/// The same with policies that `off` has switched off.
fn seated_without<R>(off: impl FnOnce(&mut Policies), f: impl FnOnce(&Seat) -> R) -> R {
    let mut policies = Policies::default();
    off(&mut policies);
    let shared = unstarted(1, policies);
    let seat = Seat::take(&shared, 0).expect("the slot is free");
    worker::sit(&shared, seat, f)
}

/// What has run, by number.
#[derive(Clone, Default)]
struct Order(Arc<Mutex<Vec<u32>>>);

impl Order {
    /// A task that says when it runs.
    fn task(&self, seat: &Seat, number: u32) -> Runnable {
        let order = self.clone();
        let (task, handle) = seat.create(async move { order.0.lock().unwrap().push(number) }, meta());
        handle.detach();
        task
    }

    /// Runs all that is ready, and says in which order that was.
    fn of_all(&self, seat: &Seat) -> Vec<u32> {
        std::iter::from_fn(|| seat.next_ready()).for_each(|task| seat.run(Pick::Any(task)));
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Sits in the last slot of a scheduler of two workers. In the first lie so many short tasks, and nobody who runs them.
fn beside_a_victim<R>(policies: Policies, tasks: u32, f: impl FnOnce(&Seat, &Order) -> R) -> R {
    let shared = unstarted(2, policies);
    let seat = Seat::take(&shared, 1).expect("the slot is free");
    worker::sit(&shared, seat, |seat| {
        let order = Order::default();
        let victim = shared.slot(0);
        let core = victim.occupy().expect("the slot is free");
        shared.idle.set_seated(0, true);
        victim.set_mean_poll_ns(1);
        (0..tasks).for_each(|number| core.queue().push(order.task(seat, number)));
        let result = f(seat, &order);
        victim.take_everything(drop);
        result
    })
}

#[test]
fn what_is_spawned_waits_for_its_turn_where_polls_are_coarse() {
    seated(|seat| {
        let order = Order::default();
        let spawn_all = || (0..5).for_each(|number| seat.push_spawned(order.task(seat, number)));
        seat.go_by(true);
        spawn_all();
        assert_eq!(order.of_all(seat), [0, 1, 2, 3, 4]);
        seat.go_by(false);
        spawn_all();
        assert_eq!(order.of_all(seat), [4, 0, 1, 2, 3], "the last one is in the cache");
    });
}

#[test]
fn what_is_woken_passes_the_queue_once_at_a_time_where_polls_are_coarse() {
    seated(|seat| {
        let order = Order::default();
        let talk = |messages: std::ops::Range<u32>| {
            (0..2).for_each(|number| seat.core().queue().push(order.task(seat, number)));
            let mut ran = Vec::new();
            for number in messages {
                // Each is woken by the one before.
                seat.push(order.task(seat, number));
                seat.run(Pick::Any(seat.next_ready().expect("there are some")));
                ran.append(&mut order.0.lock().unwrap());
            }
            ran.append(&mut order.of_all(seat));
            ran
        };
        seat.go_by(true);
        assert_eq!(talk(10..12), [10, 0, 11, 1]);
        seat.go_by(false);
        assert_eq!(talk(10..14), [10, 11, 12, 0, 13, 1]);
    });
}

/// Tasks that each compute a little and spawn themselves again: what another has queued before does not wait for more than
/// one poll of theirs.
#[test]
fn tasks_that_spawn_themselves_again_do_not_keep_others_waiting() {
    const AT: usize = 50;
    const LAST: usize = 100;

    fn spawn_again(polls: Arc<AtomicUsize>, seen: Arc<Mutex<Vec<usize>>>) {
        let again = async move {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_micros(20) {
                std::hint::spin_loop();
            }
            let poll = polls.fetch_add(1, Ordering::Relaxed);
            if poll == AT {
                for _ in 0..64 {
                    let (polls, seen) = (polls.clone(), seen.clone());
                    let other = async move { seen.lock().unwrap().push(polls.load(Ordering::Relaxed)) };
                    crate::spawn(other).detach();
                }
            }
            if poll < LAST {
                spawn_again(polls, seen);
            }
        };
        crate::spawn(again).detach();
    }

    seated(|seat| {
        let (polls, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<usize>>>::default());
        spawn_again(polls.clone(), seen.clone());
        while worker::turn(seat) {}
        assert_eq!(polls.load(Ordering::Relaxed), LAST + 1);
        assert_eq!(*seen.lock().unwrap(), [AT + 1; 64]);
    });
}

#[test]
fn without_the_hot_slot_all_is_queued_in_order() {
    seated_without(
        |policies| policies.hot_slot = false,
        |seat| {
            let order = Order::default();
            for number in 0..4 {
                seat.push(order.task(seat, number));
                assert!(seat.slot().hot.is_empty());
            }
            (4..8).for_each(|number| seat.push_spawned(order.task(seat, number)));
            assert_eq!(order.of_all(seat), [0, 1, 2, 3, 4, 5, 6, 7]);
        },
    );
}

#[test]
fn without_streaks_the_hot_slot_and_the_queue_take_turns() {
    let streak = |seat: &Seat| {
        seat.go_by(false);
        seat.core().hot_streak_max.get()
    };
    assert_eq!(seated(streak), policy::HOT_STREAK_MAX);
    assert_eq!(seated_without(|policies| policies.hot_streaks = false, streak), 1);
}

#[test]
fn without_order_coarse_tasks_are_treated_as_short_ones_are() {
    seated_without(
        |policies| policies.coarse_in_order = false,
        |seat| {
            let order = Order::default();
            seat.go_by(true);
            assert_eq!(seat.core().hot_streak_max.get(), policy::HOT_STREAK_MAX);
            (0..5).for_each(|number| seat.push_spawned(order.task(seat, number)));
            assert_eq!(order.of_all(seat), [4, 0, 1, 2, 3]);
        },
    );
}

#[test]
fn joiners_are_woken_in_order_unless_that_is_switched_off() {
    /// Makes a task ready when woken.
    struct Ready(Order);
    impl Wake for Ready {
        fn wake(self: Arc<Self>) {
            crate::scheduler::with_context(|context| {
                let seat = context.and_then(|context| context.seat.as_ref()).expect("this thread sits");
                seat.push(self.0.task(seat, 10));
            });
        }
    }

    let join = |seat: &Seat| {
        let order = Order::default();
        (0..2).for_each(|number| seat.core().queue().push(order.task(seat, number)));
        seat.wake_in_order(Waker::from(Arc::new(Ready(order.clone()))));
        order.of_all(seat)
    };
    assert_eq!(seated(join), [0, 1, 10]);
    assert_eq!(seated_without(|policies| policies.joiners_in_order = false, join), [10, 0, 1]);
    assert_eq!(seated_without(|policies| policies.hot_slot = false, join), [0, 1, 10]);
}

#[test]
fn a_sleeper_is_woken_for_work_or_for_each_task() {
    let is_woken_for = |poll_ns: u64, policies: Policies| {
        let shared = unstarted(2, policies);
        let seat = Seat::take(&shared, 0).expect("the slot is free");
        worker::sit(&shared, seat, |seat| {
            shared.idle.mark(1);
            seat.core().pace.borrow_mut().assume(poll_ns);
            let order = Order::default();
            // The hot slot wakes nobody.
            (0..2).for_each(|number| seat.push(order.task(seat, number)));
            !shared.idle.is_parked(1)
        })
    };
    let wake_ns = policy::saturating_ns(policy::WAKE_COST);
    assert!(is_woken_for(wake_ns, Policies::default()));
    assert!(!is_woken_for(wake_ns - 1, Policies::default()));
    assert!(is_woken_for(1, Policies { wakes_weighed: false, ..Policies::default() }));
}

#[test]
fn events_are_looked_for_before_a_sleep_unless_that_is_switched_off() {
    let take_events = |seat: &Seat| {
        EVENTS.set(1);
        seat.take_events()
    };
    assert!(seated(take_events));
    assert!(!seated_without(|policies| policies.events_before_sleep = false, take_events));
}

#[test]
fn a_searcher_lingers_unless_that_is_switched_off() {
    let linger = |seat: &Seat| {
        assert!(seat.shared.idle.try_start_search());
        seat.core().searching.set(true);
        // As if nobody were awake, so that there is room on whatever machine this runs on.
        seat.shared.idle.mark(0);
        let order = Order::default();
        assert_eq!(seat.slot().inbox.push(order.task(seat, 0)), Pushed::First);
        let came = seat.linger();
        assert!(seat.shared.idle.lingerer().is_none());
        assert!(seat.shared.idle.claim(0));
        came
    };
    assert!(seated(linger));
    assert!(!seated_without(|policies| policies.linger = false, linger));
}

/// What a victim had begun when it was chosen: as many polls as now, or fewer.
const STUCK: u64 = 0;
const GETS_ON: u64 = u64::MAX;

#[test]
fn a_thief_takes_few_short_tasks_from_a_victim_that_is_stuck() {
    beside_a_victim(Policies::default(), 3, |seat, order| {
        assert!(seat.steal_queued(&[(0, GETS_ON)]).is_none(), "it will soon be through with them");
        let task = seat.steal_queued(&[(0, STUCK)]).expect("it does not get on");
        seat.run(Pick::Any(task));
        assert_eq!(order.0.lock().unwrap()[..], [0]);
        // By the way that a searcher goes, too.
        while let Some(task) = seat.next_ready().or_else(|| seat.search()) {
            seat.run(Pick::Any(task));
        }
        assert_eq!(order.0.lock().unwrap()[..], [0, 1, 2]);
    });
}

#[test]
fn a_thief_takes_few_short_tasks_from_a_victim_that_blocks() {
    beside_a_victim(Policies::default(), 3, |seat, _| {
        seat.shared.slot(0).set_blocked(true);
        assert!(seat.steal_queued(&[(0, GETS_ON)]).is_some());
    });
}

#[test]
fn small_queues_stay_unless_that_is_switched_off() {
    let takes = |seat: &Seat, _: &Order| seat.steal_queued(&[(0, GETS_ON)]).is_some();
    assert!(!beside_a_victim(Policies::default(), 1, takes));
    assert!(beside_a_victim(Policies { small_queues_stay: false, ..Policies::default() }, 1, takes));
}

#[test]
fn a_thief_remembers_what_it_took_or_missed_unless_short_tasks_do_not_rest() {
    let not_at_all = || Policies { short_tasks_rest: false, ..Policies::default() };
    let learned = |seat: &Seat| *seat.core().spoils.borrow() != Spoils::default();
    let took = |seat: &Seat, _: &Order| {
        assert!(seat.steal_queued(&[(0, STUCK)]).is_some());
        learned(seat)
    };
    assert!(beside_a_victim(Policies::default(), 1, took));
    assert!(!beside_a_victim(not_at_all(), 1, took));
    let came_in_vain = |seat: &Seat, _: &Order| {
        seat.core().called.set(true);
        assert!(seat.search().is_none());
        seat.end_search();
        learned(seat)
    };
    assert!(beside_a_victim(Policies::default(), 0, came_in_vain));
    assert!(!beside_a_victim(not_at_all(), 0, came_in_vain));
}
