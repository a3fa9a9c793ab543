//! Sequences of operations, decoded from any bytes, against plain models: what a fuzzer calls, and what a
//! test calls without one.
//!
//! Each target is a function of bytes. It makes the thing it is about, does what the bytes say, does the same
//! to a model of a few lines ([`VecDeque`](std::collections::VecDeque), [`Vec`]), and panics when the two
//! differ. No bytes are wrong: what makes no sense is skipped, so that a fuzzer wastes nothing.
//!
//! The fuzzer's programs are in `fuzz/` at the workspace's root, a workspace of its own, with the inputs that
//! it found worth keeping; `ci/fuzz` runs them. `tests/fuzz_corpus.rs` replays these inputs, and random ones,
//! in plain `cargo test`.

mod bell;
mod bytes;
mod channel;
mod event;
mod lock;
mod oneshot;
mod readiness;
mod semaphore;
mod tasks;
mod wait_list;
mod wheel;

/// A target: its name, which is its program's and its folder's, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All there are.
pub const TARGETS: &[Target] = &[
    ("wheel", wheel::run),
    ("wait_list", wait_list::run),
    ("channel", channel::run),
    ("oneshot", oneshot::run),
    ("semaphore", semaphore::run),
    ("lock", lock::run),
    ("event", event::run),
    ("tasks", tasks::run),
    ("readiness", readiness::run),
];

/// Runs a target by its name.
///
/// # Panics
/// When there is none of this name, or when it finds that something is wrong.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(target, _)| *target == name);
    let (_, run) = target.expect("a target of this name");
    run(data);
}
