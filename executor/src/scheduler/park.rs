//! What the scheduler asks of whoever knows descriptors and clocks.
//!
//! The scheduler knows neither: it hands a thread that has nothing to do to a [`Park`], which puts it to sleep
//! until there is, and asks it now and then, while busy, to let what is due happen. Tests stand in with a plain
//! one.

use crate::task::Runnable;
use std::io;
use std::time::{Duration, Instant};

/// Sleep and wake-up for the threads of one scheduler, by slot.
pub(crate) trait Park: Send + Sync + 'static {
    /// Makes the calling thread the one that tends `slot`, until the guard is dropped on it.
    fn enter(&self, slot: usize) -> Box<dyn Entered>;

    /// Makes the calling thread's timers and descriptors this scheduler's, without tending a slot.
    fn enter_outside(&self) -> Box<dyn Entered>;

    /// The thread that tended `slot` has left it, and its guard is gone: whoever sleeps on behalf of all must mind what is
    /// still due there.
    fn left(&self, slot: usize);

    /// Blocks the thread that tends `slot` until it is unparked, something became due, or `limit` has passed;
    /// or for no reason. True when it ended by [`unpark`](Self::unpark), which is then used up.
    ///
    /// `nothing_queued` says that no slot holds a task that could run: for a park that lets time pass when nothing else can
    /// happen.
    fn park(&self, slot: usize, limit: Option<Duration>, nothing_queued: &dyn Fn() -> bool) -> bool;

    /// Whether anything asks which threads are awake. If not, the next three need not be told.
    fn counts(&self) -> bool;

    /// One more thread, or one less, is awake that works for this scheduler without tending a slot.
    fn plainly(&self, awake: bool);

    /// The thread in `slot` blocks in it, and waits plainly; or does so no more.
    fn lend(&self, slot: usize, lent: bool);

    /// The pool's job on the calling thread counts as one under way again; or no more, for the thread is counted otherwise while it
    /// waits.
    fn job_counts(&self, counts: bool);

    /// Blocks until [`unpark`](Self::unpark) for `slot`, which the caller knows to be on its way.
    fn await_unpark(&self, slot: usize);

    /// Ends the current or the next [`park`](Self::park) of `slot`. Any thread.
    fn unpark(&self, slot: usize);

    /// Runs `task` on a thread that may block. A task that cannot be taken, because no thread can be had or all
    /// has ended, comes back.
    fn offload(&self, task: Runnable) -> Result<(), (Runnable, io::Error)>;

    /// Lets everything happen that is due for `slot` or for nobody in particular, without blocking.
    fn look_in(&self, slot: usize, now: Instant);

    /// Lets the tasks be woken whose descriptors have events now, without blocking. How many events there were.
    fn take_events(&self) -> usize;

    /// Like [`look_in`](Self::look_in) for what other slots hold: their threads may be stuck.
    fn look_in_for_others(&self, now: Instant) -> usize;

    /// Like [`look_in`](Self::look_in) for all slots at once, on a thread that tends none.
    fn stand_in(&self, now: Instant);

    /// Lets time pass if nothing else can happen, as [`park`](Self::park) does, for a thread without a slot that has nothing to do and
    /// is counted awake. Whether it did.
    fn let_time_pass(&self, nothing_queued: &dyn Fn() -> bool) -> bool;

    /// Whether some timer should have fired by `now`.
    fn is_overdue(&self, now: Instant) -> bool;

    /// Whether nobody tends the descriptors although there are some, or a timer that others should see to is
    /// pending.
    fn is_unattended(&self) -> bool;

    /// Whether the thread in `slot` waits for events on behalf of all and should rather go on doing so.
    fn is_poller(&self, slot: usize) -> bool;

    /// The scheduler ends: what waits is told so, and finds another place.
    fn shutdown(&self);
}

/// Keeps a thread's membership; dropping it, on the same thread, ends it.
pub(crate) trait Entered {}
