//! Whom this thread is polling.
//!
//! A lock that can say who holds it must know who takes it, and the crates that have locks know no executor. So an executor
//! that numbers its tasks leaves the number here for as long as it polls one, and a lock that is taken notes what it finds.

use std::cell::Cell;

crate::thread_local! {
    // Nothing in it needs dropping, so it is there until the thread is gone.
    static TASK: Cell<u64> = const { Cell::new(0) };
}

/// The number of the task that this thread is polling; zero for none, or for one that has no number.
#[inline]
pub fn task() -> u64 {
    TASK.get()
}

/// From now on this thread polls the task with this number, or none for zero. The answer is the number before, which the caller
/// puts back when the poll is over: polls nest.
#[inline]
pub fn replace(task: u64) -> u64 {
    TASK.replace(task)
}

#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod tests {
    use super::{replace, task};

    #[test]
    fn a_number_is_the_threads_own() {
        assert_eq!((replace(7), task()), (0, 7));
        assert_eq!(std::thread::spawn(task).join().unwrap(), 0);
        assert_eq!((replace(0), task()), (7, 0));
    }
}
