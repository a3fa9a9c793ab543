//! Which scheduler the current thread belongs to.
//!
//! One thread-local pointer to a [`Context`] on the stack of whoever entered. Entering nests: the guard puts
//! back what was there before. The thread-local has no destructor, so it can be asked at any time, even while
//! the thread dies.

#![allow(unsafe_code, reason = "a thread-local pointer to a value on the stack of the thread that entered")]

use super::seat::Seat;
use super::shared::Shared;
use super::standing::Standing;
use crate::task::{JoinHandle, Meta};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr;
use std::sync::Arc;

/// A thread's membership of a scheduler.
pub(crate) struct Context {
    pub(crate) shared: Arc<Shared>,
    /// The thread's place, if it has one: a worker, a guest or a spare. Others only know whose they are.
    pub(super) seat: Option<Seat>,
    /// Whether this thread works for some scheduler further down its stack: a `block_on` up here does not help, for
    /// what it would run could keep the work below waiting.
    pub(super) nested: bool,
    /// What counts the thread here, beside the seat.
    pub(super) standing: Standing,
    /// The one that was current before.
    below: Cell<*const Context>,
}

impl Context {
    /// The membership of a thread in its place.
    pub(super) fn seated(shared: Arc<Shared>, seat: Seat) -> Self {
        Self {
            shared,
            seat: Some(seat),
            nested: false,
            standing: Standing::Nothing,
            below: Cell::new(ptr::null()),
        }
    }

    /// Membership without a place, on top of whatever this thread does.
    pub(super) fn outside(shared: Arc<Shared>) -> Self {
        Self::standing(shared, Standing::Nothing)
    }

    /// As [`outside`](Self::outside), and counted.
    pub(super) fn standing(shared: Arc<Shared>, standing: Standing) -> Self {
        let nested = with(|below| below.is_some_and(|below| below.nested || below.seat.is_some()));
        Self { shared, seat: None, nested, standing, below: Cell::new(ptr::null()) }
    }

    /// Spawns on the scheduler this thread belongs to.
    #[inline]
    pub(crate) fn spawn<F>(&self, future: F, meta: Meta) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.seat {
            Some(seat) => self.shared.spawn_seated(seat, future, meta),
            None => self.shared.spawn_outside(future, meta),
        }
    }
}

filch_primitive::thread_local! {
    static CURRENT: Cell<*const Context> = const { Cell::new(ptr::null()) };
}

/// Runs `f` with this thread's context as current, and puts back the one before, also when `f` panics.
pub(super) fn enter<R>(context: &Context, f: impl FnOnce(&Context) -> R) -> R {
    let outer = CURRENT.replace(context);
    context.below.set(outer);
    let _restore = Restore { outer, not_send: PhantomData };
    f(context)
}

/// Runs `f` with the current context, if the thread has one.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<&Context>) -> R) -> R {
    let current = CURRENT.get();
    // SAFETY: the pointer is null or was set by `enter` on this thread, whose caller's borrow of the context
    // outlasts the guard that takes the pointer back; `f` runs inside that time, because it runs on this
    // thread's stack above it.
    f(unsafe { current.as_ref() })
}

/// Runs `f` with each of the thread's contexts, the current one first, until it breaks off.
pub(super) fn walk(mut f: impl FnMut(&Context) -> ControlFlow<()>) {
    let mut next = CURRENT.get();
    // SAFETY: as in `with` for the current one. Each of those below was current when the one above it was entered, and so
    // outlasts that.
    while let Some(context) = unsafe { next.as_ref() } {
        if f(context).is_break() {
            return;
        }
        next = context.below.get();
    }
}

struct Restore {
    outer: *const Context,
    not_send: PhantomData<*const ()>,
}

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}
