//! The one who notices that a worker is stuck.
//!
//! A poll that does not return keeps its thread, and what lies in the thread's slot waits. Others can take all
//! of it, but nobody may be awake to do so: so a thread of its own looks, once a tick, whether the slots make
//! progress. When one does not and holds anything, it wakes a sleeper as searcher; when nobody sleeps and some
//! run, it puts what the stuck hold where those look by time; when all are stuck, it brings a spare worker.
//!
//! It cannot tell a thread that blocks from one that computes for long. Spares help the first and only take
//! processors from the second; so the more there are, the longer all must have been stuck before the next one comes.
//! Computations that end now and then thus keep their number small.
//!
//! The sentinel costs a tick per millisecond while work goes on. After
//! [`SENTINEL_QUIET_TICKS`] ticks without a running worker it sleeps until
//! one runs again, so an idle program has no wake-ups.
//!
//! Falling asleep: 1. set `asleep`. 2. `fence(SeqCst)`. 3. If any slot is occupied and not parked, clear it and
//! go on. 4. Park. Work that begins: 1. the own parked bit is cleared (or the slot occupied). 2.
//! `fence(SeqCst)`. 3. If `asleep`, clear it and unpark. One fence comes first: either the sentinel sees the
//! running thread, or the thread sees it asleep.

use super::policy::{SENTINEL_QUIET_TICKS, SENTINEL_TICK, SENTINEL_TICK_MAX, SPARE_PATIENCE_MAX};
use super::shared::Shared;
use super::threads;
use filch_primitive::mutant;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use filch_primitive::thread::{self, Thread};
use filch_primitive::time;
use std::sync::Arc;

/// How others reach the sentinel.
pub(super) struct Sentinel {
    asleep: AtomicBool,
    dismissed: AtomicBool,
    ticks: AtomicUsize,
    thread: Mutex<Option<Thread>>,
}

impl Sentinel {
    pub(super) fn new() -> Self {
        Self {
            asleep: AtomicBool::new(false),
            dismissed: AtomicBool::new(false),
            ticks: AtomicUsize::new(0),
            thread: Mutex::new(None),
        }
    }

    /// How often the sentinel has looked: a clock that costs nothing to read, and stands still while nothing runs.
    pub(super) fn tick(&self) -> usize {
        // Ordering: Relaxed, a hint.
        self.ticks.load(Ordering::Relaxed)
    }

    /// A thread has begun to work. Costs a fence, and a system call if the sentinel sleeps.
    #[inline]
    pub(super) fn work_begins(&self) {
        // Ordering: SeqCst, paired with the fence in `fall_asleep`.
        fence(mutant::ordering("sentinel.work_begins.fence", Ordering::SeqCst, Ordering::AcqRel));
        // Ordering: Relaxed, behind the fence.
        if self.asleep.load(Ordering::Relaxed) {
            self.call();
        }
    }

    /// Calls the sentinel now rather than at its next tick.
    pub(super) fn call(&self) {
        // Ordering: Relaxed; the unpark orders it.
        self.asleep.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().as_ref() {
            thread.unpark();
        }
    }

    /// The sentinel may sweep once more and leave.
    pub(super) fn dismiss(&self) {
        // Ordering: Release, paired with the Acquire in `sweep_to_the_end`.
        self.dismissed.store(true, Ordering::Release);
        self.call();
    }

    /// The calling thread is the sentinel.
    pub(super) fn on_this_thread(&self) {
        *self.thread.lock() = Some(thread::current());
    }

    pub(super) fn fall_asleep(&self, shared: &Shared) {
        // Ordering: Relaxed, ordered by the fence, which is paired with the one in `work_begins`.
        self.asleep.store(true, Ordering::Relaxed);
        fence(mutant::ordering("sentinel.fall_asleep.fence", Ordering::SeqCst, Ordering::AcqRel));
        // Ordering: Relaxed; a stale value only costs another look.
        while self.asleep.load(Ordering::Relaxed) && !shared.is_closed() && !shared.is_anybody_awake() {
            thread::park();
        }
        // Ordering: Relaxed, as above.
        self.asleep.store(false, Ordering::Relaxed);
    }
}

/// The body of the sentinel's thread.
pub(super) fn watch(shared: &Arc<Shared>) {
    shared.sentinel.on_this_thread();
    let mut polls_before = vec![u64::MAX; shared.slots().len()];
    let mut quiet_ticks = 0;
    let mut stand_ins_before = 0;
    let mut ticks_stuck = 0;
    let mut tick = SENTINEL_TICK;
    while !shared.is_closed() {
        if quiet_ticks >= SENTINEL_QUIET_TICKS {
            shared.tidy();
            shared.sentinel.fall_asleep(shared);
            quiet_ticks = 0;
        } else {
            thread::park_timeout(tick);
        }
        // Ordering: Relaxed, a hint.
        shared.sentinel.ticks.fetch_add(1, Ordering::Relaxed);
        let round = look_round(shared, &mut polls_before);
        quiet_ticks = if round.awake == 0 { quiet_ticks + 1 } else { 0 };
        let all_stuck = round.awake > 0 && round.stuck == round.awake;
        let help = round.needs_help(shared);
        if !help || shared.wake_one() {
            ticks_stuck = 0;
        } else if !all_stuck {
            ticks_stuck = 0;
            shared.lay_open(&round.holders);
        } else if !shared.stand_ins.are_at_work(&mut stand_ins_before) {
            ticks_stuck += 1;
            if ticks_stuck > shared.threads.spares(shared).min(SPARE_PATIENCE_MAX) {
                ticks_stuck = 0;
                threads::start_spare(shared);
            }
        }
        // Nothing moves and nothing is held: wait longer, for what moves next calls or is seen a little later.
        let still = !help && round.stuck == round.awake;
        tick = if still { (tick * 2).min(SENTINEL_TICK_MAX) } else { SENTINEL_TICK };
    }
    sweep_to_the_end(shared);
}

/// The sentinel's last duty: sweeps until all other threads have ended, or nobody waits for them any more.
///
/// Again and again: a poll under way may wait for a task that comes to lie where nobody takes it any more.
fn sweep_to_the_end(shared: &Shared) {
    let mut pause = SENTINEL_TICK / 8;
    loop {
        // Ordering: Acquire, paired with the Release in `dismiss`: what was published before is swept.
        let dismissed = shared.sentinel.dismissed.load(Ordering::Acquire);
        shared.sweep();
        if dismissed {
            return shared.set_over();
        }
        thread::pause(pause);
        pause = (pause * 2).min(SENTINEL_TICK_MAX);
    }
}

/// What one look at all slots found.
#[derive(Debug, Default)]
struct Round {
    /// Threads that are neither parked nor gone.
    awake: usize,
    /// Those of them inside the same poll as a tick ago, or blocked by their own word.
    stuck: usize,
    /// Those of the stuck that hold something others could take.
    holders: Vec<usize>,
}

fn look_round(shared: &Shared, polls_before: &mut [u64]) -> Round {
    let mut round = Round::default();
    for (index, (slot, before)) in shared.slots().iter().zip(polls_before).enumerate() {
        if !slot.is_occupied() || shared.idle.is_parked(index) {
            *before = u64::MAX;
            continue;
        }
        let polls = slot.counters.polls();
        round.awake += 1;
        slot.ask_for_look();
        if polls == std::mem::replace(before, polls) || slot.is_blocked() {
            round.stuck += 1;
            if slot.has_takeable() {
                round.holders.push(index);
            }
        }
    }
    round
}

impl Round {
    fn needs_help(&self, shared: &Shared) -> bool {
        if shared.is_closed() || mutant::planted("sentinel.help") {
            return false;
        }
        let nobody_runs = self.stuck == self.awake;
        // A deadline that came into a timer after the watcher had fallen asleep, just before the thread got
        // stuck.
        let overdue = self.stuck > 0 && shared.park.is_overdue(time::now());
        let unseen = shared.has_shared_work() || shared.park.is_unattended();
        !self.holders.is_empty() || overdue || (self.stuck > 0 || nobody_runs) && unseen
    }
}

impl Shared {
    /// Puts what stuck threads hold where those that run look in by time. They have enough to do, so they never search.
    fn lay_open(&self, holders: &[usize]) {
        for &holder in holders {
            self.slot(holder).take_everything(|task| self.inject(task));
        }
        self.after_publishing(None);
        self.park.stand_in(time::now());
    }

    fn is_anybody_awake(&self) -> bool {
        self.slots().iter().enumerate().any(|(index, slot)| slot.is_occupied() && !self.idle.is_parked(index))
    }
}
