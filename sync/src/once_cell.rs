//! A value that is made once, when it is first asked for: [`OnceCell`].
//!
//! # States
//! The value lies in a [`SetOnce`]. Beside it is the turn: the right to make the value, which one holds at a time.
//!
//! | value | turn | meaning | leaves by |
//! |---|---|---|---|
//! | not set | free | nobody is making it | whoever is polled first takes the turn |
//! | not set | held | it is being made | the holder's [`Turn`] |
//! | set | held, for a moment | it was made | the same |
//! | set | free | the end | [`take`](OnceCell::take), by one who is alone with it |
//!
//! # Protocol
//! Ask, under the turn's lock: 1. a value that is set is the end. 2. A free turn is taken. 3. Else join, with the present
//! round.
//!
//! Make, holding the turn, and no lock: 1. run the initialiser. 2. If it gave a value, set it. 3. Drop the [`Turn`], whatever
//! happened: under the turn's lock it frees the turn, begins a new round, and tells all of former rounds to ask again, a batch at
//! a time, waking outside the lock.
//!
//! # Why it is right
//! *One at a time*: the turn is taken and freed under its lock, and only its holder sets the value.
//!
//! *Nobody is forgotten*: an initialiser fails by returning, by unwinding, or by being dropped, and each of these drops the
//! [`Turn`]. Who asked before is in the list and told; who asks after finds the turn free, or the value.
//!
//! *Futurelock*: a free turn is kept for nobody, and all who wait are told of it. One that is told and not polled any
//! more stops none of the others. The price, a wake-up for each of them, is paid only when an initialiser fails. What no protocol
//! can help: an initialiser that *has* the turn and is not polled stops all who wait for the value, exactly as a lock does that
//! is held by a future nobody polls.
//!
//! # Rejected
//! Handing the turn to the first in the list: if its future is not polled, the others wait for nothing. Telling only the
//! first: the same. One queue for those who would make the value and those who only wait for it: a failed initialiser would have
//! to walk past the latter.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use crate::tell::tell_while;
use crate::{SetOnce, SetOnceWait};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const ASK_AGAIN: u32 = 0;

/// A value that is made once, by an async function, when it is first asked for.
///
/// Of those who ask at once one runs its initialiser, and the others wait for the outcome. An initialiser that fails,
/// panics, or is dropped leaves the cell empty, and the next one that asked runs its own.
///
/// An initialiser that is under way and not polled stops the others, as anything does that is held across an `await`. One that
/// asks its own cell waits for itself, for ever.
///
/// # Complexity
/// One load to get a value that is there, or to ask for it. Else one lock, and for the end of an initialiser, or to set, time
/// linear in the number of those who wait: it wakes them all.
/// # Examples
/// ```
/// use filch_sync::OnceCell;
/// static CONFIG: OnceCell<String> = OnceCell::new();
///
/// async fn load() -> String {
///     "loaded".to_owned()
/// }
/// # futures_lite::future::block_on(async {
/// assert_eq!(CONFIG.get(), None);
/// assert_eq!(CONFIG.get_or_init(load).await, "loaded");
/// assert_eq!(CONFIG.get_or_init(async || unreachable!()).await, "loaded");
/// # });
/// ```
pub struct OnceCell<T> {
    value: SetOnce<T>,
    turns: WaitQueue<Turns>,
}

/// Who may make the value.
struct Turns {
    held: bool,
    /// How often the turn was given back.
    round: u64,
}

impl<T> OnceCell<T> {
    /// An empty cell.
    ///
    /// ```
    /// static NAME: filch_sync::OnceCell<String> = filch_sync::OnceCell::new();
    /// assert_eq!(NAME.get(), None);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new() -> Self {
        Self { value: SetOnce::new(), turns: WaitQueue::new(Turns { held: false, round: 0 }) }
    }

    /// An empty cell.
    #[cfg(filch_loom)]
    pub fn new() -> Self {
        Self { value: SetOnce::new(), turns: WaitQueue::new(Turns { held: false, round: 0 }) }
    }

    /// The value, if it is there.
    ///
    /// # Complexity
    /// One load.
    /// # Examples
    /// ```
    /// let cell = filch_sync::OnceCell::new();
    /// assert_eq!(cell.get(), None);
    /// cell.set(1)?;
    /// assert_eq!(cell.get(), Some(&1));
    /// # Ok::<(), filch_sync::OnceCellError<i32>>(())
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, to be changed.
    ///
    /// ```
    /// let mut cell = filch_sync::OnceCell::from(1);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.get(), Some(&2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Whether the value is there.
    ///
    /// ```
    /// assert!(filch_sync::OnceCell::from(1).is_initialized());
    /// ```
    #[inline]
    pub fn is_initialized(&self) -> bool {
        self.value.is_set()
    }

    /// Sets the value, without waiting.
    ///
    /// # Errors
    /// There is a value already, or an initialiser is under way: the new one comes back.
    /// # Examples
    /// ```
    /// use filch_sync::{OnceCell, OnceCellError};
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(OnceCellError::Initialized(2)));
    /// ```
    pub fn set(&self, value: T) -> Result<(), OnceCellError<T>> {
        let mut locked = self.turns.lock();
        if self.value.is_set() {
            drop(locked);
            return Err(OnceCellError::Initialized(value));
        }
        if locked.held {
            drop(locked);
            return Err(OnceCellError::Initializing(value));
        }
        locked.held = true;
        drop(locked);
        Turn { cell: self }.fill(value);
        Ok(())
    }

    /// The value. Where there is none, `init` makes it, unless another's initialiser is under way and succeeds.
    ///
    /// # Panics
    /// When `init` does; the cell stays empty, and another one that asked runs its own.
    /// # Cancel safety
    /// Dropping the future drops the initialiser with what it has done so far; another one that asked begins with its own.
    /// # Complexity
    /// One load when the value is there. Else one lock, and one wake-up for each that waits when an initialiser ends.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let cell = filch_sync::OnceCell::new();
    /// let (a, b) = futures_lite::future::zip(cell.get_or_init(async || 1), cell.get_or_init(async || 2)).await;
    /// assert_eq!((a, b), (&1, &1));
    /// # });
    /// ```
    pub async fn get_or_init<F, Fut>(&self, init: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        // Before a place to wait is made, which is most of the work where there is a value.
        if let Some(value) = self.get() {
            return value;
        }
        match self.ask().await {
            Asked::Value(value) => value,
            Asked::Turn(turn) => turn.fill(init().await),
        }
    }

    /// The value. Where there is none, `init` makes it or fails.
    ///
    /// # Panics
    /// When `init` does; as with [`get_or_init`](Self::get_or_init).
    /// # Errors
    /// What `init` returned. The cell stays empty, and another one that asked tries its own.
    /// # Cancel safety
    /// As with [`get_or_init`](Self::get_or_init).
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let cell = filch_sync::OnceCell::new();
    /// assert_eq!(cell.get_or_try_init(async || "x".parse::<u8>()).await.ok(), None);
    /// assert_eq!(cell.get_or_try_init(async || "7".parse::<u8>()).await?, &7);
    /// # Ok::<(), std::num::ParseIntError>(())
    /// # }).unwrap();
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, init: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        // As in `get_or_init`.
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match self.ask().await {
            Asked::Value(value) => Ok(value),
            Asked::Turn(turn) => Ok(turn.fill(init().await?)),
        }
    }

    /// The value, on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Panics
    /// When `init` does; the cell stays empty, and another one that asked runs its own.
    /// # Examples
    /// ```
    /// let cell = filch_sync::OnceCell::new();
    /// assert_eq!(cell.get_or_init_blocking(|| 1), &1);
    /// assert_eq!(cell.get_or_init_blocking(|| 2), &1);
    /// ```
    pub fn get_or_init_blocking(&self, init: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init_blocking(|| Ok::<T, Infallible>(init())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value, on a plain thread, from an initialiser that may fail.
    ///
    /// # Panics
    /// When `init` does; as with [`get_or_init`](Self::get_or_init).
    /// # Errors
    /// What `init` returned; as with [`get_or_try_init`](Self::get_or_try_init).
    /// # Examples
    /// ```
    /// let cell = filch_sync::OnceCell::new();
    /// assert!(cell.get_or_try_init_blocking(|| "x".parse::<u8>()).is_err());
    /// assert_eq!(cell.get_or_try_init_blocking(|| "7".parse::<u8>())?, &7);
    /// # Ok::<(), std::num::ParseIntError>(())
    /// ```
    pub fn get_or_try_init_blocking<E>(&self, init: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        match blocking::block_on(self.ask()) {
            Asked::Value(value) => Ok(value),
            Asked::Turn(turn) => Ok(turn.fill(init()?)),
        }
    }

    /// Waits for the value that somebody else makes or sets.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let cell = filch_sync::OnceCell::new();
    /// let (waited, made) = futures_lite::future::zip(cell.wait(), cell.get_or_init(async || 5)).await;
    /// assert_eq!((waited, made), (&5, &5));
    /// # });
    /// ```
    #[inline]
    pub fn wait(&self) -> SetOnceWait<'_, T> {
        self.value.wait()
    }

    /// As [`wait`](Self::wait), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// assert_eq!(filch_sync::OnceCell::from(1).wait_blocking(), &1);
    /// ```
    pub fn wait_blocking(&self) -> &T {
        self.value.wait_blocking()
    }

    /// Takes the value out; the cell is empty then.
    ///
    /// ```
    /// let mut cell = filch_sync::OnceCell::from(1);
    /// assert_eq!(cell.take(), Some(1));
    /// assert_eq!(cell.get_or_init_blocking(|| 2), &2);
    /// ```
    pub fn take(&mut self) -> Option<T> {
        // One may have been leaked with its future; nobody else can hold the turn of a cell that is borrowed mutably.
        self.turns.lock().held = false;
        self.value.take()
    }

    /// The value, without the cell.
    ///
    /// ```
    /// assert_eq!(filch_sync::OnceCell::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// How the cell stands: a look at one moment.
    ///
    /// ```
    /// let cell = filch_sync::OnceCell::from(1);
    /// let now = cell.statistics();
    /// assert!(now.initialized && !now.initializing && now.waiters == 0);
    /// ```
    pub fn statistics(&self) -> OnceCellStatistics {
        let watching = self.value.statistics();
        let locked = self.turns.lock();
        OnceCellStatistics {
            initialized: self.is_initialized(),
            initializing: locked.held,
            waiters: locked.len(),
            waiters_peak: locked.peak(),
            watchers: watching.waiters,
            watchers_peak: watching.waiters_peak,
        }
    }

    fn ask(&self) -> Ask<'_, T> {
        Ask { cell: self, waiter: Waiter::new(&self.turns) }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self { value: SetOnce::from(value), ..Self::new() }
    }
}

/// The copy has the value, if there is one, and no part in making it.
impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.get()).finish_non_exhaustive()
    }
}

/// How a [`OnceCell`] stood at one moment; see [`OnceCell::statistics`].
///
/// ```
/// use filch_sync::OnceCell;
/// let cell = OnceCell::new();
/// cell.get_or_init_blocking(async || 1);
/// let seen = cell.statistics();
/// assert!(seen.initialized && !seen.initializing);
/// assert_eq!((seen.waiters, seen.watchers), (0, 0));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnceCellStatistics {
    /// Whether the value was there.
    pub initialized: bool,
    /// Whether an initialiser was under way.
    pub initializing: bool,
    /// How many waited for its outcome, to run their own if it fails.
    pub waiters: usize,
    /// How many did at most.
    pub waiters_peak: usize,
    /// How many waited for the value alone.
    pub watchers: usize,
    /// How many did at most.
    pub watchers_peak: usize,
}

/// The right to make the value. Dropped, it lets the others ask again.
struct Turn<'a, T> {
    cell: &'a OnceCell<T>,
}

impl<'a, T> Turn<'a, T> {
    fn fill(self, value: T) -> &'a T {
        let cell = self.cell;
        // Only the holder of the turn sets the value, and it was not set when the turn was taken.
        let set = cell.value.set(value);
        debug_assert!(set.is_ok(), "one turn, one value");
        drop(self);
        cell.get().expect("just set")
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        let turns = &self.cell.turns;
        let mut locked = turns.lock();
        locked.held = false;
        locked.round += 1;
        let round = locked.round;
        if !mutant::planted("once_cell.turn.silent") || self.cell.is_initialized() {
            tell_while(turns, locked, ASK_AGAIN, |tag| tag.number < round);
        }
    }
}

/// What one who asked is given.
enum Asked<'a, T> {
    Value(&'a T),
    Turn(Turn<'a, T>),
}

pin_project! {
    /// Waits for the value or the turn, whichever comes first.
    ///
    /// Dropping it owes nobody anything: a free turn is kept for none, and all who wait for it are told.
    struct Ask<'a, T> {
        cell: &'a OnceCell<T>,
        #[pin]
        waiter: Waiter<'a, Turns>,
    }
}

impl<'a, T> Future for Ask<'a, T> {
    type Output = Asked<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let cell = *this.cell;
        if let Some(value) = cell.get() {
            return Poll::Ready(Asked::Value(value));
        }
        this.waiter.poll_wait(cx, |mut waiter, locked| {
            let (phase, tag) = waiter.as_mut().look(locked);
            let asked = match cell.get() {
                Some(value) => Asked::Value(value),
                None if locked.held => {
                    // Who stays keeps the round it came in: the list is told as far as its rounds are in order.
                    let stays = phase == Phase::Waiting;
                    let tag = if stays { tag } else { Tag { number: locked.round, ..Tag::NONE } };
                    return Step::Wait { front: false, tag };
                }
                None => {
                    locked.held = true;
                    Asked::Turn(Turn { cell })
                }
            };
            if phase != Phase::Idle {
                waiter.leave_locked(locked);
            }
            Step::Done(asked)
        })
    }
}

/// Why a value was refused by [`OnceCell::set`]; it comes back.
///
/// ```
/// use filch_sync::{OnceCell, OnceCellError};
/// let cell = OnceCell::new();
/// cell.set("first")?;
/// assert!(cell.set("second") == Err(OnceCellError::Initialized("second")));
/// # Ok::<(), OnceCellError<&str>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OnceCellError<T> {
    /// There is a value already.
    Initialized(T),
    /// An initialiser is under way.
    Initializing(T),
}

impl<T> OnceCellError<T> {
    /// The value that was refused.
    ///
    /// ```
    /// let cell = filch_sync::OnceCell::from(1);
    /// assert_eq!(cell.set(2).unwrap_err().into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Initialized(value) | Self::Initializing(value) => value,
        }
    }
}

impl<T> fmt::Debug for OnceCellError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initialized(_) => "Initialized(..)",
            Self::Initializing(_) => "Initializing(..)",
        })
    }
}

impl<T> fmt::Display for OnceCellError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Initialized(_) => "the cell has a value already",
            Self::Initializing(_) => "the cell's value is being made",
        })
    }
}

impl<T> Error for OnceCellError<T> {}
