//! Why a task has no output.

use super::contain::Payload;
use super::header::Header;
use super::id::Id;
use super::meta::Meta;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

/// Why a task has no output: it panicked, or it was aborted.
///
/// It names the task and the place where it was spawned.
///
/// # Examples
/// ```
/// let handle = filch::spawn(async { panic!("no voice") });
/// let error = filch::block_on(handle).unwrap_err();
/// assert!(error.is_panic());
/// assert!(error.to_string().ends_with("panicked: no voice"));
/// assert_eq!(error.into_panic().downcast_ref(), Some(&"no voice"));
/// ```
pub struct JoinError {
    id: Id,
    meta: Meta,
    /// Nothing: aborted.
    panic: Option<Payload>,
}

impl JoinError {
    #[cold]
    pub(super) fn panicked(task: &Header, payload: Payload) -> Self {
        Self { id: task.id(), meta: task.meta().to_meta(), panic: Some(payload) }
    }

    #[cold]
    pub(super) fn aborted(task: &Header) -> Self {
        Self { id: task.id(), meta: task.meta().to_meta(), panic: None }
    }

    /// Whether the task panicked, or the destructor of its future did when it was aborted.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let error = filch::spawn_blocking(|| -> u8 { panic!("on purpose") }).await.unwrap_err();
    /// assert!(error.is_panic());
    /// # });
    /// ```
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// Whether the task was aborted, by a handle or because its runtime ended.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert!(task.await.unwrap_err().is_aborted());
    /// # });
    /// ```
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.panic.is_none()
    }

    /// What the task panicked with, to go on with [`resume_unwind`](std::panic::resume_unwind) for example.
    ///
    /// # Panics
    /// The task was aborted: ask [`is_panic`](Self::is_panic) first, or use [`try_into_panic`](Self::try_into_panic).
    /// # Examples
    /// ```
    /// # filch::block_on(async {
    /// let error = filch::spawn_blocking(|| -> u8 { panic!("on purpose") }).await.unwrap_err();
    /// assert_eq!(error.into_panic().downcast_ref(), Some(&"on purpose"));
    /// # });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(thrown) => thrown,
            Err(error) => panic!("into_panic was called on a task that did not panic: {error}"),
        }
    }

    /// What the task panicked with.
    ///
    /// # Errors
    /// The error itself, when the task was aborted.
    /// # Examples
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// task.abort();
    /// let error = task.await.unwrap_err();
    /// assert!(error.try_into_panic().is_err(), "it did not panic");
    /// # });
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.panic {
            Some(payload) => Ok(payload.into_inner()),
            None => Err(self),
        }
    }

    /// Which task.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// let id = task.id();
    /// task.abort();
    /// assert_eq!(task.await.unwrap_err().id(), id);
    /// # });
    /// ```
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// What the task was called, when it had a name.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::task::Builder::new().name("clerk").spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert_eq!(task.await.unwrap_err().task_name(), Some("clerk"));
    /// # });
    /// ```
    #[must_use]
    pub fn task_name(&self) -> Option<&str> {
        self.meta.name.as_deref()
    }

    /// Where the task was spawned.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// task.abort();
    /// assert_eq!(task.await.unwrap_err().spawned_at().file(), file!());
    /// # });
    /// ```
    #[must_use]
    pub fn spawned_at(&self) -> &'static Location<'static> {
        self.meta.location
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.panic {
            Some(payload) => write!(f, "{} panicked: {payload:?}", self.meta),
            None => write!(f, "{} was aborted", self.meta),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("JoinError");
        out.field("id", &self.id).field("name", &self.meta.name);
        out.field("spawned_at", &format_args!("{}", self.meta.location));
        match &self.panic {
            Some(payload) => out.field("panic", payload),
            None => out.field("aborted", &true),
        };
        out.finish()
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}
