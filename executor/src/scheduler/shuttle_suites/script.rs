//! What a task of a scenario does, step by step.

use super::bell::Belfry;
use super::books::{Books, Output};
use super::{meta, panic_as_planned};
use crate::scheduler::Shared;
use crate::task::{AbortHandle, JoinHandle, yield_now};
use filch_primitive::explore::dice;
use filch_primitive::sync::Mutex;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

/// What all tasks of a run share.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) shared: Weak<Shared>,
    pub(super) books: Books,
    pub(super) belfry: Belfry,
    /// Those that may be aborted by anybody.
    victims: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Stage {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            books: Books::default(),
            belfry: Belfry::default(),
            victims: Arc::default(),
        }
    }

    /// Spawns a task that does what the dice say, from whatever thread this is. `None` once the scheduler is gone.
    pub(super) fn spawn(&self, depth: usize) -> Option<JoinHandle<Output>> {
        let shared = self.shared.upgrade()?;
        let handle = shared.spawn(self.clone().play(depth), meta());
        if dice(3) == 0 {
            self.victims.lock().push(handle.abort_handle());
        }
        Some(handle)
    }

    /// Aborts one of those that may be, if there is one.
    pub(super) fn abort_one(&self) {
        let mut victims = self.victims.lock();
        if victims.is_empty() {
            return;
        }
        let any = dice(victims.len());
        let victim = victims.swap_remove(any);
        drop(victims);
        victim.abort();
    }

    /// A task's whole life.
    fn play(self, depth: usize) -> Pin<Box<dyn Future<Output = Output> + Send>> {
        let life = self.books.open();
        Box::pin(async move {
            for _ in 0..1 + dice(3) {
                self.step(depth).await;
            }
            life.output()
        })
    }

    async fn step(&self, depth: usize) {
        match dice(12) {
            0..3 => self.belfry.hang().wait().await,
            3..5 => yield_now().await,
            5 => wake_oneself().await,
            6 => self.abort_one(),
            7 if dice(3) == 0 => panic_as_planned(),
            8..12 if depth > 0 => {
                if let Some(child) = self.spawn(depth - 1) {
                    dispose(child).await;
                }
            }
            _ => {}
        }
    }
}

/// What can be done with a handle.
pub(super) async fn dispose(handle: JoinHandle<Output>) {
    match dice(5) {
        0 => handle.detach(),
        1 => drop(handle),
        2 => {
            handle.abort();
            check(handle.await);
        }
        _ => check(handle.await),
    }
}

/// Looks at what became of a task.
pub(super) fn check(ended: Result<Output, crate::JoinError>) {
    if let Ok(output) = ended {
        output.check();
    }
}

/// Wakes the own task in its poll, once or twice.
async fn wake_oneself() {
    let mut polls = 0;
    poll_fn(|cx| {
        polls += 1;
        if polls > 1 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        if dice(2) == 0 {
            cx.waker().clone().wake();
        }
        Poll::Pending
    })
    .await;
}
