//! Faults planted on purpose, one for each thing that a sanitizer is to find. `ci/sanitize` runs each of them under its tool,
//! built as the tests are, before it believes the tool's silence about the tests.
//!
//! What it may be told:
//! - `race`: two threads write one number.
//! - `race-published-relaxed`: a value is handed over by an ordering that hands nothing over.
//! - `race-in-drop`: the drop of a shared value touches what another thread, which has let go of the value, touches still.
//! - `race-in-unwrap`: the same, where the last owner takes the value out.
//! - `race-in-task`: two tasks of one runtime write one number.
//! - `heap-use-after-free`, `stack-use-after-return`, `leak`, `uninitialised`: memory.
//! - `panic`: a task panics. Where panics unwind, that is an error for whoever joins it.
//! - `layout`: prints where the fields of a type lie.

#![allow(unsafe_code, reason = "what is planted here is what safe code cannot do")]

use filch::{Runtime, spawn};
use std::cell::UnsafeCell;
use std::hint::black_box;
use std::mem::offset_of;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

fn main() -> ExitCode {
    let fault = std::env::args().nth(1);
    match fault.as_deref().unwrap_or("nothing") {
        "race" => race(),
        "race-published-relaxed" => race_published_relaxed(),
        "race-in-drop" => race_by_the_last_owner(drop),
        "race-in-unwrap" => race_by_the_last_owner(|shared| drop(Arc::try_unwrap(shared))),
        "race-in-task" => race_in_task(),
        "heap-use-after-free" => heap_use_after_free(),
        "stack-use-after-return" => stack_use_after_return(),
        "leak" => leak(),
        "uninitialised" => uninitialised(),
        "panic" => return panic(),
        "layout" => layout(),
        other => {
            eprintln!("'{other}' is none of the faults");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// A number that anybody may write, whatever others do.
struct Open(UnsafeCell<usize>);

// SAFETY: it is not. That is what is planted.
unsafe impl Sync for Open {}

static OPEN: Open = Open(UnsafeCell::new(0));

/// Again and again: the thread sanitizer misses two accesses that look at its notes in the same moment, and of two single ones
/// it did so in one run of a hundred.
fn touch() {
    for _ in 0..100 {
        // SAFETY: none: another thread may be at it.
        unsafe { *black_box(OPEN.0.get()) += 1 };
    }
}

fn race() {
    let other = thread::spawn(touch);
    touch();
    other.join().expect("no panic");
}

fn race_published_relaxed() {
    static READY: AtomicBool = AtomicBool::new(false);
    let other = thread::spawn(|| {
        touch();
        READY.store(true, Ordering::Relaxed);
    });
    while !READY.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    touch();
    other.join().expect("no panic");
}

struct Touches;

impl Drop for Touches {
    fn drop(&mut self) {
        touch();
    }
}

fn race_by_the_last_owner(end: fn(Arc<Touches>)) {
    static LET_GO: AtomicBool = AtomicBool::new(false);
    let shared = Arc::new(Touches);
    let also = shared.clone();
    let other = thread::spawn(move || {
        drop(also);
        LET_GO.store(true, Ordering::Relaxed);
        // The last owner sees what was done before this one let go. This is after.
        touch();
    });
    while !LET_GO.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    end(shared);
    other.join().expect("no panic");
}

fn race_in_task() {
    static IN: AtomicUsize = AtomicUsize::new(0);
    // Two at once: neither goes on before the other is there, and no ordering is lent to the race.
    let meet = || {
        IN.fetch_add(1, Ordering::Relaxed);
        while IN.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        touch();
    };
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async move {
        let one = spawn(async move { meet() });
        let other = spawn(async move { meet() });
        one.await.expect("no panic");
        other.await.expect("no panic");
    });
}

fn heap_use_after_free() {
    let value = Box::into_raw(Box::new(1_u64));
    // SAFETY: it came from a box.
    drop(unsafe { Box::from_raw(value) });
    // SAFETY: none: it is gone.
    black_box(unsafe { *black_box(value) });
}

fn stack_use_after_return() {
    #[inline(never)]
    fn local() -> *const u64 {
        let value = black_box(1_u64);
        black_box(&raw const value)
    }
    let value = local();
    // SAFETY: none: it is gone.
    black_box(unsafe { *black_box(value) });
}

fn leak() {
    // From another thread, so that no register and no stack of ours holds it by chance.
    let leaks = || {
        let _nobody_has_it = black_box(Box::into_raw(Box::new([1_u64; 100])));
    };
    thread::spawn(leaks).join().expect("no panic");
}

fn uninitialised() {
    let value = Box::<u64>::new_uninit();
    // SAFETY: none: nobody has written it.
    let value = unsafe { value.assume_init() };
    if *value == 1 {
        eprintln!("one");
    }
}

fn panic() -> ExitCode {
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    match runtime.block_on(runtime.spawn(async { panic!("on purpose") })) {
        Err(error) if error.is_panic() => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}

fn layout() {
    /// Enough fields of one size that two random orders of them hardly ever agree.
    struct Fields {
        a: u64,
        b: u64,
        c: u64,
        d: u64,
        e: u64,
        f: u64,
        g: u64,
        h: u64,
    }
    let fields = Fields { a: 0, b: 1, c: 2, d: 3, e: 4, f: 5, g: 6, h: 7 };
    black_box((fields.a, fields.b, fields.c, fields.d, fields.e, fields.f, fields.g, fields.h));
    let offsets = [
        offset_of!(Fields, a),
        offset_of!(Fields, b),
        offset_of!(Fields, c),
        offset_of!(Fields, d),
        offset_of!(Fields, e),
        offset_of!(Fields, f),
        offset_of!(Fields, g),
        offset_of!(Fields, h),
    ];
    eprintln!("{offsets:?}");
}

/// A fault between a test of the standard harness and a thread of its own.
#[cfg(all(test, filch_tsan))]
#[test]
fn under_the_harness() {
    race();
}
