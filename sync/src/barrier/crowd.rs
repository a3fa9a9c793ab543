//! All who wait, taken out of the list within one section under its lock.

use filch_primitive::wait_list::Locked;
use filch_primitive::{WAKE_BATCH_CAPACITY, WakeBatch, mutant, wake_contained};
use std::task::Waker;

/// Wakers to be woken once no lock is held: the first few on the stack, the rest in room that was made beforehand.
///
/// Dropping a crowd wakes what is left in it, as with a [`WakeBatch`].
pub(super) struct Crowd {
    few: WakeBatch,
    rest: Vec<Waker>,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self { few: WakeBatch::new(), rest: Vec::new() }
    }

    /// Whether so many fit without allocating, while the crowd is empty.
    pub(super) fn has_room(&self, count: usize) -> bool {
        count <= WAKE_BATCH_CAPACITY + self.rest.capacity()
    }

    /// Makes room for so many. Under no lock: this allocates.
    pub(super) fn reserve(&mut self, count: usize) {
        self.rest.reserve(count);
    }

    /// Empties the list, and leaves each waiter the token for its place. There [is room](Self::has_room) for all.
    pub(super) fn gather<S>(&mut self, locked: &mut Locked<'_, S>, token: impl Fn(u32) -> u32) {
        for place in 0.. {
            if locked.is_empty() || mutant::planted("barrier.gather.one") && place > 0 {
                return;
            }
            match locked.notify_front(token(place)) {
                Some(waker) if self.few.has_room() => self.few.push(waker),
                Some(waker) => self.rest.push(waker),
                None => {}
            }
        }
    }

    /// Wakes all, in the order they waited. A waker that panics is contained.
    pub(super) fn wake_all(&mut self) {
        self.few.wake_all();
        self.rest.drain(..).for_each(wake_contained);
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.wake_all();
    }
}
