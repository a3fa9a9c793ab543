//! What the operating system says about this process, and lets it have.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The bytes of memory that are resident now, to the page.
///
/// # Errors
/// Where the system has no `/proc/self/statm`.
pub fn resident_bytes() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: Option<u64> = text.split_whitespace().nth(1).and_then(|field| field.parse().ok());
    let pages =
        pages.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("odd statm: {text:?}")))?;
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Sees to it that the process may hold as many descriptors at a time, raising its own limit if it must.
///
/// # Errors
/// If the system's hard limit is lower, or it refuses.
pub fn allow_descriptors(wanted: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if let Some(maximum) = limit.maximum.filter(|maximum| *maximum < wanted) {
        return Err(io::Error::other(format!(
            "{wanted} descriptors are needed, the hard limit is {maximum}"
        )));
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })?)
}
