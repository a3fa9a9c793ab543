//! What a deadline looks like inside its future: the entry.
//!
//! An entry is a link of one of the wheel's lists, and it lives in the future itself: waiting for a deadline
//! allocates nothing. Two sides touch it: the *future*, which is polled, reset and dropped by one thread at a
//! time, and the *wheel*, that is whoever holds the lock of the entry's home timer.
//!
//! # States
//!
//! | state    | links and place | waker                                           | leaves by                                |
//! |----------|-----------------|-------------------------------------------------|------------------------------------------|
//! | Idle     | the future      | none                                            | [`Entry::linked`], [`Entry::fired`]      |
//! | Linked   | the wheel       | there; the future writes it under the lock      | [`Entry::fire`], [`Entry::unlinked`], [`Entry::orphan`] |
//! | Fired    | the future      | moved out by the wheel                          | [`Entry::rearm`]                         |
//! | Orphaned | the future      | moved out by the wheel                          | [`Entry::rearm`], or a registration      |
//!
//! Only the wheel takes an entry out of Linked, and it does so with a Release store that is its *last* access: the
//! future may be dropped the moment it sees another state, without the lock. Into Linked the future
//! goes itself, under the lock.
//!
//! # The waker
//!
//! The wheel moves the waker out by reading its bits and never writes them. So while an entry is Linked, the
//! future, the only one who writes them, may compare them with the waker it is polled with and needs no lock for
//! it. Comparing stale bits is harmless. Should the wheel have moved the waker out meanwhile, then either its
//! wake-up is still to come and wakes this very task; or it came before this poll, and the poll sees the state
//! that was stored before it. Nor can another waker have taken the old one's address unnoticed: that needs the old
//! one freed, which again comes after the store.
//!
//! # The deadline
//!
//! Rounded up to the entry's beat, which is how timers with slack meet, it is when the entry is *due*. Deadline and
//! beat are written by the future at any time, without the lock when the entry becomes due later: the wheel reads
//! them when the entry's slot expires and files the entry anew if it is still ahead. The wheel may read the old
//! value at that moment and fire: then the future finds itself fired before its time. It remembers the move
//! ([`Entry::was_moved`]) and looks at the clock before it believes in such a firing.

#![allow(unsafe_code, reason = "intrusive links and a waker that move between the future and the wheel")]

use crate::line::{Beat, Nanos};
use filch_primitive::cell::UnsafeCell;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::fmt;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::task::Waker;

/// Where an entry is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// In no wheel, not registered.
    Idle,
    /// In the wheel of its home timer.
    Linked,
    /// Its deadline came.
    Fired,
    /// Its home timer ended before the deadline came.
    Orphaned,
}

impl State {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Linked,
            2 => Self::Fired,
            3 => Self::Orphaned,
            _ => Self::Idle,
        }
    }
}

/// Neighbours in a circular list.
#[derive(Clone, Copy)]
pub(crate) struct Links {
    pub(crate) previous: NonNull<Entry>,
    pub(crate) next: NonNull<Entry>,
}

/// The slot an entry was filed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) level: u8,
    pub(crate) slot: u8,
}

/// A deadline and whom to wake then. See the module's docs for who may touch what.
pub(crate) struct Entry {
    links: UnsafeCell<Links>,
    waker: UnsafeCell<MaybeUninit<Waker>>,
    deadline: AtomicU64,
    place: UnsafeCell<Place>,
    state: AtomicU8,
    /// The bits of the [`Beat`] that the deadline is rounded up to.
    beat: AtomicU8,
    /// Touched by the future alone; atomic only because the wheel holds a shared reference to the entry.
    moved: AtomicBool,
    /// As above: the deadline was ahead when it was set, by a clock read then.
    ahead: AtomicBool,
    /// The wheel points here: the future must not move, and the compiler must not think a `&mut` to it unique.
    _pinned: PhantomPinned,
}

// SAFETY: links, place and waker are reached by unsafe functions alone, whose callers hold the right that the
// module's table gives; a waker may go to any thread.
unsafe impl Send for Entry {}
// SAFETY: as above; the remaining fields are atomics.
unsafe impl Sync for Entry {}

impl Entry {
    /// An idle entry; `ahead` if the deadline is known to lie ahead of the clock.
    pub(crate) fn new(deadline: Nanos, ahead: bool) -> Self {
        Self {
            links: UnsafeCell::new(Links { previous: NonNull::dangling(), next: NonNull::dangling() }),
            waker: UnsafeCell::new(MaybeUninit::uninit()),
            deadline: AtomicU64::new(deadline.raw()),
            place: UnsafeCell::new(Place { level: 0, slot: 0 }),
            state: AtomicU8::new(State::Idle as u8),
            beat: AtomicU8::new(Beat::ANY.bits()),
            moved: AtomicBool::new(false),
            ahead: AtomicBool::new(ahead),
            _pinned: PhantomPinned,
        }
    }

    /// Where the entry is in its life.
    #[inline]
    pub(crate) fn state(&self) -> State {
        // Ordering: Acquire, paired with the Release stores in `fire` and `orphan`: who sees the entry released
        // may free or reuse it, so the wheel's accesses must lie before.
        State::from_byte(self.state.load(Ordering::Acquire))
    }

    #[inline]
    fn set_state(&self, state: State) {
        // Ordering: Release, paired with the Acquire load in `state`.
        self.state.store(state as u8, Ordering::Release);
    }

    /// The deadline as it stands.
    #[inline]
    pub(crate) fn deadline(&self) -> Nanos {
        // Ordering: Relaxed. The wheel may read a value that is about to change; `was_moved` covers that.
        Nanos::from_own_raw(self.deadline.load(Ordering::Relaxed))
    }

    /// When it may fire: the deadline, at its beat.
    #[inline]
    pub(crate) fn due(&self) -> Nanos {
        let deadline = self.deadline();
        match self.beat() {
            // Nearly all: worth a branch.
            Beat::ANY => deadline,
            beat => deadline.at_beat(beat),
        }
    }

    /// The pace at which it may fire.
    #[inline]
    pub(crate) fn beat(&self) -> Beat {
        // Ordering: Relaxed, as in `deadline`.
        Beat::from_bits(self.beat.load(Ordering::Relaxed))
    }

    /// Future: another beat. One that lets a linked entry be due earlier than it was filed takes effect with the
    /// next filing.
    pub(crate) fn set_beat(&self, beat: Beat) {
        // Ordering: Relaxed, as in `deadline`.
        self.beat.store(beat.bits(), Ordering::Relaxed);
    }

    /// Future: another deadline, later than before if the entry is linked and its lock not held.
    #[inline]
    pub(crate) fn set_deadline(&self, deadline: Nanos) {
        // Ordering: Relaxed, as in `deadline`.
        self.deadline.store(deadline.raw(), Ordering::Relaxed);
    }

    /// Future: whether the deadline moved while the wheel might have been firing.
    #[inline]
    pub(crate) fn was_moved(&self) -> bool {
        // Ordering: Relaxed, one thread at a time reads and writes it.
        self.moved.load(Ordering::Relaxed)
    }

    /// Future: remembers, or forgets, that the deadline moved under the wheel's eyes.
    #[inline]
    pub(crate) fn set_moved(&self, moved: bool) {
        // Ordering: Relaxed, as in `was_moved`.
        self.moved.store(moved && !mutant::planted("timer.reset.forgets"), Ordering::Relaxed);
    }

    /// Future: whether the deadline was set ahead of the clock and not registered since.
    #[inline]
    pub(crate) fn is_ahead(&self) -> bool {
        // Ordering: Relaxed, one thread at a time reads and writes it.
        self.ahead.load(Ordering::Relaxed)
    }

    /// Future, not linked: as new, with the deadline as it stands, ahead of the clock or not.
    pub(crate) fn rearm(&self) {
        debug_assert_ne!(self.state(), State::Linked);
        // Ordering: Relaxed, as in `is_ahead`.
        self.ahead.store(false, Ordering::Relaxed);
        self.set_moved(false);
        self.set_state(State::Idle);
    }

    /// Future, not linked: the deadline was seen to have come, no wheel needed.
    pub(crate) fn fired(&self) {
        debug_assert_ne!(self.state(), State::Linked);
        self.set_moved(false);
        self.set_state(State::Fired);
    }

    /// Future, under the lock: the entry was put into the wheel, and wakes `waker`.
    ///
    /// # Safety
    /// 1. The entry is not linked by its state; it has just been put into the wheel.
    /// 2. The caller is the future's thread and holds the home timer's lock.
    pub(crate) unsafe fn linked(&self, waker: Waker) {
        self.waker.with_mut(|bits| {
            // SAFETY: by 1 and 2 nobody else reaches the waker, and by the table there is none to overwrite.
            unsafe { bits.write(MaybeUninit::new(waker)) }
        });
        self.set_moved(false);
        self.set_state(State::Linked);
    }

    /// Future, under the lock, after the entry was taken out of the wheel: hands back its waker.
    ///
    /// # Safety
    /// 1. The entry is linked.
    /// 2. The caller is the future's thread and holds the home timer's lock.
    pub(crate) unsafe fn unlinked(&self) -> Waker {
        // SAFETY: by 1 the waker is there; by 2 nobody else takes it, and it is never read again in Idle.
        let waker = unsafe { self.read_waker() };
        self.set_moved(false);
        self.set_state(State::Idle);
        waker
    }

    /// Future, under the lock: wakes another from now on. Hands back the one before.
    ///
    /// # Safety
    /// 1. The entry is linked.
    /// 2. The caller is the future's thread and holds the home timer's lock.
    pub(crate) unsafe fn replace_waker(&self, waker: Waker) -> Waker {
        // SAFETY: by 1 the waker is there; it is overwritten below and so owned once.
        let before = unsafe { self.read_waker() };
        self.waker.with_mut(|bits| {
            // SAFETY: by 2 nobody else reaches the waker: the wheel reads it under the lock, the future is here.
            unsafe { bits.write(MaybeUninit::new(waker)) }
        });
        before
    }

    /// Future, no lock: whether the waker that was registered last is as good as `waker`.
    ///
    /// # Safety
    /// 1. The caller is the future's thread.
    /// 2. The entry was linked at some time since it was made.
    #[inline]
    pub(crate) unsafe fn registered(&self, waker: &Waker) -> bool {
        self.waker.with(|bits| {
            // SAFETY: by 1 nobody writes meanwhile, as only the future does; the wheel at most reads.
            let bits = unsafe { &*bits };
            // SAFETY: by 2 a waker was written. It may have been moved out, but its bits are two pointers that
            // stay what they were, and comparing them follows neither.
            let registered = unsafe { bits.assume_init_ref() };
            registered.will_wake(waker) || mutant::planted("timer.waker.stale")
        })
    }

    /// Wheel, after taking it out of its list: the deadline came. Hands out whom to wake.
    ///
    /// # Safety
    /// 1. `entry` is valid and linked, and in no list any more.
    /// 2. The caller holds the home timer's lock.
    /// 3. The caller does not touch the entry afterwards.
    pub(crate) unsafe fn fire(entry: NonNull<Self>) -> Waker {
        // SAFETY: the caller keeps 1 to 3, which are what is asked.
        unsafe { Self::release(entry, State::Fired) }
    }

    /// Wheel, after taking it out of its list: its timer ends. Hands out whom to wake.
    ///
    /// # Safety
    /// As for [`fire`](Self::fire).
    pub(crate) unsafe fn orphan(entry: NonNull<Self>) -> Waker {
        // SAFETY: the caller keeps 1 to 3, which are what is asked.
        unsafe { Self::release(entry, State::Orphaned) }
    }

    /// # Safety
    /// As for [`fire`](Self::fire).
    unsafe fn release(entry: NonNull<Self>, state: State) -> Waker {
        // SAFETY: by 1 it is valid; a linked entry stays so until the store below.
        let entry = unsafe { entry.as_ref() };
        // SAFETY: by 1 the waker is there; by the table nobody takes it after the state changed.
        let waker = unsafe { entry.read_waker() };
        // The last access: from here on the future may be gone.
        entry.set_state(state);
        waker
    }

    /// # Safety
    /// 1. The entry is linked, and the caller holds the home timer's lock.
    /// 2. The caller sees to it that the waker is owned once.
    unsafe fn read_waker(&self) -> Waker {
        self.waker.with(|bits| {
            // SAFETY: by 1 nobody writes it: only the future does, under the lock.
            let bits = unsafe { bits.read() };
            // SAFETY: by 1 a waker is there, by 2 it is owned once.
            unsafe { bits.assume_init() }
        })
    }

    /// # Safety
    /// The caller holds the right to the links: it is the future of an entry that is not linked, or the wheel.
    #[inline]
    pub(crate) unsafe fn links(&self) -> Links {
        // SAFETY: the caller's right is what reading takes.
        self.links.with(|links| unsafe { *links })
    }

    /// # Safety
    /// As for [`links`](Self::links).
    #[inline]
    pub(crate) unsafe fn set_links(&self, to: Links) {
        // SAFETY: the caller's right is what writing takes.
        self.links.with_mut(|links| unsafe { *links = to });
    }

    /// # Safety
    /// As for [`links`](Self::links).
    #[inline]
    pub(crate) unsafe fn place(&self) -> Place {
        // SAFETY: the caller's right is what reading takes.
        self.place.with(|place| unsafe { *place })
    }

    /// # Safety
    /// As for [`links`](Self::links).
    #[inline]
    pub(crate) unsafe fn set_place(&self, to: Place) {
        // SAFETY: the caller's right is what writing takes.
        self.place.with_mut(|place| unsafe { *place = to });
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("state", &self.state())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}
