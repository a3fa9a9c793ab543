//! Spawning with particulars.

use super::functions;
use super::handle::Handle;
use crate::scheduler;
use crate::task::{JoinHandle, Meta};
use std::future::Future;
use std::panic::Location;

/// A task to be spawned with a name.
///
/// # Complexity
/// What spawning costs is told at [`spawn`](crate::spawn) and [`spawn_blocking`](crate::spawn_blocking); a name is two
/// small allocations more.
/// # Examples
/// ```
/// let handle = filch::task::Builder::new().name("greeter").spawn(async { panic!("no voice") });
/// let error = filch::block_on(handle).unwrap_err();
/// assert!(error.to_string().contains("greeter"));
/// ```
#[derive(Debug, Default)]
#[must_use = "nothing runs until one of the spawn methods is called"]
pub struct TaskBuilder {
    name: Option<Box<str>>,
}

impl TaskBuilder {
    /// A task without particulars.
    ///
    /// ```
    /// let task = filch::task::Builder::new().spawn(async { 1 });
    /// assert_eq!(task.name(), None);
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the task, in errors, reports and listings.
    ///
    /// ```
    /// let task = filch::task::Builder::new().name("clerk").spawn(async {});
    /// assert_eq!(task.name(), Some("clerk"));
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into().into_boxed_str());
        self
    }

    /// Spawns on the runtime around the caller. See [`spawn`](crate::spawn).
    ///
    /// # Panics
    /// As with [`spawn`](crate::spawn).
    /// # Errors
    /// As with [`spawn`](crate::spawn).
    /// # Cancel safety
    /// As with [`spawn`](crate::spawn).
    /// # Examples
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::task::Builder::new().name("clerk").spawn(async { filch::task::current_name() });
    /// assert_eq!(task.await?.as_deref(), Some("clerk"));
    /// # Ok::<(), filch::JoinError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        functions::spawn_with(future, self.meta())
    }

    /// Spawns for whoever is at `location`, in the place of the caller.
    pub(crate) fn spawn_for<F>(self, location: &'static Location<'static>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        functions::spawn_with(future, Meta { location, name: self.name })
    }

    /// Spawns on the runtime `handle` belongs to.
    ///
    /// # Errors
    /// As with [`spawn`](crate::spawn).
    /// # Cancel safety
    /// As with [`spawn`](crate::spawn).
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let task = filch::task::Builder::new().name("clerk").spawn_on(runtime.handle(), async { 1 });
    /// assert_eq!(runtime.block_on(task)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn spawn_on<F>(self, handle: &Handle, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        handle.spawn_with(future, self.meta())
    }

    /// Spawns on this thread. See [`spawn_local`](crate::spawn_local).
    ///
    /// # Panics
    /// As with [`spawn_local`](crate::spawn_local).
    /// # Errors
    /// As with [`spawn_local`](crate::spawn_local).
    /// # Cancel safety
    /// As with [`spawn_local`](crate::spawn_local).
    /// # Examples
    /// ```
    /// use std::rc::Rc;
    /// # filch::block_on(async {
    /// let shared = Rc::new(1);
    /// let task = filch::task::Builder::new().name("at home").spawn_local(async move { *shared });
    /// assert_eq!(task.await?, 1);
    /// # Ok::<(), filch::JoinError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        scheduler::spawn_local(future, self.meta())
    }

    /// Runs a closure that blocks. See [`spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Panics
    /// As with [`spawn_blocking`](crate::spawn_blocking).
    /// # Errors
    /// As with [`spawn_blocking`](crate::spawn_blocking).
    /// # Cancel safety
    /// As with [`spawn_blocking`](crate::spawn_blocking).
    /// # Examples
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::task::Builder::new().name("reader").spawn_blocking(|| std::fs::metadata("/").is_ok());
    /// assert!(task.await?);
    /// # Ok::<(), filch::JoinError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Handle::current().spawn_blocking_with(f, self.meta())
    }

    #[track_caller]
    fn meta(self) -> Meta {
        Meta { location: Location::caller(), name: self.name }
    }
}
