//! Locks, semaphores, events, channels and queues. They work under any executor, and from plain threads.
//!
//! Which one is for what, and an order to read them in: the front page of [`filch_sync`].

pub use filch_sync::*;
