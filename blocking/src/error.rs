//! What can go wrong with a job.

use crate::contain::contained;
use crate::job::Job;
use filch_primitive::sync::Mutex;
use std::any::Any;
use std::{error, fmt, io};

/// A pool did not take a [`Job`]; here it is back.
///
/// Dropping the error drops the job, and whoever awaits it learns so.
///
/// ```
/// use filch_blocking::{Job, Pool};
/// let pool = Pool::new()?;
/// pool.close();
/// let refused = pool.submit(Job::new(|| println!("never"))).unwrap_err();
/// assert_eq!(refused.to_string(), "the pool is closed");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SubmitError {
    job: Job,
    reason: Refusal,
}

/// Why a pool did not take a job.
#[derive(Debug)]
pub(crate) enum Refusal {
    Closed,
    NoThread(io::Error),
}

impl SubmitError {
    pub(crate) fn new(job: Job, reason: Refusal) -> Self {
        Self { job, reason }
    }

    pub(crate) fn into_parts(self) -> (Job, Refusal) {
        (self.job, self.reason)
    }

    /// Whether the pool was closed.
    ///
    /// ```
    /// use filch_blocking::{Job, Pool};
    /// let pool = Pool::new()?;
    /// pool.close();
    /// assert!(pool.submit(Job::new(|| ())).unwrap_err().is_closed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self.reason, Refusal::Closed)
    }

    /// What the operating system said, if no thread could be started and none serves.
    ///
    /// ```
    /// use filch_blocking::{Job, Pool};
    /// let pool = Pool::new()?;
    /// if let Err(refused) = pool.submit(Job::new(|| ())) {
    ///     panic!("no thread? {:?}", refused.io_error());
    /// }
    /// pool.close();
    /// assert!(pool.submit(Job::new(|| ())).unwrap_err().io_error().is_none(), "it was closed, and that is why");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.reason {
            Refusal::Closed => None,
            Refusal::NoThread(error) => Some(error),
        }
    }

    /// The job, to be run elsewhere or dropped.
    ///
    /// ```
    /// use filch_blocking::{Job, Pool};
    /// use std::sync::mpsc;
    /// let (tell, told) = mpsc::channel();
    /// let pool = Pool::new()?;
    /// pool.close();
    /// let refused = pool.submit(Job::new(move || tell.send("done here").unwrap())).unwrap_err();
    /// refused.into_job().run();
    /// assert_eq!(told.try_recv()?, "done here");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_job(self) -> Job {
        self.job
    }
}

impl fmt::Debug for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmitError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.io_error().map(|error| error as _)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the pool is closed"),
            Self::NoThread(error) => write!(f, "no pool thread could be started: {error}"),
        }
    }
}

/// A job gave no value: it panicked, or it never ran.
///
/// ```
/// use filch_blocking::unblock;
/// use std::io;
/// # futures_lite::future::block_on(async {
/// let error = unblock(|| panic!("a broken file")).await.unwrap_err();
/// assert_eq!(error.to_string(), "the job panicked: a broken file");
/// assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Other);
/// # });
/// ```
pub struct UnblockError(Failure);

enum Failure {
    /// The lock makes the error `Sync`, which a payload need not be; it is never contended.
    Panic(Mutex<Box<dyn Any + Send>>),
    Refused(Refusal),
}

impl UnblockError {
    pub(crate) fn panic(payload: Box<dyn Any + Send>) -> Self {
        Self(Failure::Panic(Mutex::new(payload)))
    }

    pub(crate) fn refused(reason: Refusal) -> Self {
        Self(Failure::Refused(reason))
    }

    /// Whether the job panicked.
    ///
    /// ```
    /// use filch_blocking::unblock;
    /// let error = futures_lite::future::block_on(unblock(|| panic!("on purpose"))).unwrap_err();
    /// assert!(error.is_panic() && !error.is_closed());
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Failure::Panic(_))
    }

    /// Whether the job never ran because its pool was closed.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// pool.close();
    /// assert!(futures_lite::future::block_on(pool.spawn(|| ())).unwrap_err().is_closed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_closed(&self) -> bool {
        matches!(self.0, Failure::Refused(Refusal::Closed))
    }

    /// What the operating system said, if the job never ran because no thread could be started.
    ///
    /// ```
    /// use filch_blocking::unblock;
    /// let error = futures_lite::future::block_on(unblock(|| panic!("on purpose"))).unwrap_err();
    /// assert!(error.io_error().is_none(), "it had a thread");
    /// ```
    pub fn io_error(&self) -> Option<&io::Error> {
        match &self.0 {
            Failure::Refused(Refusal::NoThread(error)) => Some(error),
            Failure::Panic(_) | Failure::Refused(Refusal::Closed) => None,
        }
    }

    /// What the job panicked with, to be passed to [`std::panic::resume_unwind`] or looked at.
    ///
    /// # Panics
    /// When the job did not panic: ask [`is_panic`](Self::is_panic) first, or call
    /// [`try_into_panic`](Self::try_into_panic).
    /// # Examples
    /// ```
    /// use filch_blocking::unblock;
    /// let error = futures_lite::future::block_on(unblock(|| panic!("on purpose"))).unwrap_err();
    /// assert_eq!(error.into_panic().downcast_ref(), Some(&"on purpose"));
    /// ```
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("`into_panic` on a job that did not panic: {error}"),
        }
    }

    /// What the job panicked with.
    ///
    /// # Errors
    /// The error itself, if the job did not panic.
    /// # Examples
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// pool.close();
    /// let error = futures_lite::future::block_on(pool.spawn(|| ())).unwrap_err();
    /// assert!(error.try_into_panic().unwrap_err().is_closed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.0 {
            Failure::Panic(payload) => {
                // Taken through the lock: the model checker's has no `into_inner`.
                Ok(std::mem::replace(&mut *payload.lock(), Box::new(())))
            }
            other => Err(Self(other)),
        }
    }

    /// Drops the error, containing a payload whose destructor panics.
    pub(crate) fn discard(self) {
        contained(|| drop(self));
    }
}

impl fmt::Debug for UnblockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnblockError({self})")
    }
}

impl fmt::Display for UnblockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Failure::Refused(reason) => write!(f, "the job never ran: {reason}"),
            Failure::Panic(payload) => {
                let payload = payload.lock();
                let text = payload.downcast_ref::<&str>().copied();
                match text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)) {
                    Some(text) => write!(f, "the job panicked: {text}"),
                    None => f.write_str("the job panicked"),
                }
            }
        }
    }
}

impl error::Error for UnblockError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.io_error().map(|error| error as _)
    }
}

/// So that `unblock(f).await??` serves in functions that return [`io::Result`]. The error of a thread that could not be
/// started stays itself.
impl From<UnblockError> for io::Error {
    fn from(error: UnblockError) -> Self {
        match error.0 {
            Failure::Refused(Refusal::NoThread(error)) => error,
            other => Self::other(UnblockError(other)),
        }
    }
}
