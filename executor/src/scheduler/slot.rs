//! What others see of one place in the scheduler: a worker's, a guest's or a spare worker's.

use super::core::Core;
use super::deque::{Steal, Stealer};
use super::hot_slot::HotSlot;
use super::inbox::Inbox;
use super::policy;
use super::shared::Shared;
use crate::metrics::WorkerMetrics;
use crate::task::{Heap, Runnable};
use crossbeam_utils::CachePadded;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Weak;

/// The shared half of a place. The private half, [`Core`], lies here while nobody sits in it.
pub(super) struct Slot {
    /// The thieves' ends of the two queues.
    queues: [Stealer<Runnable>; 2],
    pub(super) hot: CachePadded<HotSlot>,
    pub(super) inbox: CachePadded<Inbox>,
    pub(super) counters: CachePadded<Counters>,
    /// Where tasks spawned by the thread in this slot live.
    pub(super) heap: Heap<Shared>,
    /// Whether a thread sits here.
    occupied: AtomicBool,
    /// Whether that thread has said that it blocks.
    blocked: AtomicBool,
    /// Whether the sentinel wants the thread to look at the clock.
    look_due: AtomicBool,
    /// What a poll here takes, by the last look at the clock. Away from the counters, which each poll writes.
    mean_poll_ns: AtomicU64,
    /// Whether whoever unparks the thread has passed it the searcher's token.
    token: AtomicBool,
    core: Mutex<Option<Core>>,
}

/// Counted by the thread in the slot alone, read by anybody: plain loads and stores, no locked instruction.
#[derive(Debug, Default)]
pub(super) struct Counters {
    polls: AtomicU64,
    steals: AtomicU64,
    parks: AtomicU64,
}

impl Counters {
    #[inline]
    pub(super) fn poll(&self) {
        bump(&self.polls, 1);
    }

    pub(super) fn steal(&self, tasks: u64) {
        bump(&self.steals, tasks);
    }

    pub(super) fn park(&self) {
        bump(&self.parks, 1);
    }

    /// Polls begun so far: what does not change while the thread is not parked is a thread inside one poll.
    pub(super) fn polls(&self) -> u64 {
        // Ordering: Relaxed, a statistic.
        self.polls.load(Ordering::Relaxed)
    }
}

#[inline]
fn bump(counter: &AtomicU64, by: u64) {
    // Ordering: Relaxed, a statistic with one writer.
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}

impl Slot {
    pub(super) fn new(shared: Weak<Shared>) -> Self {
        let core = Core::new();
        Self {
            queues: core.stealers(),
            hot: CachePadded::new(HotSlot::new()),
            inbox: CachePadded::new(Inbox::new()),
            counters: CachePadded::new(Counters::default()),
            heap: Heap::new(shared),
            occupied: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            look_due: AtomicBool::new(false),
            mean_poll_ns: AtomicU64::new(0),
            token: AtomicBool::new(false),
            core: Mutex::new(Some(core)),
        }
    }

    /// Takes the private half, if nobody sits here.
    pub(super) fn occupy(&self) -> Option<Core> {
        let core = self.core.try_lock()?.take()?;
        // Ordering: Relaxed, for the sentinel and reports; the lock hands the core over.
        self.occupied.store(true, Ordering::Relaxed);
        Some(core)
    }

    /// Gives the private half back.
    pub(super) fn vacate(&self, core: Core) {
        // Ordering: Relaxed, as in `occupy`.
        self.occupied.store(false, Ordering::Relaxed);
        *self.core.lock() = Some(core);
    }

    pub(super) fn is_occupied(&self) -> bool {
        // Ordering: Relaxed, a hint.
        self.occupied.load(Ordering::Relaxed)
    }

    /// Says whether the thread here blocks, and returns what it said before.
    pub(super) fn set_blocked(&self, blocked: bool) -> bool {
        // Ordering: Relaxed, a hint that thieves and the sentinel act on; nothing is read on its strength.
        self.blocked.swap(blocked, Ordering::Relaxed)
    }

    /// Asks the thread here to look at the clock after its current poll. The sentinel does so each tick: polls that
    /// have just become long would else be counted, not timed, for a while.
    pub(super) fn ask_for_look(&self) {
        // Ordering: Relaxed, a hint.
        self.look_due.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked; not any more.
    #[inline]
    pub(super) fn is_look_due(&self) -> bool {
        // Ordering: Relaxed, a hint. A load first: the line is written once a tick and read at each poll.
        self.look_due.load(Ordering::Relaxed) && self.look_due.swap(false, Ordering::Relaxed)
    }

    pub(super) fn is_blocked(&self) -> bool {
        // Ordering: Relaxed, a hint.
        self.blocked.load(Ordering::Relaxed)
    }

    /// What a poll here takes, by the last look at the clock.
    pub(super) fn mean_poll_ns(&self) -> u64 {
        // Ordering: Relaxed, a hint.
        self.mean_poll_ns.load(Ordering::Relaxed)
    }

    pub(super) fn set_mean_poll_ns(&self, mean: u64) {
        // Ordering: Relaxed, a hint.
        self.mean_poll_ns.store(mean, Ordering::Relaxed);
    }

    /// Passes the searcher's token to the thread about to be unparked.
    pub(super) fn pass_token(&self) {
        // Ordering: Relaxed; the notice that follows publishes it.
        self.token.store(true, Ordering::Relaxed);
    }

    /// Takes the token that came with the notice, if one did.
    pub(super) fn take_token(&self) -> bool {
        // Ordering: Relaxed; the notice received before made it visible.
        self.token.swap(false, Ordering::Relaxed)
    }

    /// Whether thieves would find a task in the queues.
    pub(super) fn has_queued(&self) -> bool {
        self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// Whether what is queued here is worth a thief's trouble: it takes at least so long, at the pace of late. Short tasks may
    /// be `resting`.
    pub(super) fn is_worth_robbing(&self, resting: bool, least_ns: u64) -> bool {
        let mean_poll_ns = self.mean_poll_ns();
        if mean_poll_ns >= policy::SHORT_POLL_NS {
            return self.has_queued();
        }
        let queued: usize = self.queues.iter().map(Stealer::len).sum();
        !resting && queued > 0 && (queued as u64).saturating_mul(mean_poll_ns) >= least_ns
    }

    /// Whether the slot holds anything that another thread could take.
    pub(super) fn has_takeable(&self) -> bool {
        self.has_queued() || !self.hot.is_empty() || !self.inbox.is_empty()
    }

    /// Takes up to half of a queue over into `to`, and one task to run now. Returns the task and how many came.
    pub(super) fn steal_into(&self, to: &Core) -> Option<(Runnable, u64)> {
        self.queues.iter().find_map(|queue| {
            let before = to.backlog();
            let task = retry(|| queue.steal_batch_and_pop(to.queue()))?;
            Some((task, 1 + to.backlog().saturating_sub(before) as u64))
        })
    }

    /// Hands everything that lies here to `take`, from any thread. What comes meanwhile may be left.
    pub(super) fn take_everything(&self, mut take: impl FnMut(Runnable)) {
        for queue in &self.queues {
            // Counted before, for an owner that is not stuck after all may fill it as fast as it is emptied.
            let queued = queue.len();
            std::iter::from_fn(|| retry(|| queue.steal())).take(queued).for_each(&mut take);
        }
        self.hot.take().into_iter().chain(self.inbox.take()).for_each(take);
    }

    /// Takes one queued task, from any thread.
    pub(super) fn steal_one(&self) -> Option<Runnable> {
        self.queues.iter().find_map(|queue| retry(|| queue.steal()))
    }

    pub(super) fn metrics(&self) -> WorkerMetrics {
        WorkerMetrics {
            polls: self.counters.polls(),
            // Ordering: Relaxed, statistics.
            steals: self.counters.steals.load(Ordering::Relaxed),
            parks: self.counters.parks.load(Ordering::Relaxed),
            queue_depth: self.queues.iter().map(Stealer::len).sum::<usize>()
                + usize::from(!self.hot.is_empty()),
        }
    }
}

/// Asks again while the answer is that another thread came between.
pub(super) fn retry<T>(mut steal: impl FnMut() -> Steal<T>) -> Option<T> {
    loop {
        match steal() {
            Steal::Success(got) => return Some(got),
            Steal::Empty => return None,
            Steal::Retry => filch_primitive::hint::spin_loop(),
        }
    }
}
