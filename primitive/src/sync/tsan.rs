//! The shipped ones, and what `ThreadSanitizer` has to be told about them.
//!
//! It sees every access and every atomic operation of what is compiled with it. Blind spots are two, and the linker leads the
//! ways into both past this module (`--wrap`, see `ci/sanitize`):
//!
//! **Fences.** It follows none. The fences of our own protocols are `SeqCst` ones that decide who acts; what is handed over,
//! an atomic operation hands over, so nothing is missed there. But the last owner of an [`Arc`](std::sync::Arc) sees what
//! the others did through a fence: they count down with `Release`, and only the one that reaches zero fences with `Acquire`.
//! So whoever counts down to zero and passes a fence next is said to acquire the counter; so is who exchanges a one for a zero
//! without an ordering, as [`Arc::try_unwrap`](std::sync::Arc::try_unwrap) does. That holds for every `Arc` in the
//! program, wakers and other crates' included, and for weak counts; and it is not one synchronisation more than the memory
//! model grants, so a race in the drop of a shared value is still reported.
//!
//! **The standard library's inside**, which is not compiled with it. What is generic is compiled with us, and so is what is
//! inlined: of a standard lock the fast path is seen, and the slow one is not. Our own locks are `parking_lot`'s, but
//! [`OnceLock`](std::sync::OnceLock) is the standard one, other crates have theirs, and the tests use standard locks like
//! everybody. What the compiler has called their slow paths, `ci/sanitize` looks up.
//!
//! Rejected: an `Arc` of our own for this form, which would leave wakers and the `Arc`s of others unseen, and test what
//! nobody uses; a suppression for `Arc::drop_slow`, which hides every race in the drop of a shared value.

#![allow(unsafe_code, reason = "the sanitizer's runtime is C, and what is hooked is called as it comes")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceState;
use std::time::Duration;

/// What something synchronises by: an address. The runtime has its own notes about it, and nothing is read or written there.
type Place = *const c_void;

unsafe extern "C" {
    safe fn __tsan_acquire(place: Place);
    safe fn __tsan_release(place: Place);
    safe fn __real___tsan_atomic_thread_fence(order: c_int);
    fn __real___tsan_atomic64_fetch_sub(counter: *mut u64, by: u64, order: c_int) -> u64;
    fn __real___tsan_atomic64_compare_exchange_val(
        counter: *mut u64,
        from: u64,
        to: u64,
        order: c_int,
        order_of_failure: c_int,
    ) -> u64;
}

/// `memory_order_relaxed`, by the C library's number.
const RELAXED: c_int = 0;

/// The counter that this thread has just brought to zero, if its last subtraction or exchange did that. Never read through.
#[thread_local]
static COUNTED_DOWN: Cell<Place> = Cell::new(ptr::null());

/// What the program calls for `fetch_sub` on 64 bits.
///
/// # Safety
/// As the runtime's: `counter` is an atomic of 64 bits that lives during the call.
#[sanitize(thread = "off")]
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap___tsan_atomic64_fetch_sub(counter: *mut u64, by: u64, order: c_int) -> u64 {
    // SAFETY: as asked of the caller.
    let before = unsafe { __real___tsan_atomic64_fetch_sub(counter, by, order) };
    COUNTED_DOWN.set(if before == by { counter.cast_const().cast() } else { ptr::null() });
    before
}

/// What the program calls for an exchange on 64 bits that compares first.
///
/// # Safety
/// As the runtime's: `counter` is an atomic of 64 bits that lives during the call.
#[sanitize(thread = "off")]
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap___tsan_atomic64_compare_exchange_val(
    counter: *mut u64,
    from: u64,
    to: u64,
    order: c_int,
    order_of_failure: c_int,
) -> u64 {
    // SAFETY: as asked of the caller.
    let before =
        unsafe { __real___tsan_atomic64_compare_exchange_val(counter, from, to, order, order_of_failure) };
    if (before, from, to, order) == (1, 1, 0, RELAXED) {
        COUNTED_DOWN.set(counter.cast_const().cast());
    }
    before
}

/// What the program calls for a fence.
#[sanitize(thread = "off")]
#[unsafe(no_mangle)]
extern "C" fn __wrap___tsan_atomic_thread_fence(order: c_int) {
    __real___tsan_atomic_thread_fence(order);
    let counter = COUNTED_DOWN.replace(ptr::null());
    if !counter.is_null() {
        __tsan_acquire(counter);
    }
}

// The standard library's slow paths. Should a new compiler change what they take, or their names, the planted faults of
// `ci/sanitize` tell, and the link fails.
unsafe extern "Rust" {
    #[link_name = concat!("__real_", env!("FILCH_STD_MUTEX_LOCK"))]
    fn mutex_lock(mutex: Place);
    #[link_name = concat!("__real_", env!("FILCH_STD_CONDVAR_WAIT"))]
    fn condvar_wait(condvar: Place, mutex: Place);
    #[link_name = concat!("__real_", env!("FILCH_STD_CONDVAR_WAIT_TIMEOUT"))]
    fn condvar_wait_timeout(condvar: Place, mutex: Place, timeout: Duration) -> bool;
    #[link_name = concat!("__real_", env!("FILCH_STD_ONCE_CALL"))]
    fn once_call(once: Place, ignores_poison: bool, init: &mut dyn FnMut(&OnceState));
    #[link_name = concat!("__real_", env!("FILCH_STD_SCOPE_END"))]
    fn scope_end(scope: Place, panicked: bool);
}

/// `Mutex::lock` that has to wait.
///
/// # Safety
/// As the original: `mutex` lives during the call.
#[sanitize(thread = "off")]
#[unsafe(export_name = concat!("__wrap_", env!("FILCH_STD_MUTEX_LOCK")))]
unsafe fn hooked_mutex_lock(mutex: Place) {
    // SAFETY: as asked of the caller.
    unsafe { mutex_lock(mutex) };
    __tsan_acquire(mutex);
}

/// `Condvar::wait`, which unlocks and locks.
///
/// # Safety
/// As the original: both live during the call, and the caller holds the lock.
#[sanitize(thread = "off")]
#[unsafe(export_name = concat!("__wrap_", env!("FILCH_STD_CONDVAR_WAIT")))]
unsafe fn hooked_condvar_wait(condvar: Place, mutex: Place) {
    __tsan_release(mutex);
    // SAFETY: as asked of the caller.
    unsafe { condvar_wait(condvar, mutex) };
    __tsan_acquire(mutex);
}

/// `Condvar::wait_timeout`, which does too.
///
/// # Safety
/// As the original: both live during the call, and the caller holds the lock.
#[sanitize(thread = "off")]
#[unsafe(export_name = concat!("__wrap_", env!("FILCH_STD_CONDVAR_WAIT_TIMEOUT")))]
unsafe fn hooked_condvar_wait_timeout(condvar: Place, mutex: Place, timeout: Duration) -> bool {
    __tsan_release(mutex);
    // SAFETY: as asked of the caller.
    let notified = unsafe { condvar_wait_timeout(condvar, mutex, timeout) };
    __tsan_acquire(mutex);
    notified
}

/// `Once::call`, which is called until it is done. Being done is published after `init`, and seen on the fast path.
///
/// # Safety
/// As the original: `once` lives during the call.
#[sanitize(thread = "off")]
#[unsafe(export_name = concat!("__wrap_", env!("FILCH_STD_ONCE_CALL")))]
unsafe fn hooked_once_call(once: Place, ignores_poison: bool, init: &mut dyn FnMut(&OnceState)) {
    let mut told = |state: &OnceState| {
        init(state);
        __tsan_release(once);
    };
    // SAFETY: as asked of the caller.
    unsafe { once_call(once, ignores_poison, &mut told) };
    __tsan_acquire(once);
}

/// `ScopeData::decrement_num_running_threads`, by which a scoped thread ends. The scope waits for one of the words in there.
///
/// # Safety
/// As the original: `scope` lives during the call.
#[sanitize(thread = "off")]
#[unsafe(export_name = concat!("__wrap_", env!("FILCH_STD_SCOPE_END")))]
unsafe fn hooked_scope_end(scope: Place, panicked: bool) {
    // A count, a flag and a handle, in an order that is the compiler's.
    for word in 0..3 {
        __tsan_release(scope.wrapping_byte_add(word * size_of::<usize>()));
    }
    // SAFETY: as asked of the caller.
    unsafe { scope_end(scope, panicked) };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    #[test]
    fn who_unwraps_a_shared_value_saw_what_the_other_owner_did() {
        for round in 0..100 {
            let mut mine = Arc::new(round);
            let also = mine.clone();
            let other = thread::spawn(move || *also);
            let mut number = loop {
                match Arc::try_unwrap(mine) {
                    Ok(number) => break number,
                    Err(still_shared) => mine = still_shared,
                }
                thread::yield_now();
            };
            number += 1;
            assert_eq!(other.join().ok(), Some(number - 1));
        }
    }
}
