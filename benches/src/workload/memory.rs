//! Memory: what a task costs that does nothing but exist.
//!
//! Not a [`Workload`](super::Workload): what it reports is bytes, and it has to be alone in a fresh process,
//! since memory that an earlier run gave back to the allocator would be used again unseen.

use std::future::pending;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
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
    /// Spawns the tasks, waits until each has been polled, and returns the bytes by which resident memory
    /// grew.
    ///
    /// The handles are kept, since a task that nobody can join nor wake may be taken away by its runtime; the
    /// memory they fill is not counted. They are forgotten in the end and the tasks go on existing: the
    /// caller is expected to end the process.
    ///
    /// # Errors
    /// Where the system does not tell how much memory is resident.
    pub fn resident_growth<P: Peer>(&self, peer: &P) -> io::Result<u64> {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut handles = Vec::with_capacity(self.tasks);
        // What only the first tasks cost, of threads and of tables, is not the tasks'.
        mem::forget(self.spawn_batch(peer, BATCH));
        let before = resident_bytes()?;
        while handles.len() < self.tasks {
            let count = BATCH.min(self.tasks - handles.len());
            handles.append(&mut self.spawn_batch(peer, count));
        }
        let growth = resident_bytes()?.saturating_sub(before);
        let kept = mem::size_of_val(handles.as_slice()) as u64;
        mem::forget(handles);
        Ok(growth.saturating_sub(kept))
    }

    /// [`resident_growth`](Self::resident_growth) on a runtime of any type.
    ///
    /// # Errors
    /// Where the system does not tell how much memory is resident.
    pub fn resident_growth_on(&self, peer: &AnyPeer) -> io::Result<u64> {
        match peer {
            AnyPeer::Filch(peer) => self.resident_growth(peer),
            AnyPeer::Tokio(peer) => self.resident_growth(peer),
            AnyPeer::Smol(peer) => self.resident_growth(peer),
        }
    }

    /// Spawns as many tasks from inside the runtime and waits until each has been polled.
    fn spawn_batch<P: Peer>(&self, peer: &P, count: usize) -> Vec<P::Join<()>> {
        // Ordering: Relaxed throughout, a count that carries nothing else.
        let target = POLLED.load(Ordering::Relaxed) + count;
        let idle = self.idle;
        let spawn = move |_| match idle {
            Idle::Pending => P::spawn(async {
                POLLED.fetch_add(1, Ordering::Relaxed);
                pending::<()>().await;
            }),
            Idle::Asleep => P::spawn(async {
                POLLED.fetch_add(1, Ordering::Relaxed);
                P::sleep(Duration::from_secs(3_600)).await;
            }),
        };
        let handles = peer.block_on_worker(async move { (0..count).map(spawn).collect() });
        while POLLED.load(Ordering::Relaxed) < target {
            thread::sleep(Duration::from_micros(100));
        }
        handles
    }
}
