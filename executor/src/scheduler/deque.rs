//! The work queues: crossbeam's, or a stand-in for models.
//!
//! A queue has one owner, who pushes and pops; thieves take from its other end. An [`Injector`] has no owner.
//! The real ones' atomics are not the facade's, so a model checker would neither see nor reorder them; the
//! stand-in promises less about memory than they do wherever our protocols could lean on it. What the real ones do
//! under this crate's use of them is for the stress test of [`core`](super::core).

#[cfg(filch_loom)]
mod modelled;

#[cfg(not(filch_loom))]
pub(super) use crossbeam_deque::{Injector, Steal, Stealer, Worker};
#[cfg(filch_loom)]
pub(super) use modelled::{Injector, Stealer, Worker};
#[cfg(filch_loom)]
pub(super) type Steal<T> = crossbeam_deque::Steal<T>;
