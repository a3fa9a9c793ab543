//! Whoever publishes a task against those who go to sleep.

use super::{Event, closing, scheduler, sleeper, task};
use crate::model::check;
use crate::scheduler::Shared;
use crate::scheduler::inbox::Pushed;
use crate::scheduler::seat::Seat;
use crate::scheduler::worker;
use crate::task::Runnable;
use loom::thread;

/// Publishes a task in the inbox of `slot`, whoever sits there.
fn publish(shared: &Shared, slot: usize, task: Runnable) {
    if shared.slot(slot).inbox.push(task) == Pushed::First {
        shared.after_publishing(Some(slot));
    }
}

/// One task, at any moment of a worker's lying down: it runs. It is sent to the worker itself or to another, whose thread
/// does not come back from what it does.
fn send_to(slot: usize) {
    check(move || {
        let (shared, _) = scheduler(2);
        let last = closing(&shared);
        let sleeper = sleeper(&shared, 0);
        publish(&shared, slot, last);
        sleeper.join().unwrap();
    });
}

#[test]
fn loom_a_task_sent_to_one_who_lies_down() {
    send_to(0);
}

#[test]
fn loom_a_task_sent_elsewhere_while_one_lies_down() {
    send_to(1);
}

/// A thread outside sends two tasks, and takes the worker for awake when it sends the second: only that worker is looked at then.
#[test]
fn loom_a_second_task_is_sent_to_one_who_lies_down_again() {
    check(|| {
        let (shared, _) = scheduler(1);
        let (first, handle) = task(&shared, async {});
        handle.detach();
        let last = closing(&shared);
        let sleeper = sleeper(&shared, 0);
        shared.send(first);
        shared.send(last);
        sleeper.join().unwrap();
    });
}

/// The sleep ends by itself while somebody claims the sleeper: one of the two has the bit, and a notice that is on
/// its way is waited for, and used up. (A second one in the same place would be one too many: see
/// [`Beds`](super::Beds).)
#[test]
fn loom_a_sleeper_who_wakes_by_himself_is_claimed() {
    check(|| {
        let (shared, beds) = scheduler(1);
        let last = closing(&shared);
        let sleeper = sleeper(&shared, 0);
        let nudger = thread::spawn(move || beds.nudge(0));
        publish(&shared, 0, last);
        sleeper.join().unwrap();
        nudger.join().unwrap();
    });
}

/// Two sleepers and one task for neither of them: one of them runs it, and both are there for the end.
#[test]
fn loom_one_of_two_sleepers_is_enough() {
    check(|| {
        let (shared, _) = scheduler(2);
        let last = closing(&shared);
        let sleepers = [sleeper(&shared, 0), sleeper(&shared, 2)];
        publish(&shared, 1, last);
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}

/// A searcher finds a task it will stay in until another has run, whose sender left it to the searcher, who had looked
/// there before. So it looks again before it begins, and calls a sleeper.
#[test]
fn loom_a_searcher_leaves_nothing_behind() {
    check(|| {
        let (shared, _) = scheduler(2);
        let second_ran = Event::new();
        let (second, handle) = {
            let event = second_ran.clone();
            task(&shared, async move { event.happen() })
        };
        handle.detach();
        let (first, handle) = {
            let shared = shared.clone();
            task(&shared.clone(), async move {
                second_ran.wait();
                shared.close();
            })
        };
        handle.detach();
        // Slot 1 stays empty, as if its thread were stuck for good.
        let seat = Seat::take(&shared, 0).unwrap();
        assert!(seat.search().is_none() && shared.idle.is_searching());
        assert_eq!(shared.slot(1).inbox.push(first), Pushed::First);
        let sleeper = sleeper(&shared, 2);
        let sender = {
            let shared = shared.clone();
            thread::spawn(move || publish(&shared, 0, second))
        };
        while !shared.is_closed() {
            if !worker::turn(&seat) {
                seat.sleep(None, || false);
            }
        }
        sleeper.join().unwrap();
        sender.join().unwrap();
    });
}

/// Whoever was to wake a sleeper finds that all it saw have been woken by others, and gives the token back. A task was
/// left to that token, and somebody else has lain down meanwhile: so it looks again.
#[test]
fn loom_a_token_without_a_sleeper_is_not_given_back_blindly() {
    check(|| {
        let (shared, _) = scheduler(2);
        let over = Event::new();
        let (last, handle) = {
            let (shared, over) = (shared.clone(), over.clone());
            task(&shared.clone(), async move {
                shared.close();
                over.happen();
            })
        };
        handle.detach();
        let sleeper = sleeper(&shared, 0);
        let stuck = {
            let shared = shared.clone();
            thread::spawn(move || {
                let seat = Seat::take(&shared, 1).unwrap();
                // Gets up, be it by its own decision or because it was called.
                seat.sleep(None, || true);
                seat.end_search();
                publish(&shared, 1, last);
                // Stuck from now on.
                over.wait();
            })
        };
        // On a thread of its own: the checker changes threads more often where one waits than where all go on.
        let waking = {
            let shared = shared.clone();
            thread::spawn(move || shared.wake_one())
        };
        waking.join().unwrap();
        stuck.join().unwrap();
        sleeper.join().unwrap();
    });
}
