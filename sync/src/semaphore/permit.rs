//! What a [`Semaphore`] hands out.

use super::Semaphore;
use std::sync::Arc;

/// Permits of a [`Semaphore`], returned when dropped.
///
/// ```
/// let semaphore = filch_sync::Semaphore::new(1);
/// let permit = semaphore.try_acquire().unwrap();
/// assert_eq!(semaphore.available_permits(), 0);
/// drop(permit);
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
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
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(3);
    /// assert_eq!(semaphore.try_acquire_many(2)?.num_permits(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// The same as [`num_permits`](Self::num_permits).
    ///
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(3);
    /// assert_eq!(semaphore.try_acquire_many(2)?.count(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the permits out of circulation for good.
    ///
    /// # Examples
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
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(3);
    /// let mut all = semaphore.try_acquire_many(3)?;
    /// drop(all.split(2));
    /// assert_eq!((all.num_permits(), semaphore.available_permits()), (1, 2));
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore, count })
    }

    /// Takes the permits of `other` in, to be returned together.
    ///
    /// # Panics
    /// If `other` came from another semaphore.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(2);
    /// let mut permit = semaphore.try_acquire()?;
    /// permit.merge(semaphore.try_acquire()?);
    /// assert_eq!(permit.num_permits(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn merge(&mut self, mut other: Self) {
        assert!(std::ptr::eq(self.semaphore, other.semaphore), "permits of two semaphores are not merged");
        // They cannot overflow: a semaphore never has more than `MAX_PERMITS` at a time to give.
        self.count = self.count.saturating_add(std::mem::take(&mut other.count));
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.release(self.count);
        }
    }
}

/// As [`SemaphorePermit`], keeping the semaphore alive.
///
/// ```
/// use std::sync::Arc;
/// let semaphore = Arc::new(filch_sync::Semaphore::new(1));
/// let permit = semaphore.clone().try_acquire_owned().unwrap();
/// std::thread::spawn(move || drop(permit)).join().unwrap();
/// assert_eq!(semaphore.available_permits(), 1);
/// ```
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
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(filch_sync::Semaphore::new(3));
    /// assert_eq!(semaphore.try_acquire_many_owned(2)?.num_permits(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn num_permits(&self) -> usize {
        self.count
    }

    /// The same as [`num_permits`](Self::num_permits).
    ///
    /// ```
    /// let semaphore = std::sync::Arc::new(filch_sync::Semaphore::new(3));
    /// assert_eq!(semaphore.try_acquire_many_owned(2)?.count(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }

    /// The semaphore these permits came from.
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(filch_sync::Semaphore::new(1));
    /// let permit = semaphore.try_acquire_owned()?;
    /// assert_eq!(permit.semaphore().available_permits(), 0);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Takes the permits out of circulation for good.
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(filch_sync::Semaphore::new(3));
    /// semaphore.clone().try_acquire_owned()?.forget();
    /// assert_eq!(semaphore.available_permits(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn forget(mut self) {
        self.count = 0;
    }

    /// Splits `count` permits off into a permit of their own; nothing when this one has fewer.
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(filch_sync::Semaphore::new(3));
    /// let mut all = semaphore.clone().try_acquire_many_owned(3)?;
    /// let two = all.split(2);
    /// drop(all);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn split(&mut self, count: usize) -> Option<Self> {
        self.count = self.count.checked_sub(count)?;
        Some(Self { semaphore: self.semaphore.clone(), count })
    }

    /// Takes the permits of `other` in, to be returned together.
    ///
    /// # Panics
    /// If `other` came from another semaphore.
    ///
    /// # Examples
    /// ```
    /// let semaphore = std::sync::Arc::new(filch_sync::Semaphore::new(2));
    /// let mut permit = semaphore.clone().try_acquire_owned()?;
    /// permit.merge(semaphore.clone().try_acquire_owned()?);
    /// assert_eq!(permit.num_permits(), 2);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn merge(&mut self, mut other: Self) {
        assert!(Arc::ptr_eq(&self.semaphore, &other.semaphore), "permits of two semaphores are not merged");
        // They cannot overflow: a semaphore never has more than `MAX_PERMITS` at a time to give.
        self.count = self.count.saturating_add(std::mem::take(&mut other.count));
    }
}

impl Drop for OwnedSemaphorePermit {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.release(self.count);
        }
    }
}
