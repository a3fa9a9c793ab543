//! How long the threads of a test were kept from the processors. Linux only; elsewhere nobody ever is.
//!
//! A limit of time is there to tell a hang. Whoever waits for a processor does not hang, however long the machine has other things
//! to do: what it waited is added to the limit. Threads that sleep for ever wait for none; ones that spin for ever get one, and their
//! limit is over at the latest when they have spun for as long.

use crate::child;
use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// A look at all threads of this process, and of the [children](child) it waits for, from time to time.
#[derive(Debug)]
pub(crate) struct Hindrance {
    last: Instant,
    /// By process and thread: the time it has waited for a processor so far.
    waited: HashMap<(u32, u32), Duration>,
}

impl Hindrance {
    /// From now on.
    pub(crate) fn watch() -> Self {
        Self { last: Instant::now(), waited: waits() }
    }

    /// From `begin` on, as far as can be told: what threads waited before counts as well, though not for more than there was time.
    pub(crate) fn since(begin: Instant) -> Self {
        Self { last: begin, waited: HashMap::new() }
    }

    /// The longest that any of the threads has waited since the last look.
    pub(crate) fn look(&mut self) -> Duration {
        let (before, now) = (std::mem::replace(&mut self.waited, waits()), Instant::now());
        let passed = now - std::mem::replace(&mut self.last, now);
        let grown = |(thread, waited): (&_, &Duration)| {
            waited.saturating_sub(before.get(thread).copied().unwrap_or_default())
        };
        self.waited.iter().map(grown).max().unwrap_or_default().min(passed)
    }
}

fn waits() -> HashMap<(u32, u32), Duration> {
    let processes = child::under_way().into_iter().chain([std::process::id()]);
    let threads = processes.flat_map(|process| {
        let entries = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
        entries.filter_map(move |entry| {
            let task = entry.ok()?.path();
            let thread = task.file_name()?.to_str()?.parse().ok()?;
            // The second number: nanoseconds ready to run, and not running.
            let waited = fs::read_to_string(task.join("schedstat")).ok()?.split(' ').nth(1)?.parse().ok()?;
            Some(((process, thread), Duration::from_nanos(waited)))
        })
    });
    threads.collect()
}

#[cfg(test)]
mod tests {
    use super::Hindrance;
    use std::time::{Duration, Instant};

    #[test]
    fn one_that_sleeps_is_kept_from_nothing_and_no_look_tells_of_more_than_there_was_time() {
        let begin = Instant::now();
        let (mut watched, mut all) = (Hindrance::watch(), Hindrance::since(begin));
        assert!(watched.look() <= begin.elapsed() && all.look() <= begin.elapsed());
        let again = Instant::now();
        assert!(all.look() <= again.elapsed() + (again - begin));
        assert_eq!(Hindrance::since(Instant::now() + Duration::from_secs(60)).look(), Duration::ZERO);
    }

    #[test]
    fn one_that_waits_for_a_processor_is_seen() {
        let two_on_one = || {
            crate::processor::pin_to_one();
            let mut hindrance = Hindrance::watch();
            let spin = || {
                let before = crate::process::processor_time();
                while crate::process::processor_time() - before < Duration::from_millis(100) {}
            };
            let other = std::thread::spawn(spin);
            spin();
            crate::wait_until("one waited for the other", || hindrance.look() > Duration::ZERO);
            other.join().expect("no panic");
        };
        std::thread::spawn(two_on_one).join().expect("no panic");
    }
}
