//! How a pool is set up.

use crate::counters::THREADS_MAX;
use crate::pool::Pool;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

/// Threads a pool may have unless told otherwise.
///
/// Jobs wait (for a disk, a resolver, each other) more than they compute, so the number of processors is no guide. Too few
/// threads can deadlock jobs that wait for each other; too many cost about 20 KiB each while they last. 512 is what
/// programs that come from other runtimes expect. Work that computes wants a pool of its own, with as many threads as
/// there are processors.
///
/// ```
/// use filch_blocking::{DEFAULT_MAX_THREADS, Pool};
/// // As many as without a builder, in threads that are gone sooner.
/// let pool = Pool::builder().max_threads(DEFAULT_MAX_THREADS).keep_alive(Default::default()).build()?;
/// assert!(!pool.is_closed());
/// # Ok::<(), std::io::Error>(())
/// ```
pub const DEFAULT_MAX_THREADS: usize = 512;

/// How long a thread without work stays unless told otherwise. A guess: starting one costs some 50 µs, staying costs
/// memory only.
///
/// ```
/// use filch_blocking::{DEFAULT_KEEP_ALIVE, Pool};
/// let pool = Pool::builder().keep_alive(DEFAULT_KEEP_ALIVE / 10).build()?;
/// assert_eq!(pool.stats().threads, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Fits `filch-block-999` into the 15 bytes that Linux keeps of a thread's name.
const DEFAULT_THREAD_NAME: &str = "filch-block";

type Hook = Arc<dyn Fn() + Send + Sync>;
type WrapHook = Arc<dyn Fn(&mut dyn FnMut()) + Send + Sync>;

/// Sets up a [`Pool`].
///
/// # Examples
/// ```
/// use filch_blocking::Pool;
/// use std::time::Duration;
///
/// let pool = Pool::builder()
///     .max_threads(4)
///     .keep_alive(Duration::from_secs(1))
///     .thread_name("resolver")
///     .build()?;
/// assert_eq!(pool.stats().threads, 0, "threads start when there is work");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    pub(crate) max_threads: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) thread_name: String,
    pub(crate) thread_stack_size: Option<usize>,
    pub(crate) wrap_thread: Option<WrapHook>,
    pub(crate) on_thread_start: Option<Hook>,
    pub(crate) on_thread_stop: Option<Hook>,
}

impl Builder {
    /// The defaults: [`DEFAULT_MAX_THREADS`], [`DEFAULT_KEEP_ALIVE`], no hooks.
    ///
    /// ```
    /// let pool = filch_blocking::Builder::new().build()?;
    /// assert_eq!(futures_lite::future::block_on(pool.spawn(|| 6 * 7))?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self {
            max_threads: DEFAULT_MAX_THREADS,
            keep_alive: DEFAULT_KEEP_ALIVE,
            thread_name: DEFAULT_THREAD_NAME.to_owned(),
            thread_stack_size: None,
            wrap_thread: None,
            on_thread_start: None,
            on_thread_stop: None,
        }
    }

    /// The most threads at a time; jobs beyond that queue, first in, first out. 0 is refused by [`build`](Self::build).
    ///
    /// ```
    /// // What must not run twice at a time.
    /// let pool = filch_blocking::Pool::builder().max_threads(1).build()?;
    /// let (first, second) = (pool.spawn(|| ()), pool.spawn(|| ()));
    /// assert!(pool.stats().threads <= 1);
    /// # futures_lite::future::block_on(async { (first.await, second.await) }).1?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_threads(mut self, threads: usize) -> Self {
        self.max_threads = threads;
        self
    }

    /// How long a thread waits for work before it ends.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// let pool = filch_blocking::Pool::builder().keep_alive(Duration::ZERO).build()?;
    /// futures_lite::future::block_on(pool.spawn(|| ()))?;
    /// let start = Instant::now();
    /// while pool.stats().threads > 0 && start.elapsed() < Duration::from_secs(60) {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(pool.stats().threads, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = time;
        self
    }

    /// What threads are called; each adds a dash and its number.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::builder().thread_name("disk").build()?;
    /// let name = futures_lite::future::block_on(pool.spawn(|| std::thread::current().name().map(str::to_owned)))?;
    /// assert_eq!(name.as_deref(), Some("disk-0"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// The stack size of each thread in bytes. One that the operating system will not give shows when the first thread
    /// is started.
    ///
    /// ```
    /// fn depth(left: u32) -> u32 {
    ///     if left == 0 { 0 } else { 1 + std::hint::black_box(depth(left - 1)) }
    /// }
    /// let pool = filch_blocking::Pool::builder().thread_stack_size(64 << 20).build()?;
    /// assert_eq!(futures_lite::future::block_on(pool.spawn(|| depth(100_000)))?, 100_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        // Above this the standard library's rounding up to pages could overflow; no system gives that much.
        self.thread_stack_size = Some(bytes.min(isize::MAX.unsigned_abs() / 2));
        self
    }

    /// Runs around everything a thread does: `hook` is handed the thread's body and calls it. For contexts that
    /// last as long as the thread.
    ///
    /// A hook that returns or panics without calling the body does not take the thread from the pool: the body
    /// then runs unwrapped. A hook that waits before it calls the body makes the jobs wait that count on the thread.
    ///
    /// ```
    /// use std::cell::Cell;
    /// thread_local!(static CONNECTED: Cell<bool> = const { Cell::new(false) });
    /// let pool = filch_blocking::Pool::builder()
    ///     .wrap_thread(|run| {
    ///         CONNECTED.set(true);
    ///         run();
    ///         CONNECTED.set(false);
    ///     })
    ///     .build()?;
    /// assert!(futures_lite::future::block_on(pool.spawn(|| CONNECTED.get()))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wrap_thread(mut self, hook: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> Self {
        self.wrap_thread = Some(Arc::new(hook));
        self
    }

    /// Runs on each thread before its first job. A panic of the hook is contained.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// static STARTED: AtomicUsize = AtomicUsize::new(0);
    /// let pool = filch_blocking::Pool::builder()
    ///     .on_thread_start(|| {
    ///         STARTED.fetch_add(1, Relaxed);
    ///     })
    ///     .build()?;
    /// assert_eq!(futures_lite::future::block_on(pool.spawn(|| STARTED.load(Relaxed)))?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// Runs on each thread after its last job. A panic of the hook is contained.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::{Duration, Instant};
    /// let (tell, told) = mpsc::channel();
    /// let pool = filch_blocking::Pool::builder().on_thread_stop(move || tell.send("over").unwrap()).build()?;
    /// futures_lite::future::block_on(pool.spawn(|| ()))?;
    /// pool.shutdown(Instant::now() + Duration::from_secs(60));
    /// assert_eq!(told.try_recv()?, "over");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// The pool. It has no thread yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if no thread is allowed, or if the name holds a NUL byte.
    /// # Examples
    /// ```
    /// use filch_blocking::Pool;
    /// assert!(Pool::builder().max_threads(1).build().is_ok());
    /// let refused = Pool::builder().max_threads(0).build().unwrap_err();
    /// assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    /// ```
    pub fn build(mut self) -> io::Result<Pool> {
        let invalid = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if self.max_threads == 0 {
            return invalid("`max_threads` is 0, but a pool needs at least one thread");
        }
        if self.thread_name.contains('\0') {
            return invalid("`thread_name` holds a NUL byte, which no thread's name can");
        }
        self.max_threads = self.max_threads.min(usize::try_from(THREADS_MAX).unwrap_or(usize::MAX));
        Ok(Pool::from_builder(self))
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("max_threads", &self.max_threads)
            .field("keep_alive", &self.keep_alive)
            .field("thread_name", &self.thread_name)
            .field("thread_stack_size", &self.thread_stack_size)
            .finish_non_exhaustive()
    }
}
