//! The runtime: threads, timers, descriptors and a blocking pool, started and ended together.

mod builder;
mod default;
mod functions;
mod handle;
mod report;
mod task_builder;

pub use builder::Builder;
pub use functions::{block_on, spawn, spawn_blocking, spawn_local};
pub use handle::Handle;
pub use report::{Report, StuckTask};
pub use task_builder::TaskBuilder;

pub(crate) use default::install_default;

use crate::metrics::RuntimeMetrics;
use crate::scheduler::{self, Shared};
use crate::task::{self, JoinHandle};
use filch_blocking::Pool;
use filch_primitive::time;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long dropping a runtime waits for what is under way. [`Runtime::shutdown`] sets a limit of its own.
///
/// ```
/// let runtime = filch::Runtime::new()?;
/// runtime.spawn_blocking(|| std::fs::read("Cargo.toml")).detach();
/// // With more patience than a drop has.
/// assert!(runtime.shutdown(filch::DROP_LIMIT * 4).is_clean());
/// # Ok::<(), std::io::Error>(())
/// ```
pub const DROP_LIMIT: Duration = Duration::from_secs(5);

/// A multi-threaded work-stealing runtime.
///
/// Tasks spawned on it run on its worker threads, which steal from each other. Sockets and timers used inside
/// it are driven by it. Most programs have one, made by [`main`](macro@crate::main) or started by itself on
/// first use; libraries need none: [`spawn`] finds the one around it.
///
/// Dropping a runtime ends it as [`shutdown`](Self::shutdown) does with a limit of [`DROP_LIMIT`]; it may be
/// dropped anywhere, even in one of its own tasks, which then goes on to its next await.
///
/// # Complexity
/// A thread for each worker and one beside them, for as long as it lives; those that block come and go. What spawning
/// costs is told at [`spawn`] and [`spawn_blocking`]. Ending is linear in the number of tasks that are left, and waits
/// for what does not end by itself.
/// # Examples
/// ```
/// let runtime = filch::Runtime::builder().worker_threads(2).thread_name("orders").build()?;
/// let total = runtime.block_on(async {
///     let handles: Vec<_> = (1..=10).map(|n| filch::spawn(async move { n * n })).collect();
///     let mut total = 0;
///     for handle in handles {
///         total += handle.await?;
///     }
///     Ok::<_, filch::JoinError>(total)
/// })?;
/// assert_eq!(total, 385);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Runtime {
    handle: Handle,
    pool: Pool,
    ended: bool,
}

impl Runtime {
    /// A runtime with a worker per processor.
    ///
    /// # Errors
    /// What the operating system says when a thread or a descriptor cannot be had.
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        Builder::new().build()
    }

    /// A runtime to be made to measure.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(1).thread_name("clerk").build()?;
    /// assert_eq!(runtime.handle().worker_threads(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn from_parts(shared: Arc<Shared>, pool: Pool) -> Self {
        Self { handle: Handle::from_shared(shared), pool, ended: false }
    }

    /// Runs `future` to its end on this thread, which joins the runtime as a guest meanwhile: what the future
    /// spawns goes to a queue of the guest's own that workers may steal from, and while the future waits the
    /// thread helps with other tasks.
    ///
    /// Legal everywhere. On a thread that works for a runtime already (inside a task) it blocks that thread,
    /// and others take over what lies there. A guest that has begun to help with a task finishes that task's
    /// poll before it looks at its own future again; see [`Builder::block_on_helps`].
    ///
    /// # Panics
    /// When the future panics.
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let word = String::from("filch");
    /// assert_eq!(runtime.block_on(async { word.len() }), 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// Spawns a task. See [`spawn`].
    ///
    /// # Errors
    /// As with [`spawn`].
    /// # Cancel safety
    /// As with [`spawn`].
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let task = runtime.spawn(async { 42 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs a closure that blocks on a thread for that. See [`spawn_blocking`].
    ///
    /// # Errors
    /// As with [`spawn_blocking`].
    /// # Cancel safety
    /// As with [`spawn_blocking`].
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let length = runtime.spawn_blocking(|| std::fs::read_dir("/").map(Iterator::count));
    /// assert!(runtime.block_on(length).unwrap()? > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// A handle to spawn with from anywhere. It does not keep the runtime running.
    ///
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let handle = runtime.handle().clone();
    /// drop(runtime);
    /// assert!(handle.has_ended());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What has been counted so far.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(2).build()?;
    /// assert_eq!(runtime.metrics().workers.len(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }

    /// Ends the runtime within `limit`, and tells what did not end.
    ///
    /// No new task is accepted from now on: what is spawned is dropped at once, and its handle says that it was
    /// aborted. Tasks are dropped at their current await, blocking closures not yet begun are dropped unrun,
    /// and running ones are waited for. What has not ended when the limit is over (a task that does not return
    /// from its poll, a closure that blocks) goes on in its thread, which ends by itself later; it is named in
    /// the [`Report`].
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = filch::Runtime::new()?;
    /// let endless = runtime.spawn(std::future::pending::<()>());
    /// assert!(runtime.shutdown(Duration::from_secs(5)).is_clean());
    /// assert!(filch::block_on(endless).unwrap_err().is_aborted());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(mut self, limit: Duration) -> Report {
        self.end(limit)
    }

    fn end(&mut self, limit: Duration) -> Report {
        self.ended = true;
        let begin = time::now();
        // A limit beyond the reach of instants is none.
        let deadline =
            begin.checked_add(limit).unwrap_or_else(|| begin + Duration::from_secs(u32::MAX.into()));
        let shared = self.handle.shared();
        scheduler::blocking(|| {
            // The task this is called in goes on, as it must, and so do those that it runs inside of: they are neither aborted nor
            // stuck.
            let own = task::running();
            let before = shared.count_unfinished(&own);
            // What destructors of closures spawn belongs to this runtime, which refuses it.
            shared.inside(|| self.pool.close());
            shared.end(Some(deadline));
            let pool = self.pool.shutdown(deadline);
            let left = shared.wait_unfinished(deadline, &own);
            Report::new(before, left, &pool, time::now().saturating_duration_since(begin))
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let report = self.end(DROP_LIMIT);
        if !report.is_clean() && !std::thread::panicking() {
            // A closed or full error stream is no reason to panic.
            let _ = writeln!(
                io::stderr().lock(),
                "filch: a dropped runtime has not ended within {DROP_LIMIT:?}: {report}"
            );
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("handle", &self.handle).finish_non_exhaustive()
    }
}
