//! Locks, semaphores, events, channels and queues for async code, under any executor.
//!
//! Nothing here needs a runtime: a primitive wakes whoever waits for it, wherever that runs, and the `*_blocking`
//! twins serve plain threads. Waiting allocates nothing, but for the queue of what hands out turns, values or room when the first one has to
//! wait: a waiter lives inside the future that waits, in one [wait list](filch_primitive::wait_list) that all primitives share.
//!
//! # Which one
//!
//! | to | there is |
//! |---|---|
//! | change a value from several tasks | [`Lock`]; [`RwLock`] where most of them only read |
//! | let so many go on at once | [`Semaphore`]; [`CapacityLimiter`] where it matters who holds what |
//! | make a value when it is first needed | [`LazyLock`] with its own initialiser, [`OnceCell`] with the caller's, [`SetOnce`] from elsewhere |
//! | wait until something is so | [`Event`] for a flag, [`Condition`] for what a lock guards, [`watch`] for a value |
//! | wake one that waits, or the next to come | [`Notify`] |
//! | wait until all of them are there | [`Barrier`] for those who come back, [`Latch`] for once |
//! | wait until all of them are done | [`WaitGroup`] for workers, [`Queue`] for items |
//! | answer once | [`oneshot`] |
//! | hand out work, each piece to one | [`channel`]; [`Queue`] and its kin where pieces are accounted for or have an order |
//! | tell everybody everything | [`broadcast`]: lossy, or as fast as the slowest |
//! | tell everybody the latest | [`watch`] |
//!
//! # In reading order
//!
//! One at a time, so many at a time:
//! - [`Lock`]: one at a time; two locked instructions when nobody competes.
//! - [`RwLock`]: many readers or one writer, in turns; a read can be upgraded, a write downgraded.
//! - [`Semaphore`]: a number of permits, handed out in the order they were asked for, big requests included.
//! - [`CapacityLimiter`]: a number of tokens, each borrowed in somebody's name; the number can be changed meanwhile.
//!
//! Told when it is so:
//! - [`Event`]: a flag to wait for.
//! - [`Notify`]: tells one to go on, or all; who is told before it waits does not wait.
//! - [`Condition`]: waits, under a [`Lock`], for what the lock guards to change.
//! - [`Latch`]: a count that goes down to zero, once.
//! - [`WaitGroup`]: work that is counted while it lives, again and again.
//! - [`Barrier`]: tasks that wait for each other, again and again.
//!
//! Made once:
//! - [`SetOnce`]: a value that is set once, and waited for.
//! - [`OnceCell`]: a value that is made once, when it is first asked for.
//! - [`LazyLock`]: a value together with the async function that makes it.
//!
//! Handed over:
//! - [`oneshot`]: one value, once.
//! - [`channel`]: many values between many senders and many receivers; bounded, unbounded or hand to hand.
//! - [`broadcast`]: every value to every receiver.
//! - [`watch`]: the latest value, for all who look.
//! - [`queue`]: [`Queue`], [`PriorityQueue`] and [`LifoQueue`], whose items are accounted for until they are done.
//!
//! Common promises: dropping a future that waits loses nothing (each function's *cancel safety* says what that means);
//! a panic of somebody's waker or destructor harms nobody else; `Debug` never waits.
//!
//! ```
//! use filch_sync::{Lock, channel};
//! # futures_lite::future::block_on(async {
//! let total = Lock::new(0);
//! let (sender, receiver) = channel::bounded(8);
//! sender.send(2).await?;
//! sender.send(3).await?;
//! drop(sender);
//! while let Ok(number) = receiver.recv().await {
//!     *total.lock().await += number;
//! }
//! assert_eq!(total.into_inner(), 5);
//! # Ok::<(), channel::SendError<i32>>(())
//! # }).unwrap();
//! ```

pub mod broadcast;
pub mod channel;
pub mod oneshot;
pub mod queue;
pub mod watch;

mod barrier;
mod blocking;
mod capacity_limiter;
mod clock;
mod condition;
mod event;
mod latch;
mod lazy_lock;
mod line;
mod lock;
mod notify;
mod once_cell;
mod rwlock;
mod semaphore;
mod set_once;
mod tell;
#[cfg(all(test, not(filch_loom)))]
mod testing;
mod wait_group;
mod watched;
#[cfg_attr(any(filch_loom, filch_shuttle), path = "watchman/modelled.rs")]
mod watchman;

pub use barrier::{Barrier, BarrierStatistics, BarrierWait, BarrierWaitResult, BrokenBarrier};
pub use capacity_limiter::{
    AcquireToken, AlreadyBorrowed, Borrower, CapacityLimiter, CapacityLimiterStatistics, CapacityToken,
    NotBorrowed, TryAcquireTokenError,
};
pub use condition::{Condition, ConditionStatistics};
pub use event::{Event, EventStatistics, EventWait};
pub use latch::{ArriveError, Latch, LatchStatistics, LatchWait};
pub use lazy_lock::{Initializer, LazyForce, LazyFuture, LazyLock, LazyLockStatistics};
pub use lock::{
    Holder, Lock, LockFuture, LockGuard, LockStatistics, MappedLockGuard, OwnedLockGuard,
    OwnedMappedLockGuard,
};
pub use notify::{Notified, Notify, NotifyStatistics};
pub use once_cell::{OnceCell, OnceCellError, OnceCellStatistics};
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use rwlock::{
    MappedRwLockReadGuard, MappedRwLockWriteGuard, OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockRead, RwLockReadGuard, RwLockStatistics, RwLockUpgradableRead,
    RwLockUpgradableReadGuard, RwLockUpgrade, RwLockWrite, RwLockWriteGuard,
};
pub use semaphore::{
    Acquire, Closed, MAX_PERMITS, OwnedSemaphorePermit, Semaphore, SemaphorePermit, SemaphoreStatistics,
    TooManyPermits, TryAcquireError,
};
pub use set_once::{SetOnce, SetOnceError, SetOnceStatistics, SetOnceWait};
pub use wait_group::{WaitGroup, WaitGroupStatistics, WaitGroupWait, WaitGroupWorker};
