//! What the macros expand to. Not part of the public surface.

#[cfg(feature = "macros")]
pub use filch_macros::{join, select, try_join};

use crate::runtime::{Builder, install_default};
use filch_primitive::{slice, sync::StaticCounter};
use std::cell::Cell;
use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;

/// Options of `#[filch::main]` and `#[filch::test]`.
#[derive(Debug, Default)]
pub struct Options {
    /// Worker threads.
    pub workers: Option<usize>,
    /// Name of the threads.
    pub name: Option<&'static str>,
    /// How long a test may take.
    pub timeout: Option<Duration>,
}

impl Options {
    fn builder(&self) -> Builder {
        let mut builder = Builder::new();
        if let Some(workers) = self.workers {
            builder = builder.worker_threads(workers);
        }
        if let Some(name) = self.name {
            builder = builder.thread_name(name);
        }
        builder
    }
}

/// Runs the program's main future on a runtime of its own, which becomes the process-wide default unless there
/// is one.
pub fn run_main<F: Future>(options: Options, main: F) -> F::Output {
    let runtime = match options.builder().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the filch runtime cannot start: {error}"),
    };
    install_default(&runtime);
    runtime.block_on(main)
}

/// Workers of a test that does not say: enough for tasks to run at once.
const TEST_WORKERS: usize = 2;

/// Runs a test's future on a runtime of its own.
///
/// The thread of the test does not help with other tasks: one that hangs must not keep the time limit from
/// being noticed.
#[track_caller]
pub fn run_test<F: Future>(mut options: Options, test: F) -> F::Output {
    options.workers.get_or_insert(TEST_WORKERS);
    let runtime = match options.builder().block_on_helps(false).build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("the test's filch runtime cannot start: {error}"),
    };
    let Some(limit) = options.timeout else {
        return runtime.block_on(test);
    };
    match runtime.block_on(filch_timer::timeout(limit, test)) {
        Ok(output) => output,
        Err(_elapsed) => {
            let waiting = runtime.handle().unfinished();
            panic!(
                "the test has not ended within {limit:?}; tasks that wait or run: [{}]",
                waiting.join(", ")
            )
        }
    }
}

filch_primitive::thread_local! {
    /// Where this thread's sequence of draws stands; zero before the first.
    static DRAWS: Cell<u64> = const { Cell::new(0) };
}

/// How far one draw moves the sequence on: an odd number, so that it visits all.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Which of `count` futures a poll begins with. Pending: the time slice is over, and the task has been woken.
///
/// Drawn, not counted: a count that several loops share, or a loop and its body, may always meet the same one of them with the same
/// number. A draw is one step and one mixing of Steele, Lea and Flood's `SplitMix`.
#[inline]
pub fn somewhere(cx: &mut Context<'_>, count: usize) -> Poll<usize> {
    slice::proceed(cx).map(|()| {
        let drawn = mixed(DRAWS.with(|draws| {
            let next = if draws.get() == 0 { first_draw() } else { draws.get() }.wrapping_add(STRIDE);
            draws.set(next);
            next
        }));
        // Scaled down from all numbers there are.
        ((u128::from(drawn) * count as u128) >> 64) as usize
    })
}

/// As [`somewhere`], for those that are polled in the order written.
#[inline]
pub fn in_order(cx: &mut Context<'_>) -> Poll<usize> {
    slice::proceed(cx).map(|()| 0)
}

fn mixed(draw: u64) -> u64 {
    let draw = (draw ^ (draw >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let draw = (draw ^ (draw >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    draw ^ (draw >> 31)
}

/// Threads begin at different places.
#[cold]
fn first_draw() -> u64 {
    static THREADS: StaticCounter = StaticCounter::new(1);
    mixed(THREADS.next())
}
