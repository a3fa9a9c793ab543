//! From hand to hand: no queue, the value stays in the sending future until a receiver takes it.
//!
//! # Protocol
//! Send: 1. join the senders' line, with the place of the value; 2. tell a receiver, as after any publishing; 3. wait to be
//! notified with [`TAKEN`], or for the channel to close.
//!
//! Receive: under the line's lock, 1. take the value out of the first sender's slot, 2. take that sender out of the line and leave
//! it [`TAKEN`]; wake it after unlocking.
//!
//! Give up: leaving the line, under its lock, is taking the value back; one that finds itself `TAKEN` has delivered.
//!
//! # Why it is right
//! A slot is touched by others only through a linked waiter and under the line's lock, and by its owner only while it is not
//! linked. So the value is taken by one receiver, or comes back.

#![allow(unsafe_code, reason = "a receiver reaches into the future of a sender")]

use super::line::{Line, LineWaiter};
use super::shared::Pop;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::wait_list::{Phase, Step, Tag};
use filch_primitive::wake_contained;
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
        let mut locked = self.queue.lock();
        if *locked {
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
        drop(locked);
        waker.into_iter().for_each(wake_contained);
        value.ok_or(Pop::Empty)
    }

    /// True for the first call. The caller then tells all.
    pub(super) fn close_hand(&self) -> bool {
        !std::mem::replace(&mut *self.queue.lock(), true)
    }

    pub(super) fn is_hand_closed(&self) -> bool {
        *self.queue.lock()
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
        let mut this = self.project();
        if this.waiter.as_mut().take_notified() == Some(TAKEN) {
            return Poll::Ready(true);
        }
        let tag = Tag { place: Some(NonNull::from(&*slot).cast()), ..Tag::NONE };
        let is_new = !this.waiter.as_mut().is_joined();
        let polled = this.waiter.poll_wait(cx, |mut waiter, locked| {
            let phase = waiter.as_mut().look(locked).0;
            if phase == Phase::Notified(TAKEN) || **locked {
                waiter.leave_locked(locked);
                return Step::Done(phase == Phase::Notified(TAKEN));
            }
            Step::Wait { front: false, tag }
        });
        if is_new && polled.is_pending() {
            receivers.tell_one();
        }
        polled
    }
}
