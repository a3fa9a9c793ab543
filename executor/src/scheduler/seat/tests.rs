//! One seat by hand: what is ready, and in which order it is taken.

use super::{Pick, Seat};
use crate::scheduler::tests::{meta, unstarted};
use crate::scheduler::{policy, worker};
use crate::task::Runnable;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Polls that are anything but short, and polls that are.
const COARSE_NS: u64 = policy::SHORT_POLL_NS;
const FINE_NS: u64 = policy::SHORT_POLL_NS - 1;

/// Runs `f` in the only worker's seat of a scheduler without threads.
fn seated<R>(f: impl FnOnce(&Seat) -> R) -> R {
    let shared = unstarted(1);
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

#[test]
fn what_is_spawned_waits_for_its_turn_where_polls_are_coarse() {
    seated(|seat| {
        let order = Order::default();
        let spawn_all = || (0..5).for_each(|number| seat.push_spawned(order.task(seat, number)));
        seat.go_by(COARSE_NS);
        spawn_all();
        assert_eq!(order.of_all(seat), [0, 1, 2, 3, 4]);
        seat.go_by(FINE_NS);
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
        seat.go_by(COARSE_NS);
        assert_eq!(talk(10..12), [10, 0, 11, 1]);
        seat.go_by(FINE_NS);
        assert_eq!(talk(10..14), [10, 11, 12, 0, 13, 1]);
    });
}

/// Tasks that each compute a little and spawn themselves again: what another has queued before does not wait for more than
/// one poll of theirs.
#[test]
fn tasks_that_spawn_themselves_again_do_not_keep_others_waiting() {
    const AT: usize = 50;
    const LAST: usize = 100;

    fn compute_on(polls: Arc<AtomicUsize>, seen: Arc<Mutex<Vec<usize>>>) -> impl Future<Output = ()> + Send {
        async move {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_micros(20) {
                std::hint::spin_loop();
            }
            let poll = polls.fetch_add(1, Ordering::Relaxed);
            if poll == AT {
                for _ in 0..64 {
                    let (polls, seen) = (polls.clone(), seen.clone());
                    crate::spawn(async move { seen.lock().unwrap().push(polls.load(Ordering::Relaxed)) })
                        .detach();
                }
            }
            if poll < LAST {
                spawn_again(polls, seen);
            }
        }
    }

    fn spawn_again(polls: Arc<AtomicUsize>, seen: Arc<Mutex<Vec<usize>>>) {
        crate::spawn(compute_on(polls, seen)).detach();
    }

    seated(|seat| {
        let (polls, seen) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<usize>>>::default());
        spawn_again(polls.clone(), seen.clone());
        while worker::turn(seat) {}
        assert_eq!(polls.load(Ordering::Relaxed), LAST + 1);
        assert_eq!(*seen.lock().unwrap(), [AT + 1; 64]);
    });
}
