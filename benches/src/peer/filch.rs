//! filch, as built by its own `Builder` with nothing but the number of workers set; and without the policies that
//! [`FILCH_BENCH_WITHOUT`](crate::without) names, if it does.
//!
//! - It has no run loop without workers. A program that wants one thread takes one worker, and the thread in `block_on`
//!   helps it: that is one thread more than the others have there.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use filch::net::{TcpListener, TcpStream};
use filch::sync::{Lock, LockGuard, Semaphore, SemaphorePermit, channel, oneshot};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::{Channels, Connection, Listener, OneshotReceiver, OneshotSender, Oneshots, Peer};
use super::{Unbounded, UnboundedSender};
use crate::without;

/// A running filch runtime.
#[derive(Debug)]
pub struct Filch {
    runtime: filch::Runtime,
}

impl Peer for Filch {
    type Join<T: Send + 'static> = Join<T>;
    type BlockingJoin<T: Send + 'static> = Join<T>;
    type Sleep = filch::time::Sleep;
    type Lock<T: Send + 'static> = Lock<T>;
    type Semaphore = Semaphore;
    type Listener = TcpListener;
    type Connection = TcpStream;

    fn start(workers: usize) -> Self {
        let builder = without::builder().unwrap_or_else(|refused| panic!("{refused}"));
        Self { runtime: builder.worker_threads(workers).build().expect("filch cannot start") }
    }

    fn start_on_caller() -> Self {
        Self::start(1)
    }

    fn workers(&self) -> usize {
        self.runtime.handle().worker_threads()
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    fn spawn_from_outside<F>(&self, future: F) -> Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(self.runtime.spawn(future))
    }

    fn detach_from_outside<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.runtime.spawn(future).detach();
    }

    fn spawn<F>(future: F) -> Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(filch::spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        filch::spawn(future).detach();
    }

    fn spawn_blocking<T, C>(call: C) -> Join<T>
    where
        T: Send + 'static,
        C: FnOnce() -> T + Send + 'static,
    {
        Join(filch::spawn_blocking(call))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        filch::yield_now()
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        filch::time::sleep(duration)
    }

    async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        filch::time::timeout(duration, future).await.ok()
    }
}

/// filch's join handle, its result unpacked.
#[derive(Debug)]
pub struct Join<T>(filch::JoinHandle<T>);

impl<T> Future for Join<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|result| result.expect("the task panicked"))
    }
}

impl<T: Send + 'static> super::Lock<T> for Lock<T> {
    type Guard<'a> = LockGuard<'a, T>;

    fn new(value: T) -> Self {
        Lock::new(value)
    }

    fn lock(&self) -> impl Future<Output = LockGuard<'_, T>> + Send {
        Lock::lock(self)
    }
}

impl super::Semaphore for Semaphore {
    type Permit<'a> = SemaphorePermit<'a>;

    fn new(permits: usize) -> Self {
        Semaphore::new(permits)
    }

    async fn acquire(&self) -> SemaphorePermit<'_> {
        Semaphore::acquire(self).await.expect("nobody closes the semaphore")
    }
}

impl Channels for Filch {
    type Sender<T: Send + 'static> = channel::Sender<T>;
    type Receiver<T: Send + 'static> = channel::Receiver<T>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (channel::Sender<T>, channel::Receiver<T>) {
        channel::bounded(capacity)
    }
}

impl<T: Send + 'static> super::Sender<T> for channel::Sender<T> {
    async fn send(&self, value: T) {
        assert!(channel::Sender::send(self, value).await.is_ok(), "the receiver is gone");
    }
}

impl<T: Send + 'static> super::Receiver<T> for channel::Receiver<T> {
    async fn receive(&mut self) -> Option<T> {
        self.recv().await.ok()
    }
}

impl Unbounded for Filch {
    type UnboundedSender<T: Send + 'static> = channel::Sender<T>;
    type UnboundedReceiver<T: Send + 'static> = channel::Receiver<T>;

    fn unbounded<T: Send + 'static>() -> (channel::Sender<T>, channel::Receiver<T>) {
        channel::unbounded()
    }
}

impl<T: Send + 'static> UnboundedSender<T> for channel::Sender<T> {
    fn send(&self, value: T) {
        assert!(self.try_send(value).is_ok(), "the receiver is gone");
    }
}

impl Oneshots for Filch {
    type OneshotSender<T: Send + 'static> = oneshot::Sender<T>;
    type OneshotReceiver<T: Send + 'static> = oneshot::Receiver<T>;

    fn oneshot<T: Send + 'static>() -> (oneshot::Sender<T>, oneshot::Receiver<T>) {
        oneshot::channel()
    }
}

impl<T: Send + 'static> OneshotSender<T> for oneshot::Sender<T> {
    fn send(self, value: T) {
        assert!(oneshot::Sender::send(self, value).is_ok(), "the receiver is gone");
    }
}

impl<T: Send + 'static> OneshotReceiver<T> for oneshot::Receiver<T> {
    async fn receive(self) -> T {
        self.await.expect("the sender is gone")
    }
}

impl Listener for TcpListener {
    type Connection = TcpStream;

    fn bind(address: SocketAddr) -> impl Future<Output = io::Result<Self>> + Send {
        TcpListener::bind(address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }

    async fn accept(&self) -> io::Result<TcpStream> {
        TcpListener::accept(self).await.map(|(stream, _from)| stream)
    }
}

impl Connection for TcpStream {
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self>> + Send {
        TcpStream::connect(address)
    }

    fn set_nodelay(&self) -> io::Result<()> {
        TcpStream::set_nodelay(self, true)
    }

    async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        AsyncReadExt::read_exact(self, buffer).await
    }

    async fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(self, buffer).await
    }
}
