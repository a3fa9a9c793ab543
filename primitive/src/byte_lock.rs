//! A one-byte lock for critical sections of a few instructions.
//!
//! States: free and held. [`ByteLock::lock`] exchanges free for held; on failure it reads (never writes) a bounded number
//! of times, each time after twice as long a pause, then gives its processor up between looks, so that a holder that
//! lost its processor gets it back. The pauses leave the line to the holder, who may well take the lock several times
//! meanwhile, each time without waiting for another processor: with looks one after another, two workers at one channel
//! took twice as long (T. Anderson, "The performance of spin lock alternatives", 1990). [`ByteLockGuard`]'s drop stores free.
//!
//! Why it is right: the exchange acquires what the last holder's store released, and only one exchange can turn
//! free into held. There is no fairness and no queue: sections must be short and must never run user code, so
//! that whoever waits waits for nanoseconds. Rejected: a futex lock, whose unlock costs a second locked
//! instruction, and whose waiters' system calls cost more than the sections guarded here.

#![allow(unsafe_code, reason = "a lock hands out `&mut` to what it guards")]

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(filch_loom)]
mod turnstile;

use crate::cell::UnsafeCell;
use crate::mutant;
use crate::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(filch_loom))]
use crate::{hint, thread};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Looks at a held lock before giving the processor up, the last one after 64 pauses' time. A guess: sections take 10–50 ns, a
/// pause about 5–40 ns.
#[cfg(not(filch_loom))]
const LOOKS_MAX: u32 = 7;

/// A lock of one byte around a value.
pub struct ByteLock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
    #[cfg(filch_loom)]
    turnstile: turnstile::Turnstile,
}

// SAFETY: the lock moves its value between threads, one at a time, which is what `T: Send` allows.
unsafe impl<T: Send> Send for ByteLock<T> {}
// SAFETY: through a shared lock one thread at a time reaches the value, by `&mut`: again `T: Send` is what it
// takes.
unsafe impl<T: Send> Sync for ByteLock<T> {}

impl<T> ByteLock<T> {
    /// A free lock around `value`.
    #[cfg(not(filch_loom))]
    pub const fn new(value: T) -> Self {
        Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// A free lock around `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Self {
        Self { held: AtomicBool::new(false), value: UnsafeCell::new(value), turnstile: Default::default() }
    }

    /// Waits for the lock. The caller keeps the section to a few instructions and runs no user code in it.
    #[inline]
    pub fn lock(&self) -> ByteLockGuard<'_, T> {
        match self.try_lock() {
            Some(guard) => guard,
            None => self.lock_slow(),
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<ByteLockGuard<'_, T>> {
        // Ordering: Acquire, paired with the Release store in the guard's drop: what the last holder wrote is
        // seen here. Relaxed on failure: nothing is read then.
        self.held
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then(|| ByteLockGuard { lock: self, _value: PhantomData })
    }

    #[cfg(filch_loom)]
    fn lock_slow(&self) -> ByteLockGuard<'_, T> {
        self.turnstile.wait_for(|| self.try_lock())
    }

    #[cfg(not(filch_loom))]
    #[cold]
    fn lock_slow(&self) -> ByteLockGuard<'_, T> {
        let mut looks = 0;
        loop {
            // Ordering: Relaxed, a hint; the exchange in `try_lock` decides.
            if !self.held.load(Ordering::Relaxed)
                && let Some(guard) = self.try_lock()
            {
                return guard;
            }
            if looks < LOOKS_MAX && !cfg!(filch_shuttle) {
                (0..1 << looks).for_each(|_| hint::spin_loop());
                looks += 1;
            } else {
                thread::yield_now();
            }
        }
    }

    /// The value: having the lock itself proves that nobody holds it.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: Default> Default for ByteLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> fmt::Debug for ByteLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never takes the lock: a debugger's print must not wait.
        f.debug_struct("ByteLock").finish_non_exhaustive()
    }
}

/// The right to the value, until dropped.
pub struct ByteLockGuard<'a, T> {
    lock: &'a ByteLock<T>,
    /// Shared, a guard gives out `&T`: it must not be `Sync` where `T` is not.
    _value: PhantomData<&'a mut T>,
}

impl<T> Deref for ByteLockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists only while `held` is ours, so nobody else reaches the value; the reference
        // lives no longer than the borrow of the guard.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for ByteLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard itself is borrowed mutably, so this is the only reference.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> Drop for ByteLockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Release, paired with the Acquire exchange in `try_lock`.
        let release = mutant::ordering("byte_lock.unlock.order", Ordering::Release, Ordering::Relaxed);
        self.lock.held.store(false, release);
        #[cfg(filch_loom)]
        self.lock.turnstile.tell();
    }
}

impl<T: fmt::Debug> fmt::Debug for ByteLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::ByteLock;
    use std::sync::Arc;

    #[test]
    fn counts_from_many_threads_are_exact() {
        let lock = Arc::new(ByteLock::new(0_u64));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let lock = lock.clone();
                std::thread::spawn(move || (0..20_000).for_each(|_| *lock.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*lock.lock(), 80_000);
    }

    #[test]
    fn a_held_lock_refuses_and_a_dropped_guard_frees() {
        let lock = ByteLock::new('x');
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(guard);
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn a_panic_frees_the_lock() {
        let lock = ByteLock::new(());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert!(lock.try_lock().is_some());
    }
}
