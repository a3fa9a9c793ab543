//! A clock that only measured threads move.
//!
//! What a worker does depends on the time: how often it looks round, when a poll has lasted too long. Under
//! valgrind everything takes some fifty times as long, and on a busy machine longer still, so counts taken by the real
//! clock would tell of the machine. Here, once [`freeze`] was called, each reading on an enlisted thread is [`STEP`]
//! after the one before, whoever took that; so the same program reads the same times in each run.
//!
//! For all other threads it is [`FAR`] in the future, and stays so. That puts those to sleep that tick: a wait
//! "until a millisecond from now" ends after the measuring. The sentinel is one of them. It never looks, so it
//! can neither ask the worker to look round nor take a long poll for a stuck one. So it is with a sleep for a while, which reads
//! no clock: the watchman, who visits queues a millisecond apart, would visit more of them the longer a run takes.
//!
//! It works by taking the C library's place: the standard library, and so everybody, calls `clock_gettime` and
//! `clock_nanosleep`, and the linker prefers the program's own. [`freeze`] checks that it did.
#![allow(unsafe_code, reason = "stands in for functions of the C library")]

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// From one reading to the next. A busy worker reads the clock once in 64 polls, which take a few microseconds; a timer's
/// making reads it every time, in a tenth of one.
const STEP: Duration = Duration::from_micros(1);

/// When enlisted threads begin, in seconds: at the same place of every wheel that counts from zero.
const BEGIN: i64 = 1_000_000;

/// When it is for all others, in seconds: a hundred years of uptime.
const FAR: i64 = 100 * 366 * 24 * 60 * 60;

static FROZEN: AtomicBool = AtomicBool::new(false);
static READINGS: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static ENLISTED: Cell<bool> = const { Cell::new(false) };
}

/// From now on the calling thread is one of those whose readings move the clock.
pub(crate) fn enlist() {
    ENLISTED.set(true);
}

/// Stops the real clock for this process, for good. The calling thread is enlisted.
///
/// # Errors
/// When the standard library's clock is not this one.
pub(crate) fn freeze() -> Result<(), String> {
    const NAP: Duration = Duration::from_micros(10);
    enlist();
    FROZEN.store(true, Ordering::SeqCst);
    let first = Instant::now();
    let step = first.elapsed();
    thread::sleep(NAP);
    match (step, first.elapsed() - step) {
        (STEP, nap) if nap == NAP + STEP => Ok(()),
        (STEP, other) => {
            Err(format!("a sleep of {NAP:?} moves the clock by {other:?}: it is not this program's"))
        }
        (other, _) => {
            Err(format!("the clock moves by {other:?} between two readings: it is not this program's"))
        }
    }
}

/// Moves the clock on by so many steps. The reading after it.
fn pass(steps: i64) -> i64 {
    // Not one locked instruction: enlisted threads take turns, and what is counted here is not ours.
    let readings = READINGS.load(Ordering::Relaxed) + steps;
    READINGS.store(readings, Ordering::Relaxed);
    readings
}

/// What a thread reads.
fn reading() -> (i64, i64) {
    if !ENLISTED.get() {
        return (FAR, 0);
    }
    let readings = pass(1);
    let per_second = i64::try_from(Duration::from_secs(1).as_nanos() / STEP.as_nanos()).unwrap_or(i64::MAX);
    let step_ns = i64::from(STEP.subsec_nanos());
    (BEGIN + readings / per_second, readings % per_second * step_ns)
}

/// The C library's function, as the standard library calls it.
///
/// # Safety
/// 1. `time` may be written.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    if !FROZEN.load(Ordering::Relaxed) {
        // SAFETY: by 1 the kernel may write there, and whatever clock it is, it says so.
        let result = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
        return libc::c_int::try_from(result).unwrap_or(-1);
    }
    let (tv_sec, tv_nsec) = reading();
    // SAFETY: by 1.
    unsafe { time.write(libc::timespec { tv_sec, tv_nsec }) };
    0
}

/// The C library's function, as the standard library calls it. A thread that is not enlisted sleeps for good.
///
/// # Safety
/// 1. `request` may be read, and `remain` is null or may be written.
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: libc::clockid_t,
    flags: libc::c_int,
    request: *const libc::timespec,
    remain: *mut libc::timespec,
) -> libc::c_int {
    if !FROZEN.load(Ordering::Relaxed) {
        // SAFETY: by 1 the kernel may read and write there, and whatever clock it is, it says so.
        let result = unsafe { libc::syscall(libc::SYS_clock_nanosleep, clock, flags, request, remain) };
        // This function hands the error back, rather than leave it to `errno`.
        return if result == 0 {
            0
        } else {
            io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)
        };
    }
    while !ENLISTED.get() {
        thread::park();
    }
    // SAFETY: by 1.
    let libc::timespec { tv_sec, tv_nsec } = unsafe { request.read() };
    let nanos = Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or(0)).as_nanos();
    pass(i64::try_from(nanos.div_ceil(STEP.as_nanos())).unwrap_or(i64::MAX));
    0
}
