//! The pool: submitting, closing, shutting down.
//!
//! Jobs travel through one unbounded channel, on which idle threads wait. The [`counters`](crate::counters) decide
//! when a thread must be started and when one may leave; the protocol and the proof stand there.

use crate::builder::Builder;
use crate::channel::{Receiver, Sender, unbounded};
use crate::counters::{Claim, Counters};
use crate::error::{Refusal, SubmitError};
use crate::job::Job;
use crate::registry::{Member, Registry};
use crate::stats::{PoolReport, PoolStats};
use crate::unblock::{self, Unblock};
use crate::worker::{self, Worker};
use filch_primitive::sync::atomic::{AtomicUsize, Ordering, fence};
use filch_primitive::sync::{Mutex, MutexGuard};
use filch_primitive::{mutant, thread};
use std::sync::{Arc, Weak};
use std::time::Instant;
use std::{fmt, io};

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, filch_shuttle))]
mod shuttle_suites;
#[cfg(all(test, not(filch_loom)))]
mod tests;

/// A pool of threads for work that blocks. Clones are handles on the same pool.
///
/// Jobs run in the order they were submitted. A job that panics is contained; its thread goes on.
///
/// Once the last handle is dropped, jobs that were submitted still run, and each thread ends as soon as it finds
/// nothing more to do. [`close`](Self::close) and [`shutdown`](Self::shutdown) drop what is queued instead.
///
/// # Examples
/// ```
/// use filch_blocking::Pool;
/// use std::time::{Duration, Instant};
///
/// let pool = Pool::new()?;
/// let answer = futures_lite::future::block_on(pool.spawn(|| 6 * 7))?;
/// assert_eq!(answer, 42);
/// assert!(pool.shutdown(Instant::now() + Duration::from_secs(5)).is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Pool(Arc<Handle>);

/// What the clones of a [`Pool`] share, and its threads do not: its drop says that nobody can submit any more.
struct Handle {
    core: Arc<Core>,
}

/// A handle that does not count as one.
#[derive(Clone)]
pub(crate) struct WeakPool(Weak<Handle>);

impl WeakPool {
    pub(crate) fn upgrade(&self) -> Option<Pool> {
        self.0.upgrade().map(Pool)
    }
}

/// What handles and threads share.
pub(crate) struct Core {
    pub(crate) counters: Counters,
    pub(crate) messages: Receiver<Message>,
    pub(crate) registry: Registry,
    pub(crate) settings: Builder,
    sender: Sender<Message>,
    /// Jobs that were accepted and are not over, the waking of whoever awaits them included.
    outstanding: AtomicUsize,
    /// Jobs dropped unrun.
    cancelled: AtomicUsize,
    /// Held while a thread is started and counted in; the number of the next. A new thread passes through it, so
    /// that it is counted before it serves.
    starting: Mutex<usize>,
    /// Makes the start of a thread fail, as the operating system may at any time.
    #[cfg(test)]
    refuses_starts: std::sync::atomic::AtomicBool,
}

/// What pool threads receive.
pub(crate) enum Message {
    Run(Job),
    /// Look whether to leave.
    Look,
}

impl Pool {
    /// A pool with the [defaults](Builder::new). It has no thread yet.
    ///
    /// # Errors
    /// None today; see [`Builder::build`].
    /// # Examples
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// assert_eq!(pool.stats().threads, 0, "they start when there is work");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Sets up a pool.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::builder().max_threads(2).build()?;
    /// assert!(!pool.is_closed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn from_builder(settings: Builder) -> Self {
        let (sender, messages) = unbounded();
        let core = Core {
            counters: Counters::new(),
            messages,
            registry: Registry::new(),
            settings,
            sender,
            outstanding: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            starting: Mutex::new(0),
            #[cfg(test)]
            refuses_starts: Default::default(),
        };
        Self(Arc::new(Handle { core: Arc::new(core) }))
    }

    /// Runs `f` on a thread of this pool. The future gives what it returns.
    ///
    /// # Errors
    /// The future gives an [`UnblockError`](crate::UnblockError) if `f` panics, if the pool is or gets closed before `f`
    /// began, or if no thread could be started and none serves.
    ///
    /// # Cancel safety
    /// The job is submitted now, not at the first poll. Dropping the future detaches it: it runs to its end.
    ///
    /// # Complexity
    /// One allocation, one exchange and one send; a start of a thread if nobody is idle.
    /// # Examples
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// # futures_lite::future::block_on(async {
    /// let size = pool.spawn(|| std::fs::metadata("Cargo.toml").map(|file| file.len())).await??;
    /// assert!(size > 0);
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn<F, T>(&self, f: F) -> Unblock<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (work, future) = unblock::pair(f);
        if let Err(error) = self.submit(Job::from_work(work)) {
            let (job, reason) = error.into_parts();
            job.refuse(reason);
        }
        future
    }

    /// Queues a job nobody awaits.
    ///
    /// # Errors
    /// [`SubmitError`], with the job, if the pool is closed, or if no thread could be started and none serves. While at
    /// least one serves, a thread that cannot be started is no error: the job waits, and the next submit tries again.
    ///
    /// # Complexity
    /// One exchange and one send; a start of a thread if nobody is idle.
    /// # Examples
    /// ```
    /// use filch_blocking::{Job, Pool};
    /// use std::sync::mpsc;
    /// let (tell, told) = mpsc::channel();
    /// Pool::new()?.submit(Job::new(move || tell.send(42).unwrap()))?;
    /// assert_eq!(told.recv()?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let core = &*self.0.core;
        worker::about_to_submit(core);
        let claim = match core.counters.claim(core.threads_max()) {
            Claim::NeedsThread | Claim::Unserved => self.claim_with_new_thread(),
            Claim::Granted => Ok(()),
            Claim::Closed => Err(Refusal::Closed),
        };
        if let Err(reason) = claim {
            return Err(SubmitError::new(job, reason));
        }
        core.deliver(job);
        Ok(())
    }

    /// Starts threads until the claim is granted: normally one. More only to make up for starts that failed before.
    #[cold]
    fn claim_with_new_thread(&self) -> Result<(), Refusal> {
        let core = &self.0.core;
        let mut next = core.starting.lock();
        loop {
            // Asked again under the lock: another submitter may have started a thread, or one have become idle.
            match core.counters.claim(core.threads_max()) {
                Claim::Granted => return Ok(()),
                Claim::Closed => return Err(Refusal::Closed),
                Claim::NeedsThread | Claim::Unserved => {}
            }
            if let Err(error) = self.start_thread(&mut next) {
                return match core.counters.claim_served() {
                    Claim::Granted => Ok(()),
                    Claim::Closed => Err(Refusal::Closed),
                    Claim::NeedsThread | Claim::Unserved => Err(Refusal::NoThread(error)),
                };
            }
        }
    }

    fn start_thread(&self, next: &mut MutexGuard<'_, usize>) -> io::Result<()> {
        let core = &self.0.core;
        #[cfg(test)]
        if core.refuses_starts.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let name = format!("{}-{}", core.settings.thread_name, **next);
        let member = Arc::new(Member::new(name.clone()));
        core.registry.enter(member.clone());
        let mut builder = thread::Builder::new().name(name);
        if let Some(bytes) = core.settings.thread_stack_size {
            builder = builder.stack_size(bytes);
        }
        let worker = Worker::new(core.clone(), member.clone(), WeakPool(Arc::downgrade(&self.0)));
        match builder.spawn(move || worker.run()) {
            Ok(_detached) => {
                core.counters.thread_started();
                **next = next.wrapping_add(1);
                Ok(())
            }
            Err(error) => {
                core.registry.strike_out(&member);
                Err(error)
            }
        }
    }

    /// Takes no more jobs. Queued ones are dropped, and whoever awaits them learns that; running ones go on. Threads
    /// end once idle. Calling it again does no harm.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// pool.close();
    /// assert!(futures_lite::future::block_on(pool.spawn(|| ())).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(&self) {
        let core = &*self.0.core;
        core.counters.close();
        // A start that is under way is over after this, and no other begins: all threads there will ever be are in the
        // registry.
        drop(core.starting.lock());
        // Ordering: a full fence between the bit and the emptying, paired with the one in [`Core::deliver`].
        fence(Ordering::SeqCst);
        core.cancel_queued();
    }

    /// Whether [`close`](Self::close) or [`shutdown`](Self::shutdown) was called.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// let clone = pool.clone();
    /// clone.close();
    /// assert!(pool.is_closed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        self.0.core.counters.snapshot().is_closed()
    }

    /// [Closes](Self::close) the pool and waits for its threads to end, at most until the deadline.
    ///
    /// It blocks. On a thread of this pool it waits for all threads but its own; threads that wait here at the same time
    /// do not wait for each other.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// let pool = filch_blocking::Pool::new()?;
    /// let job = pool.spawn(|| "done");
    /// let report = pool.shutdown(Instant::now() + Duration::from_secs(60));
    /// assert!(report.is_clean());
    /// // It ran to its end, unless it was still queued.
    /// assert!(report.cancelled == 1 || futures_lite::future::block_on(job)? == "done");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(&self, deadline: Instant) -> PoolReport {
        self.close();
        let core = &*self.0.core;
        let abandoned = worker::with_name_on(core, |own| core.registry.wait(deadline, own));
        // Ordering: Relaxed, a count; those by threads that ended are ordered by the registry's lock.
        PoolReport { abandoned, cancelled: core.cancelled.load(Ordering::Relaxed) }
    }

    /// Whether every job is over, and whoever awaits one was woken.
    ///
    /// # Complexity
    /// One load.
    /// # Examples
    /// ```
    /// use std::sync::mpsc;
    /// let (go, goes) = mpsc::channel::<()>();
    /// let pool = filch_blocking::Pool::new()?;
    /// pool.spawn(move || goes.recv()).detach();
    /// assert!(!pool.is_at_rest());
    /// drop(go);
    /// while !pool.is_at_rest() {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(pool.stats().queued, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_at_rest(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `Core::over`: the wake-ups come with it.
        self.0.core.outstanding.load(Ordering::Acquire) == 0
    }

    /// The job on the calling thread counts as over for [`is_at_rest`](Self::is_at_rest), until it is resumed: it waits for
    /// what whoever asks that knows of.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// let pool = filch_blocking::Pool::new()?;
    /// let (own, (tell, told), (go, goes)) = (pool.clone(), mpsc::channel(), mpsc::channel::<()>());
    /// let job = pool.spawn(move || {
    ///     own.suspend_job();
    ///     tell.send(()).unwrap();
    ///     let _ = goes.recv();
    ///     own.resume_job();
    /// });
    /// told.recv()?;
    /// assert!(pool.is_at_rest(), "it waits for whoever asks");
    /// drop(go);
    /// futures_lite::future::block_on(job)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn suspend_job(&self) {
        self.0.core.over();
    }

    /// The job on the calling thread, which was [suspended](Self::suspend_job), goes on.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// let own = pool.clone();
    /// let job = pool.spawn(move || {
    ///     own.suspend_job();
    ///     own.resume_job();
    ///     own.is_at_rest()
    /// });
    /// assert!(!futures_lite::future::block_on(job)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume_job(&self) {
        // Ordering: Relaxed. What tells whoever asks that it has to ask again comes after this.
        self.0.core.outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// How busy the pool is.
    ///
    /// # Complexity
    /// One load.
    /// # Examples
    /// ```
    /// use std::sync::mpsc;
    /// let (go, goes) = mpsc::channel::<()>();
    /// let pool = filch_blocking::Pool::builder().max_threads(1).build()?;
    /// pool.spawn(move || goes.recv()).detach();
    /// pool.spawn(|| ()).detach();
    /// assert_eq!((pool.stats().running, pool.stats().queued), (1, 1));
    /// # drop(go);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stats(&self) -> PoolStats {
        PoolStats::new(self.0.core.counters.snapshot())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("stats", &self.stats())
            .field("is_closed", &self.is_closed())
            .field("settings", &self.0.core.settings)
            .finish()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.counters.retire();
        self.core.ring();
    }
}

impl Core {
    fn threads_max(&self) -> u64 {
        // `Builder::build` saw to it that it fits.
        self.settings.max_threads as u64
    }

    pub(crate) fn send(&self, message: Message) {
        // It fails only without a receiver, and `self` holds one.
        let _ = self.sender.send(message);
    }

    /// Sends a job that was counted in.
    fn deliver(&self, job: Job) {
        // Ordering: Relaxed. Whoever asks whether the pool is at rest does not race with its submitters.
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        self.send(Message::Run(job));
        // Ordering: a full fence between the send and the look, paired with the one in `close`: either this thread
        // sees the bit or the closing one sees the job.
        fence(Ordering::SeqCst);
        if self.counters.snapshot().is_closed() && !mutant::planted("pool.deliver.blind") {
            self.cancel_queued();
        }
    }

    /// A job is over, and whoever awaits it was woken.
    pub(crate) fn over(&self) {
        // Ordering: Release, paired with the Acquire in `Pool::is_at_rest`.
        self.outstanding.fetch_sub(1, Ordering::Release);
    }

    /// Waits until the thread that was started is counted.
    pub(crate) fn pass_start(&self) {
        drop(self.starting.lock());
    }

    /// Drops one job of a closed pool, and counts it out.
    pub(crate) fn cancel(&self, job: Job) {
        job.refuse(Refusal::Closed);
        // Ordering: Relaxed, a count.
        self.cancelled.fetch_add(1, Ordering::Relaxed);
        self.counters.finish();
        self.over();
    }

    /// Empties the channel of a closed pool, then rings: calls to look went with the jobs, and threads that some of the
    /// jobs counted on may leave now.
    fn cancel_queued(&self) {
        while let Ok(message) = self.messages.try_recv() {
            if let Message::Run(job) = message {
                self.cancel(job);
            }
        }
        self.ring();
    }

    /// Calls every thread to look whether to leave.
    fn ring(&self) {
        (0..self.counters.snapshot().threads()).for_each(|_| self.send(Message::Look));
    }
}
