//! Many tasks, and which of them ended: [`Brood`].

use super::woken::WokenQueue;
use crate::task::error::JoinError;
use crate::task::join::JoinHandle;
use crate::task::state::Outcome;
use filch_primitive::slice;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A [`JoinHandle`], or a mutable reference to one.
///
/// Nothing else can be: the trait is sealed.
///
/// ```
/// use filch::task::{AsJoinHandle, Wait, wait};
/// /// Waits for all, whoever keeps the handles, and says how many there were.
/// async fn count<H: AsJoinHandle>(handles: Vec<H>) -> usize {
///     wait(handles, Wait::All).await.0.len()
/// }
/// let mut kept = filch::spawn(async { 42 });
/// assert_eq!(filch::block_on(count(vec![&mut kept])), 1);
/// assert_eq!(filch::block_on(count(vec![kept])), 1);
/// ```
pub trait AsJoinHandle: sealed::Sealed {
    /// What the task returns.
    type Output;

    /// The handle.
    #[doc(hidden)]
    fn as_join_handle(&self) -> &JoinHandle<Self::Output>;

    /// The handle.
    #[doc(hidden)]
    fn as_join_handle_mut(&mut self) -> &mut JoinHandle<Self::Output>;
}

mod sealed {
    pub trait Sealed {}

    impl<T> Sealed for super::JoinHandle<T> {}
    impl<T> Sealed for &mut super::JoinHandle<T> {}
    impl<T> Sealed for super::Child<T> {}
}

impl<T> AsJoinHandle for JoinHandle<T> {
    type Output = T;

    fn as_join_handle(&self) -> &JoinHandle<T> {
        self
    }

    fn as_join_handle_mut(&mut self) -> &mut JoinHandle<T> {
        self
    }
}

impl<T> AsJoinHandle for &mut JoinHandle<T> {
    type Output = T;

    fn as_join_handle(&self) -> &JoinHandle<T> {
        self
    }

    fn as_join_handle_mut(&mut self) -> &mut JoinHandle<T> {
        self
    }
}

/// A task that ends with its owner: dropping it aborts the task.
pub(super) struct Child<T>(JoinHandle<T>);

impl<T> Child<T> {
    /// Spawns a task of the caller's own.
    #[track_caller]
    pub(super) fn spawn<F>(future: F) -> Self
    where
        F: IntoFuture<Output = T, IntoFuture: Send + 'static>,
        T: Send + 'static,
    {
        Self(crate::spawn(future.into_future()))
    }

    pub(super) fn new(task: JoinHandle<T>) -> Self {
        Self(task)
    }

    pub(super) fn abort(&self) {
        self.0.abort();
    }

    /// Waits for what the task leaves, once.
    pub(super) fn poll_result(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>> {
        Pin::new(&mut self.0).poll(cx)
    }

    /// What the task returned; else the child itself, which still knows how it failed, and says so if nobody asks.
    pub(super) fn value(mut self) -> Result<T, Self> {
        if self.0.outcome() == Some(Outcome::Value)
            && let Some(Ok(value)) = self.0.try_take()
        {
            return Ok(value);
        }
        Err(self)
    }

    /// What the task left.
    ///
    /// # Panics
    /// When it is not over, or this was asked before.
    pub(super) fn result(mut self) -> Result<T, JoinError> {
        self.0.try_take().expect("a brood gives out what is over, once")
    }
}

impl<T> AsJoinHandle for Child<T> {
    type Output = T;

    fn as_join_handle(&self) -> &JoinHandle<T> {
        &self.0
    }

    fn as_join_handle_mut(&mut self) -> &mut JoinHandle<T> {
        &mut self.0
    }
}

impl<T> Drop for Child<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tasks in numbered places. See the protocol in [the module](super).
pub(super) struct Brood<H> {
    // Places that were left are taken again, so numbers stay small.
    places: Vec<Option<H>>,
    free: Vec<usize>,
    woken: Arc<WokenQueue>,
    /// How often a handle was looked at, for the tests.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl<H: AsJoinHandle> Brood<H> {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            woken: WokenQueue::new(),
            #[cfg(test)]
            looks: 0,
        }
    }

    /// How many are there.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a task in, and says at which place.
    pub(super) fn insert(&mut self, handle: H) -> usize {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[at] = Some(handle);
        self.listen(at);
        at
    }

    /// Sees to it that the number comes into the queue when the task is over.
    fn listen(&mut self, at: usize) {
        self.note_look();
        if let Some(handle) = &mut self.places[at] {
            let waker = self.woken.waker(at);
            let handle = handle.as_join_handle_mut();
            if handle.poll_finished(&mut Context::from_waker(&waker)).is_ready() {
                self.woken.push(at);
            }
        }
    }

    /// The next task that is over, and its place; nothing when none is left.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, H)>> {
        while !self.is_empty() {
            // Whoever goes through a long row of finished tasks gives way like any other.
            ready!(slice::proceed(cx));
            let at = ready!(self.woken.poll_pop(cx));
            self.note_look();
            match self.places[at].take_if(|handle| handle.as_join_handle().is_finished()) {
                Some(handle) => {
                    self.free.push(at);
                    return Poll::Ready(Some((at, handle)));
                }
                None => self.listen(at),
            }
        }
        Poll::Ready(None)
    }

    /// Those that are there, each with its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = &H> {
        self.places.iter().flatten()
    }

    /// Takes all out, each with its place.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = (usize, H)> {
        self.free.clear();
        self.woken.forget_parent();
        std::mem::take(&mut self.places)
            .into_iter()
            .enumerate()
            .filter_map(|(at, handle)| Some((at, handle?)))
    }

    /// What the task at a place was given to wake.
    #[cfg(test)]
    pub(super) fn waker(&self, at: usize) -> std::task::Waker {
        self.woken.waker(at)
    }

    fn note_look(&mut self) {
        #[cfg(test)]
        {
            self.looks += 1;
        }
    }
}

impl<T> Brood<Child<T>> {
    /// Spawns all, at the places 0 and on.
    #[track_caller]
    pub(super) fn spawn<I>(futures: I) -> Self
    where
        I: IntoIterator<Item: IntoFuture<Output = T, IntoFuture: Send + 'static>>,
        T: Send + 'static,
    {
        let mut brood = Self::new();
        // A closure would be the caller that the tasks are known by.
        for future in futures {
            brood.insert(Child::spawn(future));
        }
        brood
    }

    pub(super) fn abort_all(&self) {
        self.iter().for_each(Child::abort);
    }
}

impl<H> Drop for Brood<H> {
    fn drop(&mut self) {
        // The tasks keep the queue for as long as they have their wakers; nobody waits there any more.
        self.woken.forget_parent();
    }
}

impl<H> fmt::Debug for Brood<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brood")
            .field("tasks", &(self.places.len() - self.free.len()))
            .field("woken", &self.woken)
            .finish()
    }
}
