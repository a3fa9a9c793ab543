//! From hand to hand: no queue, the value stays in the sending future until a receiver takes it.
//!
//! # Protocol
//! Send: 1. join the senders' line, with the place of the value, and store its length; 2. `fence(SeqCst)`; 3. tell a receiver, as
//! after any publishing; 4. wait to be notified with [`TAKEN`], or for the channel to close.
//!
//! Receive: 1. look at that length; nobody, and nothing is to be had. 2. Under the line's lock, take the value out of the first
//! sender's slot, 3. take that sender out of the line and leave it [`TAKEN`]; wake it after unlocking.
//!
//! Give up: leaving the line, under its lock, is taking the value back; one that finds itself `TAKEN` has delivered.
//!
//! Close: under the lock, say so in the state, and count one more.
//!
//! # Why it is right
//! A slot is touched by others only through a linked waiter and under the line's lock, and by its owner only while it is not
//! linked. So the value is taken by one receiver, or comes back.
//!
//! Sender and receiver each store that they wait, in a line of their own, have a fence behind that, and look at the other's: of
//! two that do so at once, one sees the other. A receiver that misses the close joined its line before the closing one told all
//! in it, or it would know of it by that line's lock.
//!
//! # Rejected
//! Writing the value into a receiver that waits, so that the sender need not: half the switches between the two, and what
//! libraries do that are twice as quick here. The receiver's future may be dropped before it is polled, after a later value was
//! received by another: it would come back out of order, or be lost. Looking under the lock at each try: 3 locks more a message.

#![allow(unsafe_code, reason = "a receiver reaches into the future of a sender")]

use super::line::{Line, LineWaiter};
use super::shared::Pop;
use crate::watched::waiter_in;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::sync::atomic::{Ordering, fence};
use filch_primitive::wait_list::{Phase, Tag, drop_contained};
use filch_primitive::{mutant, wake_contained};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// The token of a sender whose value was taken.
const TAKEN: u32 = 1;

/// Where a sending future keeps its value.
pub(super) struct Slot<T> {
    value: UnsafeCell<Option<T>>,
    /// Receivers point here: no `&mut` to it may count as unique.
    _pinned: PhantomPinned,
}

// SAFETY: a shared slot gives out nothing; see the module docs for who reaches the value, which may cross threads.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(Some(value)), _pinned: PhantomPinned }
    }

    /// # Safety
    /// The slot is not reachable through a linked waiter; or the line's lock is held, and the slot's waiter is linked.
    unsafe fn access<R>(&self, f: impl FnOnce(&mut Option<T>) -> R) -> R {
        self.value.with_mut(|value| {
            // SAFETY: by the caller's promise nobody else touches the value during the call.
            f(unsafe { &mut *value })
        })
    }

    /// Takes the value; its owner's waiter never joined with it, or has left.
    ///
    /// # Safety
    /// The slot's waiter is not linked.
    pub(super) unsafe fn take(self: Pin<&mut Self>) -> Option<T> {
        // SAFETY: not linked, and the owner is here.
        unsafe { self.access(Option::take) }
    }

    /// Puts a value back.
    ///
    /// # Safety
    /// The slot's waiter is not linked.
    pub(super) unsafe fn put(self: Pin<&mut Self>, value: T) {
        // SAFETY: not linked, and the owner is here.
        unsafe { self.access(|place| *place = Some(value)) }
    }
}

impl Line {
    /// Takes the value of the first sender in this line.
    ///
    /// # Safety
    /// All who join this line do so by [`LineWaiter::poll_hand`] with a `Slot<T>` of this very `T`.
    pub(super) unsafe fn take_from_hand<T>(&self) -> Result<T, Pop> {
        if !self.is_busy() {
            return Err(Pop::Empty);
        }
        let mut locked = self.queue().lock();
        if locked.closed {
            return Err(Pop::Closed);
        }
        let Some(place) = locked.front().and_then(|tag| tag.place) else { return Err(Pop::Empty) };
        let slot = place.cast::<Slot<T>>();
        // SAFETY: of this type by the caller's promise. It lies in a pinned future whose waiter is linked; that future
        // takes the waiter out, under the lock we hold, before it goes.
        let slot = unsafe { slot.as_ref() };
        // SAFETY: linked, and the lock is held.
        let value = unsafe { slot.access(Option::take) };
        let waker = locked.notify_front(TAKEN);
        self.count(&locked);
        drop(locked);
        waker.into_iter().for_each(wake_contained);
        value.ok_or(Pop::Empty)
    }

    /// True for the first call. The caller then tells all.
    pub(super) fn close_hand(&self) -> bool {
        let mut locked = self.queue().lock();
        let first = !std::mem::replace(&mut locked.closed, true);
        self.count(&locked);
        first
    }

    pub(super) fn is_hand_closed(&self) -> bool {
        self.queue().lock().closed
    }
}

impl LineWaiter<'_> {
    /// Offers what lies in `slot`, in this waiter's line, to the `receivers`. True when it was taken, false when the channel is
    /// closed; then this waiter is not linked.
    ///
    /// # Safety
    /// `slot` lies in the same pinned future as this waiter.
    pub(super) unsafe fn poll_hand<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slot: Pin<&mut Slot<T>>,
        receivers: &Line,
    ) -> Poll<bool> {
        let this = self.project();
        let line = *this.line;
        let mut waiter = waiter_in(this.waiter, line.queue());
        if waiter.as_mut().take_notified() == Some(TAKEN) {
            return Poll::Ready(true);
        }
        let tag = Tag { place: Some(NonNull::from(&*slot).cast()), ..Tag::NONE };
        let is_new = !waiter.as_mut().is_joined();
        if !is_new {
            let mut locked = line.queue().lock();
            if !locked.closed && waiter.as_mut().stay(&mut locked, cx.waker(), tag) {
                return Poll::Pending;
            }
        }
        let waker = cx.waker().clone();
        let mut locked = line.queue().lock();
        let phase = waiter.as_mut().look(&locked).0;
        if phase == Phase::Notified(TAKEN) || locked.closed {
            waiter.as_mut().leave_locked(&mut locked);
            line.count(&locked);
            drop(locked);
            drop_contained(waker);
            return Poll::Ready(phase == Phase::Notified(TAKEN));
        }
        waiter.as_mut().join(&mut locked, waker, false, tag);
        line.count(&locked);
        drop(locked);
        if is_new {
            if !mutant::planted("channel.hand.fence") {
                // Ordering: SeqCst, between the store in `count` and the look at who waits to receive: see the module docs.
                fence(Ordering::SeqCst);
            }
            receivers.tell_one();
        }
        Poll::Pending
    }
}
