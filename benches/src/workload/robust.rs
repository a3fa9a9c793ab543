//! Robustness: what a runtime makes of a load that does not suit it.
//!
//! Gains in the middle of the road are easily paid for here: by work that waits for a worker which is asleep or
//! stuck, by tasks that get no turn, by processors kept warm for nothing, by memory that is never given back. Most of
//! these workloads watch single operations, and it is the [`Tail`](super::Tail) that tells.

pub mod blocked;
pub mod burst;
pub mod groups;
pub mod retained;
pub mod rhythm;
pub mod saturated;
