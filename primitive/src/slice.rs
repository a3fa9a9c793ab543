//! The time slice of the poll that is under way.
//!
//! A task whose futures are always ready would never return from its poll, and everything queued behind it
//! would wait. So the executor opens a slice around each poll, and the futures at the leaves (a channel's
//! `recv`, a socket's `read`, a lock) ask [`proceed`] before they go on: when the slice is over it wakes the
//! task and says [`Poll::Pending`], once, and the task takes its place behind what is ready.
//!
//! The rule is time, not a count of operations: a task doing little per operation may do many. Reading the
//! clock costs more than a leaf's work, so it is read once in [`OPS_PER_LOOK`] operations, and a poll shorter
//! than that never reads it. After [`FORCED_PENDING_MAX`] refusals in one poll, [`proceed`] lets everything
//! pass again: a combinator that polls the same child over and over within one poll would otherwise spin for
//! ever on a leaf that is ready.
//!
//! Outside a slice (another executor's poll, a plain thread) [`proceed`] always says go.

use crate::time;
use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Operations between two looks at the clock. At 20–50 ns per operation a look (about 45 ns) every 64 costs
/// 2–4%.
pub const OPS_PER_LOOK: u32 = 64;

/// How long one poll may go on through leaves that are ready. A guess, on the scale at which workers look at
/// their other sources of work.
pub const SLICE: Duration = Duration::from_micros(200);

/// Refusals in one poll before everything passes again.
pub const FORCED_PENDING_MAX: u32 = 8;

/// This thread's slice. Apart from each other, so that an operation touches one number.
struct Local {
    /// Operations until the next look, that one included.
    left: Cell<u32>,
    open: Cell<bool>,
    refused: Cell<u32>,
    started: Cell<Option<Instant>>,
}

/// What [`Local`] holds, put aside.
#[derive(Clone, Copy)]
struct State {
    left: u32,
    open: bool,
    refused: u32,
    started: Option<Instant>,
}

/// No slice. The count comes to its end now and then, and begins anew.
const CLOSED: State = State { left: u32::MAX, open: false, refused: 0, started: None };

const FRESH: State = State { left: OPS_PER_LOOK, open: true, refused: 0, started: None };

impl Local {
    const fn new() -> Self {
        Self {
            left: Cell::new(CLOSED.left),
            open: Cell::new(CLOSED.open),
            refused: Cell::new(CLOSED.refused),
            started: Cell::new(CLOSED.started),
        }
    }

    #[inline]
    fn get(&self) -> State {
        State {
            left: self.left.get(),
            open: self.open.get(),
            refused: self.refused.get(),
            started: self.started.get(),
        }
    }

    #[inline]
    fn set(&self, state: State) {
        self.left.set(state.left);
        self.open.set(state.open);
        self.refused.set(state.refused);
        self.started.set(state.started);
    }
}

crate::thread_local! {
    static LOCAL: Local = const { Local::new() };
}

/// An open slice; dropping it puts back what was there before, so that nested polls keep their own.
#[derive(Debug)]
#[must_use = "the slice lasts as long as this value"]
pub struct Slice {
    outer: SavedState,
}

struct SavedState(State);

impl std::fmt::Debug for SavedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SavedState")
    }
}

/// Opens a slice on this thread. The executor calls this around a poll, or around a run of polls.
#[inline]
pub fn open() -> Slice {
    LOCAL.with(|local| {
        let outer = SavedState(local.get());
        local.set(FRESH);
        Slice { outer }
    })
}

impl Slice {
    /// Begins anew for the next poll, without closing.
    #[inline]
    pub fn restart(&mut self) {
        LOCAL.with(|local| local.set(FRESH));
    }
}

impl Drop for Slice {
    #[inline]
    fn drop(&mut self) {
        LOCAL.with(|local| local.set(self.outer.0));
    }
}

/// Asked by a leaf future before it completes: may this poll go on? `Pending` has woken the task already.
///
/// # Errors
/// None: the answer is a [`Poll`] so that leaves can write `ready!(slice::proceed(cx))`.
#[inline]
pub fn proceed(cx: &mut Context<'_>) -> Poll<()> {
    LOCAL.with(|local| match local.left.get() {
        left @ 2.. => {
            local.left.set(left - 1);
            Poll::Ready(())
        }
        _ => look(local, cx),
    })
}

#[cold]
fn look(local: &Local, cx: &mut Context<'_>) -> Poll<()> {
    if !local.open.get() {
        local.left.set(CLOSED.left);
        return Poll::Ready(());
    }
    let now = time::now();
    let started = local.started.get().unwrap_or(now);
    local.started.set(Some(started));
    let over = now.saturating_duration_since(started) >= SLICE && local.refused.get() < FORCED_PENDING_MAX;
    if !over {
        local.left.set(OPS_PER_LOOK);
        return Poll::Ready(());
    }
    local.refused.set(local.refused.get() + 1);
    // The next operation looks again at once: one that is polled in spite of the refusal is refused again.
    local.left.set(1);
    cx.waker().wake_by_ref();
    Poll::Pending
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{FORCED_PENDING_MAX, OPS_PER_LOOK, SLICE, open, proceed};
    use std::task::{Context, Poll, Waker};
    use std::time::Instant;

    #[test]
    fn outside_a_slice_everything_passes() {
        let mut cx = Context::from_waker(Waker::noop());
        assert!((0..10 * OPS_PER_LOOK).all(|_| proceed(&mut cx).is_ready()));
    }

    #[test]
    fn an_endless_poll_is_refused_after_its_slice_and_lets_go_in_the_end() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut slice = open();
        let start = Instant::now();
        while proceed(&mut cx).is_ready() {
            assert!(start.elapsed().as_secs() < 10, "the slice never ended");
        }
        assert!(start.elapsed() >= SLICE);
        let refused =
            1 + (0..4 * FORCED_PENDING_MAX).take_while(|_| proceed(&mut cx) == Poll::Pending).count();
        assert_eq!(refused, FORCED_PENDING_MAX as usize, "a combinator that spins is let go");
        slice.restart();
        assert!(proceed(&mut cx).is_ready());
    }

    #[test]
    fn a_nested_slice_gives_the_outer_one_back() {
        let mut cx = Context::from_waker(Waker::noop());
        let outer = open();
        while proceed(&mut cx).is_ready() {}
        drop(open());
        assert!(proceed(&mut cx).is_pending(), "the outer slice is still over");
        drop(outer);
        assert!(proceed(&mut cx).is_ready());
    }
}
