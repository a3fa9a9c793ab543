//! Telling many that their wait is over, a batch at a time.

use filch_primitive::WakeBatch;
use filch_primitive::wait_list::{Locked, Tag, WaitQueue};

/// Tells those at the head of `queue` for as long as `meant` says so, and gives the lock back. The answer is how many.
///
/// Each is asked about once. Between two batches the lock is free, and others may join: `meant` must know them by their tags,
/// unless nobody can join any more.
pub(crate) fn tell_while<'q, S>(
    queue: &'q WaitQueue<S>,
    mut locked: Locked<'q, S>,
    token: u32,
    mut meant: impl FnMut(Tag) -> bool,
) -> usize {
    let mut batch = WakeBatch::new();
    let mut told = 0;
    while let Some(tag) = locked.front() {
        if !batch.has_room() {
            drop(locked);
            batch.wake_all();
            locked = queue.lock();
            continue;
        }
        if !meant(tag) {
            break;
        }
        if let Some(waker) = locked.notify_front(token) {
            batch.push(waker);
        }
        told += 1;
    }
    drop(locked);
    batch.wake_all();
    told
}
