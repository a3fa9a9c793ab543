//! Bells: what the tasks of a scenario wait for, and who rings it.

use filch_primitive::explore::dice;
use filch_primitive::sync::Mutex;
use filch_primitive::thread::{self, JoinHandle};
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Rung once; whoever waits, or comes later, goes on.
#[derive(Default)]
pub(super) struct Bell(Mutex<State>);

#[derive(Default)]
struct State {
    rung: bool,
    waiter: Option<Waker>,
}

impl Bell {
    /// Waits until the bell rings.
    pub(super) fn wait(self: Arc<Self>) -> impl Future<Output = ()> + Send {
        poll_fn(move |cx| {
            let mut state = self.0.lock();
            if state.rung {
                return Poll::Ready(());
            }
            let before = state.waiter.replace(cx.waker().clone());
            drop(state);
            drop(before);
            Poll::Pending
        })
    }

    /// Rings, on this thread.
    pub(super) fn ring(&self) {
        let mut state = self.0.lock();
        state.rung = true;
        let waiter = state.waiter.take();
        drop(state);
        if let Some(waiter) = waiter {
            match dice(3) {
                // Woken twice, by value and by reference.
                0 => {
                    waiter.wake_by_ref();
                    waiter.wake();
                }
                1 => waiter.wake_by_ref(),
                _ => waiter.wake(),
            }
        }
    }
}

/// The bells of one run, numbered as they are made.
#[derive(Clone, Default)]
pub(super) struct Belfry(Arc<Mutex<Tower>>);

#[derive(Default)]
struct Tower {
    hung: Vec<Arc<Bell>>,
    /// No more bells are hung: new ones ring at once.
    closed: bool,
}

impl Belfry {
    /// A bell that some ringer will ring.
    pub(super) fn hang(&self) -> Arc<Bell> {
        let bell = Arc::new(Bell::default());
        let mut tower = self.0.lock();
        if tower.closed {
            drop(tower);
            bell.ring();
        } else {
            tower.hung.push(bell.clone());
        }
        bell
    }

    /// Rings one of the bells, if any hangs.
    fn ring_one(&self) -> bool {
        let mut tower = self.0.lock();
        if tower.hung.is_empty() {
            return false;
        }
        let any = dice(tower.hung.len());
        let bell = tower.hung.swap_remove(any);
        drop(tower);
        bell.ring();
        true
    }

    /// Rings all that hang and that ever will.
    pub(super) fn close(&self) {
        self.0.lock().closed = true;
        while self.ring_one() {}
    }

    /// A plain thread that rings some of the bells, and then lets the rest ring at once.
    pub(super) fn ringer(&self) -> JoinHandle<()> {
        let belfry = self.clone();
        thread::spawn(move || {
            for _ in 0..dice(12) {
                if !belfry.ring_one() {
                    thread::yield_now();
                }
            }
            belfry.close();
        })
    }
}
