//! filch's primitives beside those of the best libraries, all of them under the same executor.
//!
//! A runtime's own primitives and scheduler are measured together by the [catalogue](crate::catalogue). Here only the primitive
//! changes: every contender runs the same body in tasks of one filch runtime. That is fair to all of them, because none of
//! these primitives needs a runtime of its own.
//!
//! An operation is what the case says it is; whatever a body does, it counts, and compares with what it should have been.

use std::future::Future;
use std::pin::Pin;

use crate::workload::Outcome;

mod channels;
mod counting;
mod delays;
mod locks;
mod meeting;
mod queues;
mod spreading;

/// A body, made and run anew for each round.
pub type Body = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Outcome> + Send>>>;

/// One question, and everybody who answers it.
pub struct Case {
    /// `primitive/case`.
    pub name: &'static str,
    /// What one operation is.
    pub what: &'static str,
    /// By the name of the library; filch first.
    pub contenders: Vec<(&'static str, Body)>,
}

/// Every case, in the order of the table.
pub fn all() -> Vec<Case> {
    [
        channels::all(),
        queues::all(),
        locks::all(),
        counting::all(),
        meeting::all(),
        spreading::all(),
        delays::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A contender of that name.
fn contender<F, R>(name: &'static str, body: F) -> (&'static str, Body)
where
    F: Fn() -> R + 'static,
    R: Future<Output = Outcome> + Send + 'static,
{
    (name, Box::new(move || Box::pin(body())))
}

/// Spawns as many tasks, and waits for all of them.
async fn together<R>(tasks: usize, body: impl Fn(usize) -> R)
where
    R: Future<Output = ()> + Send + 'static,
{
    let handles: Vec<_> = (0..tasks).map(|number| filch::spawn(body(number))).collect();
    for handle in handles {
        handle.await.expect("a body does not panic");
    }
}
