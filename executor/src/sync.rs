//! Locks, semaphores, events and channels. They work under any executor, and from plain threads.

pub use filch_sync::*;
