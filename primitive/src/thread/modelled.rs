//! The model checkers' threads, with what theirs lack: whether a thread has finished, and waits with an end.

#[cfg(filch_loom)]
use loom::{sync::atomic, thread as model};
#[cfg(filch_shuttle)]
use shuttle::{sync::atomic, thread as model};

pub use model::{Thread, ThreadId, current, park, yield_now};

use atomic::{AtomicBool, Ordering};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Blocks until unparked. A model knows no time: the timeout never passes, unless the run allows for some that do.
pub fn park_timeout(_timeout: Duration) {
    if may_time_out() {
        yield_now();
    } else {
        park();
    }
}

/// Lets others run before the caller looks again, as it does until it has found what it looks for.
pub fn pause(_duration: Duration) {
    yield_now();
}

/// A number by which threads differ, for spreading them over things: any is right.
#[must_use]
pub fn spread() -> usize {
    #[cfg(filch_shuttle)]
    return usize::from(current().id());
    #[cfg(filch_loom)]
    return 0;
}

/// Uses up one of the waits that end by time in this run, if any is left.
#[cfg(filch_loom)]
fn may_time_out() -> bool {
    false
}

/// Whether this thread's closure has ended, rather than the run around it.
#[cfg(filch_loom)]
pub(super) fn has_ended() -> bool {
    true
}

#[cfg(filch_shuttle)]
pub(super) use run::has_ended;
#[cfg(filch_shuttle)]
use run::may_time_out;
#[cfg(filch_shuttle)]
pub(crate) use run::{begin, end};

#[cfg(filch_shuttle)]
mod run {
    use std::cell::{Cell, RefCell};
    use std::collections::HashSet;

    // The real one: all threads of a model are one thread of the operating system, and one run at a time is on it.
    std::thread_local! {
        static TIMEOUTS: Cell<usize> = const { Cell::new(0) };
        /// The threads whose closures have ended.
        static ENDED: RefCell<HashSet<usize>> = RefCell::default();
    }

    /// A run begins, in which so many waits may end by time.
    pub(crate) fn begin(timeouts: usize) {
        TIMEOUTS.set(timeouts);
        ENDED.with_borrow_mut(HashSet::clear);
        super::super::local::lasting::forget();
    }

    /// This thread's closure ends.
    pub(crate) fn end() {
        ENDED.with_borrow_mut(|ended| ended.insert(super::spread()));
    }

    /// Whether this thread's closure has ended, rather than the run around it.
    pub(crate) fn has_ended() -> bool {
        ENDED.with_borrow(|ended| ended.contains(&super::spread()))
    }

    /// Uses up one of the waits that end by time in this run, if any is left.
    pub(super) fn may_time_out() -> bool {
        let left = TIMEOUTS.get();
        TIMEOUTS.set(left.saturating_sub(1));
        left > 0
    }
}

/// Lets others run. A model knows no time: every sleep is over at once.
pub fn sleep(_duration: Duration) {
    yield_now();
}

/// A thread under way.
#[derive(Debug)]
pub struct JoinHandle<T> {
    inner: model::JoinHandle<T>,
    finished: Arc<AtomicBool>,
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end.
    ///
    /// # Errors
    /// What the thread panicked with.
    pub fn join(self) -> std::thread::Result<T> {
        self.inner.join()
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        self.inner.thread()
    }

    /// Whether the thread's closure has ended.
    pub fn is_finished(&self) -> bool {
        // Ordering: Acquire, paired with the Release store in `Finish`.
        self.finished.load(Ordering::Acquire)
    }
}

/// Starts a thread.
pub fn spawn<F, T>(run: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(run).expect("a model never runs out of threads by itself")
}

/// A thread to be.
#[derive(Debug)]
pub struct Builder(model::Builder);

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// A thread without a name.
    pub fn new() -> Self {
        Self(model::Builder::new())
    }

    /// Names it.
    #[must_use]
    pub fn name(self, name: String) -> Self {
        Self(self.0.name(name))
    }

    /// Its stack, in bytes. The model has its own idea.
    #[must_use]
    pub fn stack_size(self, _bytes: usize) -> Self {
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn spawn<F, T>(self, run: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let finished = Arc::new(AtomicBool::new(false));
        let finish = Finish(finished.clone());
        let inner = self.0.spawn(move || {
            let _finish = finish;
            run()
        })?;
        Ok(JoinHandle { inner, finished })
    }
}

/// Says that the thread has ended, also when by a panic.
struct Finish(Arc<AtomicBool>);

impl Drop for Finish {
    fn drop(&mut self) {
        // Ordering: Release, paired with the Acquire load in `is_finished`.
        self.0.store(true, Ordering::Release);
        #[cfg(filch_shuttle)]
        end();
    }
}
