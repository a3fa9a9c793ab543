//! A runtime made to measure.

use super::Runtime;
use crate::driver::Driver;
use crate::scheduler::{Hook, Hooks, Policies, Shared, WrapHook};
use filch_blocking::Pool;
use filch_primitive::sync::OnceLock;
use filch_timer::Clock;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// More workers than any machine has processors; beyond it a number is a mistake, and the memory for it may not exist.
const WORKERS_MAX: usize = 65_536;

/// Settings of a [`Runtime`]. The order in which they are made does not matter; the last of a kind counts.
///
/// # Examples
/// ```
/// let runtime = filch::Runtime::builder()
///     .worker_threads(2)
///     .thread_name("web")
///     .on_thread_start(|| println!("{:?} starts", std::thread::current().name()))
///     .build()?;
/// assert_eq!(runtime.block_on(async { "up" }), "up");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Builder {
    workers: Option<usize>,
    name: String,
    stack_size: Option<usize>,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
    wrap: Option<WrapHook>,
    max_blocking: usize,
    blocking_keep_alive: Duration,
    helps: bool,
    policies: Policies,
    clock: Clock,
}

impl Builder {
    /// A worker per processor, threads called `filch`, the real clock.
    ///
    /// ```
    /// let runtime = filch::Builder::new().worker_threads(1).build()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            workers: None,
            name: "filch".to_owned(),
            stack_size: None,
            on_start: None,
            on_stop: None,
            wrap: None,
            max_blocking: filch_blocking::DEFAULT_MAX_THREADS,
            blocking_keep_alive: filch_blocking::DEFAULT_KEEP_ALIVE,
            helps: true,
            policies: Policies::default(),
            clock: Clock::real(),
        }
    }

    /// How many workers there are; by default as many as [`std::thread::available_parallelism`] says, which
    /// minds affinity and container quotas. Zero is refused by [`build`](Self::build).
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(3).build()?;
    /// assert_eq!(runtime.handle().worker_threads(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn worker_threads(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// What threads are called: workers get a number behind it, others their role.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(1).thread_name("clerk").build()?;
    /// let name = runtime.spawn_blocking(|| std::thread::current().name().map(str::to_owned));
    /// assert!(runtime.block_on(name).unwrap().unwrap().starts_with("clerk"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The stack of workers and blocking threads, in bytes.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().thread_stack_size(512 * 1024).build()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Called on each worker and blocking thread before it works. A panic in it is contained.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// let (tell, told) = mpsc::channel();
    /// let hook = move || drop(tell.send(std::thread::current().id()));
    /// let _runtime = filch::Runtime::builder().worker_threads(1).on_thread_start(hook).build()?;
    /// assert_ne!(told.recv().unwrap(), std::thread::current().id());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each worker and blocking thread after it has worked. A panic in it is contained.
    ///
    /// ```
    /// use std::{sync::mpsc, time::Duration};
    /// let (tell, told) = mpsc::channel();
    /// let hook = move || drop(tell.send(()));
    /// let runtime = filch::Runtime::builder().worker_threads(1).on_thread_stop(hook).build()?;
    /// runtime.shutdown(Duration::from_secs(5));
    /// assert_eq!(told.recv(), Ok(()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_stop = Some(Arc::new(hook));
        self
    }

    /// Called on each worker and blocking thread with the thread's whole life, which it is to run: a place for
    /// guards that live on the thread's stack. A hook that does not run it has it run after it returns.
    ///
    /// # Examples
    /// ```
    /// thread_local!(static TENANT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    ///
    /// let runtime = filch::Runtime::builder()
    ///     .worker_threads(1)
    ///     .wrap_thread(|run| {
    ///         TENANT.set(7);
    ///         run();
    ///     })
    ///     .build()?;
    /// let tenant = std::sync::mpsc::channel();
    /// runtime.spawn(async move { tenant.0.send(TENANT.get()) }).detach();
    /// assert_eq!(tenant.1.recv().unwrap(), 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn wrap_thread(mut self, hook: impl Fn(&mut dyn FnMut()) + Send + Sync + 'static) -> Self {
        self.wrap = Some(Arc::new(hook));
        self
    }

    /// How many threads at most run closures of [`spawn_blocking`](crate::spawn_blocking) at once. Zero is
    /// refused by [`build`](Self::build).
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().max_blocking_threads(1).build()?;
    /// let (one, other) = (runtime.spawn_blocking(|| 1), runtime.spawn_blocking(|| 2));
    /// assert_eq!(runtime.block_on(one).unwrap() + runtime.block_on(other).unwrap(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.max_blocking = threads;
        self
    }

    /// How long an idle blocking thread stays around.
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = filch::Runtime::builder().blocking_keep_alive(Duration::from_secs(1)).build()?;
    /// assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 1)).unwrap(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn blocking_keep_alive(mut self, time: Duration) -> Self {
        self.blocking_keep_alive = time;
        self
    }

    /// Whether a thread inside `block_on` helps with tasks while its own future waits; by default it does.
    ///
    /// A guest that helps may pick up a task whose poll is long, and `block_on` returns only after that poll.
    /// Without help the guest runs its own future (and its local tasks) only.
    ///
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(1).block_on_helps(false).build()?;
    /// let here = std::thread::current().id();
    /// let there = runtime.spawn(async { std::thread::current().id() });
    /// assert_ne!(runtime.block_on(there).unwrap(), here);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn block_on_helps(mut self, helps: bool) -> Self {
        self.helps = helps;
        self
    }

    /// What the scheduler does to be fast; by default everything. For finding out what a workload suffers from.
    ///
    /// ```
    /// use filch::Policies;
    /// let runtime = filch::Runtime::builder().policies(Policies::default()).build()?;
    /// assert_eq!(runtime.block_on(async { 42 }), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// The clock that timers inside the runtime go by: the real one, or a virtual one for tests.
    ///
    /// With [`Clock::auto`] the runtime moves the clock to the next deadline whenever nothing can happen but that time
    /// passes: no task can run, on any worker or on a thread inside `block_on`, no job of
    /// [`spawn_blocking`](crate::spawn_blocking) is under way, unless it waits in `block_on` itself, and nobody waits for a
    /// descriptor. With [`Clock::manual`] it stands still until [`time::advance`](crate::time::advance) or
    /// [`time::resume`](crate::time::resume).
    ///
    /// Runtimes may share a virtual clock that is moved by hand. Two with one that moves by itself do not hang, but each moves it
    /// when it is at rest itself, also while the other is busy, for neither knows of the other's tasks: give each its own.
    ///
    /// # Examples
    /// ```
    /// use filch::time::{Clock, now, sleep};
    /// use std::time::Duration;
    ///
    /// let runtime = filch::Runtime::builder().worker_threads(2).clock(Clock::auto()).build()?;
    /// runtime.block_on(async {
    ///     let monday = now();
    ///     sleep(Duration::from_secs(7 * 86_400)).await;
    ///     assert_eq!(now() - monday, Duration::from_secs(7 * 86_400));
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Starts the runtime.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a setting that makes no sense: no workers or more than 65,536,
    /// no blocking threads, a name that no thread can have. Else what the operating system says when a thread or a
    /// descriptor cannot be had; threads that did start are joined before.
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::builder().worker_threads(2).build()?;
    /// assert_eq!(runtime.block_on(runtime.spawn(async { 42 })).unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        let workers = match self.workers {
            Some(0) => return Err(invalid("worker_threads must be at least 1")),
            Some(workers) if workers > WORKERS_MAX => {
                return Err(invalid("worker_threads must be at most 65536"));
            }
            Some(workers) => workers,
            None => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        };
        if self.max_blocking == 0 {
            return Err(invalid("max_blocking_threads must be at least 1"));
        }
        if self.name.contains('\0') {
            return Err(invalid("thread_name must not contain a nul character"));
        }
        // The pool's threads belong to the scheduler, which is made after the pool.
        let scheduler: Arc<OnceLock<Weak<Shared>>> = Arc::new(OnceLock::new());
        let pool = self.pool(scheduler.clone())?;
        let driver = Driver::new(Shared::slots_for(workers), self.clock.clone(), pool.clone())?;
        let shared = Shared::new(workers, self.helps, self.policies.clone(), self.hooks(), driver);
        let _first = scheduler.set(Arc::downgrade(&shared));
        shared.start()?;
        Ok(Runtime::from_parts(shared, pool))
    }

    fn hooks(&self) -> Hooks {
        Hooks {
            name: self.name.as_str().into(),
            stack_size: self.stack_size,
            on_start: self.on_start.clone(),
            on_stop: self.on_stop.clone(),
            wrap: self.wrap.clone(),
        }
    }

    /// The pool, whose threads have the scheduler as their context and the user's hooks around them.
    fn pool(&self, scheduler: Arc<OnceLock<Weak<Shared>>>) -> io::Result<Pool> {
        let hooks = self.hooks();
        let pool = Pool::builder()
            .max_threads(self.max_blocking)
            .keep_alive(self.blocking_keep_alive)
            .thread_name(format!("{}-blocking", self.name))
            .wrap_thread(move |run| {
                hooks.run(|| match scheduler.get().and_then(Weak::upgrade) {
                    Some(shared) => shared.inside_pool(run),
                    None => run(),
                });
            });
        match self.stack_size {
            Some(size) => pool.thread_stack_size(size),
            None => pool,
        }
        .build()
    }
}

fn invalid(sentence: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("worker_threads", &self.workers)
            .field("thread_name", &self.name)
            .field("thread_stack_size", &self.stack_size)
            .field("max_blocking_threads", &self.max_blocking)
            .field("block_on_helps", &self.helps)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}
