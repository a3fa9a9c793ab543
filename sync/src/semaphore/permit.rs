//! What a [`Semaphore`] hands out.

use super::Semaphore;
use std::sync::Arc;

/// Permits of a [`Semaphore`], returned when dropped.
#[derive(Debug)]
#[must_use = "the permits are returned when this is dropped"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

impl<'a> SemaphorePermit<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// How many permits this is.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the permits out of circulation for good.
    ///
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(3);
    /// semaphore.try_acquire_many(2)?.forget();
    /// assert_eq!(semaphore.available_permits(), 1);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Splits `count` permits off into a permit of their own; nothing when this one has fewer.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore, count })
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.add_permits(self.count);
        }
    }
}

/// As [`SemaphorePermit`], keeping the semaphore alive.
#[derive(Debug)]
#[must_use = "the permits are returned when this is dropped"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    count: usize,
}

impl OwnedSemaphorePermit {
    pub(super) fn new(semaphore: Arc<Semaphore>, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// How many permits this is.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The semaphore these permits came from.
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Takes the permits out of circulation for good.
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Splits `count` permits off into a permit of their own; nothing when this one has fewer.
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore.clone(), count })
    }
}

impl Drop for OwnedSemaphorePermit {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.add_permits(self.count);
        }
    }
}
