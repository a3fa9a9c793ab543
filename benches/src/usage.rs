//! What a process has used of the machine: processor time, and how often its threads went to sleep.

use std::fs;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What the process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its threads.
    pub cpu: Duration,
    /// How often a thread gave its processor up by itself, to wait; of the threads that still exist.
    pub sleeps: u64,
}

impl Usage {
    /// As of now.
    ///
    /// # Errors
    /// Where the system has no `/proc/self/task`.
    pub fn now() -> io::Result<Self> {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::new(cpu.tv_sec.unsigned_abs(), cpu.tv_nsec.unsigned_abs() as u32);
        let mut sleeps = 0;
        for thread in fs::read_dir("/proc/self/task")? {
            // A thread may end between the listing and the look.
            let Ok(status) = fs::read_to_string(thread?.path().join("status")) else { continue };
            sleeps +=
                voluntary_switches(&status).ok_or_else(|| io::Error::other("odd status of a thread"))?;
        }
        Ok(Self { cpu, sleeps })
    }

    /// What was used since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(earlier.cpu), sleeps: self.sleeps.saturating_sub(earlier.sleeps) }
    }
}

fn voluntary_switches(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Usage, voluntary_switches};
    use std::hint::black_box;
    use std::io;
    use std::sync::mpsc::channel;
    use std::thread;

    #[test]
    fn work_and_sleep_both_show() -> io::Result<()> {
        let before = Usage::now()?;
        let (ask, asked) = channel::<()>();
        let (answer, answered) = channel::<()>();
        let partner = thread::spawn(move || asked.into_iter().for_each(|()| answer.send(()).unwrap()));
        // A message there and back makes two threads wait for each other, up to a look that came in time.
        for _ in 0..100 {
            ask.send(()).unwrap();
            answered.recv().unwrap();
        }
        let mut sum = 0_u64;
        while Usage::now()?.since(before).cpu.is_zero() || sum < 1_000 {
            sum = black_box(sum + 1);
        }
        let used = Usage::now()?.since(before);
        drop(ask);
        partner.join().unwrap();
        assert!(used.sleeps > 0, "{used:?}");
        assert!(!used.cpu.is_zero(), "{used:?}");
        Ok(())
    }

    #[test]
    fn the_line_is_found_among_its_like() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(voluntary_switches(status), Some(41));
        assert_eq!(voluntary_switches("nonvoluntary_ctxt_switches:\t7\n"), None);
    }
}
