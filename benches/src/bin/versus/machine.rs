//! What this machine is, as far as it tells.

use std::fs;
use std::process::Command;
use std::thread;

/// In a line: its processors, its system and the compiler on it.
pub(crate) fn describe() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let count = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{count} processors ({}), Linux {}, {}",
        processor.as_deref().unwrap_or("unknown"),
        kernel.trim(),
        compiler.as_deref().unwrap_or("unknown compiler")
    )
}
