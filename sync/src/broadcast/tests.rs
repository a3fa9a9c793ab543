//! One file per question. Behaviours that tokio's `sync_broadcast` and `sync_broadcast_weak` suites and
//! async-broadcast's tests pin, and the regressions.

mod both;
mod bounded;
mod crowd;
mod hostile;
mod lossy;
mod sink;
mod storm;
mod traits;

use super::{Receiver, Sender};

/// What a channel is called, and its ends.
type Kind<T> = (&'static str, (Sender<T>, Receiver<T>));

/// Every way to make a channel that holds two.
fn kinds<T>() -> [Kind<T>; 2] {
    [("lossy", super::lossy(2)), ("bounded", super::bounded(2))]
}
