//! What one worker does that has all tasks to itself.

use filch::Runtime;

/// Tries `attempt`, with so many rounds, on a runtime of one worker, until that had all tasks to itself. What that attempt came to.
///
/// A worker that the machine keeps from its processor for long looks stuck, and a spare takes some of its tasks. Then the
/// operating system decides who gets on, and there is nothing to see. So each new attempt is shorter: what fits between two
/// preemptions comes through on a machine that is never idle, too.
///
/// # Panics
/// When there can be no runtime.
pub fn undisturbed<T>(rounds: usize, attempt: impl Fn(&Runtime, usize) -> T) -> T {
    let mut left = rounds;
    loop {
        let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
        let outcome = attempt(&runtime, left);
        if runtime.metrics().guests.polls == 0 {
            return outcome;
        }
        left = (left * 3 / 4).max(rounds.div_ceil(20)).max(8);
    }
}
