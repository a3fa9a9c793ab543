//! Panics nobody is left to hear of.

use super::contain::{Payload, drop_contained};
use super::header::Header;
#[cfg(not(test))]
use std::io::Write;

/// What the task was doing when it panicked.
#[derive(Clone, Copy, Debug)]
pub(super) enum During {
    /// It was running, or its future was being dropped.
    Run,
    /// Its output was being dropped.
    DropOutput,
}

/// Tells on the error stream that a task panicked and that no handle will ever say so; then drops the payload. The
/// only place where this is told: whoever takes a payload out of a task gives it away or calls this, once.
#[cold]
pub(super) fn unheard(task: &Header, during: During, payload: Payload) {
    let told = format!(
        "{} panicked{}, and nobody holds its handle: {payload:?}",
        task.meta().to_meta(),
        match during {
            During::Run => "",
            During::DropOutput => " while its output was dropped",
        },
    );
    tell(told);
    drop_contained(payload);
}

#[cfg(not(test))]
fn tell(told: String) {
    // A closed error stream is no reason to fail.
    let _ = writeln!(std::io::stderr().lock(), "{told}");
}

/// In tests of the cell, which make tasks panic by the thousand, what was told on this thread is kept instead.
#[cfg(test)]
fn tell(told: String) {
    TOLD.with_borrow_mut(|all| all.push(told));
}

#[cfg(test)]
thread_local! {
    pub(super) static TOLD: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}
