//! The watchman of a model, in which no time passes: every waker has a thread of its own that wakes it when its turn
//! comes, which is any time.

use filch_primitive::{thread, wake_contained};
use std::task::Waker;

/// Wakes `waker`, on another thread.
pub(crate) fn wake_later(waker: Waker) {
    let _on_its_own = thread::spawn(move || {
        // Whoever is to come of his own accord goes first, where the schedule has a sense of that.
        thread::yield_now();
        wake_contained(waker);
    });
}
