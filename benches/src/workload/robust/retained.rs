//! Retained: the memory that a burst leaves behind.
//!
//! Not a [`Workload`](crate::workload::Workload): what it reports is bytes, and it has to be alone in a fresh process.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::latch::Latch;
use crate::lineup::AnyPeer;
use crate::peer::Peer;
use crate::process::resident_bytes;

/// Many tasks that are there at one time, ready at one time, and then gone. What is measured is the memory that is
/// resident afterwards beyond what was before, when the runtime has been idle for a while.
#[derive(Clone, Copy, Debug)]
pub struct Retained {
    /// How many tasks there are.
    pub tasks: usize,
    /// How long the runtime then has nothing to do.
    pub span: Duration,
}

/// As many tasks come and go before the first look at the memory: what only the first ones cost, of threads and of
/// tables, is not the burst's.
const FIRST: usize = 1_000;

impl Retained {
    /// The bytes by which resident memory is larger than before.
    ///
    /// # Errors
    /// Where the system does not tell how much memory is resident.
    pub fn growth<P: Peer>(&self, peer: &P) -> io::Result<u64> {
        burst(peer, FIRST);
        let before = resident_bytes()?;
        burst(peer, self.tasks);
        // The span is what is tested: memory may be given back by whoever has nothing else to do.
        thread::sleep(self.span);
        Ok(resident_bytes()?.saturating_sub(before))
    }

    /// [`growth`](Self::growth) on a runtime of any type.
    ///
    /// # Errors
    /// Where the system does not tell how much memory is resident.
    pub fn growth_on(&self, peer: &AnyPeer) -> io::Result<u64> {
        match peer {
            AnyPeer::Filch(peer) => self.growth(peer),
            AnyPeer::Tokio(peer) => self.growth(peer),
            AnyPeer::Smol(peer) => self.growth(peer),
        }
    }
}

/// Spawns the tasks, lets go of them when all have been polled, and returns when all have ended.
fn burst<P: Peer>(peer: &P, tasks: usize) {
    let (waiting, done) = (Latch::leaked(tasks), Latch::leaked(tasks));
    let gate = Arc::new(Gate { waiters: Mutex::new(Some(Vec::with_capacity(tasks))) });
    peer.block_on_worker(async move {
        for _ in 0..tasks {
            let gate = Arc::clone(&gate);
            P::detach(async move {
                gate.pass(waiting).await;
                done.count_down();
            });
        }
        waiting.wait().await;
        gate.open();
    });
    done.wait_blocking();
}

/// Where tasks wait until it is opened for all of them.
#[derive(Debug)]
struct Gate {
    /// None once it is open.
    waiters: Mutex<Option<Vec<Waker>>>,
}

impl Gate {
    /// Counts itself in at the first poll, and waits.
    async fn pass(&self, waiting: &Latch) {
        let mut counted = false;
        poll_fn(|context| {
            let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(waiters) = waiters.as_mut() else { return Poll::Ready(()) };
            waiters.push(context.waker().clone());
            if !std::mem::replace(&mut counted, true) {
                waiting.count_down();
            }
            Poll::Pending
        })
        .await;
    }

    fn open(&self) {
        let waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiters.into_iter().flatten().for_each(Waker::wake);
    }
}
