//! Less processor for this process than the machine has. Linux only.

#![allow(unsafe_code, reason = "affinity and policy are set by the operating system's own calls")]

/// Keeps the calling thread, and all it starts from now on, on a single processor: the first it may use.
///
/// # Panics
/// When the operating system refuses.
pub fn pin_to_one() {
    // SAFETY: all zeroes are a set of no processors.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is as large as is said, and written to.
    let got = unsafe { libc::sched_getaffinity(0, size_of_val(&allowed), &raw mut allowed) };
    assert_eq!(got, 0, "a thread may ask where it may run");
    let possible = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: no number is beyond the set.
    let first = possible.into_iter().find(|&processor| unsafe { libc::CPU_ISSET(processor, &allowed) });
    // SAFETY: all zeroes are a set of no processors.
    let mut one: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number came out of such a set.
    unsafe { libc::CPU_SET(first.expect("it runs somewhere"), &mut one) };
    // SAFETY: the set is as large as is said, and read.
    let set = unsafe { libc::sched_setaffinity(0, size_of_val(&one), &raw const one) };
    assert_eq!(set, 0, "a thread may leave processors to others");
}

/// Has the calling thread, and all it starts from now on, run only when nothing else wants the processor.
///
/// # Panics
/// When the operating system refuses.
pub fn idle_class() {
    // SAFETY: all zeroes are the parameters of a policy that has none.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the parameters are read, and nothing else is touched.
    let set = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
    assert_eq!(set, 0, "a thread may stand back");
}
