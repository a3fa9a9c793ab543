//! How a scheduler starts and ends.
//!
//! The end:
//! 1. The flag is set and everybody unparked. Timers and descriptors are let go: a poll under way, or a destructor,
//!    may block on one of those, and nobody would see to them any more.
//! 2. Workers leave after their current poll, each aborting its local tasks and leaving what it queued to the
//!    injector. Meanwhile the sentinel sweeps: every task that nobody polls is aborted, its future dropped there.
//! 3. Whoever ends the scheduler waits for the workers, at most to the limit. Then the sentinel sweeps once more,
//!    says that it is over, and leaves.
//! 4. A thread that was stuck and comes back later, and whoever publishes a task after that, sweeps once more.
//!
//! Why no task is left: a task is published (queue, inbox, injector, or its state word in a heap) before a
//! fence, after which its publisher looks whether it is over; that flag is set before a fence, after which the
//! last sweep looks. One fence comes first: either the sweep sees the task or the publisher sees the flag and
//! sweeps.
//!
//! Rejected: sweeping on the thread that ends the scheduler, where a destructor that blocks would take longer
//! than the limit; and sweeping in each wake and spawn that sees the scheduler closed, where destructors of other
//! tasks would run under whatever locks that thread holds.

use super::shared::Shared;
use super::threads;
use crate::task::{Id, TaskInfo};
use filch_primitive::{thread, time};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Shared {
    /// Starts the threads.
    ///
    /// # Errors
    /// What the operating system says when one cannot start; those that did have been joined then.
    pub(crate) fn start(self: &Arc<Self>) -> io::Result<()> {
        threads::start_all(self)
    }

    /// Ends the scheduler. Returns how many of its threads had not ended at the deadline.
    pub(crate) fn end(&self, deadline: Option<Instant>) -> usize {
        self.close();
        self.park.shutdown();
        // The sentinel is to be the last.
        self.threads.wait_ended(deadline, 1);
        self.sentinel.dismiss();
        let left = self.threads.wait_ended(deadline, 0);
        // Timers of places that were taken just before the flag was set.
        self.park.shutdown();
        left
    }

    /// Waits, at most until the deadline, for the tasks that are not complete although all has been swept, but for `own`,
    /// which the caller runs in. Returns those that are left.
    ///
    /// Besides the stuck there are tasks in the hands of threads that are not the scheduler's: guests in a poll, and
    /// spawners that lost the race against the end and sweep. That takes no longer than their polls and destructors, so it is
    /// asked for again and again rather than told.
    pub(crate) fn wait_unfinished(&self, deadline: Instant, own: &[Id]) -> Vec<TaskInfo> {
        let mut pause = Duration::from_micros(20);
        loop {
            let mut left = self.unfinished();
            left.retain(|task| !own.contains(&task.id));
            let now = time::now();
            if left.is_empty() || now >= deadline {
                return left;
            }
            thread::pause(pause.min(deadline - now));
            pause = (pause * 2).min(Duration::from_millis(2));
        }
    }
}
