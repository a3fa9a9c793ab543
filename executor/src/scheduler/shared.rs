//! What all threads of one scheduler share.

use super::context::{self, Context};
use super::core::Core;
use super::deque::Injector;
use super::idle::Idle;
use super::inbox::Pushed;
use super::park::Park;
use super::policy::Policies;
use super::seat::Seat;
use super::sends::Sends;
use super::sentinel::Sentinel;
use super::sharing::Rest;
use super::slot::{Slot, retry};
use super::stand_in::StandIns;
use super::standing::Standing;
use super::threads::{Hooks, Threads};
use crate::metrics::RuntimeMetrics;
use crate::task::{Heap, Id, JoinHandle, Meta, Runnable, Schedule, TaskInfo};
use crossbeam_utils::CachePadded;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicBool, Ordering, fence};
use filch_primitive::sync::{Mutex, StaticCounter};
use std::future::Future;
use std::sync::{Arc, Weak};

/// Places beside the workers', for guests and spares. A `block_on` that finds none still works, without
/// helping.
const EXTRA_SLOTS: usize = if cfg!(filch_loom) {
    1
} else if cfg!(filch_shuttle) {
    3
} else {
    16
};

/// Such places at most, in a scheduler whose many workers would have more.
const EXTRA_SLOTS_MAX: usize = if cfg!(any(filch_loom, filch_shuttle)) { 1 } else { 64 };

/// For schedulers.
static NUMBERS: StaticCounter = StaticCounter::new(1);

/// Heaps for tasks that are spawned by threads outside, so that a few of them do not wait for one another.
const OUTSIDE_HEAPS: usize = if cfg!(any(filch_loom, filch_shuttle)) { 1 } else { 4 };

/// One scheduler: its slots, its sleepers, and what lies between them.
pub(crate) struct Shared {
    me: Weak<Shared>,
    /// No other scheduler has it; never zero.
    pub(super) number: u64,
    slots: Box<[Slot]>,
    workers: usize,
    processors: usize,
    pub(super) idle: CachePadded<Idle>,
    /// What a leaving guest leaves behind.
    injector: Injector<Runnable>,
    outside: Box<[OutsideHeap]>,
    pub(super) park: Arc<dyn Park>,
    closed: AtomicBool,
    over: AtomicBool,
    pub(super) sentinel: Sentinel,
    /// Of short tasks.
    pub(super) rest: CachePadded<Rest>,
    pub(super) threads: Threads,
    pub(super) stand_ins: StandIns,
    pub(super) guests_help: bool,
    pub(super) policies: Policies,
}

/// A heap that no slot owns.
struct OutsideHeap {
    heap: Heap<Shared>,
    /// Taken to allocate. Not to look around: that may give up the last reference to a task, which publishes it.
    ownership: Mutex<()>,
}

impl OutsideHeap {
    fn new(shared: Weak<Shared>) -> Self {
        Self { heap: Heap::new(shared), ownership: Mutex::new(()) }
    }
}

impl Shared {
    /// How many slots a scheduler with so many workers has.
    pub(crate) fn slots_for(workers: usize) -> usize {
        workers.saturating_add(EXTRA_SLOTS.max(workers.min(EXTRA_SLOTS_MAX)))
    }

    /// A scheduler without threads yet, which sleeps through `park`, made for as many slots as
    /// [`slots_for`](Self::slots_for) says.
    pub(crate) fn new(
        workers: usize,
        guests_help: bool,
        policies: Policies,
        hooks: Hooks,
        park: Arc<dyn Park>,
    ) -> Arc<Self> {
        let slots = Self::slots_for(workers);
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            number: NUMBERS.next(),
            slots: (0..slots).map(|_| Slot::new(me.clone())).collect(),
            workers,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            idle: CachePadded::new(Idle::new(slots)),
            injector: Injector::new(),
            outside: (0..OUTSIDE_HEAPS).map(|_| OutsideHeap::new(me.clone())).collect(),
            park,
            closed: AtomicBool::new(false),
            over: AtomicBool::new(false),
            sentinel: Sentinel::new(),
            rest: CachePadded::new(Rest::new()),
            threads: Threads::new(hooks),
            stand_ins: StandIns::new(),
            guests_help,
            policies,
        })
    }

    pub(super) fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("whoever borrows the scheduler holds it")
    }

    pub(super) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How many slots are workers'; those come first.
    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    /// Whether a processor is left for others, with one of the awake workers lingering.
    pub(super) fn has_room_to_linger(&self) -> bool {
        self.workers - self.idle.sleeping(self.workers) < self.processors
    }

    /// Sits down in a slot that is no worker's, if one is free.
    pub(super) fn take_extra_seat(&self) -> Option<Seat> {
        let shared = self.arc();
        (self.workers..self.slots.len()).find_map(|index| Seat::take(&shared, index))
    }

    /// Spawns from whatever thread this is.
    #[inline]
    pub(crate) fn spawn<F>(&self, future: F, meta: Meta) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        context::with(|context| match context {
            Some(context) if std::ptr::eq(&*context.shared, self) => match &context.seat {
                Some(seat) => self.spawn_seated(seat, future, meta),
                None => self.spawn_outside(future, meta),
            },
            _ => self.spawn_outside(future, meta),
        })
    }

    #[inline]
    pub(super) fn spawn_seated<F>(&self, seat: &Seat, future: F, meta: Meta) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = seat.create(future, meta);
        if self.is_closed() {
            // Dropped, it is aborted, which its handle tells. One that misses the flag is swept.
            drop(task);
        } else {
            seat.push_spawned(task);
        }
        handle
    }

    pub(super) fn spawn_outside<F>(&self, future: F, meta: Meta) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = self.create_outside(future, meta);
        if self.is_closed() {
            // As above.
            drop(task);
        } else {
            self.send(task);
        }
        handle
    }

    /// Spawns a task that is polled on a thread that may block.
    pub(crate) fn spawn_blocking<F>(&self, future: F, meta: Meta) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = self.create_outside(future, meta);
        if self.is_closed() {
            drop(task);
        } else if let Err((task, _refused)) = self.park.offload(task) {
            // Dropped, it is aborted, which its handle tells.
            drop(task);
        }
        handle
    }

    /// Runs the jobs of the blocking pool on the calling thread.
    pub(crate) fn inside_pool(self: &Arc<Self>, run: impl FnOnce()) {
        self.inside_as(Standing::Job, run);
    }

    /// Runs `f` on a thread that has no slot, as if it were one of this scheduler's.
    pub(crate) fn inside(self: &Arc<Self>, f: impl FnOnce()) {
        self.inside_as(Standing::Nothing, f);
    }

    fn inside_as(self: &Arc<Self>, standing: Standing, f: impl FnOnce()) {
        let context = Context::standing(self.clone(), standing);
        let _entered = self.park.enter_outside();
        context::enter(&context, |_| f());
    }

    /// Makes a task that no slot owns, and leaves the right to run it to the caller.
    #[allow(unsafe_code, reason = "allocates from a heap under its lock")]
    pub(super) fn create_outside<F>(&self, future: F, meta: Meta) -> (Runnable, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let outside = &self.outside[Sends::get().stretch() % self.outside.len()];
        let _ownership = outside.ownership.lock();
        // SAFETY: 1. the lock stands for the heap's ownership. 2. both types are Send.
        unsafe { outside.heap.spawn(future, meta) }
    }

    /// Takes back, in heaps that nobody uses just now, what has been freed elsewhere, and lets go of pages that are
    /// empty: nobody else would, until the next spawn there.
    #[allow(unsafe_code, reason = "collects into heaps under their locks")]
    pub(super) fn tidy(&self) {
        for outside in &self.outside {
            let _ownership = outside.ownership.lock();
            // SAFETY: the lock stands for the heap's ownership.
            unsafe { outside.heap.collect() }
        }
        for slot in &self.slots[self.workers..] {
            let Some(core) = slot.occupy() else { continue };
            // SAFETY: having the core is the proof of being the slot's only occupant.
            unsafe { slot.heap.collect() };
            slot.vacate(core);
        }
    }

    /// Sends a task to some worker, from a thread that has no seat here.
    pub(super) fn send(&self, task: Runnable) {
        let last = Sends::get();
        let busy = last.target_of(self);
        let target = busy.unwrap_or_else(|| self.pick_target(last.stretch()));
        let pushed = self.slots[target].inbox.push(task);
        last.next(self, target, &pushed);
        if pushed == Pushed::First && !mutant::planted("shared.send.silent") {
            self.after_sending(target, busy.is_some());
        }
    }

    /// A worker that lingers, or one that sleeps, or the one this thread is to send to.
    fn pick_target(&self, stretch: usize) -> usize {
        if let Some(slot) = self.idle.lingerer() {
            return slot;
        }
        let mut poller = None;
        for slot in self.idle.sleepers().take_while(|&slot| slot < self.workers) {
            if !self.park.is_poller(slot) {
                return slot;
            }
            poller = Some(slot);
        }
        poller.unwrap_or_else(|| {
            let mut candidates = (0..self.workers).map(|step| (stretch + step) % self.workers);
            candidates.find(|&slot| !self.slots[slot].is_blocked()).unwrap_or(stretch % self.workers)
        })
    }

    /// Puts a task where everybody looks.
    pub(super) fn inject(&self, task: Runnable) {
        self.injector.push(task);
    }

    /// Takes one injected task to run, and a few more into `core`'s queue.
    pub(super) fn take_injected(&self, core: &Core) -> Option<Runnable> {
        if self.injector.is_empty() {
            return None;
        }
        retry(|| self.injector.steal_batch_and_pop(core.queue()))
    }

    /// Takes one injected task and nothing more, from any thread.
    pub(super) fn take_one_injected(&self) -> Option<Runnable> {
        retry(|| self.injector.steal())
    }

    /// What whoever sent a task to an empty inbox must do. See [`super::idle`]. Where its worker is `busy`, it looks soon, and in
    /// any case before it sleeps, so nobody else is called.
    fn after_sending(&self, target: usize, busy: bool) {
        if !busy {
            return self.after_publishing(Some(target));
        }
        // Ordering: SeqCst, as in `after_publishing`.
        fence(mutant::ordering("shared.send.fence", Ordering::SeqCst, Ordering::AcqRel));
        if self.is_closed() {
            self.after_publishing(None);
        } else if self.idle.is_parked(target) {
            self.unpark_if_parked(target);
        }
    }

    /// What whoever published a task for others must do: see to it that one of them looks. See [`super::idle`].
    pub(super) fn after_publishing(&self, target: Option<usize>) {
        // Ordering: SeqCst, paired with the fence in `Idle::mark`: either the sleeper's last look sees the
        // task, or it is seen asleep here. The same fence pairs with the one in `end`: either the last sweep sees
        // the task, or the flag is seen here.
        fence(mutant::ordering("shared.publish.fence", Ordering::SeqCst, Ordering::AcqRel));
        if self.is_closed() {
            // Until then the sentinel sweeps, which holds no lock of the user's, as this thread may.
            if self.is_over() && !mutant::planted("shared.publish.sweep") {
                self.sweep();
            }
            return;
        }
        if let Some(slot) = target
            && self.idle.is_parked(slot)
            && self.unpark_if_parked(slot)
        {
            return;
        }
        self.wake_one();
    }

    /// The thread in `slot` has left: what it held, others must tend.
    pub(super) fn after_leaving(&self, slot: usize) {
        self.park.left(slot);
        // Ordering: SeqCst, as in `after_publishing`.
        fence(mutant::ordering("shared.leaving.fence", Ordering::SeqCst, Ordering::AcqRel));
        if self.is_over() {
            self.sweep();
        } else if self.is_closed() {
            // As in `after_publishing`: the sentinel sweeps.
        } else if self.has_shared_work() || self.park.is_unattended() {
            self.wake_one();
            self.sentinel.call();
        }
    }

    /// Unparks the thread in `slot` if it is parked and nobody else has done so.
    pub(super) fn unpark_if_parked(&self, slot: usize) -> bool {
        let claimed = self.idle.claim(slot);
        if claimed {
            self.park.unpark(slot);
        }
        claimed
    }

    /// Wakes one sleeper as searcher, unless one is searching already. True when one was woken.
    pub(super) fn wake_one(&self) -> bool {
        loop {
            if !self.idle.any_parked() || !self.idle.try_start_search() {
                return false;
            }
            if let Some(slot) = self.claim_sleeper() {
                self.slots[slot].pass_token();
                self.park.unpark(slot);
                return true;
            }
            // The sleepers seen have all been claimed by others. A submitter may have seen the token taken
            // meanwhile and relied on this search, so look once more after giving it back.
            self.idle.end_search();
            // Ordering: SeqCst, paired with the submitter's fence in `after_publishing`.
            fence(mutant::ordering("shared.wake_one.fence", Ordering::SeqCst, Ordering::AcqRel));
            if !self.has_shared_work() || mutant::planted("shared.wake_one.look") {
                return false;
            }
        }
    }

    /// Claims a sleeper: a worker rather than a guest, and whoever waits for events on behalf of all last.
    fn claim_sleeper(&self) -> Option<usize> {
        let mut poller = None;
        for slot in self.idle.sleepers() {
            if self.park.is_poller(slot) {
                poller = Some(slot);
            } else if self.idle.claim(slot) {
                return Some(slot);
            }
        }
        poller.filter(|&slot| self.idle.claim(slot))
    }

    /// Whether something lies where no running owner is bound to look.
    pub(super) fn has_shared_work(&self) -> bool {
        !self.injector.is_empty() || self.slots[..self.workers].iter().any(|slot| !slot.inbox.is_empty())
    }

    /// Whether no task lies in any slot, nor where everybody looks.
    pub(super) fn has_nothing_queued(&self) -> bool {
        self.injector.is_empty() && !self.slots.iter().any(Slot::has_takeable)
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Ordering: Relaxed; where it decides what becomes of a published task, a SeqCst fence stands before
        // it.
        self.closed.load(Ordering::Relaxed)
    }

    /// Ends the scheduler: workers stop after their current poll. Spawns that come later are refused.
    pub(super) fn close(&self) {
        // Ordering: Relaxed; the fence orders it before the looks of the sweeps that follow, and pairs with the
        // one in `after_publishing` and in `Idle::mark`.
        self.closed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        for slot in 0..self.slots.len() {
            self.unpark_if_parked(slot);
        }
        self.sentinel.call();
    }

    /// Whether nobody is left whose business it is to sweep: who publishes a task now must do so.
    pub(super) fn is_over(&self) -> bool {
        // Ordering: Relaxed, behind a SeqCst fence, as `is_closed`.
        self.over.load(Ordering::Relaxed)
    }

    /// Nobody waits for the sentinel to sweep any more. All there was has been swept; what is left to the others is
    /// what was published too late for that.
    pub(super) fn set_over(&self) {
        // Ordering: Relaxed; the fence orders it before one more sweep, and pairs with the one in
        // `after_publishing`.
        self.over.store(true, Ordering::Relaxed);
        fence(mutant::ordering("shared.over.fence", Ordering::SeqCst, Ordering::AcqRel));
        if !mutant::planted("shared.over.sweep") {
            self.sweep();
        }
    }

    /// Aborts all tasks of a closed scheduler that no thread is polling, and drops them here. Any thread, any
    /// number of times.
    pub(super) fn sweep(&self) {
        debug_assert!(self.is_closed(), "only a closed scheduler is swept");
        // What destructors spawn belongs to this scheduler, which refuses it, and not to the default one.
        let context = Context::outside(self.arc());
        context::enter(&context, |_| while self.sweep_once() {});
    }

    fn sweep_once(&self) -> bool {
        let mut taken = Vec::new();
        self.for_each_heap(|heap| {
            heap.cancel_all(|task| taken.push(task));
        });
        for slot in &self.slots {
            taken.extend(slot.inbox.take());
            taken.extend(slot.hot.take());
            taken.extend(std::iter::from_fn(|| slot.steal_one()));
        }
        taken.extend(std::iter::from_fn(|| self.take_one_injected()));
        !taken.is_empty()
    }

    /// Tasks that are not complete, for reports.
    pub(crate) fn unfinished(&self) -> Vec<TaskInfo> {
        let mut tasks = Vec::new();
        self.for_each_heap(|heap| heap.for_each(|task| tasks.push(task)));
        tasks
    }

    /// How many tasks are not complete, besides the caller's `own`.
    pub(crate) fn count_unfinished(&self, own: &[Id]) -> usize {
        let mut count = 0;
        self.for_each_heap(|heap| heap.for_each(|task| count += usize::from(!own.contains(&task.id))));
        count
    }

    fn for_each_heap(&self, mut f: impl FnMut(&Heap<Self>)) {
        self.slots.iter().for_each(|slot| f(&slot.heap));
        self.outside.iter().for_each(|outside| f(&outside.heap));
    }

    pub(crate) fn metrics(&self) -> RuntimeMetrics {
        let (workers, extra) = self.slots.split_at(self.workers);
        RuntimeMetrics {
            workers: workers.iter().map(Slot::metrics).collect(),
            guests: extra.iter().map(Slot::metrics).fold(Default::default(), |sum, slot| sum + slot),
            inboxes_waiting: workers.iter().filter(|slot| !slot.inbox.is_empty()).count(),
        }
    }
}

impl Schedule for Shared {
    #[inline]
    fn schedule(target: &Weak<Self>, task: Runnable) {
        let remote = context::with(|context| match context {
            Some(context) if std::ptr::eq(Arc::as_ptr(&context.shared), target.as_ptr()) => {
                match &context.seat {
                    Some(seat) => {
                        seat.push(task);
                        None
                    }
                    None => Some(task),
                }
            }
            _ => Some(task),
        });
        if let Some(task) = remote {
            schedule_from_outside(target, task);
        }
    }
}

/// The scheduler, if it is still there. Every waker and every hook that outlives it asks here.
pub(super) fn upgrade(shared: &Weak<Shared>) -> Option<Arc<Shared>> {
    // The model checker does not see reference counts: it is told where somebody looks.
    #[cfg(all(test, filch_loom))]
    super::model::existence();
    shared.upgrade()
}

#[cold]
fn schedule_from_outside(target: &Weak<Shared>, task: Runnable) {
    // The upgrade keeps the scheduler until `send` is through with it: the task itself may be gone by then.
    match upgrade(target) {
        Some(shared) => shared.send(task),
        // The scheduler went while this thread was about to wake the task: the sweeps could not drop what was in its
        // hands, so it is dropped here.
        None => drop(task),
    }
}
