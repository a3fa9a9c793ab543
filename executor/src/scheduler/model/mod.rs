//! Models of the scheduler, run by the model checker: every interleaving of two to four threads, and every value a
//! relaxed load may see.
//!
//! They run the scheduler itself: [`Shared`] with few slots, [`Seat`]s, workers' loops, `block_on`. Stand-ins are what
//! lies beneath: the sleep ([`Beds`]), which knows threads alone, and the queues ([`deque`](super::deque)). Whoever is
//! not woken sleeps for ever, which the model checker reports: no limit ends a sleep here, and there is no
//! sentinel to make up for a wake-up that was lost.
//!
//! - [`idle`]: submitting against going to sleep; the searcher's token.
//! - [`queues`]: the inbox and the hot slot.
//! - [`guest`]: `block_on` and local tasks.
//! - [`end`]: spawns, wakes and the runtime's own end.
//! - [`sentinel`]: its sleep.
//! - [`canaries`]: each of them finds a fault that was planted.

mod canaries;
mod end;
mod guest;
mod idle;
mod queues;
mod sentinel;

use super::park_testing::{Nothing, sleeps_and_nothing_else};
use super::seat::Seat;
use super::worker;
use super::{Entered, Hooks, Park, Shared};
use crate::task::{JoinHandle, Meta, Runnable};
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread::{self, Thread};
use std::future::Future;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A scheduler with so many workers' slots, one more slot, and no thread.
fn scheduler(workers: usize) -> (Arc<Shared>, Arc<Beds>) {
    scheduler_that(workers, true)
}

/// The same, and whether threads help that wait in `block_on`.
fn scheduler_that(workers: usize, guests_help: bool) -> (Arc<Shared>, Arc<Beds>) {
    let beds = Arc::new(Beds((0..Shared::slots_for(workers)).map(|_| Bed::new()).collect()));
    let hooks = Hooks { name: "model".into(), stack_size: None, on_start: None, on_stop: None, wrap: None };
    (Shared::new(workers, guests_help, Default::default(), hooks, beds.clone()), beds)
}

fn meta() -> Meta {
    Meta { location: Location::caller(), name: None }
}

/// Makes a task in the heap for those outside, and leaves its run right to the caller.
fn task<F>(shared: &Shared, future: F) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    shared.create_outside(future, meta())
}

/// A task after which everybody may go home.
fn closing(shared: &Arc<Shared>) -> Runnable {
    let closed = shared.clone();
    let (task, handle) = task(shared, async move { closed.close() });
    handle.detach();
    task
}

/// Starts a thread that sits in `slot`, lies down, and works when woken, until the scheduler closes.
fn sleeper(shared: &Arc<Shared>, slot: usize) -> thread::JoinHandle<()> {
    let shared = shared.clone();
    thread::spawn(move || {
        let seat = Seat::take(&shared, slot).expect("the slot is free");
        while !shared.is_closed() {
            seat.sleep(None, || false);
            while !shared.is_closed() && worker::turn(&seat) {}
        }
    })
}

loom::lazy_static! {
    /// Stands for the count of references to the one scheduler of a model.
    static ref EXISTENCE: AtomicUsize = AtomicUsize::new(0);
}

/// Somebody asks whether the scheduler is there, or is about to let go of it.
pub(super) fn existence() {
    EXISTENCE.fetch_add(1, Ordering::Relaxed);
}

/// Something that happens once, and who waits for it.
struct Event {
    happened: AtomicBool,
    waiter: Mutex<Option<Thread>>,
}

impl Event {
    fn new() -> Arc<Self> {
        Arc::new(Self { happened: AtomicBool::new(false), waiter: Mutex::new(None) })
    }

    fn happen(&self) {
        self.happened.store(true, Ordering::Release);
        let waiter = self.waiter.lock().take();
        if let Some(waiter) = waiter {
            waiter.unpark();
        }
    }

    fn has_happened(&self) -> bool {
        self.happened.load(Ordering::Acquire)
    }

    fn wait(&self) {
        *self.waiter.lock() = Some(thread::current());
        // A store before the lock was taken is seen; one after finds the waiter.
        while !self.has_happened() {
            thread::park();
        }
    }
}

/// Counts, visibly to the checker.
struct Count(AtomicUsize);

impl Count {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counted when dropped.
    fn guard(self: &Arc<Self>) -> Guard {
        Guard(self.clone())
    }
}

struct Guard(Arc<Count>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A sleep for each slot, from which a notice or a nudge wakes, and nothing else.
struct Beds(Box<[Bed]>);

struct Bed {
    notified: AtomicBool,
    nudged: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Bed {
    fn new() -> Self {
        Self { notified: AtomicBool::new(false), nudged: AtomicBool::new(false), thread: Mutex::new(None) }
    }

    fn ring(&self) {
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

impl Beds {
    /// Makes a sleep end for no reason.
    fn nudge(&self, slot: usize) {
        self.0[slot].nudged.swap(true, Ordering::Relaxed);
        self.0[slot].ring();
    }
}

impl Park for Beds {
    sleeps_and_nothing_else!();

    fn take_events(&self) -> usize {
        0
    }

    fn enter(&self, slot: usize) -> Box<dyn Entered> {
        *self.0[slot].thread.lock() = Some(thread::current());
        Box::new(Nothing)
    }

    fn park(&self, slot: usize, limit: Option<Duration>, _: &dyn Fn() -> bool) -> bool {
        assert!(limit.is_none(), "a model knows no time");
        let bed = &self.0[slot];
        loop {
            // Ordering: Acquire, paired with the Release in `unpark`.
            if bed.notified.swap(false, Ordering::Acquire) {
                return true;
            }
            if bed.nudged.swap(false, Ordering::Relaxed) {
                return false;
            }
            thread::park();
        }
    }

    fn unpark(&self, slot: usize) {
        // Ordering: Release, paired with the Acquire in `park`.
        let twice = self.0[slot].notified.swap(true, Ordering::Release);
        assert!(!twice, "two notices for one sleep");
        self.0[slot].ring();
    }
}
