//! Visits wait queues in which somebody is awaited, so that somebody else is asked when it does not come.
//!
//! # What it is for
//! See [`watched`](crate::watched). This crate knows no timer, and everybody who waits is asleep, so one thread for the whole process
//! counts the time. It is started when there is something to visit, and ends when there was nothing for [a while](LINGER).
//!
//! # Protocol
//! [`enter`]: under the lock, append the entry; start the thread if there is none; tell it if the list was empty.
//!
//! The thread: 1. under the lock, wait until there is an entry; if none comes for a while, say that the thread is gone, and end. 2.
//! Let an [interval](INTERVAL) pass. 3. Take the list, and
//! visit each without the lock. 4. Put back those that stay, and begin anew.
//!
//! # Why it is right
//! Two visits of one entry are an interval apart at least, for it is visited once in a round, and each round begins with an interval. An
//! entry owns what it visits, so it may outlive the primitive; the visit that finds nobody awaited lets it go. If no
//! thread can be started the visits are made at once, without intervals, until no more is wanted: turns are then taken back early, which is
//! unfair to whoever is late, and safe.
//!
//! # Rejected
//! A due time for each entry: the clock would be read with each, and a thread that sleeps for the first of them wakes up for
//! each. A timer of the runtime: these primitives work under any executor, and from plain threads.

#[cfg(test)]
pub(crate) mod held;

use crate::watched::Visited;
use filch_primitive::sync::{Condvar, Mutex};
use filch_primitive::thread::Builder;
use std::sync::Arc;
use std::time::Duration;

/// How long the thread waits for something to visit: starting one costs some tens of microseconds, keeping one a sleeping thread that
/// whoever counts threads finds left behind.
const LINGER: Duration = Duration::from_millis(500);

/// The time between two visits at least: how long one that was told has to come before others go ahead; it has twice that at
/// most, if nobody is delayed. A guess: far above the delay of a task in a run queue that is not overloaded, far below what a
/// person notices.
pub(crate) const INTERVAL: Duration = Duration::from_millis(1);

static WATCH: Watch =
    Watch { list: Mutex::new(List { entries: Vec::new(), runs: false }), added: Condvar::new() };

struct Watch {
    list: Mutex<List>,
    added: Condvar,
}

struct List {
    entries: Vec<Arc<dyn Visited>>,
    /// Whether there is a thread.
    runs: bool,
}

/// Has `entry` visited, for as long as it wants that.
pub(crate) fn enter(entry: Arc<dyn Visited>) {
    #[cfg(test)]
    let Some(entry) = held::keep(entry) else { return };
    let mut list = WATCH.list.lock();
    if !list.runs {
        let started = Builder::new().name("filch-sync-watchman".into()).spawn(watch);
        if started.is_err() {
            drop(list);
            return visit_at_once(&*entry);
        }
        list.runs = true;
    }
    list.entries.push(entry);
    let was_empty = list.entries.len() == 1;
    drop(list);
    if was_empty {
        WATCH.added.notify_one();
    }
}

/// For want of a thread: until nobody is awaited, or nobody sleeps.
fn visit_at_once(entry: &dyn Visited) {
    while entry.visit() {}
}

fn watch() {
    let mut visiting = Vec::new();
    loop {
        let mut list = WATCH.list.lock();
        while list.entries.is_empty() {
            let waited = WATCH.added.wait_for(&mut list, LINGER);
            if waited.timed_out() && list.entries.is_empty() {
                list.runs = false;
                return;
            }
        }
        drop(list);
        std::thread::sleep(INTERVAL);
        std::mem::swap(&mut visiting, &mut WATCH.list.lock().entries);
        visiting.retain(|entry| entry.visit());
        // A burst of entries is not to be paid for with memory for ever.
        visiting.shrink_to(64);
        WATCH.list.lock().entries.append(&mut visiting);
    }
}
