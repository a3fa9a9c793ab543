//! Stopping a task from elsewhere.

use super::header::TaskRef;
use super::id::Id;
use std::fmt;

/// A handle that can abort its task, and nothing else: cheap to copy and to keep, and it holds no output.
///
/// # Examples
/// ```
/// let handle = filch::spawn(std::future::pending::<()>());
/// let abort = handle.abort_handle();
/// std::thread::spawn(move || abort.abort());
/// assert!(filch::block_on(handle).is_err());
/// ```
#[derive(Clone)]
pub struct AbortHandle {
    task: TaskRef,
}

impl AbortHandle {
    pub(super) fn new(task: TaskRef) -> Self {
        Self { task }
    }

    /// Stops the task, as [`JoinHandle::abort`](super::JoinHandle::abort) does.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// task.abort_handle().abort();
    /// assert!(task.await.unwrap_err().is_aborted());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// Whether the task is over.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let mut task = filch::spawn(async {});
    /// let handle = task.abort_handle();
    /// (&mut task).await?;
    /// assert!(handle.is_finished());
    /// # Ok::<(), filch::JoinError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.header().state.load().is_complete()
    }

    /// Which task.
    ///
    /// ```
    /// let task = filch::spawn(async {});
    /// assert_eq!(task.abort_handle().id(), task.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> Id {
        self.task.header().id()
    }
}

impl std::panic::UnwindSafe for AbortHandle {}
impl std::panic::RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle")
            .field("id", &self.id())
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
