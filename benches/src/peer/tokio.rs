//! tokio: the multi-thread runtime with every feature on, or its current-thread runtime.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, MutexGuard, Semaphore, SemaphorePermit, mpsc, oneshot};

use super::{Channels, Connection, Listener, Lock, OneshotReceiver, OneshotSender, Oneshots, Peer};
use super::{Unbounded, UnboundedSender};

/// A running tokio runtime.
#[derive(Debug)]
pub struct Tokio {
    runtime: Runtime,
}

impl Peer for Tokio {
    type Join<T: Send + 'static> = Join<T>;
    type BlockingJoin<T: Send + 'static> = Join<T>;
    type Sleep = tokio::time::Sleep;
    type Lock<T: Send + 'static> = Mutex<T>;
    type Semaphore = Semaphore;
    type Listener = TcpListener;
    type Connection = TcpStream;

    fn start(workers: usize) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
        Self { runtime: runtime.expect("tokio cannot start") }
    }

    fn start_on_caller() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        Self { runtime: runtime.expect("tokio cannot start") }
    }

    fn workers(&self) -> usize {
        self.runtime.metrics().num_workers()
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
        drop(self.runtime.spawn(future));
    }

    fn spawn<F>(future: F) -> Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(tokio::spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(future));
    }

    fn spawn_blocking<T, C>(call: C) -> Join<T>
    where
        T: Send + 'static,
        C: FnOnce() -> T + Send + 'static,
    {
        Join(tokio::task::spawn_blocking(call))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        tokio::task::yield_now()
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }

    async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        tokio::time::timeout(duration, future).await.ok()
    }
}

/// tokio's join handle, its result unpacked.
#[derive(Debug)]
pub struct Join<T>(tokio::task::JoinHandle<T>);

impl<T> Future for Join<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|result| result.expect("the task panicked"))
    }
}

impl<T: Send + 'static> Lock<T> for Mutex<T> {
    type Guard<'a> = MutexGuard<'a, T>;

    fn new(value: T) -> Self {
        Mutex::new(value)
    }

    fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> + Send {
        Mutex::lock(self)
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

impl Channels for Tokio {
    type Sender<T: Send + 'static> = mpsc::Sender<T>;
    type Receiver<T: Send + 'static> = mpsc::Receiver<T>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (mpsc::Sender<T>, mpsc::Receiver<T>) {
        mpsc::channel(capacity)
    }
}

impl<T: Send + 'static> super::Sender<T> for mpsc::Sender<T> {
    async fn send(&self, value: T) {
        assert!(mpsc::Sender::send(self, value).await.is_ok(), "the receiver is gone");
    }
}

impl<T: Send + 'static> super::Receiver<T> for mpsc::Receiver<T> {
    fn receive(&mut self) -> impl Future<Output = Option<T>> + Send {
        self.recv()
    }
}

impl Unbounded for Tokio {
    type UnboundedSender<T: Send + 'static> = mpsc::UnboundedSender<T>;
    type UnboundedReceiver<T: Send + 'static> = mpsc::UnboundedReceiver<T>;

    fn unbounded<T: Send + 'static>() -> (mpsc::UnboundedSender<T>, mpsc::UnboundedReceiver<T>) {
        mpsc::unbounded_channel()
    }
}

impl<T: Send + 'static> UnboundedSender<T> for mpsc::UnboundedSender<T> {
    fn send(&self, value: T) {
        assert!(mpsc::UnboundedSender::send(self, value).is_ok(), "the receiver is gone");
    }
}

impl<T: Send + 'static> super::Receiver<T> for mpsc::UnboundedReceiver<T> {
    fn receive(&mut self) -> impl Future<Output = Option<T>> + Send {
        self.recv()
    }
}

impl Oneshots for Tokio {
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
        AsyncReadExt::read_exact(self, buffer).await.map(|_count| ())
    }

    async fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(self, buffer).await
    }
}
