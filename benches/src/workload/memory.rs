//! Memory: what a task costs that does nothing but exist.
//!
//! Not a [`Workload`](super::Workload): what it reports is bytes, and it has to be alone in a fresh process,
//! since memory that an earlier run gave back to the allocator would be used again unseen.

use std::future::pending;
use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::lineup::AnyPeer;
use crate::peer::Peer;
use crate::process::resident_bytes;

/// What the tasks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Wait for nothing that will ever come: the bare task.
    Pending,
    /// Sleep for longer than the process lives: a task and its timer.
    Asleep,
}

/// Tasks that have run once and wait.
#[derive(Clone, Copy, Debug)]
pub struct IdleTasks {
    /// How many tasks there are.
    pub tasks: usize,
    /// What they wait for.
    pub idle: Idle,
}

/// Tasks are spawned so many at a time, each batch polled before the next, so that what is measured is tasks
/// and not a queue that once held a million.
const BATCH: usize = 1_000;

/// How many tasks have been polled. A static, since anything a task holds would count as part of it.
static POLLED: AtomicUsize = AtomicUsize::new(0);

/// Held by the measurement that uses [`POLLED`].
static ALONE: Mutex<()> = Mutex::new(());

impl IdleTasks {
    /// Spawns the tasks, waits until each has been polled, and returns the bytes by which resident memory grew.
    ///
    /// The tasks go on existing; the caller is expected to end the process.
    ///
    /// # Errors
    /// Where the system does not tell how much memory is resident.
    pub fn resident_growth<P: Peer>(&self, peer: &P) -> io::Result<u64> {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // What only the first tasks cost, of threads and of tables, is not the tasks'.
        self.spawn_batch(peer, BATCH);
        let before = resident_bytes()?;
        let mut left = self.tasks;
        while left > 0 {
            let count = left.min(BATCH);
            self.spawn_batch(peer, count);
            left -= count;
        }
        Ok(resident_bytes()?.saturating_sub(before))
    }

    /// [`resident_growth`](Self::resident_growth) on a runtime of any type.
    ///
    /// # Errors
    /// Where the system does not tell how much memory is resident.
    pub fn resident_growth_on(&self, peer: &AnyPeer) -> io::Result<u64> {
        match peer {
            AnyPeer::Tokio(peer) => self.resident_growth(peer),
            AnyPeer::Smol(peer) => self.resident_growth(peer),
        }
    }

    /// Spawns as many tasks from inside the runtime and waits until each has been polled.
    fn spawn_batch<P: Peer>(&self, peer: &P, count: usize) {
        // Ordering: Relaxed throughout, a count that carries nothing else.
        let target = POLLED.load(Ordering::Relaxed) + count;
        let idle = self.idle;
        peer.block_on_worker(async move {
            for _ in 0..count {
                match idle {
                    Idle::Pending => P::detach(async {
                        POLLED.fetch_add(1, Ordering::Relaxed);
                        pending::<()>().await;
                    }),
                    Idle::Asleep => P::detach(async {
                        POLLED.fetch_add(1, Ordering::Relaxed);
                        P::sleep(Duration::from_secs(3_600)).await;
                    }),
                }
            }
        });
        while POLLED.load(Ordering::Relaxed) < target {
            thread::sleep(Duration::from_micros(100));
        }
    }
}
