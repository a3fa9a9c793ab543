//! The model checkers', dressed in `parking_lot`'s surface. Both have the standard library's, so one dress fits.

#[cfg(filch_loom)]
use loom::sync as model;
#[cfg(filch_shuttle)]
use shuttle::sync as model;

pub use model::{Arc, atomic};

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};
use std::time::Instant;

/// A lock that does not poison.
#[derive(Debug, Default)]
pub struct Mutex<T>(model::Mutex<T>);

impl<T> Mutex<T> {
    /// A free lock around `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Self {
        Self(model::Mutex::new(value))
    }

    /// A free lock around `value`.
    #[cfg(filch_shuttle)]
    pub const fn new(value: T) -> Self {
        Self(model::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(MutexGuard(Some(guard))),
            Err(TryLockError::Poisoned(poisoned)) => Some(MutexGuard(Some(poisoned.into_inner()))),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The value: having the lock itself proves that nobody holds it.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to the value, until dropped.
#[derive(Debug)]
pub struct MutexGuard<'a, T>(
    /// Empty only while [`Condvar::wait`] has it.
    Option<model::MutexGuard<'a, T>>,
);

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().expect("a guard in use is whole")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_deref_mut().expect("a guard in use is whole")
    }
}

/// A lock that many may read under, and that does not poison.
#[derive(Debug, Default)]
pub struct RwLock<T>(model::RwLock<T>);

impl<T> RwLock<T> {
    /// A free lock around `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Self {
        Self(model::RwLock::new(value))
    }

    /// A free lock around `value`.
    #[cfg(filch_shuttle)]
    pub const fn new(value: T) -> Self {
        Self(model::RwLock::new(value))
    }

    /// Waits until nobody writes.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until nobody reads or writes.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard(self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The right to read the value, until dropped.
#[derive(Debug)]
pub struct RwLockReadGuard<'a, T>(model::RwLockReadGuard<'a, T>);

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The right to the value, until dropped.
#[derive(Debug)]
pub struct RwLockWriteGuard<'a, T>(model::RwLockWriteGuard<'a, T>);

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A condition variable.
#[derive(Debug, Default)]
pub struct Condvar(model::Condvar);

impl Condvar {
    /// A variable nobody waits on.
    #[cfg(filch_loom)]
    pub fn new() -> Self {
        Self(model::Condvar::new())
    }

    /// A variable nobody waits on.
    #[cfg(filch_shuttle)]
    pub const fn new() -> Self {
        Self(model::Condvar::new())
    }

    /// Gives the lock up until notified.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let inner = guard.0.take().expect("a guard in use is whole");
        guard.0 = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
    }

    /// Gives the lock up until notified. A model knows no time: the deadline never passes.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _deadline: Instant) -> WaitTimeoutResult {
        self.wait(guard);
        WaitTimeoutResult
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes every waiter.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// How a wait with a deadline ended, in a model.
#[derive(Debug, Clone, Copy)]
pub struct WaitTimeoutResult;

impl WaitTimeoutResult {
    /// Never: a model knows no time.
    pub fn timed_out(self) -> bool {
        false
    }
}
