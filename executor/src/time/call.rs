//! Plain callbacks: called soon, or at a certain time, as asyncio's `call_soon`, `call_later` and `call_at`.
//!
//! A callback is a task that sleeps and calls: it runs on a worker, may spawn, and a panic in it is reported as a task's is.

use crate::runtime::Handle;
use crate::task::{AbortHandle, Meta};
use filch_primitive::sync::atomic::{AtomicU8, Ordering};
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAITING: u8 = 0;
const CALLED: u8 = 1;
const CANCELLED: u8 = 2;

/// A callback that will be called, was, or was cancelled. Clones are the same one. Dropping them all cancels nothing.
///
/// # Examples
/// ```
/// use filch::time::call_later;
/// use std::time::Duration;
/// let alarm = call_later(Duration::from_secs(3600), || unreachable!());
/// assert!(alarm.cancel(), "in time");
/// ```
#[derive(Clone)]
pub struct CallHandle {
    state: Arc<AtomicU8>,
    task: AbortHandle,
    when: Option<Instant>,
}

impl CallHandle {
    /// Sees to it that the callback is not called. False when that is too late: it runs, or has run.
    ///
    /// # Examples
    /// ```
    /// use filch::time::call_later;
    /// use std::time::Duration;
    /// let call = call_later(Duration::from_secs(3600), || unreachable!());
    /// assert!(call.cancel());
    /// assert!(call.is_cancelled());
    /// ```
    pub fn cancel(&self) -> bool {
        // Ordering: Relaxed; the one exchange that succeeds decides, and nothing else is published by it.
        let cancelled =
            self.state.compare_exchange(WAITING, CANCELLED, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if cancelled {
            // The closure goes now, and not only when its time comes.
            self.task.abort();
        }
        cancelled
    }

    /// Whether it was cancelled before it was called.
    ///
    /// # Examples
    /// ```
    /// use filch::time::call_later;
    /// use std::time::Duration;
    /// let call = call_later(Duration::from_secs(3600), || unreachable!());
    /// assert!(!call.is_cancelled());
    /// call.cancel();
    /// assert!(call.is_cancelled());
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        // Ordering: Relaxed, as in `cancel`.
        self.state.load(Ordering::Relaxed) == CANCELLED
    }

    /// The time at which it is to be called; none for one that is called soon.
    ///
    /// # Examples
    /// ```
    /// use filch::time::{call_at, call_soon, now};
    /// use std::time::Duration;
    /// let noon = now() + Duration::from_secs(3600);
    /// assert_eq!(call_at(noon, || ()).when(), Some(noon));
    /// assert_eq!(call_soon(|| ()).when(), None);
    /// ```
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        self.when
    }
}

impl fmt::Debug for CallHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ordering: Relaxed, for the eye.
        let state = match self.state.load(Ordering::Relaxed) {
            WAITING => "waiting",
            CALLED => "called",
            _ => "cancelled",
        };
        f.debug_struct("CallHandle").field("state", &state).field("when", &self.when).finish_non_exhaustive()
    }
}

impl Handle {
    /// Calls `f` on a worker, as soon as one comes to it. There is no order between callbacks: they run on several threads.
    ///
    /// `f` should not block; a panic in it is reported as that of a task nobody awaits.
    ///
    /// # Examples
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// runtime.handle().call_soon(move || tell.send("soon").unwrap());
    /// assert_eq!(told.recv()?, "soon");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn call_soon(&self, f: impl FnOnce() + Send + 'static) -> CallHandle {
        self.call(None, f)
    }

    /// Calls `f` on a worker once `delay` has passed on the runtime's clock. Otherwise as [`call_soon`](Self::call_soon).
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// let runtime = filch::Runtime::new()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let start = Instant::now();
    /// runtime.handle().call_later(Duration::from_millis(2), move || tell.send(()).unwrap());
    /// told.recv()?;
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn call_later(&self, delay: Duration, f: impl FnOnce() + Send + 'static) -> CallHandle {
        let mut when = None;
        self.shared().inside(|| when = Some(filch_timer::sleep(delay).deadline()));
        self.call(when, f)
    }

    /// Calls `f` on a worker when the runtime's clock shows `when`, or soon if it is past. Otherwise as
    /// [`call_soon`](Self::call_soon).
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// let runtime = filch::Runtime::new()?;
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let when = Instant::now() + Duration::from_millis(2);
    /// runtime.handle().call_at(when, move || tell.send(Instant::now()).unwrap());
    /// assert!(told.recv()? >= when);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn call_at(&self, when: Instant, f: impl FnOnce() + Send + 'static) -> CallHandle {
        self.call(Some(when), f)
    }

    #[track_caller]
    fn call(&self, when: Option<Instant>, f: impl FnOnce() + Send + 'static) -> CallHandle {
        let state = Arc::new(AtomicU8::new(WAITING));
        let seen = state.clone();
        let task = self.spawn_with(
            async move {
                if let Some(when) = when {
                    filch_timer::sleep_until(when).await;
                }
                // Ordering: Relaxed, as in `cancel`.
                if seen.compare_exchange(WAITING, CALLED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                    f();
                }
            },
            Meta { location: Location::caller(), name: None },
        );
        let handle = CallHandle { state, task: task.abort_handle(), when };
        task.detach();
        handle
    }
}

/// Calls `f` soon, on the runtime around the caller. See [`Handle::call_soon`].
///
/// # Panics
/// Where the caller has no runtime around it and none can be started, as [`Handle::current`](crate::Handle::current).
/// # Examples
/// ```
/// let (tell, told) = std::sync::mpsc::channel();
/// filch::time::call_soon(move || tell.send("soon").unwrap());
/// assert_eq!(told.recv()?, "soon");
/// # Ok::<(), std::sync::mpsc::RecvError>(())
/// ```
#[track_caller]
pub fn call_soon(f: impl FnOnce() + Send + 'static) -> CallHandle {
    Handle::current().call_soon(f)
}

/// Calls `f` once `delay` has passed, on the runtime around the caller. See [`Handle::call_later`].
///
/// # Panics
/// Where the caller has no runtime around it and none can be started, as [`Handle::current`](crate::Handle::current).
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// let (tell, told) = std::sync::mpsc::channel();
/// let start = Instant::now();
/// filch::time::call_later(Duration::from_millis(2), move || tell.send(()).unwrap());
/// told.recv()?;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # Ok::<(), std::sync::mpsc::RecvError>(())
/// ```
#[track_caller]
pub fn call_later(delay: Duration, f: impl FnOnce() + Send + 'static) -> CallHandle {
    Handle::current().call_later(delay, f)
}

/// Calls `f` at a certain time, on the runtime around the caller. See [`Handle::call_at`].
///
/// # Panics
/// Where the caller has no runtime around it and none can be started, as [`Handle::current`](crate::Handle::current).
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// let (tell, told) = std::sync::mpsc::channel();
/// let when = Instant::now() + Duration::from_millis(2);
/// filch::time::call_at(when, move || tell.send(Instant::now()).unwrap());
/// assert!(told.recv()? >= when);
/// # Ok::<(), std::sync::mpsc::RecvError>(())
/// ```
#[track_caller]
pub fn call_at(when: Instant, f: impl FnOnce() + Send + 'static) -> CallHandle {
    Handle::current().call_at(when, f)
}
