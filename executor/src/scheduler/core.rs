//! The private half of a place in the scheduler: the owner's ends of the queues, and its sense of time.

use super::deque::{Stealer, Worker};
use super::policy::{Pace, Patience};
use super::sharing::Spoils;
use crate::task::Runnable;
use std::cell::{Cell, RefCell};

/// Where a task goes that becomes ready, the more patient the further down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// Into the hot slot; what was there goes behind the queue.
    Front,
    /// Behind what is ready; into the hot slot where nothing is, which calls nobody.
    InOrder,
    /// Behind the queue.
    Queue,
    /// Behind the queue, as one of a batch of events: nobody is called for each.
    Batch,
}

/// Two queues in one: tasks that are ready, and tasks that yielded and go behind everything else that is ready.
/// When the first runs dry the two change roles, which moves no task.
pub(super) struct Core {
    queues: [Worker<Runnable>; 2],
    /// Which of the two holds what is ready.
    ready: Cell<usize>,
    /// Tasks taken from the hot slot in a row.
    pub(super) hot_streak: Cell<u32>,
    /// How many that may be, at the pace of late.
    pub(super) hot_streak_max: Cell<u32>,
    /// Pushes since the clock was last read.
    pub(super) pushes: Cell<u32>,
    /// Where what becomes ready goes.
    pub(super) way: Cell<Way>,
    /// Where it goes at the least if it was spawned.
    pub(super) way_of_spawned: Cell<Way>,
    /// Where it goes if it awaited the end of another.
    pub(super) way_of_joiners: Cell<Way>,
    /// Whether this thread holds the searcher's token.
    pub(super) searching: Cell<bool>,
    /// Whether it was called to search, and has found nothing yet.
    pub(super) called: Cell<bool>,
    /// Counts turns, to alternate between kinds of work.
    pub(super) turn: Cell<u32>,
    pub(super) pace: RefCell<Pace>,
    /// Room for a searcher to note its victims, and how far they have come.
    pub(super) victims: RefCell<Vec<(usize, u64)>>,
    pub(super) spoils: RefCell<Spoils>,
    /// For lingering.
    pub(super) patience: RefCell<Patience>,
    /// For looking for events before a sleep.
    pub(super) events: RefCell<Patience>,
    random: Cell<u32>,
}

impl Core {
    pub(super) fn new() -> Self {
        Self {
            queues: [Worker::new_fifo(), Worker::new_fifo()],
            ready: Cell::new(0),
            hot_streak: Cell::new(0),
            hot_streak_max: Cell::new(1),
            pushes: Cell::new(0),
            way: Cell::new(Way::Front),
            way_of_spawned: Cell::new(Way::Front),
            way_of_joiners: Cell::new(Way::InOrder),
            searching: Cell::new(false),
            called: Cell::new(false),
            turn: Cell::new(0),
            pace: RefCell::new(Pace::new()),
            victims: RefCell::default(),
            spoils: RefCell::default(),
            patience: RefCell::default(),
            events: RefCell::default(),
            random: Cell::new(0x9E37_79B9),
        }
    }

    pub(super) fn stealers(&self) -> [Stealer<Runnable>; 2] {
        [self.queues[0].stealer(), self.queues[1].stealer()]
    }

    /// The queue of what is ready.
    #[inline]
    pub(super) fn queue(&self) -> &Worker<Runnable> {
        &self.queues[self.ready.get()]
    }

    /// The queue of what yielded.
    #[inline]
    pub(super) fn yielded(&self) -> &Worker<Runnable> {
        &self.queues[1 - self.ready.get()]
    }

    /// Makes what yielded what is ready, and the other way round.
    #[inline]
    pub(super) fn change_roles(&self) {
        self.ready.set(1 - self.ready.get());
    }

    /// Tasks that are ready and queued.
    #[inline]
    pub(super) fn backlog(&self) -> usize {
        self.queue().len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(Worker::is_empty)
    }

    /// A number to begin a round of victims with. Marsaglia's xorshift: thieves need variety, not quality.
    pub(super) fn random(&self) -> usize {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        x as usize
    }
}
