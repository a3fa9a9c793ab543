//! The model checkers' threads, with what theirs lack: whether a thread has finished, and waits with an end.

#[cfg(filch_loom)]
use loom::{sync::atomic, thread as model};
#[cfg(filch_shuttle)]
use shuttle::{sync::atomic, thread as model};

pub use model::{LocalKey, Thread, ThreadId, current, park, yield_now};

use atomic::{AtomicBool, Ordering};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Blocks until unparked. A model knows no time: the timeout never passes.
pub fn park_timeout(_timeout: Duration) {
    park();
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
    }
}
