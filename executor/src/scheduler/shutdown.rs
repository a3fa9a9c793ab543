//! How a scheduler starts and ends.
//!
//! The end: 1. the flag is set and everybody unparked. 2. Workers leave after their current poll, each aborting
//! its local tasks and leaving what it queued to the injector. 3. Whoever ends the scheduler waits for them, at
//! most to the limit. 4. It sweeps: every task that nobody polls is aborted, its future dropped here. 5. A
//! thread that was stuck and comes back later, and a spawn that raced with the flag, sweep once more.
//!
//! Why no task is left: a task is published (queue, inbox, injector, or its state word in a heap) before a
//! fence, after which its publisher looks at the flag; the flag is set before a fence, after which the sweep
//! looks. One fence comes first: either the sweep sees the task or the publisher sees the flag and sweeps.

use super::shared::Shared;
use super::threads;
use std::io;
use std::sync::Arc;
use std::time::Instant;

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
        let left = self.threads.wait_ended(deadline, self);
        self.sweep();
        self.park.shutdown();
        left
    }
}
