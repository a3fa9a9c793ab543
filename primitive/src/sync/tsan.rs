//! The shipped ones, and what ThreadSanitizer has to be told about them.
//!
//! It sees every access and every atomic operation of what is compiled with it. Blind spots are two:
//!
//! **Fences.** It follows none. The fences of our own protocols are `SeqCst` ones that decide who acts; what is handed over,
//! an atomic operation hands over, so nothing is missed there. But the last owner of an [`Arc`](std::sync::Arc) sees what
//! the others did through a fence: they count down with `Release`, and only the one that reaches zero fences with `Acquire`.
//! The linker puts this module's functions between the program and the runtime (`--wrap`, see `ci/sanitize`), which tell
//! the runtime what such a fence means: whoever counts down to zero and passes a fence next has acquired the counter.
//! That holds for every `Arc` in the program, the standard library's wakers and other crates' included, and for weak
//! counts; and it is not one synchronisation more than the memory model grants, so a race in the drop of a shared value
//! is still reported.
//!
//! **The standard library's inside**, which is not compiled with it. `Arc` is generic and so compiled with us; locks are
//! `parking_lot`'s, which are, too; [`OnceLock`](super::OnceLock) is one of our own here.
//!
//! Rejected: an `Arc` of our own for this form, which would leave wakers and the `Arc`s of others unseen, and test what
//! nobody uses; a suppression for `Arc::drop_slow`, which hides every race in the drop of a shared value.

#![allow(
    unsafe_code,
    reason = "the sanitizer's runtime is C, and a cell that is written once is read without a lock"
)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;

unsafe extern "C" {
    fn __tsan_acquire(address: *mut c_void);
    fn __real___tsan_atomic_thread_fence(order: c_int);
    fn __real___tsan_atomic64_fetch_sub(counter: *mut u64, by: u64, order: c_int) -> u64;
}

/// The counter that this thread has just brought to zero, if its last subtraction did that. Never read through.
#[thread_local]
static COUNTED_DOWN: Cell<*mut u64> = Cell::new(ptr::null_mut());

/// What the program calls for `fetch_sub` on 64 bits.
///
/// # Safety
/// As the runtime's: `counter` is an atomic of 64 bits that lives during the call.
#[sanitize(thread = "off")]
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap___tsan_atomic64_fetch_sub(counter: *mut u64, by: u64, order: c_int) -> u64 {
    // SAFETY: as asked of the caller.
    let before = unsafe { __real___tsan_atomic64_fetch_sub(counter, by, order) };
    COUNTED_DOWN.set(if before == by { counter } else { ptr::null_mut() });
    before
}

/// What the program calls for a fence.
#[sanitize(thread = "off")]
#[unsafe(no_mangle)]
extern "C" fn __wrap___tsan_atomic_thread_fence(order: c_int) {
    // SAFETY: takes a number and touches no memory of ours.
    unsafe { __real___tsan_atomic_thread_fence(order) };
    let counter = COUNTED_DOWN.replace(ptr::null_mut());
    if !counter.is_null() {
        // SAFETY: the address only names what the runtime has recorded for it; nothing is read or written there.
        unsafe { __tsan_acquire(counter.cast()) };
    }
}
