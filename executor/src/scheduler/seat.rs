//! A thread in its place: what a worker, a guest and a spare do alike.

use super::context;
use super::core::{Core, Way};
use super::local;
use super::policy::{self, Policies};
use super::shared::Shared;
use super::slot::Slot;
use crate::task::{JoinHandle, Meta, Owned, Ran, Runnable};
use filch_primitive::hint;
use filch_primitive::mutant;
use filch_primitive::slice::{self, Slice};
use filch_primitive::sync::atomic::{Ordering, fence};
use filch_primitive::time;
use filch_primitive::wake_contained;
use std::cell::RefCell;
use std::future::Future;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

/// A task to run next.
pub(super) enum Pick {
    /// One that may run on any thread.
    Any(Runnable),
    /// One of this thread's local set.
    Local(Runnable),
}

/// The right to one slot's private half. Dropping it leaves the slot, and whatever lay there, to others.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    index: usize,
    /// Only `None` while being dropped.
    core: Option<Core>,
    slice: RefCell<Slice>,
    entered: Option<Box<dyn super::park::Entered>>,
    settled: Option<local::Settled>,
    heap: Option<Owned>,
    policies: Policies,
}

impl Seat {
    /// Sits down in slot `index`, if it is free.
    #[allow(unsafe_code, reason = "claims the slot's heap for this thread")]
    pub(super) fn take(shared: &Arc<Shared>, index: usize) -> Option<Self> {
        let core = shared.slot(index).occupy()?;
        shared.idle.set_seated(index, true);
        core.pace.borrow_mut().wake_up();
        // SAFETY: having the core is the proof of being the slot's only occupant, and the guard goes before the
        // core is given back, in `drop`; `shared`, kept beside it, keeps the heap.
        let heap = unsafe { shared.slot(index).heap.own() };
        let seat = Self {
            shared: shared.clone(),
            index,
            core: Some(core),
            slice: RefCell::new(slice::open()),
            entered: Some(shared.park.enter(index)),
            settled: Some(local::settle(shared, index)),
            heap: Some(heap),
            policies: shared.policies.clone(),
        };
        seat.set_ways();
        seat.publish_pace();
        shared.sentinel.work_begins();
        Some(seat)
    }

    /// Where what becomes ready goes, by the policies.
    fn set_ways(&self) {
        let (core, policies) = (self.core(), &self.policies);
        let (way, of_joiners) = match (policies.hot_slot, policies.joiners_in_order) {
            (false, _) => (Way::Queue, Way::Queue),
            (true, true) => (Way::Front, Way::InOrder),
            (true, false) => (Way::Front, Way::Front),
        };
        core.way.set(way);
        core.way_of_joiners.set(of_joiners);
    }

    #[inline]
    pub(super) fn core(&self) -> &Core {
        self.core.as_ref().expect("a seat has its core until it is dropped")
    }

    #[inline]
    pub(super) fn slot(&self) -> &Slot {
        self.shared.slot(self.index)
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Makes a task in this slot's heap.
    #[inline]
    #[allow(unsafe_code, reason = "allocates from the slot's heap")]
    pub(super) fn create<F>(&self, future: F, meta: Meta) -> (Runnable, JoinHandle<F::Output>)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // SAFETY: 1. this thread holds the heap's owner guard: it came with the seat, which does not leave its
        // thread.
        // 2. both types are Send.
        unsafe { self.slot().heap.spawn(future, meta) }
    }

    /// Puts a task that was woken on this thread where it runs next.
    #[inline]
    pub(super) fn push(&self, task: Runnable) {
        match self.core().way.get() {
            Way::Front => self.put_in_front(task),
            way => self.put_behind(task, way),
        }
    }

    /// Puts a task that was spawned on this thread where it runs next.
    ///
    /// With coarse polls it is no message that somebody waits for with its data in the cache, and goes behind what is
    /// ready: tasks that spawn themselves again would keep all others waiting.
    #[inline]
    pub(super) fn push_spawned(&self, task: Runnable) {
        let core = self.core();
        match (core.way.get(), core.way_of_spawned.get()) {
            (Way::Front, Way::Front) => self.put_in_front(task),
            (way, least) => self.put_behind(task, way.max(least)),
        }
    }

    #[inline]
    fn put_in_front(&self, task: Runnable) {
        if let Some(displaced) = self.slot().hot.put(task) {
            self.queue_up(displaced);
        }
    }

    #[inline(never)]
    fn put_behind(&self, task: Runnable, way: Way) {
        debug_assert_ne!(way, Way::Front, "that is not behind");
        let queue = self.core().queue();
        if way == Way::InOrder && queue.is_empty() {
            if let Err(task) = self.slot().hot.try_put(task) {
                self.queue_up(task);
            }
        } else if way == Way::Batch {
            queue.push(task);
        } else {
            self.queue_up(task);
        }
    }

    /// Puts a task behind the queue, and asks whether a peer should come and take from it.
    #[inline]
    fn queue_up(&self, task: Runnable) {
        self.core().queue().push(task);
        self.consider_waking();
    }

    /// Asks, after the queue has grown, whether a peer should come.
    #[inline]
    fn consider_waking(&self) {
        let core = self.core();
        let pushes = core.pushes.get() + 1;
        core.pushes.set(pushes);
        if !self.shared.idle.is_searching() && self.shared.idle.any_parked() {
            self.weigh_waking(pushes);
        }
    }

    /// Wakes a sleeper if that is worth its price, at the last of so many pushes since the clock was read.
    #[inline(never)]
    fn weigh_waking(&self, pushes: u32) {
        let (core, resting) = (self.core(), self.shared.rest.is_on());
        let due = pushes.is_multiple_of(policy::PUSHES_PER_LOOK);
        if due && self.poll_is_long(resting) || !resting && self.is_worth_waking(core.backlog()) {
            self.shared.wake_one();
        }
    }

    fn is_worth_waking(&self, backlog: usize) -> bool {
        !self.policies.wakes_weighed || self.core().pace.borrow().worth_waking(backlog)
    }

    /// Whether the poll under way has lasted so long that what is behind it should find another worker.
    fn poll_is_long(&self, resting: bool) -> bool {
        let now = time::now();
        let resting = resting && self.shared.rest.look(now);
        let limit = if resting { policy::HELD_UP } else { policy::LOOK_EVERY };
        self.core().pace.borrow().poll_so_far(now) >= limit
    }

    /// The next task to run, if anything in this slot is ready.
    pub(super) fn next(&self) -> Option<Pick> {
        let core = self.core();
        if core.pace.borrow_mut().count() || self.slot().is_look_due() {
            self.look();
        }
        let turn = core.turn.get().wrapping_add(1);
        core.turn.set(turn);
        // Local tasks and the others take turns: neither kind can keep the other waiting.
        if turn.is_multiple_of(2)
            && let Some(task) = local::next()
        {
            return Some(Pick::Local(task));
        }
        let ready = self.next_ready().map(Pick::Any);
        ready.or_else(|| local::next().map(Pick::Local)).or_else(|| self.next_yielded().map(Pick::Any))
    }

    fn next_ready(&self) -> Option<Runnable> {
        let core = self.core();
        let streak = core.hot_streak.get();
        if streak < core.hot_streak_max.get()
            && let Some(task) = self.slot().hot.take()
        {
            core.hot_streak.set(streak + 1);
            return Some(task);
        }
        core.hot_streak.set(0);
        core.queue().pop().or_else(|| self.slot().hot.take()).or_else(|| self.next_sent())
    }

    /// The first of what was sent here; the rest goes to the queue.
    fn next_sent(&self) -> Option<Runnable> {
        self.take_sent(self.index)
    }

    /// Takes another slot's (or the own) inbox over.
    fn take_sent(&self, index: usize) -> Option<Runnable> {
        let mut chain = self.shared.slot(index).inbox.take();
        let first = chain.next()?;
        chain.for_each(|task| self.core().queue().push(task));
        Some(first)
    }

    /// Only what yielded is left, so that is what is ready now.
    fn next_yielded(&self) -> Option<Runnable> {
        let core = self.core();
        if core.yielded().is_empty() {
            return None;
        }
        core.change_roles();
        core.queue().pop()
    }

    /// The look at the clock and what follows from it.
    fn look(&self) {
        let core = self.core();
        core.pushes.set(0);
        let look = core.pace.borrow_mut().look();
        self.publish_pace();
        if !self.slot().inbox.is_empty() {
            self.slot().inbox.take().for_each(|task| core.queue().push(task));
        }
        if look.duties {
            self.look_in(look.now);
            for _ in 0..policy::YIELDED_PER_DUTY {
                let Some(task) = core.yielded().pop() else { break };
                core.queue().push(task);
            }
            if let Some(task) = self.shared.take_injected(core) {
                core.queue().push(task);
            }
        }
        let backlog = core.backlog();
        if backlog == 0 || !self.shared.idle.any_parked() || self.shared.idle.is_searching() {
            return;
        }
        let short = look.mean_poll_ns < policy::SHORT_POLL_NS;
        // Longer polls are worth sharing one by one, once they have been waiting for a while.
        let worth = self.is_worth_waking(backlog) || look.duties && !short;
        if worth && !(short && self.shared.rest.look(look.now)) {
            self.shared.wake_one();
        }
    }

    /// Tells thieves and senders how fast work goes on here, and goes by it.
    fn publish_pace(&self) {
        let pace = self.core().pace.borrow();
        self.slot().set_mean_poll_ns(pace.mean_poll_ns());
        self.go_by(pace.is_coarse());
    }

    fn go_by(&self, coarse: bool) {
        let core = self.core();
        let in_order = coarse && self.policies.coarse_in_order;
        let streaks = self.policies.hot_streaks && !in_order;
        core.hot_streak_max.set(if streaks { policy::HOT_STREAK_MAX } else { policy::HOT_STREAK_MIN });
        core.way_of_spawned.set(if in_order { Way::InOrder } else { Way::Front });
    }

    /// Lets timers and descriptors that are due wake their tasks, into the queue.
    fn look_in(&self, now: Instant) {
        self.batch(|| self.shared.park.look_in(self.index, now));
    }

    /// Runs `f`, whose wake-ups are a batch: they queue in their order.
    fn batch<R>(&self, f: impl FnOnce() -> R) -> R {
        self.going(Way::Batch, f)
    }

    /// Runs `f`; what becomes ready meanwhile goes that way.
    fn going<R>(&self, way: Way, f: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Core, Way);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.way.set(self.1);
            }
        }
        let before = self.core().way.replace(way);
        let _restore = Restore(self.core(), before);
        f()
    }

    /// Wakes who waited for a task to end, and whose turn is behind what is ready.
    ///
    /// In front, as for a message, it would mostly find that it has to wait for the next of its tasks, after each of
    /// them: with a thousand that costs a poll for each. Where nothing is ready the two are the same.
    fn wake_in_order(&self, joiner: Waker) {
        self.going(self.core().way_of_joiners.get(), || wake_contained(joiner));
    }

    /// Begins a poll's time slice.
    #[inline]
    pub(super) fn begin_slice(&self) {
        self.slice.borrow_mut().restart();
    }

    /// Polls a task once and puts it where it now belongs.
    #[inline]
    pub(super) fn run(&self, pick: Pick) {
        self.slot().counters.poll();
        self.begin_slice();
        match pick {
            Pick::Any(task) => match task.run_then(|joiner| self.wake_in_order(joiner)) {
                Ran::Done | Ran::Pending => {}
                // Behind what is queued, not into the hot slot: it has just had its turn.
                Ran::Woken(task) => self.core().queue().push(task),
                Ran::Yielded(task) => self.core().yielded().push(task),
            },
            Pick::Local(task) => local::run(task),
        }
    }

    /// With nothing left here: takes events that have come meanwhile, where that has lately been the case. Both ends of a
    /// connection in one program, or a peer that answers at once, make it so, and a sleep that ends at once costs more
    /// than the look. True when there were any.
    #[inline]
    pub(super) fn take_events(&self) -> bool {
        let patience = &self.core().events;
        if !self.policies.events_before_sleep || !patience.borrow_mut().is_to_try() {
            return false;
        }
        let came = self.batch(|| self.shared.park.take_events()) > 0;
        patience.borrow_mut().learn(came);
        came
    }

    /// Looks for work elsewhere: what was sent to others, what was left behind, what others have queued.
    pub(super) fn search(&self) -> Option<Runnable> {
        let core = self.core();
        if !core.searching.get() && self.shared.idle.try_start_search() {
            core.searching.set(true);
        }
        let found = self.take_shared().or_else(|| core.searching.get().then(|| self.steal()).flatten());
        if found.is_some() {
            self.end_search();
        } else if core.called.take() && self.policies.short_tasks_rest {
            core.spoils.borrow_mut().come_in_vain(&self.shared.rest);
        }
        found
    }

    /// Gives the token back, having found work, and calls the next searcher if there is more.
    #[inline]
    pub(super) fn end_search(&self) {
        if !self.core().searching.replace(false) {
            return;
        }
        self.core().called.set(false);
        self.shared.idle.end_search();
        // Ordering: SeqCst, paired with the fence of a submitter that saw the token taken and left its task to
        // us.
        fence(mutant::ordering("seat.end_search.fence", Ordering::SeqCst, Ordering::AcqRel));
        if !mutant::planted("seat.end_search.look")
            && self.shared.idle.any_parked()
            && self.shared.has_shared_work()
        {
            self.shared.wake_one();
        }
    }

    /// What lies where no running owner will look at once.
    fn take_shared(&self) -> Option<Runnable> {
        if let Some(task) = self.shared.take_injected(self.core()) {
            return Some(task);
        }
        (0..self.shared.workers()).find_map(|victim| self.take_sent(victim))
    }

    fn steal(&self) -> Option<Runnable> {
        let core = self.core();
        let mut victims = core.victims.borrow_mut();
        self.choose(&mut victims);
        core.spoils.borrow_mut().settle(&self.shared.rest);
        let from_queues = if victims.is_empty() { None } else { self.steal_queued(&victims) };
        from_queues.or_else(|| self.take_due()).or_else(|| self.steal_hot(&victims))
    }

    /// Those from whom there may be something to take, beginning anywhere, and how many polls each has begun.
    fn choose(&self, victims: &mut Vec<(usize, u64)>) {
        victims.clear();
        let seated = self.shared.idle.seated().filter(|&slot| slot != self.index);
        victims.extend(seated.map(|slot| (slot, self.shared.slot(slot).counters.polls())));
        if victims.len() > 1 {
            let start = self.core().random() % victims.len();
            victims.rotate_left(start);
        }
    }

    fn steal_queued(&self, victims: &[(usize, u64)]) -> Option<Runnable> {
        let resting = self.shared.rest.is_on() && self.shared.rest.look(time::now());
        let least_ns = if self.policies.small_queues_stay { policy::STEAL_WORTH_NS } else { 0 };
        // Those whose queues run dry soon keep what they have, unless a poll holds them up.
        let mut passed = false;
        let worth = |victim: &&(usize, u64)| {
            let slot = self.shared.slot(victim.0);
            let worth = slot.is_blocked() || slot.is_worth_robbing(resting, least_ns);
            passed |= !worth && slot.has_queued();
            worth
        };
        let robbed = self.rob(victims.iter().filter(worth));
        if robbed.is_some() || !passed {
            return robbed;
        }
        for _ in 0..policy::THIEF_LOOKS {
            hint::spin_loop();
        }
        self.rob(victims.iter().filter(|victim| !self.has_moved(victim)))
    }

    /// Whether the victim has begun another poll since it was chosen.
    fn has_moved(&self, &(slot, polls): &(usize, u64)) -> bool {
        self.shared.slot(slot).counters.polls() != polls
    }

    /// Fires what is due in timers that nobody tends just now.
    fn take_due(&self) -> Option<Runnable> {
        let due = self.batch(|| self.shared.park.look_in_for_others(time::now()));
        if due > 0 { self.core().queue().pop() } else { None }
    }

    /// Last of all the hot slots, and only of threads that have not begun another poll meanwhile: the next message of a
    /// pair that is talking should stay with the pair.
    fn steal_hot(&self, victims: &[(usize, u64)]) -> Option<Runnable> {
        let mut quiet = victims.iter().filter(|victim| !self.has_moved(victim));
        let taken = quiet.find_map(|victim| self.shared.slot(victim.0).hot.take());
        if taken.is_some() {
            self.slot().counters.steal(1);
        }
        taken
    }

    /// Takes from the queues of the first of the `victims` that has any.
    fn rob<'v>(&self, mut victims: impl Iterator<Item = &'v (usize, u64)>) -> Option<Runnable> {
        let (task, count) = victims.find_map(|victim| self.shared.slot(victim.0).steal_into(self.core()))?;
        self.slot().counters.steal(count);
        if self.policies.short_tasks_rest {
            self.core().spoils.borrow_mut().note(count);
        }
        Some(task)
    }

    /// Looks on for a short while before the next sleep: see [`super::idle`]. True when something came.
    pub(super) fn linger(&self) -> bool {
        let core = self.core();
        let modelled = cfg!(any(filch_loom, filch_shuttle));
        if modelled || !self.policies.linger || !core.searching.get() || !self.shared.has_room_to_linger() {
            return false;
        }
        if !core.patience.borrow_mut().is_to_try() {
            return false;
        }
        let idle = &self.shared.idle;
        idle.set_lingering(Some(self.index));
        let begin = time::now();
        let mut looks = 0_u32;
        let came = loop {
            if self.shared.has_shared_work() || local::has_sent() || self.shared.is_closed() {
                break true;
            }
            hint::spin_loop();
            looks += 1;
            // A look takes less than the clock, and who waits for the answer is about to go to sleep.
            if looks.is_multiple_of(policy::LINGER_LOOKS)
                && time::now().saturating_duration_since(begin) >= policy::WAKE_COST
            {
                break false;
            }
        };
        idle.set_lingering(None);
        core.patience.borrow_mut().learn(came);
        came
    }

    /// Sleeps until there may be work: see [`super::idle`] for the protocol. `more` is looked at after the own
    /// bit is set.
    pub(super) fn sleep(&self, limit: Option<Duration>, more: impl FnOnce() -> bool) {
        let (core, slot, idle) = (self.core(), self.slot(), &self.shared.idle);
        if core.searching.replace(false) {
            idle.end_search();
        }
        idle.mark(self.index);
        let blind = mutant::planted("seat.sleep.blind");
        let awake = self.shared.is_closed()
            || self.shared.has_shared_work() && !mutant::planted("seat.sleep.look") && !blind
            || !slot.inbox.is_empty() && !blind
            || local::has_sent() && !mutant::planted("local.sleep.look")
            || more();
        let notified = if awake {
            false
        } else {
            slot.counters.park();
            self.tidy();
            self.batch(|| self.shared.park.park(self.index, limit, &|| self.shared.has_nothing_queued()))
        };
        if !idle.claim(self.index) {
            if !notified {
                self.shared.park.await_unpark(self.index);
            }
            let token = slot.take_token();
            core.searching.set(token && !mutant::planted("seat.sleep.token"));
            core.called.set(token);
        }
        if !awake {
            core.pace.borrow_mut().wake_up();
            self.publish_pace();
            if self.shared.rest.is_on() {
                // Nobody looks while all sleep, and it may be over for long.
                self.shared.rest.look(time::now());
            }
        }
        self.shared.sentinel.work_begins();
    }

    /// Before a rest: slots of the heap that others have freed come back, and with them pages that are empty.
    #[allow(unsafe_code, reason = "collects into the slot's heap")]
    fn tidy(&self) {
        // SAFETY: this thread holds the heap's owner guard: it came with the seat, which does not leave its
        // thread.
        unsafe { self.slot().heap.collect() }
    }

    /// Runs `f`, which may block this thread: until it returns, what lies in this slot is for others to take,
    /// and one of them is called if there is any.
    pub(super) fn block<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Unblock<'a>(&'a Slot, bool);
        impl Drop for Unblock<'_> {
            fn drop(&mut self) {
                self.0.set_blocked(self.1);
            }
        }
        let _unblock = Unblock(self.slot(), self.slot().set_blocked(true));
        if !self.core().searching.get() {
            self.shared.wake_one();
        }
        self.end_search();
        self.shared.sentinel.call();
        f()
    }
}

/// Runs `f`, which may block this thread: if it works for a runtime, what lies in its slot is for others to
/// take meanwhile.
pub(crate) fn blocking<R>(f: impl FnOnce() -> R) -> R {
    context::with(|context| match context.and_then(|context| context.seat.as_ref()) {
        Some(seat) => seat.block(f),
        None => f(),
    })
}

impl Drop for Seat {
    /// Leaves: what is queued goes where everybody looks, and somebody is called to look, and to tend what this
    /// thread tended.
    fn drop(&mut self) {
        let Some(core) = self.core.take() else { return };
        if core.searching.replace(false) {
            self.shared.idle.end_search();
        }
        drop(self.settled.take());
        drop(self.entered.take());
        drop(self.heap.take());
        let slot = self.shared.slot(self.index);
        let left = std::iter::from_fn(|| {
            slot.hot.take().or_else(|| core.queue().pop()).or_else(|| core.yielded().pop())
        });
        left.chain(slot.inbox.take()).for_each(|task| self.shared.inject(task));
        debug_assert!(core.is_empty(), "a vacated slot holds no task");
        self.shared.idle.set_seated(self.index, false);
        slot.vacate(core);
        self.shared.after_leaving(self.index);
    }
}
