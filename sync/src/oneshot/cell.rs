//! The allocation that the two halves share.
//!
//! # States
//! One byte of flags. All but the two that say "waits" are set once and stay.
//!
//! | flag | set by | meaning |
//! |---|---|---|
//! | `DONE` | sender | the sender's end: nothing is sent any more |
//! | `VALUE` | sender | with `DONE`: the value is written, and is the receiver's |
//! | `SENDER_GONE` | sender | the sender touches the cell no more |
//! | `CLOSED` | receiver | the receiver's end: no value is taken that was not there |
//! | `RECEIVER_GONE` | receiver | the receiver touches the cell no more |
//! | `RECEIVER_WAITS` | receiver | the receiver's waker lies in its slot |
//! | `SENDER_WAITS` | sender | the sender's waker lies in its slot |
//!
//! Who may touch what. The value slot is the sender's until `VALUE`, then the receiver's. A half's waker slot is its own, but
//! for one case: the exchange that sets the other half's end and sees the "waits" flag in the same word gives the slot to that
//! other half for good. A half that wants its waker back clears the flag in an exchange, and has it back unless that exchange
//! shows the other's end.
//!
//! # Protocol
//! Send: 1. take the own waker back, if any. 2. Write the value. 3. Exchange: where `CLOSED` is set, nothing; else set `DONE` and
//! `VALUE`, and `SENDER_GONE` with them unless the receiver waits. 4. Refused: read the value back, set `SENDER_GONE`. If the
//! receiver waits: take its waker, set `SENDER_GONE`, wake. Dropping the sender is the same without the value.
//!
//! Receive: 1. `VALUE`: take it; else `DONE` or `CLOSED`: there is none. 2. Else write the waker and set `RECEIVER_WAITS`, unless
//! that exchange shows an end: back to 1.
//!
//! Drop of the receiver: 1. take the own waker back. 2. Set `CLOSED`, and `RECEIVER_GONE` with it unless there is something
//! left to take: a value, or the waker of a sender that waits. 3. Take those, set `RECEIVER_GONE`; then wake, and drop the value.
//!
//! Free: whoever sets its "gone" flag and sees the other's frees the cell. A receiver that sees `SENDER_GONE` has the cell to
//! itself and frees it without an exchange.
//!
//! # Why it is right
//! All changes are exchanges of one byte, so they have one order. Each half takes everything it needs out of the cell before it
//! publishes its "gone" flag, and touches nothing after, so that the other may free the cell at once; the second of the two
//! exchanges sees the first, and only that one frees. A waker is dropped with its half, not with the cell: it may keep alive
//! the very task that owns the other half.
//!
//! # Rejected
//! A reference count beside the state: two more locked instructions. Publishing value and end in one exchange always: the
//! receiver could free the cell while its waker is being taken out of it.

#![allow(unsafe_code, reason = "two halves share an allocation and free it without a reference count")]

use super::OneshotStatistics;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::sync::atomic::{AtomicU8, Ordering};
use filch_primitive::wait_list::drop_contained;
use filch_primitive::{mutant, wake_contained};
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

const DONE: u8 = 1;
const VALUE: u8 = 2;
const SENDER_GONE: u8 = 4;
const CLOSED: u8 = 8;
const RECEIVER_GONE: u8 = 16;
const RECEIVER_WAITS: u8 = 32;
const SENDER_WAITS: u8 = 64;

struct Shared<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
    receiver_waker: UnsafeCell<Option<Waker>>,
    sender_waker: UnsafeCell<Option<Waker>>,
}

impl<T> Shared<T> {
    /// Sets a "gone" flag; true when the other half is gone as well.
    fn leave(&self, gone: u8) -> bool {
        // Ordering: Release, so that the other half frees the cell after our last access; Acquire, paired with the
        // other half's Release, for when it is us who free.
        let before = self.state.fetch_or(gone, Ordering::AcqRel);
        before & (SENDER_GONE | RECEIVER_GONE) != 0
    }

    fn state(&self) -> u8 {
        // Ordering: Acquire, paired with the exchanges of the other half: what it wrote before is seen.
        self.state.load(Ordering::Acquire)
    }

    /// A look, from one load.
    fn statistics(&self) -> OneshotStatistics {
        let state = self.state();
        OneshotStatistics {
            has_value: state & VALUE != 0,
            is_closed: state & (DONE | CLOSED) != 0,
            // A waker that was given away with the other's end is no wait any more.
            sender_waits: state & (SENDER_WAITS | CLOSED) == SENDER_WAITS,
            receiver_waits: state & (RECEIVER_WAITS | DONE) == RECEIVER_WAITS,
        }
    }

    /// Exchanges the state for `next(state)`; the answer is the state before.
    fn exchange(&self, next: impl Fn(u8) -> u8) -> u8 {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.state.load(Ordering::Relaxed);
        loop {
            // Ordering: Release, so that the other half sees what was written before (the value, a waker); Acquire, paired
            // with the other half's Release, since the slots change hands here.
            let both = mutant::ordering("oneshot.exchange.order", Ordering::AcqRel, Ordering::Relaxed);
            match self.state.compare_exchange_weak(now, next(now), both, Ordering::Relaxed) {
                Ok(before) => return before,
                Err(changed) => now = changed,
            }
        }
    }
}

/// Puts a waker into a slot, or takes it out.
///
/// # Safety
/// The slot is the caller's, by the table in the module docs.
unsafe fn swap_waker(slot: &UnsafeCell<Option<Waker>>, waker: Option<Waker>) -> Option<Waker> {
    slot.with_mut(|slot| {
        // SAFETY: the caller's promise: nobody else touches the slot.
        let slot = unsafe { &mut *slot };
        std::mem::replace(slot, waker)
    })
}

/// # Safety
/// Both halves are gone, and the caller is the one that saw it.
unsafe fn free<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: allocated by `pair` as a box, and by the caller's promise not used any more.
    let shared = unsafe { Box::from_raw(shared.as_ptr()) };
    // The value is not in it: the receiver took it out, or it was refused. Nor are wakers: each was taken out by its half
    // or by the other before that was gone.
    drop(shared);
}

pub(super) fn pair<T>() -> (SenderCell<T>, ReceiverCell<T>) {
    let shared = Box::new(Shared {
        state: AtomicU8::new(0),
        value: UnsafeCell::new(MaybeUninit::uninit()),
        receiver_waker: UnsafeCell::new(None),
        sender_waker: UnsafeCell::new(None),
    });
    let shared = NonNull::from(Box::leak(shared));
    (SenderCell { shared, _value: PhantomData }, ReceiverCell { shared, taken: false, _value: PhantomData })
}

/// The sender's reference to the cell.
pub(super) struct SenderCell<T> {
    shared: NonNull<Shared<T>>,
    _value: PhantomData<T>,
}

/// The receiver's reference to the cell.
pub(super) struct ReceiverCell<T> {
    shared: NonNull<Shared<T>>,
    /// Whether the value was taken out of its slot.
    taken: bool,
    _value: PhantomData<T>,
}

// SAFETY: a half sends `T` to, or gets it from, another thread; wakers may cross threads.
unsafe impl<T: Send> Send for SenderCell<T> {}
// SAFETY: a shared sender only looks at the state.
unsafe impl<T: Send> Sync for SenderCell<T> {}
// SAFETY: as for the sender.
unsafe impl<T: Send> Send for ReceiverCell<T> {}
// SAFETY: a shared receiver only looks at the state.
unsafe impl<T: Send> Sync for ReceiverCell<T> {}

impl<T> SenderCell<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the cell is freed only after this half is gone, and this half is here.
        unsafe { self.shared.as_ref() }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared().state() & CLOSED != 0
    }

    pub(super) fn statistics(&self) -> OneshotStatistics {
        self.shared().statistics()
    }

    pub(super) fn send(self, value: T) -> Result<(), T> {
        let this = ManuallyDrop::new(self);
        let own_waker = this.take_own_waker();
        let shared = this.shared();
        shared.value.with_mut(|slot| {
            // SAFETY: the slot is ours until `VALUE`, which only we set.
            let slot = unsafe { &mut *slot };
            slot.write(value);
        });
        let before = shared.exchange(|now| match now {
            _ if now & CLOSED != 0 => now,
            _ if now & RECEIVER_WAITS != 0 => now | DONE | VALUE,
            _ => now | DONE | VALUE | SENDER_GONE,
        });
        // Where `SENDER_GONE` was set above there is nothing to free: `RECEIVER_GONE` does not come before `CLOSED`.
        let sent = if before & CLOSED != 0 {
            let refused = shared.value.with_mut(|slot| {
                // SAFETY: the slot is still ours: `VALUE` was not set.
                let slot = unsafe { &mut *slot };
                // SAFETY: written above, and read here once.
                unsafe { slot.assume_init_read() }
            });
            // SAFETY: this half is not used any more, and `SENDER_GONE` was not set.
            unsafe { this.finish(false) };
            Err(refused)
        } else {
            if before & RECEIVER_WAITS != 0 {
                // SAFETY: as above; the exchange that set `DONE` saw the waiting receiver.
                unsafe { this.finish(true) };
            }
            Ok(())
        };
        own_waker.into_iter().for_each(drop_contained);
        sent
    }

    /// Sets `SENDER_GONE`, and frees the cell if that is on us. Where `wakes`, takes the receiver's waker before, and wakes it
    /// after.
    ///
    /// # Safety
    /// 1. `SENDER_GONE` is not set, and this half is not used after this call.
    /// 2. If `wakes`, the exchange that set `DONE` saw `RECEIVER_WAITS`.
    unsafe fn finish(&self, wakes: bool) {
        let shared = self.shared();
        let waker = wakes.then(|| {
            // SAFETY: by 2 the slot is ours.
            unsafe { swap_waker(&shared.receiver_waker, None) }
        });
        if shared.leave(SENDER_GONE) {
            // SAFETY: both are gone, and we saw it.
            unsafe { free(self.shared) };
        }
        waker.flatten().into_iter().for_each(wake_contained);
    }

    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_closed() {
            return Poll::Ready(());
        }
        let own_waker = self.take_own_waker();
        let waker = match own_waker {
            Some(waker) if waker.will_wake(cx.waker()) => waker,
            _ => cx.waker().clone(),
        };
        let shared = self.shared();
        // Asked again: the waker may have been given away with the receiver's end, and then the slot is not ours.
        if self.is_closed() {
            return Poll::Ready(());
        }
        // SAFETY: `SENDER_WAITS` is clear and only we set it: the slot is ours, whatever the receiver does meanwhile.
        unsafe { swap_waker(&shared.sender_waker, Some(waker)) };
        let before = shared.exchange(|now| if now & CLOSED != 0 { now } else { now | SENDER_WAITS });
        if before & CLOSED == 0 {
            return Poll::Pending;
        }
        // SAFETY: the flag was not set: the slot is still ours.
        let unused = unsafe { swap_waker(&shared.sender_waker, None) };
        drop(unused);
        Poll::Ready(())
    }

    /// Takes the sender's own waker back, if it is still ours.
    fn take_own_waker(&self) -> Option<Waker> {
        let shared = self.shared();
        if shared.state() & SENDER_WAITS == 0 {
            return None;
        }
        let before = shared.exchange(|now| if now & CLOSED != 0 { now } else { now & !SENDER_WAITS });
        if before & CLOSED != 0 {
            return None;
        }
        // SAFETY: `SENDER_WAITS` was cleared before the receiver's end: the slot is ours again.
        unsafe { swap_waker(&shared.sender_waker, None) }
    }
}

impl<T> Drop for SenderCell<T> {
    fn drop(&mut self) {
        let own_waker = self.take_own_waker();
        let before = self.shared().exchange(|now| match now {
            _ if now & CLOSED != 0 => now | SENDER_GONE,
            _ if now & RECEIVER_WAITS != 0 => now | DONE,
            _ => now | DONE | SENDER_GONE,
        });
        if before & CLOSED != 0 {
            if before & RECEIVER_GONE != 0 {
                // SAFETY: both are gone, and we saw it.
                unsafe { free(self.shared) };
            }
        } else if before & RECEIVER_WAITS != 0 {
            // SAFETY: `SENDER_GONE` was not set; the exchange that set `DONE` saw the waiting receiver.
            unsafe { self.finish(true) };
        }
        own_waker.into_iter().for_each(drop_contained);
    }
}

impl<T> ReceiverCell<T> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the cell is freed only after this half is gone, and this half is here.
        unsafe { self.shared.as_ref() }
    }

    /// Whether no value will come that is not there yet.
    pub(super) fn is_closed(&self) -> bool {
        self.shared().state() & (DONE | CLOSED) != 0
    }

    /// Whether a value is there to take.
    pub(super) fn has_value(&self) -> bool {
        !self.taken && self.shared().state() & VALUE != 0
    }

    pub(super) fn statistics(&self) -> OneshotStatistics {
        OneshotStatistics { has_value: self.has_value(), ..self.shared().statistics() }
    }

    /// The answer, if there is one: a value, or that none will come.
    pub(super) fn take(&mut self) -> Poll<Option<T>> {
        let state = self.shared().state();
        if state & VALUE != 0 {
            return Poll::Ready(self.take_value());
        }
        if state & (DONE | CLOSED) != 0 { Poll::Ready(None) } else { Poll::Pending }
    }

    /// The value; the caller has seen `VALUE`.
    fn take_value(&mut self) -> Option<T> {
        if std::mem::replace(&mut self.taken, true) {
            return None;
        }
        self.shared().value.with_mut(|slot| {
            // SAFETY: `VALUE` was seen, with Acquire: the slot is ours.
            let slot = unsafe { &mut *slot };
            // SAFETY: the value was written before `VALUE`, and `taken` sees to it that it is read once.
            Some(unsafe { slot.assume_init_read() })
        })
    }

    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Poll::Ready(answer) = self.take() {
            return Poll::Ready(answer);
        }
        let own_waker = self.take_own_waker();
        if let Poll::Ready(answer) = self.take() {
            return Poll::Ready(answer);
        }
        let waker = match own_waker {
            Some(waker) if waker.will_wake(cx.waker()) => waker,
            _ => cx.waker().clone(),
        };
        let shared = self.shared();
        // SAFETY: `RECEIVER_WAITS` is clear and only we set it: the slot is ours, whatever the sender does meanwhile.
        unsafe { swap_waker(&shared.receiver_waker, Some(waker)) };
        let before = shared.exchange(|now| if now & DONE != 0 { now } else { now | RECEIVER_WAITS });
        if before & DONE == 0 || mutant::planted("oneshot.wait.blind") {
            return Poll::Pending;
        }
        // SAFETY: the flag was not set: the slot is still ours.
        let unused = unsafe { swap_waker(&shared.receiver_waker, None) };
        drop(unused);
        self.take()
    }

    /// Takes the receiver's own waker back, if it is still ours.
    fn take_own_waker(&self) -> Option<Waker> {
        let shared = self.shared();
        if shared.state() & RECEIVER_WAITS == 0 {
            return None;
        }
        let before = shared.exchange(|now| if now & DONE != 0 { now } else { now & !RECEIVER_WAITS });
        if before & DONE != 0 {
            return None;
        }
        // SAFETY: `RECEIVER_WAITS` was cleared before the sender's end: the slot is ours again.
        unsafe { swap_waker(&shared.receiver_waker, None) }
    }

    pub(super) fn close(&mut self) {
        let before = self.shared().exchange(|now| now | CLOSED);
        self.claim_sender_waker(before).into_iter().for_each(wake_contained);
    }

    /// The waker of a sender that waits, after an exchange that set `CLOSED` and saw `before`.
    fn claim_sender_waker(&self, before: u8) -> Option<Waker> {
        if before & CLOSED != 0 || before & SENDER_WAITS == 0 {
            return None;
        }
        // SAFETY: this exchange set our end and saw `SENDER_WAITS`: the slot is ours.
        unsafe { swap_waker(&self.shared().sender_waker, None) }
    }
}

impl<T> Drop for ReceiverCell<T> {
    fn drop(&mut self) {
        let own_waker = self.take_own_waker();
        let state = self.shared().state();
        let mut waker = None;
        let mut value = None;
        let free_it = if state & SENDER_GONE != 0 {
            if state & VALUE != 0 {
                value = self.take_value();
            }
            true
        } else {
            let taken = self.taken;
            let something_left =
                |now: u8| (now & VALUE != 0 && !taken) || (now & SENDER_WAITS != 0 && now & CLOSED == 0);
            let before = self.shared().exchange(|now| {
                if something_left(now) { now | CLOSED } else { now | CLOSED | RECEIVER_GONE }
            });
            if something_left(before) {
                if before & VALUE != 0 {
                    value = self.take_value();
                }
                waker = self.claim_sender_waker(before);
                self.shared().leave(RECEIVER_GONE)
            } else {
                before & SENDER_GONE != 0
            }
        };
        if free_it {
            // SAFETY: the sender is gone, we saw it, and we are going.
            unsafe { free(self.shared) };
        }
        waker.into_iter().for_each(wake_contained);
        own_waker.into_iter().for_each(drop_contained);
        drop(value);
    }
}
