//! Wakes somebody a little later, so that it looks whether something is stuck.
//!
//! # What it is for
//! A turn may be offered to a future that is not polled any more. Somebody else must notice, and since everybody else is asleep,
//! and this crate knows no timer, one thread for the whole process counts the time. It exists from the first call of
//! [`wake_later`] on, and sleeps without a time-out while there is nobody to wake.
//!
//! # Protocol
//! [`wake_later`]: 1. under the lock, append the waker; the delay is the same for all, so the list is in the order of time.
//! 2. Start the thread if there is none; tell it if the list was empty.
//!
//! The thread: 1. under the lock, wait until the first is due. 2. Take it out, unlock, wake it; again.
//!
//! # Why it is right
//! Being woken for nothing is always allowed, so nobody ever takes an entry back, and an entry holds nothing but a waker: it
//! cannot outlive what it points to. If no thread can be started the waker is woken at once: whoever waits will ask again, at the
//! price of looking more often.

use crate::lock::grace::GRACE_US;
use filch_primitive::sync::{Condvar, Mutex};
use filch_primitive::thread::Builder;
use filch_primitive::wake_contained;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};

/// How much later.
pub(crate) const DELAY: Duration = Duration::from_micros(GRACE_US);

static WATCH: Watch =
    Watch { list: Mutex::new(List { due: VecDeque::new(), runs: false }), added: Condvar::new() };

struct Watch {
    list: Mutex<List>,
    added: Condvar,
}

struct List {
    due: VecDeque<(Instant, Waker)>,
    /// Whether the thread was started.
    runs: bool,
}

/// Wakes `waker` after [`DELAY`], on another thread.
pub(crate) fn wake_later(waker: Waker) {
    let mut list = WATCH.list.lock();
    if !list.runs {
        let started = Builder::new().name("filch-sync-watchman".into()).spawn(watch);
        if started.is_err() {
            drop(list);
            return wake_contained(waker);
        }
        list.runs = true;
    }
    let now = Instant::now();
    list.due.push_back((now.checked_add(DELAY).unwrap_or(now), waker));
    let was_empty = list.due.len() == 1;
    drop(list);
    if was_empty {
        WATCH.added.notify_one();
    }
}

fn watch() {
    let mut list = WATCH.list.lock();
    loop {
        match list.due.front() {
            None => WATCH.added.wait(&mut list),
            Some(&(due, _)) if due > Instant::now() => drop(WATCH.added.wait_until(&mut list, due)),
            Some(_) => {
                let entry = list.due.pop_front();
                drop(list);
                if let Some((_, waker)) = entry {
                    wake_contained(waker);
                }
                list = WATCH.list.lock();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DELAY, wake_later};
    use crate::testing::{PanicOnWake, within_a_minute};
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};
    use std::task::{Wake, Waker};
    use std::time::Instant;

    struct Tell(Sender<Instant>);

    impl Wake for Tell {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(Instant::now());
        }
    }

    #[test]
    fn each_is_woken_once_and_not_before_its_time() {
        within_a_minute(|| {
            for _ in 0..3 {
                let (tell, told) = channel();
                let start = Instant::now();
                wake_later(Waker::from(Arc::new(PanicOnWake)));
                (0..10).for_each(|_| wake_later(Waker::from(Arc::new(Tell(tell.clone())))));
                drop(tell);
                let times: Vec<_> = told.iter().collect();
                assert_eq!(times.len(), 10);
                assert!(times.iter().all(|time| time.duration_since(start) >= DELAY));
            }
        });
    }
}
