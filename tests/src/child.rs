//! Tests that need a process of their own: what they do to it, or what they read off it, would disturb others.
//!
//! Such a test comes in two halves under one name. The parent starts its own binary again, for this test alone and with
//! [`ROLE`] set; the half that finds it set does the deed.

use std::env;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The variable that tells a child what to do.
pub const ROLE: &str = "FILCH_TEST_ROLE";

/// What the process that runs this is to do, if it was started by [`run`].
pub fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// Runs `test` of this binary in a new process, in the given role, and waits for it.
///
/// # Panics
/// When no process can be started.
pub fn run(test: &str, role: &str) -> Output {
    run_in(test, role, &[])
}

/// Like [`run`], with some more variables in the child's environment.
///
/// # Panics
/// When no process can be started.
pub fn run_in(test: &str, role: &str, variables: &[(&str, &str)]) -> Output {
    let binary = env::current_exe().expect("a test knows its binary");
    let child = Command::new(binary)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .env(ROLE, role)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process can be started");
    let id = child.id();
    lock().push(id);
    let output = child.wait_with_output().expect("it can be waited for");
    lock().retain(|other| *other != id);
    output
}

/// Those that are waited for.
static UNDER_WAY: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<u32>> {
    UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The processes that are waited for.
pub(crate) fn under_way() -> Vec<u32> {
    lock().clone()
}

/// Like [`run`], for a child that is to succeed. Returns what it wrote to its error stream.
///
/// # Panics
/// When the child fails, with what it wrote.
#[track_caller]
pub fn run_well(test: &str, role: &str) -> String {
    run_well_in(test, role, &[])
}

/// Like [`run_well`], with some more variables in the child's environment.
///
/// # Panics
/// When the child fails, with what it wrote.
#[track_caller]
pub fn run_well_in(test: &str, role: &str, variables: &[(&str, &str)]) -> String {
    let output = run_in(test, role, variables);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "the child '{role}' of '{test}' failed with {}:\n{}\n{errors}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    );
    errors
}
