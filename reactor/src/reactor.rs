//! The loop: wait, look the keys up, wake.
//!
//! Locks, in the order they nest: a source's home → the registry → a direction's waiters. The turn is taken
//! before any of them. No user code runs under one: wakers are collected while the registry is locked, once per
//! batch of events, and woken after it is released.

#[cfg(all(test, filch_loom))]
mod model;

use crate::registry::Key;
use crate::registry::Registry;
use crate::selector::{Occurrences, Selector};
use crate::source::Source;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::sync::{Arc, Mutex, MutexGuard};
use filch_primitive::{time, wake_contained};
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;
use std::time::Duration;

/// Turns readiness of descriptors into wake-ups, whenever somebody takes its turn.
///
/// A handle: clones mean the same reactor. When the last one is dropped the reactor ends as by
/// [`orphan`](Self::orphan).
///
/// ```
/// use filch_reactor::{Async, Reactor, enter};
/// use std::{io::Read, io::Write, os::unix::net::UnixStream, time::Duration};
/// let reactor = Reactor::new()?;
/// let driver = std::thread::spawn({
///     let reactor = reactor.clone();
///     // Whoever holds the turn waits for all.
///     move || reactor.try_turn().unwrap().wait(Some(Duration::from_secs(60)), 16).map(drop)
/// });
/// let _entered = enter(&reactor, false);
/// let (here, mut there) = UnixStream::pair()?;
/// let here = Async::new(here)?;
/// there.write_all(b"!")?;
/// let size = futures_lite::future::block_on(here.read_with(|mut stream| stream.read(&mut [0; 4])))?;
/// assert_eq!(size, 1);
/// reactor.notify();
/// driver.join().unwrap()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Reactor {
    shared: Arc<Shared>,
}

/// What the handles and the sources of one reactor share.
pub(crate) struct Shared {
    selector: Selector,
    registry: Mutex<Registry>,
    /// Registered sources: what the registry holds, readable without its lock.
    sources: AtomicUsize,
    turn: Mutex<TurnState>,
    /// Handles: the reactor ends with the last.
    handles: AtomicUsize,
    hook: Option<Box<dyn Fn() + Send + Sync>>,
}

struct TurnState {
    occurrences: Occurrences,
}

impl Reactor {
    /// A reactor that nobody drives yet.
    ///
    /// # Errors
    /// What the operating system says: no descriptors left, mostly.
    /// # Examples
    /// ```
    /// let reactor = filch_reactor::Reactor::new()?;
    /// assert_eq!(reactor.sources(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        Ok(Self::from_selector(Selector::new()?, None))
    }

    /// A reactor that calls `on_first` after its count of sources went from none to one by a thread that does not look
    /// after it ([`enter`](crate::enter) with `owner` false): somebody should come and wait.
    ///
    /// The hook runs on the registering thread, under no lock. A panic in it reaches the registering caller.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    /// # Examples
    /// ```
    /// use filch_reactor::{Async, Reactor, enter};
    /// use std::{os::unix::net::UnixStream, sync::mpsc};
    /// let (tell, told) = mpsc::channel();
    /// let reactor = Reactor::with_hook(move || tell.send("come and wait").unwrap())?;
    /// let _entered = enter(&reactor, false);
    /// let _first = Async::new(UnixStream::pair()?.0)?;
    /// assert_eq!(told.try_recv(), Ok("come and wait"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_hook(on_first: impl Fn() + Send + Sync + 'static) -> io::Result<Self> {
        Ok(Self::from_selector(Selector::new()?, Some(Box::new(on_first))))
    }

    /// A reactor on the portable selector, which systems other than Linux use.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[doc(hidden)]
    pub fn portable() -> io::Result<Self> {
        Ok(Self::from_selector(Selector::portable()?, None))
    }

    pub(crate) fn from_selector(selector: Selector, hook: Option<Box<dyn Fn() + Send + Sync>>) -> Self {
        let turn = TurnState { occurrences: selector.room() };
        let shared = Shared {
            selector,
            registry: Mutex::new(Registry::new()),
            sources: AtomicUsize::new(0),
            turn: Mutex::new(turn),
            handles: AtomicUsize::new(1),
            hook,
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// How many descriptors are registered now. One load: a hint for whoever decides where to sleep.
    ///
    /// ```
    /// use filch_reactor::{Async, Reactor, enter};
    /// let reactor = Reactor::new()?;
    /// let _entered = enter(&reactor, true);
    /// let here = Async::new(std::os::unix::net::UnixStream::pair()?.0)?;
    /// assert_eq!(reactor.sources(), 1);
    /// drop(here);
    /// assert_eq!(reactor.sources(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn sources(&self) -> usize {
        // Ordering: Relaxed, a hint. A thread that registers while others fall asleep tells them by the hook.
        self.shared.sources.load(Ordering::Relaxed)
    }

    /// Whether anybody waits for some descriptor: a future that was polled and neither woken since nor dropped.
    ///
    /// # Complexity
    /// Linear in the number of sources.
    /// # Examples
    /// ```
    /// use filch_reactor::{Async, Reactor, enter};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::{os::unix::net::UnixStream, pin::pin};
    /// let reactor = Reactor::new()?;
    /// let _entered = enter(&reactor, true);
    /// let (here, _there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// assert!(!reactor.is_awaited(), "it is registered, and nobody asks");
    /// let mut readable = pin!(here.readable());
    /// block_on(poll_once(readable.as_mut()));
    /// assert!(reactor.is_awaited());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_awaited(&self) -> bool {
        let sources = self.shared.registry.lock().sources();
        // Dropped outside the registry's lock: one may be the last reference, and hold wakers.
        sources.iter().any(|source| source.is_awaited())
    }

    /// The right to wait, unless another thread has it.
    ///
    /// ```
    /// let reactor = filch_reactor::Reactor::new()?;
    /// let turn = reactor.try_turn();
    /// assert!(turn.is_some() && reactor.try_turn().is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn try_turn(&self) -> Option<Turn<'_>> {
        let state = self.shared.turn.try_lock()?;
        Some(Turn { shared: &self.shared, state })
    }

    /// Makes the current or the next wait return soon.
    ///
    /// Never blocks. Many calls before a wait sees them are one, and cost one exchange each. What the caller did before is
    /// seen by the thread whose wait ends.
    ///
    /// ```
    /// let reactor = filch_reactor::Reactor::new()?;
    /// reactor.notify();
    /// // Without a limit, and it returns: the notification was kept.
    /// let events = reactor.try_turn().unwrap().wait(None, 16)?;
    /// assert_eq!(events.wake(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn notify(&self) {
        self.shared.selector.notify();
    }

    /// Ends the reactor: it takes no further sources, and those it has are told to look for another.
    ///
    /// Every task that waits is woken; what it waited for goes on, registered with the reactor of the thread that
    /// polls it then, or with the default one. A wait that is under way returns. Ending twice is ending once.
    ///
    /// ```
    /// use filch_reactor::{Async, Reactor, enter};
    /// use std::{io::Write, os::unix::net::UnixStream};
    /// let reactor = Reactor::new()?;
    /// let entered = enter(&reactor, true);
    /// let (here, mut there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// drop(entered);
    /// reactor.orphan();
    /// there.write_all(b"!")?;
    /// // The default reactor sees to it now.
    /// assert!(futures_lite::future::block_on(here.readable()).is_ok());
    /// assert_eq!(reactor.sources(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn orphan(&self) {
        self.shared.orphan();
    }

    /// Another name for [`orphan`](Self::orphan).
    ///
    /// ```
    /// let reactor = filch_reactor::Reactor::new()?;
    /// reactor.shutdown();
    /// reactor.shutdown(); // Twice is once.
    /// assert_eq!(reactor.sources(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self) {
        self.orphan();
    }
}

impl Clone for Reactor {
    fn clone(&self) -> Self {
        // Ordering: Relaxed, as with any reference count: this handle keeps it above zero.
        self.shared.handles.fetch_add(1, Ordering::Relaxed);
        Self { shared: self.shared.clone() }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // Ordering: Relaxed. Nothing is freed by reaching zero, and ending takes the registry's lock.
        if self.shared.handles.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.orphan();
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

impl Shared {
    pub(crate) fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Registers. `None` when the reactor has ended; else the key, and whether this is the first source.
    pub(crate) fn add(&self, source: &Arc<Source>, fd: BorrowedFd<'_>) -> io::Result<Option<(Key, bool)>> {
        // In the registry first: the first event may come before `add` returns, and must find its source.
        let Some(key) = self.registry.lock().insert(source.clone()) else {
            return Ok(None);
        };
        if let Err(error) = self.selector.add(fd, key) {
            let removed = self.registry.lock().remove(key);
            drop(removed);
            return Err(error);
        }
        // Ordering: Relaxed, a hint; see `Reactor::sources`.
        let first = self.sources.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(Some((key, first)))
    }

    /// Deregisters.
    pub(crate) fn remove(&self, key: Key, fd: BorrowedFd<'_>) {
        let removed = self.registry.lock().remove(key);
        // A descriptor closed behind our back is not there to delete; the books are kept all the same.
        let _ = self.selector.delete(fd);
        if removed.is_some() {
            // Ordering: Relaxed, a hint; see `Reactor::sources`.
            self.sources.fetch_sub(1, Ordering::Relaxed);
        }
        // Dropped outside the lock: it may hold wakers.
        drop(removed);
    }

    pub(crate) fn call_hook(&self) {
        if let Some(hook) = &self.hook {
            hook();
        }
    }

    fn orphan(&self) {
        let orphans = {
            let mut registry = self.registry.lock();
            if registry.is_closed() {
                return;
            }
            registry.close()
        };
        self.sources.store(0, Ordering::Relaxed);
        let mut woken = Vec::new();
        for source in &orphans {
            source.orphan(&mut woken);
        }
        drop(orphans);
        woken.into_iter().for_each(wake_contained);
        self.selector.notify();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("sources", &self.sources.load(Ordering::Relaxed))
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// The right to wait for a reactor's events; one thread has it at a time. Dropping it gives it back.
///
/// ```
/// use filch_reactor::Reactor;
/// use std::time::Duration;
/// let reactor = Reactor::new()?;
/// let turn = reactor.try_turn().expect("nobody else has it");
/// turn.wait(Some(Duration::ZERO), 16)?.wake();
/// assert!(reactor.try_turn().is_some(), "waiting gave it back");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Turn<'a> {
    shared: &'a Shared,
    state: MutexGuard<'a, TurnState>,
}

impl Turn<'_> {
    /// Waits until something happened, [`Reactor::notify`] was called, or `timeout` is over (`None`: never), and gives the
    /// turn back. What it returns wakes the tasks concerned: after that, because wakers are user code.
    ///
    /// `Some(Duration::ZERO)` never blocks. At most `max_events` events are taken (at least 1, at most 256; the portable
    /// selector always takes as many as there are, up to that limit). An interrupted wait goes on with what is left
    /// of its timeout. A wait never ends early for a timeout, and may end early, with nothing, for no reason.
    ///
    /// # Errors
    /// What the operating system says; the reactor stays usable.
    /// # Examples
    /// ```
    /// use filch_reactor::Reactor;
    /// use std::time::Duration;
    /// let reactor = Reactor::new()?;
    /// let events = reactor.try_turn().unwrap().wait(Some(Duration::from_millis(1)), 16)?;
    /// assert_eq!(events.wake(), 0, "nothing happened in that time");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(mut self, timeout: Option<Duration>, max_events: usize) -> io::Result<Events> {
        let occurrences = &mut self.state.occurrences;
        let waits = timeout.filter(|timeout| !timeout.is_zero());
        let deadline = waits.and_then(|timeout| time::now().checked_add(timeout));
        let mut left = timeout;
        while let Err(error) = self.shared.selector.wait(occurrences, left, max_events) {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
            left = deadline.map_or(timeout, |end| Some(end.saturating_duration_since(time::now())));
        }
        let mut woken = Vec::new();
        let count = self.shared.dispatch(occurrences, &mut woken);
        Ok(Events { count, woken })
    }
}

/// What a wait found: sources that had events, and the tasks that wait for them.
///
/// Dropping it wakes the tasks.
///
/// ```
/// use filch_reactor::Reactor;
/// use std::time::Duration;
/// let reactor = Reactor::new()?;
/// let events = reactor.try_turn().unwrap().wait(Some(Duration::ZERO), 16)?;
/// assert_eq!(events.wake(), 0, "there is nothing to wait for");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the tasks are woken by `wake`, or when this is dropped"]
pub struct Events {
    count: usize,
    woken: Vec<Waker>,
}

impl Events {
    /// Wakes the tasks, and returns how many sources had events.
    ///
    /// ```
    /// use filch_reactor::{Async, Reactor, enter};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::{io::Write, os::unix::net::UnixStream, pin::pin};
    /// let reactor = Reactor::new()?;
    /// let _entered = enter(&reactor, true);
    /// let (here, mut there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// let mut readable = pin!(here.readable());
    /// block_on(poll_once(readable.as_mut()));
    /// there.write_all(b"!")?;
    /// assert_eq!(reactor.try_turn().unwrap().wait(None, 16)?.wake(), 1);
    /// assert!(block_on(poll_once(readable)).is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wake(self) -> usize {
        self.count
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.woken.drain(..).for_each(wake_contained);
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("reactor", self.shared).finish_non_exhaustive()
    }
}

impl Shared {
    /// Tells the sources what happened; their wakers move into `woken`.
    pub(crate) fn dispatch(&self, occurrences: &Occurrences, woken: &mut Vec<Waker>) -> usize {
        let occurrences = occurrences.as_slice();
        if occurrences.is_empty() {
            return 0;
        }
        let registry = self.registry.lock();
        let mut dispatched = 0;
        for occurrence in occurrences {
            // A stale key: deregistered after the kernel reported it.
            let Some(source) = registry.get(occurrence.key) else { continue };
            source.occurred(occurrence, woken);
            dispatched += 1;
        }
        dispatched
    }
}
