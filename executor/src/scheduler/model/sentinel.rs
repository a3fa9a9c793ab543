//! The sentinel's falling asleep beside work that begins.

use super::{scheduler, task};
use crate::model::check;
use crate::scheduler::seat::Seat;
use loom::thread;

/// A thread sits down, and stays, while the sentinel falls asleep: either the sentinel sees it, or is called.
#[test]
fn loom_the_sentinel_falls_asleep_while_somebody_sits_down() {
    check(|| {
        let (shared, _) = scheduler(1);
        let sentinel = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.sentinel.on_this_thread();
                shared.sentinel.fall_asleep(&shared);
            })
        };
        let _seat = Seat::take(&shared, 0).unwrap();
        sentinel.join().unwrap();
    });
}

/// The same with a thread that is woken from its sleep.
#[test]
fn loom_the_sentinel_falls_asleep_while_somebody_gets_up() {
    check(|| {
        let (shared, _) = scheduler(1);
        let seat = Seat::take(&shared, 0).unwrap();
        let (task, handle) = task(&shared, async {});
        handle.detach();
        let sender = {
            let shared = shared.clone();
            thread::spawn(move || shared.send(task))
        };
        let sentinel = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.sentinel.on_this_thread();
                shared.sentinel.fall_asleep(&shared);
            })
        };
        seat.sleep(None, || false);
        sentinel.join().unwrap();
        sender.join().unwrap();
    });
}
