//! Queues whose items are accounted for: [`Queue`], [`PriorityQueue`], [`LifoQueue`].
//!
//! They are asyncio's three, for tasks and threads: bounded or not, with [`join`](RawQueue::join) and
//! [`task_done`](RawQueue::task_done), and with [`shutdown`](RawQueue::shutdown). All are one type, [`RawQueue`], that differs in
//! which item comes out next. A queue is shared by reference or in an [`Arc`](std::sync::Arc), and has no ends to count: it ends
//! when it is shut down. Where items need no accounts and the two ends live and die by themselves, a
//! [`channel`](crate::channel) is faster.
//!
//! # States
//! One lock, the state's, guards the items, the number of those unfinished, the generation (how often that number came down to
//! zero), and whether the queue is shut down. It is held for a few moves, or, where items have an order, for a few
//! comparisons. Beside it are three lines of waiters (`line.rs`), each under its own lock: for an item, for room, for all to be
//! done. No two of these locks are ever held at once.
//!
//! | | unfinished | leaves by |
//! |---|---|---|
//! | an item in the queue | 1 | a get; a shutdown that is immediate, which counts it as done |
//! | an item that was got | 1 | `task_done` |
//! | all done | 0 | a put |
//!
//! # Protocol
//! Put and get: 1. under the state's lock, look, then move: see [`Order`]. 2. Still under it, see what is left: items, room.
//! 3. Outside it, if there are items, tell the first who waits for one; if there is room, the first who waits for that.
//!
//! Wait for an item, or for room: 1. try, as above. 2. Join the line, having marked it as occupied. 3. Try again. One that was told
//! and tries in vain goes back to the front.
//!
//! Give up: leave the line; one that was told tells the next, if there still is something, or the queue was shut down.
//!
//! Join: 1. look whether all is done, and at the generation. 2. Join the line with that generation. 3. Look at it again.
//!
//! Done: 1. under the state's lock, count down; at zero begin a generation. 2. Release those who joined in former ones.
//!
//! Shut down: 1. under the state's lock, set the flag, and if it is to be immediate take all items out and count them as done.
//! 2. Tell all who wait for an item or for room; release as above. 3. Drop the items.
//!
//! # Why it is right
//! *No lost wake-up*: who waits marks its line before its second try, who changes the state reads the mark after it. The state's
//! lock puts one of the two before the other: either the try sees the change, or the change sees the waiter.
//!
//! *Nothing is lost*: an item leaves the queue only in the poll that returns it, and a future only in the poll that puts it.
//!
//! *Futurelock*: telling reserves nothing. What lies there is taken by whoever is polled first, a newcomer too. Each put *and each
//! get* that leaves something behind tells one more, so one that was told and is not polled holds up the others at most until the next
//! operation of anybody; where there is none, until another is asked (`watched.rs`), some milliseconds later. When the one that
//! was told is dropped, it tells the next. The price: in a burst a few are woken that find nothing. Streams and sinks, which keep
//! their place while nobody asks them, are told as a matter of form: the telling goes on to one that does not stand.
//!
//! *Order*: waiters are told in the order they came. One that is awake may get ahead of one that was told, which then goes back to the
//! front; where two were told and both came in vain, the later to come stands first.
//!
//! *The user's `Ord`* runs under the state's lock, for there is no order of many putters and getters without one. It runs only in
//! the step that looks and changes nothing: when it panics the queue is as it was, the item is still there, or still with the
//! one who was to put it, and the panic is the caller's. If it uses the very queue it would wait for itself: it panics instead.
//! Items are dropped outside all locks.
//!
//! # Rejected
//! Handing items to those who wait: one that is dropped would have to give its item back, out of order, and one that is not polled
//! keeps it. One list for all who wait: the first of a kind would have to be searched for. Telling only in `put`, as asyncio does:
//! it saves the wake-ups in vain, and an item may lie beside a sleeper until that one is asked.

mod error;
mod join;
mod look;
mod mark;
#[cfg(all(test, filch_loom))]
mod model;
mod order;
#[cfg(all(test, not(filch_loom)))]
mod property;
mod stream;
mod task;
#[cfg(all(test, not(filch_loom)))]
mod tests;
mod turn;

pub use error::{GetError, PutError, TooManyDone, TryGetError, TryPutError};
pub use join::Join;
pub use look::QueueStatistics;
pub use order::{Fifo, Lifo, Order, Smallest};
pub use stream::{QueueSink, QueueStream};
pub use task::{GetTask, TaskGuard};
pub use turn::{Get, Put};

use crate::blocking;
use crate::line::Line;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::{ByteLock, ByteLockGuard, mutant};
use mark::{Mark, this_thread};
use turn::{Side, Turn};

/// First in, first out: asyncio's `Queue`. The methods are [`RawQueue`]'s.
///
/// # Examples
/// Two workers, and the moment when all is done:
/// ```
/// use filch_sync::queue::Queue;
/// # fn work_on(_page: u32) {}
/// # futures_lite::future::block_on(async {
/// let pages = Queue::bounded(4);
/// std::thread::scope(|threads| {
///     for _ in 0..2 {
///         threads.spawn(|| {
///             while let Ok(page) = pages.get_task_blocking() {
///                 work_on(*page);
///             }
///         });
///     }
///     for page in 1..=20 {
///         pages.put_blocking(page).unwrap();
///     }
///     pages.join_blocking();
///     pages.shutdown(false);
/// });
/// assert_eq!(pages.statistics().unfinished, 0);
/// # });
/// ```
pub type Queue<T> = RawQueue<T, Fifo>;

/// The smallest first, as asyncio's `PriorityQueue`; equals leave in the order they came, which asyncio does not promise. The
/// methods are [`RawQueue`]'s.
///
/// Items that are to leave largest first are put as [`Reverse`](std::cmp::Reverse). The items' `Ord` runs while the queue is locked:
/// it should be short, and must not use the queue they are in, which would [panic](RawQueue#panics). A panic of its own changes
/// nothing in the queue.
///
/// # Examples
/// ```
/// use filch_sync::queue::PriorityQueue;
/// let queue = PriorityQueue::unbounded();
/// queue.try_put((2, "later"))?;
/// queue.try_put((1, "first"))?;
/// assert_eq!(queue.try_get(), Ok((1, "first")));
/// # Ok::<(), filch_sync::queue::TryPutError<(i32, &str)>>(())
/// ```
pub type PriorityQueue<T> = RawQueue<T, Smallest>;

/// Last in, first out: asyncio's `LifoQueue`. The methods are [`RawQueue`]'s.
///
/// # Examples
/// ```
/// use filch_sync::queue::LifoQueue;
/// let queue = LifoQueue::unbounded();
/// queue.try_put('a')?;
/// queue.try_put('b')?;
/// assert_eq!(queue.try_get(), Ok('b'));
/// # Ok::<(), filch_sync::queue::TryPutError<char>>(())
/// ```
pub type LifoQueue<T> = RawQueue<T, Lifo>;

/// A queue whose items are accounted for, in the order `O`: what [`Queue`], [`PriorityQueue`] and [`LifoQueue`] are.
///
/// Waiting getters and putters are told in the order they came. Nothing is reserved for one that was told: whoever is polled first
/// takes what lies there, and a future that is not polled keeps nothing from the others; the [module docs](self) say what holds.
///
/// # Panics
/// When the `Ord` of an item does, in a put or a get, which then has changed nothing. When such an `Ord` itself puts, gets,
/// or looks at the items, in the very queue that compares.
/// # Complexity
/// A put or a get is one short lock and constant time, in a [`PriorityQueue`] the logarithm. One that makes the memory grow,
/// or gives it back after a burst, moves all items; those before it have paid for that. Waking one that waits is a lock more;
/// of [streams](Self::stream) an item wakes several. The last [`task_done`](Self::task_done) and [`shutdown`](Self::shutdown)
/// are linear in the number of those who wait; an immediate one in that of the items, too.
/// # Examples
/// ```
/// let queue = filch_sync::Queue::unbounded();
/// queue.put_blocking("job")?;
/// drop(queue.get_task_blocking().unwrap()); // Done.
/// queue.join_blocking();
/// assert_eq!(queue.statistics().unfinished, 0);
/// # Ok::<(), filch_sync::queue::PutError<&str>>(())
/// ```
/// # Source
/// Python's `asyncio.Queue`, with the shutdown of 3.13, for many threads. Differences: the constructors are named, where asyncio's
/// `maxsize=0` means without bound; equal priorities keep their order; [`get_task`](Self::get_task) cannot forget `task_done`.
pub struct RawQueue<T, O: Order<T>> {
    state: ByteLock<State<O::Items>>,
    /// The thread that compares items under the state's lock at this moment, or 0.
    comparing: AtomicUsize,
    /// Nothing for a queue without bound.
    capacity: Option<usize>,
    getters: Line,
    putters: Line,
    joiners: Line,
}

struct State<I> {
    items: I,
    len_peak: usize,
    /// Items that were put and are not done.
    unfinished: u64,
    /// How often `unfinished` came down to 0.
    generation: u64,
    is_shut_down: bool,
}

/// What an operation leaves behind for others.
struct Left {
    items: bool,
    room: bool,
}

/// What came of a try to put.
enum Given {
    Put,
    Full,
    ShutDown,
}

impl<T, O: Order<T>> RawQueue<T, O> {
    /// A queue of at most `capacity` items; putters wait while it is full.
    ///
    /// # Panics
    /// With a capacity of 0, by which asyncio means no bound and others mean from hand to hand: say
    /// [`unbounded`](Self::unbounded), or use a [`rendezvous`](crate::channel::rendezvous).
    ///
    /// # Examples
    /// ```
    /// use filch_sync::queue::{Queue, TryPutError};
    /// static QUEUE: Queue<u8> = Queue::bounded(1);
    /// assert_eq!(QUEUE.try_put(1), Ok(()));
    /// assert_eq!(QUEUE.try_put(2), Err(TryPutError::Full(2)));
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a bounded queue has room for one item at least");
        Self::new(Some(capacity))
    }

    /// A queue of at most `capacity` items.
    #[cfg(filch_loom)]
    pub fn bounded(capacity: usize) -> Self {
        Self::new(Some(capacity))
    }

    /// A queue that holds as many items as memory does; putters never wait. Asyncio's `maxsize=0`.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// (0..1000).for_each(|number| queue.try_put(number).unwrap());
    /// assert_eq!((queue.len(), queue.capacity()), (1000, None));
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn unbounded() -> Self {
        Self::new(None)
    }

    /// A queue that holds as many items as memory does.
    #[cfg(filch_loom)]
    pub fn unbounded() -> Self {
        Self::new(None)
    }

    #[cfg(not(filch_loom))]
    const fn new(capacity: Option<usize>) -> Self {
        Self {
            state: ByteLock::new(State {
                items: O::NEW,
                len_peak: 0,
                unfinished: 0,
                generation: 0,
                is_shut_down: false,
            }),
            comparing: AtomicUsize::new(0),
            capacity,
            getters: Line::new(),
            putters: Line::new(),
            joiners: Line::new(),
        }
    }

    #[cfg(filch_loom)]
    fn new(capacity: Option<usize>) -> Self {
        let (items, len_peak, unfinished, generation, is_shut_down) = (O::NEW, 0, 0, 0, false);
        Self {
            state: ByteLock::new(State { items, len_peak, unfinished, generation, is_shut_down }),
            comparing: AtomicUsize::new(0),
            capacity,
            getters: Line::new(),
            putters: Line::new(),
            joiners: Line::new(),
        }
    }

    /// Puts `item`, waiting while there is no room.
    ///
    /// # Panics
    /// When the future is polled again after it was done.
    /// # Errors
    /// [`PutError`] with the item when the queue was shut down, before or while this waits.
    /// # Cancel safety
    /// If the future is dropped before it is done the item was not put, and is dropped with it.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let queue = filch_sync::queue::Queue::bounded(1);
    /// queue.put("work").await?;
    /// assert!(queue.is_full());
    /// # Ok::<(), filch_sync::queue::PutError<&str>>(())
    /// # }).unwrap();
    /// ```
    pub fn put(&self, item: T) -> Put<'_, T, O> {
        Put::new(Turn::new(self, Side::Put, false), item)
    }

    /// Puts `item` if there is room.
    ///
    /// # Errors
    /// [`TryPutError::Full`] or [`TryPutError::ShutDown`], with the item.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::bounded(1);
    /// queue.try_put('a')?;
    /// assert_eq!(queue.try_put('b').unwrap_err().into_inner(), 'b');
    /// # Ok::<(), filch_sync::queue::TryPutError<char>>(())
    /// ```
    pub fn try_put(&self, item: T) -> Result<(), TryPutError<T>> {
        let mut item = Some(item);
        let given = self.give(&mut item);
        match (given, item) {
            (Given::Full, Some(item)) => Err(TryPutError::Full(item)),
            (Given::ShutDown, Some(item)) => Err(TryPutError::ShutDown(item)),
            _ => Ok(()),
        }
    }

    /// Asyncio's name for [`try_put`](Self::try_put).
    ///
    /// # Errors
    /// As with [`try_put`](Self::try_put).
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// assert_eq!(queue.put_nowait(1), Ok(()));
    /// ```
    pub fn put_nowait(&self, item: T) -> Result<(), TryPutError<T>> {
        self.try_put(item)
    }

    /// Puts on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`PutError`] with the item when the queue was shut down.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::bounded(1);
    /// queue.put_blocking(1)?;
    /// assert_eq!(queue.len(), 1);
    /// # Ok::<(), filch_sync::queue::PutError<i32>>(())
    /// ```
    pub fn put_blocking(&self, item: T) -> Result<(), PutError<T>> {
        match self.try_put(item) {
            Ok(()) => Ok(()),
            Err(TryPutError::ShutDown(item)) => Err(PutError(item)),
            Err(TryPutError::Full(item)) => blocking::block_on(self.put(item)),
        }
    }

    /// Gets the next item, waiting while there is none. Once its work is done, [`task_done`](Self::task_done) is to be called, if
    /// anybody [joins](Self::join); [`get_task`](Self::get_task) sees to that by itself.
    ///
    /// # Errors
    /// [`GetError`] when the queue was shut down and is empty.
    /// # Cancel safety
    /// An item leaves the queue only when this returns it: dropping the future loses nothing.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put("work").unwrap();
    /// assert_eq!(queue.get().await?, "work");
    /// # Ok::<(), filch_sync::queue::GetError>(())
    /// # }).unwrap();
    /// ```
    pub fn get(&self) -> Get<'_, T, O> {
        Get::new(Turn::new(self, Side::Get, false))
    }

    /// Gets the next item if there is one.
    ///
    /// # Errors
    /// [`TryGetError::Empty`] or [`TryGetError::ShutDown`].
    ///
    /// # Examples
    /// ```
    /// use filch_sync::queue::{Queue, TryGetError};
    /// let queue: Queue<u8> = Queue::unbounded();
    /// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    /// queue.shutdown(false);
    /// assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
    /// ```
    pub fn try_get(&self) -> Result<T, TryGetError> {
        let mut state = self.state();
        let chosen = {
            let _mark = self.mark();
            O::choose(&state.items)
        };
        let Some(item) = chosen.and_then(|place| O::remove(&mut state.items, place)) else {
            return Err(if state.is_shut_down { TryGetError::ShutDown } else { TryGetError::Empty });
        };
        let left = self.left(&state);
        drop(state);
        self.tell(&left);
        Ok(item)
    }

    /// Asyncio's name for [`try_get`](Self::try_get).
    ///
    /// # Errors
    /// As with [`try_get`](Self::try_get).
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::<u8>::unbounded();
    /// assert!(queue.get_nowait().is_err());
    /// ```
    pub fn get_nowait(&self) -> Result<T, TryGetError> {
        self.try_get()
    }

    /// Gets on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`GetError`] when the queue was shut down and is empty.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::bounded(1);
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| queue.put_blocking("hello"));
    ///     assert_eq!(queue.get_blocking(), Ok("hello"));
    /// });
    /// ```
    pub fn get_blocking(&self) -> Result<T, GetError> {
        match self.try_get() {
            Ok(item) => Ok(item),
            Err(TryGetError::ShutDown) => Err(GetError(())),
            Err(TryGetError::Empty) => blocking::block_on(self.get()),
        }
    }

    /// Gets the next item in a guard that calls [`task_done`](Self::task_done) when it is dropped: at the end of the work, and also
    /// when the work returns early, panics, or is aborted.
    ///
    /// # Errors
    /// [`GetError`] when the queue was shut down and is empty.
    /// # Cancel safety
    /// As with [`get`](Self::get).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put(2).unwrap();
    /// let task = queue.get_task().await?;
    /// assert_eq!(*task + 2, 4);
    /// drop(task);
    /// queue.join().await;
    /// # Ok::<(), filch_sync::queue::GetError>(())
    /// # }).unwrap();
    /// ```
    pub fn get_task(&self) -> GetTask<'_, T, O> {
        GetTask::new(self)
    }

    /// As [`get_task`](Self::get_task), if there is an item.
    ///
    /// # Errors
    /// [`TryGetError::Empty`] or [`TryGetError::ShutDown`].
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put('x').unwrap();
    /// assert_eq!(queue.try_get_task()?.done(), 'x');
    /// assert_eq!(queue.statistics().unfinished, 0);
    /// # Ok::<(), filch_sync::queue::TryGetError>(())
    /// ```
    pub fn try_get_task(&self) -> Result<TaskGuard<'_, T, O>, TryGetError> {
        self.try_get().map(|item| TaskGuard::new(self, item))
    }

    /// As [`get_task`](Self::get_task), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`GetError`] when the queue was shut down and is empty.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put('x').unwrap();
    /// drop(queue.get_task_blocking()?);
    /// queue.join_blocking();
    /// assert!(queue.is_empty());
    /// # Ok::<(), filch_sync::queue::GetError>(())
    /// ```
    pub fn get_task_blocking(&self) -> Result<TaskGuard<'_, T, O>, GetError> {
        self.get_blocking().map(|item| TaskGuard::new(self, item))
    }

    /// Says that the work on one item that was got is done. After the last one, all who [join](Self::join) are released.
    ///
    /// # Errors
    /// [`TooManyDone`] when it was called for every item already; nothing changes then.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_get().unwrap();
    /// assert!(queue.task_done().is_ok());
    /// assert!(queue.task_done().is_err());
    /// ```
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        let mut state = self.state();
        if state.unfinished == 0 {
            return Err(TooManyDone(()));
        }
        let ended = state.finish(1);
        drop(state);
        self.release(ended);
        Ok(())
    }

    /// Waits until all items that were put are done; at once if all are. What is put meanwhile is waited for as well. One that waits
    /// when the last item is done is released, even if another is put right after it.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// std::thread::scope(|threads| {
    ///     threads.spawn(|| drop(queue.get_task_blocking()));
    ///     futures_lite::future::block_on(queue.join());
    /// });
    /// assert_eq!(queue.statistics().unfinished, 0);
    /// # });
    /// ```
    pub fn join(&self) -> Join<'_, T, O> {
        Join::new(self)
    }

    /// As [`join`](Self::join), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::<u8>::unbounded();
    /// queue.join_blocking();
    /// assert!(queue.is_empty());
    /// ```
    pub fn join_blocking(&self) {
        blocking::block_on(self.join());
    }

    /// Shuts down: nothing more can be put, and putters that wait get their items back. What is in the queue can still be got; then
    /// getters fail. Shutting down again changes nothing, but that it may be `immediate` this time: then the items that are in the
    /// queue are dropped and count as done, getters fail at once, and [`join`](Self::join) waits for those only that were got.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put('a').unwrap();
    /// queue.shutdown(false);
    /// assert!(queue.try_put('b').is_err());
    /// assert_eq!(queue.try_get(), Ok('a'));
    /// assert!(queue.get_blocking().is_err());
    /// ```
    pub fn shutdown(&self, immediate: bool) {
        let mut dropped = O::NEW;
        let mut state = self.state();
        state.is_shut_down = true;
        let mut ended = None;
        if immediate {
            std::mem::swap(&mut dropped, &mut state.items);
            let count = u64::try_from(O::len(&dropped)).unwrap_or(u64::MAX);
            ended = state.finish(count);
        }
        drop(state);
        self.getters.tell_all(u64::MAX);
        self.putters.tell_all(u64::MAX);
        self.release(ended);
    }

    /// Tries to put what is in `item`, and leaves nothing there if it was put.
    fn give(&self, item: &mut Option<T>) -> Given {
        let mut state = self.state();
        if state.is_shut_down {
            return Given::ShutDown;
        }
        if self.capacity.is_some_and(|capacity| O::len(&state.items) >= capacity) {
            return Given::Full;
        }
        let place = item.as_ref().map_or(0, |item| {
            let _mark = self.mark();
            O::place(&state.items, item)
        });
        if let Some(item) = item.take() {
            O::insert(&mut state.items, place, item);
            state.unfinished = state.unfinished.saturating_add(1);
            state.len_peak = state.len_peak.max(O::len(&state.items));
        }
        let left = self.left(&state);
        drop(state);
        self.tell(&left);
        Given::Put
    }

    fn left(&self, state: &State<O::Items>) -> Left {
        let len = O::len(&state.items);
        Left { items: len > 0, room: self.capacity.is_none_or(|capacity| len < capacity) }
    }

    #[inline]
    fn tell(&self, left: &Left) {
        if left.items {
            self.getters.tell_one();
        }
        if left.room {
            self.putters.tell_one();
        }
    }

    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.getters.visit_by_hand();
    }

    /// One that was told does not use it: tells another, if there is something for it.
    fn pass_on(&self, side: Side) {
        // Where an item's `Ord`, which holds the lock, dropped it, or it was told of the shutdown in the place of another: a telling
        // too many does no harm.
        let all = Left { items: true, room: true };
        let left = if self.is_comparing() {
            all
        } else {
            let state = self.state();
            if state.is_shut_down { all } else { self.left(&state) }
        };
        match side {
            Side::Get => self.tell(&Left { room: false, ..left }),
            Side::Put => self.tell(&Left { items: false, ..left }),
        }
    }

    fn release(&self, ended: Option<u64>) {
        if let Some(generation) = ended {
            self.joiners.tell_all(if mutant::planted("queue.release.all") { u64::MAX } else { generation });
        }
    }

    /// Locks the state.
    #[inline]
    fn state(&self) -> ByteLockGuard<'_, State<O::Items>> {
        assert!(!self.is_comparing(), "the `Ord` of an item must not use the queue that the item is in");
        self.state.lock()
    }

    /// Under the state's lock: says that this thread compares.
    #[inline]
    fn mark(&self) -> Option<Mark<'_>> {
        O::COMPARES.then(|| {
            // Ordering: Relaxed, see `is_comparing`.
            self.comparing.store(this_thread(), Ordering::Relaxed);
            Mark(&self.comparing)
        })
    }

    /// Whether this thread compares items of this queue: it holds the state's lock then.
    #[inline]
    fn is_comparing(&self) -> bool {
        // Ordering: Relaxed. A thread finds its own name here only if it wrote it, and sees its own writes in order.
        O::COMPARES && self.comparing.load(Ordering::Relaxed) == this_thread()
    }
}

impl<I> State<I> {
    /// So many items are done. The answer is the generation that begins if that was the last.
    fn finish(&mut self, count: u64) -> Option<u64> {
        let before = self.unfinished;
        self.unfinished = before.saturating_sub(count);
        if before == 0 || self.unfinished > 0 {
            return None;
        }
        self.generation += 1;
        Some(self.generation)
    }
}
