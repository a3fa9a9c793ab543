//! The way into a runtime from anywhere.

use super::default;
use crate::metrics::RuntimeMetrics;
use crate::scheduler::{self, Shared};
use crate::task::{JoinHandle, Meta, TaskInfo};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A handle to a runtime: spawns on it from any thread, under any executor.
///
/// Clones mean the same runtime. A handle does not keep its runtime running: once that has ended, what is
/// spawned is dropped at once and its [`JoinHandle`] says that it was aborted.
///
/// # Complexity
/// What spawning costs is told at [`spawn`](crate::spawn) and [`spawn_blocking`](crate::spawn_blocking). Its
/// [`metrics`](Self::metrics) are linear in the number of workers; all else is constant time.
/// # Examples
/// ```
/// let runtime = filch::Runtime::new()?;
/// let handle = runtime.handle().clone();
/// let task = std::thread::spawn(move || handle.spawn(async { 42 })).join().unwrap();
/// assert_eq!(runtime.block_on(task).unwrap(), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

impl Handle {
    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// The runtime around the caller: the one this thread works for or has joined, else the process-wide
    /// default, which is started if need be.
    ///
    /// # Panics
    /// When the default runtime has to be started and the operating system gives no thread for it.
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(3).build()?;
    /// assert_eq!(runtime.block_on(async { filch::Handle::current().worker_threads() }), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn current() -> Self {
        Self::try_current().unwrap_or_else(default::default_runtime)
    }

    /// The runtime this thread works for or has joined, if any.
    ///
    /// ```
    /// use filch::Handle;
    /// assert!(Handle::try_current().is_none());
    /// assert!(filch::block_on(async { Handle::try_current().is_some() }));
    /// ```
    pub fn try_current() -> Option<Self> {
        scheduler::with_context(|context| Some(Self(context?.shared.clone())))
    }

    /// Spawns a task. See [`spawn`](crate::spawn).
    ///
    /// # Errors
    /// As with [`spawn`](crate::spawn).
    /// # Cancel safety
    /// As with [`spawn`](crate::spawn).
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// let task = std::thread::spawn(move || handle.spawn(async { 42 })).join().unwrap();
    /// assert_eq!(runtime.block_on(task).unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future, Meta { location: Location::caller(), name: None })
    }

    /// Runs a closure that blocks on a thread for that. See [`spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Errors
    /// As with [`spawn_blocking`](crate::spawn_blocking).
    /// # Cancel safety
    /// As with [`spawn_blocking`](crate::spawn_blocking).
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let length = runtime.handle().spawn_blocking(|| std::fs::read_dir("/").map(Iterator::count));
    /// assert!(runtime.block_on(length).unwrap()? > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking_with(f, Meta { location: Location::caller(), name: None })
    }

    pub(crate) fn spawn_with<F>(&self, future: F, meta: Meta) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.0.spawn(future, meta)
    }

    pub(super) fn spawn_blocking_with<F, T>(&self, f: F, meta: Meta) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn_blocking(Once(Some(f)), meta)
    }

    /// Runs `future` to its end on this thread. See [`Runtime::block_on`](crate::Runtime::block_on).
    ///
    /// On a runtime that has ended it still runs, without help.
    ///
    /// # Panics
    /// When the future panics.
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// assert_eq!(runtime.handle().block_on(async { 42 }), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    /// What has been counted so far.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(2).build()?;
    /// assert_eq!(runtime.handle().metrics().workers.len(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        self.0.metrics()
    }

    /// The tasks that are not complete, in words.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        let describe = |task: TaskInfo| {
            let name = task.meta.name.as_deref().unwrap_or("unnamed");
            format!("{name} spawned at {}: {:?}", task.meta.location, task.phase)
        };
        self.0.unfinished().into_iter().map(describe).collect()
    }

    /// Whether the runtime has been shut down or dropped.
    ///
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// assert!(!handle.has_ended());
    /// drop(runtime);
    /// assert!(handle.has_ended());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn has_ended(&self) -> bool {
        self.0.is_closed()
    }

    /// How many workers the runtime has.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(2).build()?;
    /// assert_eq!(runtime.handle().worker_threads(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn worker_threads(&self) -> usize {
        self.0.workers()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("workers", &self.0.workers())
            .field("ended", &self.0.is_closed())
            .finish_non_exhaustive()
    }
}

/// A closure as a future that is ready when polled.
struct Once<F>(Option<F>);

// The closure is never pinned: it is moved out to be called.
impl<F> Unpin for Once<F> {}

impl<F: FnOnce() -> T, T> Future for Once<F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        let f = self.0.take().expect("a closure is called once");
        Poll::Ready(f())
    }
}
