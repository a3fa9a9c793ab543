//! A spare that found no place: all are taken by threads that are stuck.
//!
//! There are few places, because thieves look into each of them, but there may be many tasks that block: a program
//! whose old parts wait, inside tasks, for its new parts soon has more than any number set beforehand. So the spares that
//! come last work without a place. Such a thread has no queue and tends no timer of its own; it takes
//! one task after the other from wherever it lies, and lets happen what is due. What its tasks spawn and wake goes
//! the way of all that comes from outside.
//!
//! It is a last resort, and looks again and again rather than being called. The sentinel brings
//! another only when none of those there are has looked since its last round.

use super::local;
use super::plain::Plain;
use super::policy::{STAND_IN_PAUSE, STAND_IN_PAUSES};
use super::shared::Shared;
use super::slot::Slot;
use super::standing;
use crate::task::{Ran, Runnable};
use filch_primitive::slice;
use filch_primitive::sync::atomic::{AtomicU64, Ordering};
use filch_primitive::{thread, time};
use std::sync::Arc;

/// How often threads without a place have looked for work.
pub(super) struct StandIns {
    looks: AtomicU64,
}

impl StandIns {
    pub(super) fn new() -> Self {
        Self { looks: AtomicU64::new(0) }
    }

    /// Whether one has looked since the number in `before` was read; reads it anew.
    pub(super) fn are_at_work(&self, before: &mut u64) -> bool {
        // Ordering: Relaxed, a hint.
        let looks = self.looks.load(Ordering::Relaxed);
        std::mem::replace(before, looks) != looks
    }
}

/// Works without a place until there has been nothing to do for a while.
pub(super) fn stand_in(shared: &Arc<Shared>) {
    standing::plainly(shared, |_| {
        let _settled = local::settle_plainly(Plain::looking());
        let mut pauses = 0;
        let mut local_first = false;
        while !shared.is_closed() {
            // Ordering: Relaxed, a hint.
            shared.stand_ins.looks.fetch_add(1, Ordering::Relaxed);
            shared.park.stand_in(time::now());
            let _slice = slice::open();
            local_first = !local_first;
            if local_first && let Some(task) = local::next() {
                local::run(task);
            } else if let Some(task) = shared.take_any() {
                match task.run() {
                    Ran::Done | Ran::Pending => {}
                    Ran::Woken(task) | Ran::Yielded(task) => shared.send(task),
                }
            } else if local::has_sent() || shared.park.let_time_pass(&|| nothing_queued(shared)) {
                pauses = 0;
                continue;
            } else if pauses < STAND_IN_PAUSES || !local::is_empty() {
                pauses += 1;
                thread::pause(STAND_IN_PAUSE);
                continue;
            } else {
                break;
            }
            pauses = 0;
        }
        local::abort_all();
        // What was moved on the way to a task that was taken.
        shared.after_publishing(None);
    });
}

fn nothing_queued(shared: &Shared) -> bool {
    shared.has_nothing_queued() && !local::has_sent()
}

impl Shared {
    /// Takes a task from wherever one lies.
    fn take_any(&self) -> Option<Runnable> {
        self.take_one_injected().or_else(|| self.slots().iter().find_map(|slot| self.take_from(slot)))
    }

    fn take_from(&self, slot: &Slot) -> Option<Runnable> {
        slot.steal_one().or_else(|| slot.hot.take()).or_else(|| {
            let mut sent = slot.inbox.take();
            let first = sent.next();
            sent.for_each(|task| self.inject(task));
            first
        })
    }
}
