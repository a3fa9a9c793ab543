//! One file per question; see each.

mod cancel;
mod close;
mod drops;
mod ends;
mod large;
mod many;
mod order;
mod permits;
mod queues;
mod stress;

use super::{Receiver, Sender, bounded, rendezvous, unbounded};

/// A channel, and how many values it holds before senders wait.
type Flavour<T> = (&'static str, usize, fn() -> (Sender<T>, Receiver<T>));

/// Every way to make a channel, each behind the same surface.
fn flavours<T>() -> Vec<Flavour<T>> {
    vec![
        ("one", 1, || bounded(1)),
        ("three", 3, || bounded(3)),
        ("array", 100, || bounded(100)),
        // Large capacities lie in blocks.
        ("blocks", usize::MAX - 1, || bounded(usize::MAX - 1)),
        ("unbounded", usize::MAX, || unbounded()),
        ("rendezvous", 0, || rendezvous()),
        ("zero", 0, || bounded(0)),
    ]
}
