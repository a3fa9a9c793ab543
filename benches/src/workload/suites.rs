//! The peers' own suites: what tokio and async-executor measure themselves by, in our words.
//!
//! Each type says in its docs which case of which suite it is. Bodies and parameters are the suites'; what is ours
//! is that every body counts what it did, and that it can run in two places: inside `block_on`, as the suites have
//! it, and moved into a spawned task. Workers are as many as were asked for, where the suites want 1, 4, 6 or 8.
//!
//! A case whose body another file here has already, such as [`JoinMany`](super::spawn::JoinMany), is that with
//! the suite's parameters.

use std::future::Future;
use std::time::Instant;

use super::Outcome;
use crate::peer::{Peer, Place};

pub mod mpsc;
pub mod recursion;
pub mod remote;
pub mod request_reply;
pub mod ring;
pub mod semaphore;
pub mod spawn;
pub mod timeout;
pub mod told;
pub mod web_server;

/// Runs a body over and over, as a suite's harness does, and adds up the operations that it counts.
///
/// On the caller, each time is a `block_on` of its own; on a worker, one task does them all.
fn iterate<P, B, F>(peer: &P, place: Place, times: usize, body: B) -> Outcome
where
    P: Peer,
    B: Fn() -> F + Send + 'static,
    F: Future<Output = u64> + Send + 'static,
{
    match place {
        Place::Caller => {
            let start = Instant::now();
            let done = (0..times).map(|_| peer.block_on(body())).sum();
            Outcome::since(start, done)
        }
        Place::Worker => peer.block_on_worker(async move {
            let start = Instant::now();
            let mut done = 0;
            for _ in 0..times {
                done += body().await;
            }
            Outcome::since(start, done)
        }),
    }
}
