//! The right to run some work once.

use crate::contain::contained;
use crate::error::{Refusal, UnblockError};
use filch_primitive::sync::Mutex;
use filch_primitive::wake_contained;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

/// Work to be run once, on some thread.
///
/// Running it never unwinds. Dropping it unrun drops the work; whoever awaits it learns that it never ran.
///
/// # Examples
/// ```
/// use filch_blocking::{Job, Pool};
///
/// let pool = Pool::new()?;
/// pool.close();
/// let refused = pool.submit(Job::new(|| println!("on this thread, then"))).unwrap_err();
/// assert!(refused.is_closed());
/// refused.into_job().run();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Job {
    /// `None` once run or refused.
    work: Option<Arc<dyn Work>>,
}

/// What a job holds. Of all calls to these two together the first counts.
pub(crate) trait Work: Send + Sync {
    /// Runs the work, contains its panic, and stores what it gave. The waker of whoever awaits that comes back, for
    /// the caller to wake.
    ///
    /// `ended` is called once: after the last of the user's code that belongs to the work, and before anybody can see
    /// that it has ended. It may be called under a lock, so it must be short.
    fn run(&self, ended: &dyn Fn()) -> Option<Waker>;

    /// Drops the work unrun, and stores why.
    fn refuse(&self, error: UnblockError) -> Option<Waker>;
}

impl Job {
    /// A job that calls `f`. One allocation.
    ///
    /// ```
    /// use filch_blocking::Job;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let job = Job::new(move || tell.send("done").unwrap());
    /// assert!(told.try_recv().is_err(), "it has not run yet");
    /// # drop(job);
    /// ```
    pub fn new(f: impl FnOnce() + Send + 'static) -> Self {
        Self::from_work(Arc::new(Closure(Mutex::new(Some(f)))))
    }

    pub(crate) fn from_work(work: Arc<dyn Work>) -> Self {
        Self { work: Some(work) }
    }

    /// Runs the work here and now. A panic is contained (and printed by the panic hook); whoever awaits the job gets
    /// its payload.
    ///
    /// ```
    /// use filch_blocking::Job;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// Job::new(move || tell.send("done").unwrap()).run();
    /// assert_eq!(told.try_recv(), Ok("done"));
    /// Job::new(|| panic!("on purpose")).run(); // It is contained.
    /// ```
    pub fn run(self) {
        if let Some(waker) = self.run_unwoken(&|| ()) {
            wake_contained(waker);
        }
    }

    /// Runs the work, with `ended` as in [`Work::run`]; the caller wakes.
    pub(crate) fn run_unwoken(mut self, ended: &dyn Fn()) -> Option<Waker> {
        self.work.take().and_then(|work| work.run(ended))
    }

    /// Drops the work unrun; whoever awaits it is told why.
    pub(crate) fn refuse(mut self, reason: Refusal) {
        self.refuse_in_place(reason);
    }

    fn refuse_in_place(&mut self, reason: Refusal) {
        if let Some(work) = self.work.take() {
            let waker = work.refuse(UnblockError::refused(reason));
            drop(work);
            if let Some(waker) = waker {
                wake_contained(waker);
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.refuse_in_place(Refusal::Closed);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// A closure nobody awaits.
struct Closure<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Work for Closure<F> {
    fn run(&self, ended: &dyn Fn()) -> Option<Waker> {
        let f = self.0.lock().take();
        contained(|| f.map(|f| f()));
        ended();
        None
    }

    fn refuse(&self, _error: UnblockError) -> Option<Waker> {
        let f = self.0.lock().take();
        contained(|| drop(f));
        None
    }
}
