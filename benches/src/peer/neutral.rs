//! Channels that belong to no runtime: `async-channel`, the same code under every peer.
//!
//! With these, a workload shows what a wake-up costs in the scheduler; with a peer's own, scheduler and
//! channel together. For smol the two are the same thing, since `async-channel` is what smol re-exports as
//! its channel.

use async_channel::{Receiver, Sender};

use super::{Channels, OneshotReceiver, OneshotSender, Oneshots, Unbounded, UnboundedSender};

/// Channels of no runtime.
#[derive(Clone, Copy, Debug)]
pub struct Neutral;

impl Channels for Neutral {
    type Sender<T: Send + 'static> = Sender<T>;
    type Receiver<T: Send + 'static> = Receiver<T>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (Sender<T>, Receiver<T>) {
        async_channel::bounded(capacity)
    }
}

impl Unbounded for Neutral {
    type UnboundedSender<T: Send + 'static> = Sender<T>;
    type UnboundedReceiver<T: Send + 'static> = Receiver<T>;

    fn unbounded<T: Send + 'static>() -> (Sender<T>, Receiver<T>) {
        async_channel::unbounded()
    }
}

impl<T: Send + 'static> UnboundedSender<T> for Sender<T> {
    fn send(&self, value: T) {
        assert!(self.try_send(value).is_ok(), "the receiver is gone");
    }
}

/// A channel with room for one value serves as the channel for one value.
impl Oneshots for Neutral {
    type OneshotSender<T: Send + 'static> = Sender<T>;
    type OneshotReceiver<T: Send + 'static> = Receiver<T>;

    fn oneshot<T: Send + 'static>() -> (Sender<T>, Receiver<T>) {
        async_channel::bounded(1)
    }
}

impl<T: Send + 'static> super::Sender<T> for Sender<T> {
    async fn send(&self, value: T) {
        assert!(Sender::send(self, value).await.is_ok(), "the receiver is gone");
    }
}

impl<T: Send + 'static> super::Receiver<T> for Receiver<T> {
    async fn receive(&mut self) -> Option<T> {
        self.recv().await.ok()
    }
}

impl<T: Send + 'static> OneshotSender<T> for Sender<T> {
    fn send(self, value: T) {
        assert!(self.try_send(value).is_ok(), "the receiver is gone");
    }
}

impl<T: Send + 'static> OneshotReceiver<T> for Receiver<T> {
    async fn receive(self) -> T {
        self.recv().await.expect("the sender is gone")
    }
}
