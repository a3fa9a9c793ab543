//! What jobs and bells travel through: `crossbeam-channel`'s channels, or a model's.

#[cfg(any(filch_loom, filch_shuttle))]
mod modelled;

#[cfg(not(any(filch_loom, filch_shuttle)))]
pub(crate) use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
#[cfg(any(filch_loom, filch_shuttle))]
pub(crate) use modelled::{Receiver, Sender, bounded, unbounded};
