//! What the operating system tells about this process. Linux only; elsewhere there is nothing to see.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// One thread, as `/proc` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadInfo {
    /// Its number.
    pub id: u32,
    /// Its name, cut to fifteen bytes by the kernel.
    pub name: String,
    /// The state's letter: `R` runs, `S` sleeps.
    pub state: char,
    /// Where in the kernel it waits, if that may be known.
    pub waits_in: String,
    /// Processor time so far.
    pub cpu: Duration,
    /// Times it went to sleep by itself.
    pub sleeps: u64,
    /// Times it was taken off its processor.
    pub preempted: u64,
}

impl fmt::Display for ThreadInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "thread {} {:?}: {} in {}, {:?} on a processor, {} sleeps, {} preempted",
            self.id, self.name, self.state, self.waits_in, self.cpu, self.sleeps, self.preempted
        )
    }
}

/// The threads there are. One that ends during the call may be missing.
pub fn threads() -> Vec<ThreadInfo> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    entries.filter_map(|entry| thread_info(&entry.ok()?.path())).collect()
}

/// The numbers of the threads there are: one look into a directory, no more.
pub fn thread_ids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Processor time that all threads of this process, those that have ended too, have used so far.
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Watches how much of a processor this process takes.
#[derive(Debug)]
pub struct Spending {
    begin: Instant,
    before: Duration,
}

impl Spending {
    /// From now on.
    pub fn watch() -> Self {
        Self { begin: Instant::now(), before: processor_time() }
    }

    /// The share of one processor that all threads together have taken since: about 1.0 for a spin on a
    /// machine that has nothing else to do.
    pub fn share(&self) -> f64 {
        let spent = processor_time() - self.before;
        spent.div_duration_f64(self.begin.elapsed())
    }
}

/// How many threads there are whose name starts with `prefix`.
pub fn threads_named(prefix: &str) -> usize {
    threads().iter().filter(|thread| thread.name.starts_with(prefix)).count()
}

/// How many descriptors are open.
///
/// # Panics
/// When `/proc` cannot be read.
pub fn descriptors() -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc tells of descriptors");
    // The descriptor of the directory itself is one of them.
    entries.count() - 1
}

/// What the open descriptors are, as far as the system tells: `socket:[number]`, a path, and the like.
///
/// # Panics
/// When `/proc` cannot be read.
pub fn descriptor_names() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc tells of descriptors");
    let name = |path: &Path| Some(fs::read_link(path).ok()?.display().to_string());
    entries.filter_map(|entry| name(&entry.ok()?.path())).collect()
}

/// Bytes of memory that are really there.
///
/// # Panics
/// When `/proc` cannot be read.
pub fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("/proc tells of memory");
    field(&status, "VmRSS:").unwrap_or(0) * 1024
}

/// Bytes that a sanitizer may hold on to: freed memory, kept back to find late uses of it, and its notes.
pub const HELD_BACK: usize = if cfg!(any(filch_asan, filch_tsan)) { 128 << 20 } else { 0 };

/// Bytes of address space in use.
///
/// # Panics
/// When `/proc` cannot be read.
pub fn virtual_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("/proc tells of memory");
    field(&status, "VmSize:").unwrap_or(0) * 1024
}

fn thread_info(task: &Path) -> Option<ThreadInfo> {
    let read = |file: &str| fs::read_to_string(task.join(file)).ok();
    let status = read("status")?;
    let number = |key: &str| field(&status, key).unwrap_or(0) as u64;
    Some(ThreadInfo {
        id: task.file_name()?.to_str()?.parse().ok()?,
        name: read("comm")?.trim_end().to_owned(),
        state: status.lines().find_map(|line| line.strip_prefix("State:"))?.trim_start().chars().next()?,
        waits_in: read("wchan").unwrap_or_default(),
        // The first number: nanoseconds on a processor.
        cpu: Duration::from_nanos(read("schedstat")?.split(' ').next()?.parse().ok()?),
        sleeps: number("voluntary_ctxt_switches:"),
        preempted: number("nonvoluntary_ctxt_switches:"),
    })
}

fn field(status: &str, key: &str) -> Option<usize> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{descriptors, resident_bytes, threads};

    #[test]
    fn it_sees_this_very_thread() {
        let own = std::thread::current().name().expect("tests have names")[..10].to_owned();
        let this =
            || threads().into_iter().find(|thread| thread.name.starts_with(&own)).expect("it is listed");
        assert_eq!(this().state, 'R');
        // The kernel adds up a running thread's time when it sees fit.
        crate::wait_until("this thread has spent time", || !this().cpu.is_zero());
        assert!(resident_bytes() > 4096);
        assert!(descriptors() >= 3);
    }
}
