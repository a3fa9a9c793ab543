//! What the allocator of the system has given out, to the byte, and what it keeps for later.
//!
//! Resident memory alone says little: glibc keeps what a burst took, in an arena for each of many threads,
//! and fills the holes by luck. What it has given out is exact, and what is resident after it was asked to
//! give back all it can is nearly so.

#![allow(unsafe_code, reason = "the allocator is asked through the C library")]

/// Bytes that were allocated and not freed, where that can be asked.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn live_bytes() -> Option<usize> {
    // SAFETY: it takes nothing, and only reads what the allocator has written down.
    let info = unsafe { libc::mallinfo2() };
    Some(info.uordblks + info.hblkhd)
}

/// Has the allocator give back to the system what it keeps for later.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn give_back() {
    // SAFETY: only pages on which nothing is allocated are given back.
    unsafe { libc::malloc_trim(0) };
}

/// Bytes that were allocated and not freed, where that can be asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn live_bytes() -> Option<usize> {
    None
}

/// Has the allocator give back to the system what it keeps for later.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn give_back() {}
