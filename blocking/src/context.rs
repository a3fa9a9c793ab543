//! The current thread's pool, and the process-wide one behind it.

use crate::builder::Builder;
use crate::pool::{Pool, WeakPool};
use crate::unblock::Unblock;
use filch_primitive::sync::OnceLock;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

/// What [`unblock()`] finds on a thread.
pub(crate) enum Current {
    Entered(Pool),
    /// A pool's own thread. Weak: a thread must not keep its pool from noticing that nobody can submit any more.
    Own(WeakPool),
}

filch_primitive::thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Makes `pool` the one that [`unblock()`] takes on this thread, until the guard is dropped.
///
/// # Examples
/// ```
/// use filch_blocking::{Pool, enter, unblock};
///
/// let pool = Pool::builder().thread_name("mine").build()?;
/// let guard = enter(&pool);
/// let job = unblock(|| std::thread::current().name().map(str::to_owned));
/// drop(guard);
/// let name = futures_lite::future::block_on(job)?.unwrap();
/// assert!(name.starts_with("mine-"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn enter(pool: &Pool) -> EnterGuard {
    enter_as(Current::Entered(pool.clone()))
}

pub(crate) fn enter_as(current: Current) -> EnterGuard {
    // Gone during the thread's exit: then there is nobody left to tell.
    let outer = CURRENT.try_with(|cell| cell.replace(Some(current))).ok().flatten();
    EnterGuard { outer, not_send: PhantomData }
}

/// Keeps a pool [entered](enter). Dropping it puts back what was there before; guards are dropped in the reverse of
/// the order they were made in.
///
/// ```
/// use filch_blocking::{Pool, enter, unblock};
/// let (outer, inner) = (Pool::new()?, Pool::new()?);
/// let _outer = enter(&outer);
/// let guard = enter(&inner);
/// drop(guard);
/// futures_lite::future::block_on(unblock(|| ()))?;
/// assert_eq!((outer.stats().threads, inner.stats().threads), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the pool is entered for as long as this value lives"]
pub struct EnterGuard {
    outer: Option<Current>,
    not_send: PhantomData<*const ()>,
}

impl Drop for EnterGuard {
    fn drop(&mut self) {
        let outer = self.outer.take();
        // The replaced pool is dropped outside the cell's borrow.
        let inner = CURRENT.try_with(|cell| cell.replace(outer)).ok().flatten();
        drop(inner);
    }
}

impl fmt::Debug for EnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

/// Runs `f` on a pool thread: of the pool [entered](enter) here, else of a process-wide one with the
/// [defaults](Builder::new). On a pool's thread, that pool is the one entered.
///
/// # Errors
/// As [`Pool::spawn`].
///
/// # Cancel safety
/// The job is submitted now, not at the first poll. Dropping the future detaches it: it runs to its end.
///
/// # Examples
/// ```
/// use filch_blocking::unblock;
///
/// # futures_lite::future::block_on(async {
/// let sum = unblock(|| (1..=1_000_000_u64).sum::<u64>()).await?;
/// assert_eq!(sum, 500_000_500_000);
/// # Ok::<(), filch_blocking::UnblockError>(())
/// # }).unwrap();
/// ```
pub fn unblock<F, T>(f: F) -> Unblock<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match entered() {
        Some(pool) => pool.spawn(f),
        None => process_wide().spawn(f),
    }
}

/// The pool of this thread, if it has one.
fn entered() -> Option<Pool> {
    let pool = |current: &Option<Current>| match current {
        Some(Current::Entered(pool)) => Some(pool.clone()),
        Some(Current::Own(pool)) => pool.upgrade(),
        None => None,
    };
    CURRENT.try_with(|cell| pool(&cell.borrow())).ok().flatten()
}

/// Never closed: nobody else gets hold of it.
fn process_wide() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::from_builder(Builder::new()))
}
