//! The inbox and the hot slot, each beside those who take from it.

#![allow(unsafe_code, reason = "cells that the checker watches")]

use super::{Count, scheduler, task};
use crate::model::check;
use crate::scheduler::Shared;
use crate::scheduler::hot_slot::HotSlot;
use crate::scheduler::inbox::{Inbox, Pushed};
use crate::task::{Ran, Runnable};
use filch_primitive::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

/// Written before a task is pushed and read by its poll: whoever takes the task must see the write.
struct Letter(UnsafeCell<u32>);

// SAFETY: that its accesses are ordered is what the models find out.
unsafe impl Send for Letter {}
// SAFETY: as above.
unsafe impl Sync for Letter {}

impl Letter {
    fn write(&self, text: u32) {
        // SAFETY: as above: the checker reports an access beside this one.
        self.0.with_mut(|letter| unsafe { *letter = text });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.0.with(|letter| unsafe { *letter })
    }
}

/// A task that reads what was written to it, which is done here, and counts.
fn letter(shared: &Shared, ran: &Arc<Count>, text: u32) -> Runnable {
    let letter = Arc::new(Letter(UnsafeCell::new(0)));
    let (read, guard) = (letter.clone(), ran.guard());
    let (task, handle) = task(shared, async move {
        assert_eq!(read.read(), text);
        drop(guard);
    });
    handle.detach();
    letter.write(text);
    task
}

fn run(task: Runnable) {
    assert!(matches!(task.run(), Ran::Done));
}

/// Two push while the worker and a thief take: each task is taken once, with all that was done before it was
/// pushed, and each filling of the inbox has one first.
#[test]
fn loom_an_inbox_loses_and_doubles_nothing() {
    check(|| {
        let (shared, _) = scheduler(1);
        let inbox = Arc::new(Inbox::new());
        let (ran, firsts) = (Count::new(), Count::new());
        let senders: Vec<_> = (1..=2)
            .map(|text| {
                let (shared, inbox) = (shared.clone(), inbox.clone());
                let (ran, first) = (ran.clone(), firsts.guard());
                thread::spawn(move || {
                    let task = letter(&shared, &ran, text);
                    match inbox.push(task) {
                        Pushed::First => drop(first),
                        Pushed::Behind => std::mem::forget(first),
                    }
                })
            })
            .collect();
        let taken = Count::new();
        let take = move |inbox: &Inbox, taken: &Arc<Count>| {
            let mut chain = inbox.take().peekable();
            if chain.peek().is_some() {
                drop(taken.guard());
            }
            chain.for_each(run);
        };
        let thief = {
            let (inbox, taken) = (inbox.clone(), taken.clone());
            thread::spawn(move || take(&inbox, &taken))
        };
        take(&inbox, &taken);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        thief.join().unwrap();
        take(&inbox, &taken);
        assert_eq!((ran.get(), firsts.get()), (2, taken.get()));
    });
}

/// What one thread pushes is taken in its order, whoever else pushes meanwhile.
#[test]
fn loom_an_inbox_keeps_the_order() {
    check(|| {
        let (shared, _) = scheduler(1);
        let inbox = Arc::new(Inbox::new());
        let ran = Count::new();
        let ordered = |place: usize| {
            let ran = ran.clone();
            let (task, handle) = task(&shared, async move {
                drop(ran.guard());
                assert_eq!(ran.get(), place, "not in the order they were sent");
            });
            handle.detach();
            task
        };
        let (first, second) = (ordered(1), ordered(2));
        let (other, handle) = task(&shared, async {});
        handle.detach();
        let sender = {
            let inbox = inbox.clone();
            thread::spawn(move || {
                let _one_at_most_is_first = (inbox.push(first), inbox.push(second));
            })
        };
        let _first_or_not = inbox.push(other);
        inbox.take().for_each(run);
        sender.join().unwrap();
        inbox.take().for_each(run);
        assert_eq!(ran.get(), 2);
    });
}

/// The owner puts two tasks in, one displacing the other, and takes one out, while a thief takes: each task turns up
/// once, whole.
#[test]
fn loom_a_hot_slot_loses_and_doubles_nothing() {
    check(|| {
        let (shared, _) = scheduler(1);
        let slot = Arc::new(HotSlot::new());
        let ran = Count::new();
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let slot = slot.clone();
                thread::spawn(move || slot.take().into_iter().for_each(run))
            })
            .collect();
        slot.put(letter(&shared, &ran, 1)).into_iter().for_each(run);
        slot.put(letter(&shared, &ran, 2)).into_iter().for_each(run);
        slot.take().into_iter().for_each(run);
        thieves.into_iter().for_each(|thief| thief.join().unwrap());
        slot.take().into_iter().for_each(run);
        assert_eq!(ran.get(), 2);
    });
}
