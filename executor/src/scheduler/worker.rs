//! The loop of a worker's thread, and of a spare's.

use super::context::{self, Context};
use super::local;
use super::policy;
use super::seat::{Pick, Seat};
use super::shared::Shared;
use super::stand_in::stand_in;
use filch_primitive::time;
use std::sync::Arc;

/// Works in slot `index` until the scheduler closes.
pub(super) fn work(shared: &Arc<Shared>, index: usize) {
    let Some(seat) = Seat::take(shared, index) else {
        unreachable!("a worker's slot is its own");
    };
    sit(shared, seat, |seat| {
        while !shared.is_closed() {
            if !turn(seat) && !seat.linger() {
                seat.sleep(None, || false);
            }
        }
        local::abort_all();
    });
}

/// Works in a free slot in place of workers that are stuck, until they are not and there has been nothing to do
/// for a while.
pub(super) fn work_as_spare(shared: &Arc<Shared>) {
    let Some(seat) = shared.take_extra_seat() else { return stand_in(shared) };
    sit(shared, seat, |seat| {
        let mut idle_since = None;
        while !shared.is_closed() {
            if turn(seat) {
                idle_since = None;
                continue;
            }
            let since = *idle_since.get_or_insert_with(time::now);
            // Local tasks would end with the thread they are bound to.
            if time::now().saturating_duration_since(since) >= policy::SPARE_KEEP_ALIVE
                && shared.has_free_worker()
                && local::is_empty()
            {
                break;
            }
            seat.sleep(Some(policy::SPARE_KEEP_ALIVE), || false);
        }
        local::abort_all();
    });
}

/// Runs one task, from here or from elsewhere. False when there is none.
#[inline]
pub(super) fn turn(seat: &Seat) -> bool {
    if let Some(pick) = seat.next() {
        // Woken to search, and found work at home: others may search while this thread polls.
        seat.end_search();
        seat.run(pick);
        return true;
    }
    turn_elsewhere(seat)
}

/// The same with nothing left here. Apart, for what it takes would be paid by each turn.
#[inline(never)]
fn turn_elsewhere(seat: &Seat) -> bool {
    if seat.take_events() {
        return true;
    }
    let found = seat.search();
    let any = found.is_some();
    found.into_iter().for_each(|task| seat.run(Pick::Any(task)));
    any
}

/// Runs `f` with the seat as this thread's context, and leaves the seat.
pub(super) fn sit<R>(shared: &Arc<Shared>, seat: Seat, f: impl FnOnce(&Seat) -> R) -> R {
    let context = Context::seated(shared.clone(), seat);
    context::enter(&context, |context| f(context.seat.as_ref().expect("the seat was put there just now")))
}

impl Shared {
    /// Whether some worker is parked, and so would take over what a spare does.
    fn has_free_worker(&self) -> bool {
        self.idle.sleepers().any(|slot| slot < self.workers())
    }
}
