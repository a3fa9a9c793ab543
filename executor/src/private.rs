//! What the macros expand to. Not part of the public surface.

use crate::runtime::{Builder, install_default};
use std::future::Future;
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
