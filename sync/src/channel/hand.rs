//! From hand to hand: no queue, the value stays in the sending future until a receiver takes it.
//!
//! # Protocol
//! All of it under the channel's lock. Send: 1. join the senders' line, with the place of the value; 2. tell a receiver, as after any
//! publishing; 3. wait to be notified with [`TAKEN`], or for the channel to close.
//!
//! Receive: 1. take the value out of the first sender's slot, 2. take that sender out of the line and leave it [`TAKEN`]; wake it
//! after unlocking.
//!
//! Give up: leaving the line is taking the value back; one that finds itself `TAKEN` has delivered.
//!
//! # Why it is right
//! A slot is touched by others only through a linked waiter and under the lock, and by its owner only while it is not linked. So
//! the value is taken by one receiver, or comes back.

#![allow(unsafe_code, reason = "a receiver reaches into the future of a sender")]

use super::line::{LockedLines, SENDERS, Telling};
use super::parcel::Parcel;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::wait_list::Tag;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;

/// The token of a sender whose value was taken.
pub(super) const TAKEN: u32 = 1;

/// Where a sending future keeps its value.
pub(super) struct Slot<T> {
    parcel: UnsafeCell<Parcel<T>>,
    /// Receivers point here: no `&mut` to it may count as unique.
    _pinned: PhantomPinned,
}

// SAFETY: a shared slot gives out nothing; see the module docs for who reaches the value, which may cross threads.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    #[inline]
    pub(super) fn new(value: T) -> Self {
        Self { parcel: UnsafeCell::new(Parcel::full(value)), _pinned: PhantomPinned }
    }

    /// # Safety
    /// The slot is not reachable through a linked waiter; or the channel's lock is held, and the slot's waiter is linked.
    #[inline]
    unsafe fn access<R>(&self, f: impl FnOnce(&mut Parcel<T>) -> R) -> R {
        self.parcel.with_mut(|parcel| {
            // SAFETY: by the caller's promise nobody else touches the value during the call.
            f(unsafe { &mut *parcel })
        })
    }

    /// The owner's own access.
    ///
    /// # Safety
    /// The slot is not reachable through a linked waiter: its waiter is not linked, or has joined without the slot's [tag](Self::tag).
    #[inline]
    pub(super) unsafe fn own<R>(self: Pin<&mut Self>, f: impl FnOnce(&mut Parcel<T>) -> R) -> R {
        // SAFETY: not reachable by others, and the owner is here.
        unsafe { self.access(f) }
    }

    /// What a waiter joins with that offers this value.
    pub(super) fn tag(&self) -> Tag {
        Tag { place: Some(NonNull::from(self).cast()), ..Tag::NONE }
    }
}

/// Takes the value of the first sender in line; nothing when nobody offers one.
///
/// # Safety
/// All who join the senders' line of this channel do so with the tag of a `Slot<T>` of this very `T`, which lies in the same pinned
/// future as their waiter.
pub(super) unsafe fn take<T>(locked: &mut LockedLines<'_>, to: &mut Parcel<T>) -> Option<Telling> {
    let slot = locked.front_in(SENDERS)?.place?.cast::<Slot<T>>();
    // SAFETY: of this type by the caller's promise. It lies in a pinned future whose waiter is linked; that future
    // takes the waiter out, under the lock we hold, before it goes.
    let slot = unsafe { slot.as_ref() };
    // SAFETY: linked, and the lock is held.
    let given = unsafe { slot.access(|parcel| parcel.hand_over(to)) };
    debug_assert!(given, "a sender in the line has its value");
    Some(Telling::of(locked.notify_front_in(SENDERS, TAKEN)))
}
