//! One file per question. Behaviours that tokio's `sync_watch` suite pins, and the regressions and
//!

mod behaviour;
mod hostile;
mod storm;
mod traits;
