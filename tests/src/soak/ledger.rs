//! The books on tasks and values: each task ends once, in one of three ways; each value is dropped once.

use super::stage::Stage;
use filch::{JoinError, JoinHandle};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::thread;

/// What a panic that is part of the plan carries.
#[derive(Debug)]
pub(super) struct Planned;

/// Panics, as planned.
pub(super) fn panic_as_planned() -> ! {
    std::panic::panic_any(Planned)
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) spawned: AtomicU64,
    pub(super) completed: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) panicked: AtomicU64,
    made: AtomicU64,
    dropped: AtomicU64,
}

impl Ledger {
    /// Whether everything begun has ended. Exact when nobody begins anything.
    pub(super) fn is_settled(&self) -> bool {
        // Ends first: a task that comes and goes in between makes this say no, not yes.
        let ended = self.completed.load(SeqCst) + self.cancelled.load(SeqCst) + self.panicked.load(SeqCst);
        let dropped = self.dropped.load(SeqCst);
        self.spawned.load(SeqCst) == ended && self.made.load(SeqCst) == dropped
    }

    /// A value whose end is written down.
    pub(super) fn value(self: &Arc<Self>) -> Value {
        self.made.fetch_add(1, SeqCst);
        Value(self.clone())
    }

    /// Writes down a task that is about to be spawned.
    pub(super) fn open(self: &Arc<Self>) -> Entry {
        self.spawned.fetch_add(1, SeqCst);
        Entry { ledger: self.clone(), completed: Arc::default() }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [spawned, completed, cancelled, panicked, made, dropped] =
            [&self.spawned, &self.completed, &self.cancelled, &self.panicked, &self.made, &self.dropped]
                .map(|number| number.load(SeqCst));
        write!(
            f,
            "{spawned} tasks: {completed} completed, {cancelled} cancelled, {panicked} panicked; \
             {made} values: {dropped} dropped"
        )
    }
}

/// A value in the books.
#[derive(Debug)]
pub(super) struct Value(Arc<Ledger>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

/// A task's line in the books. It lives in the future, and its end is the task's.
#[derive(Debug)]
pub(super) struct Entry {
    ledger: Arc<Ledger>,
    completed: Arc<AtomicBool>,
}

impl Entry {
    /// Runs `future` as the task of this line. The future is gone before the line is closed.
    pub(super) async fn follow<F: Future>(self, future: F) -> (F::Output, Value) {
        let output = future.await;
        (output, self.complete())
    }

    /// Runs `f` as the closure of this line.
    pub(super) fn call<T>(self, f: impl FnOnce() -> T) -> (T, Value) {
        let output = f();
        (output, self.complete())
    }

    fn complete(self) -> Value {
        self.completed.store(true, SeqCst);
        self.ledger.value()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let end = if self.completed.load(SeqCst) {
            &self.ledger.completed
        } else if thread::panicking() {
            &self.ledger.panicked
        } else {
            &self.ledger.cancelled
        };
        end.fetch_add(1, SeqCst);
    }
}

/// How a task ended, as its handle tells.
#[derive(Debug)]
pub(super) enum End<T> {
    Done(T),
    Aborted,
    Panicked,
}

impl<T> End<T> {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// A handle whose word is checked against the books.
#[must_use]
pub(super) struct Watched<T> {
    stage: Stage,
    handle: JoinHandle<(T, Value)>,
    completed: Arc<AtomicBool>,
}

impl<T> Watched<T> {
    pub(super) fn new(
        stage: &Stage,
        entry: Entry,
        spawn: impl FnOnce(Entry) -> JoinHandle<(T, Value)>,
    ) -> Self {
        let completed = entry.completed.clone();
        Self { stage: stage.clone(), handle: spawn(entry), completed }
    }

    pub(super) fn abort(&self) {
        self.handle.abort();
    }

    pub(super) fn abort_handle(&self) -> filch::AbortHandle {
        self.handle.abort_handle()
    }

    pub(super) fn detach(self) {
        self.handle.detach();
    }

    /// What the handle says, held against what the task has said.
    fn check(&self, result: Result<(T, Value), JoinError>) -> End<T> {
        self.stage.count();
        let completed = self.completed.load(SeqCst);
        match result {
            Ok((output, _value)) => {
                self.stage.check(completed, || "a task that has not completed has an output".to_owned());
                End::Done(output)
            }
            Err(error) => {
                self.stage.check(!completed, || format!("a task that has completed ended so: {error}"));
                match error.try_into_panic() {
                    Ok(thrown) => {
                        self.stage
                            .check(thrown.is::<Planned>(), || "a task threw what is not planned".to_owned());
                        End::Panicked
                    }
                    Err(_aborted) => End::Aborted,
                }
            }
        }
    }
}

impl<T> Future for Watched<T> {
    type Output = End<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<End<T>> {
        let polled = Pin::new(&mut self.handle).poll(cx);
        polled.map(|result| self.check(result))
    }
}
