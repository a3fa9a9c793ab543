//! smol, put together from its parts: `async-executor`'s static executor, `async-io`, `async-lock`,
//! `async-channel`.
//!
//! - The executor is the static one, which keeps no list of its tasks and is the fastest smol has. It is one
//!   for the process, so two values of [`Smol`] at a time share their workers; a measurement never starts
//!   two.
//! - Each worker is a thread that runs the executor inside `async_io::block_on`, so that an idle worker waits
//!   in the reactor and needs nobody to hand it its events.
//! - Without workers, the thread in `block_on` runs the executor around its own future.
//! - Sockets are `Async<TcpStream>` itself, without the wrapper of `async-net`, which costs an allocation
//!   more.
//! - There is no channel for one value; users take `async_channel::bounded(1)`.
//! - There is no timeout; users race the future against a timer.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use async_executor::{StaticExecutor, Task};
use async_io::{Async, Timer};
use async_lock::{Mutex, MutexGuard, Semaphore, SemaphoreGuard};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::{Channels, Connection, Listener, Lock, Neutral, Oneshots, Peer, Unbounded};

static EXECUTOR: StaticExecutor = StaticExecutor::new();

/// Threads that run smol's executor.
#[derive(Debug)]
pub struct Smol {
    stop: async_channel::Sender<()>,
    workers: Vec<thread::JoinHandle<()>>,
}

impl Smol {
    /// Runs the executor until the runtime is dropped. A panic of a task passes through the run loop; as in
    /// smol's own global executor the loop is then entered again.
    fn work(stopped: &async_channel::Receiver<()>) {
        let run = || async_io::block_on(EXECUTOR.run(stopped.recv()));
        while catch_unwind(AssertUnwindSafe(run)).is_err() {}
    }
}

impl Drop for Smol {
    fn drop(&mut self) {
        self.stop.close();
        for worker in self.workers.drain(..) {
            worker.join().expect("a worker contains its panics");
        }
    }
}

impl Peer for Smol {
    type Join<T: Send + 'static> = Task<T>;
    type BlockingJoin<T: Send + 'static> = Task<T>;
    type Sleep = Timer;
    type Lock<T: Send + 'static> = Mutex<T>;
    type Semaphore = Semaphore;
    type Listener = Async<TcpListener>;
    type Connection = Async<TcpStream>;

    fn start(workers: usize) -> Self {
        let (stop, stopped) = async_channel::bounded(1);
        let worker = |number| {
            let stopped = stopped.clone();
            let builder = thread::Builder::new().name(format!("smol-{number}"));
            builder.spawn(move || Self::work(&stopped)).expect("smol cannot start")
        };
        Self { stop, workers: (0..workers).map(worker).collect() }
    }

    fn start_on_caller() -> Self {
        Self::start(0)
    }

    fn workers(&self) -> usize {
        self.workers.len().max(1)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        if self.workers.is_empty() {
            async_io::block_on(EXECUTOR.run(future))
        } else {
            async_io::block_on(future)
        }
    }

    fn spawn_from_outside<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn detach_from_outside<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        EXECUTOR.spawn(future).detach();
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        EXECUTOR.spawn(future).detach();
    }

    fn spawn_blocking<T, C>(call: C) -> Task<T>
    where
        T: Send + 'static,
        C: FnOnce() -> T + Send + 'static,
    {
        smol::unblock(call)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        futures_lite::future::yield_now()
    }

    fn sleep(duration: Duration) -> Timer {
        Timer::after(duration)
    }

    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send,
    {
        futures_lite::future::or(async move { Some(future.await) }, async move {
            Timer::after(duration).await;
            None
        })
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
    type Permit<'a> = SemaphoreGuard<'a>;

    fn new(permits: usize) -> Self {
        Semaphore::new(permits)
    }

    fn acquire(&self) -> impl Future<Output = SemaphoreGuard<'_>> + Send {
        Semaphore::acquire(self)
    }
}

impl Channels for Smol {
    type Sender<T: Send + 'static> = <Neutral as Channels>::Sender<T>;
    type Receiver<T: Send + 'static> = <Neutral as Channels>::Receiver<T>;

    fn bounded<T: Send + 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>) {
        Neutral::bounded(capacity)
    }
}

impl Unbounded for Smol {
    type UnboundedSender<T: Send + 'static> = <Neutral as Unbounded>::UnboundedSender<T>;
    type UnboundedReceiver<T: Send + 'static> = <Neutral as Unbounded>::UnboundedReceiver<T>;

    fn unbounded<T: Send + 'static>() -> (Self::UnboundedSender<T>, Self::UnboundedReceiver<T>) {
        Neutral::unbounded()
    }
}

impl Oneshots for Smol {
    type OneshotSender<T: Send + 'static> = <Neutral as Oneshots>::OneshotSender<T>;
    type OneshotReceiver<T: Send + 'static> = <Neutral as Oneshots>::OneshotReceiver<T>;

    fn oneshot<T: Send + 'static>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>) {
        Neutral::oneshot()
    }
}

impl Listener for Async<TcpListener> {
    type Connection = Async<TcpStream>;

    async fn bind(address: SocketAddr) -> io::Result<Self> {
        Async::<TcpListener>::bind(address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    async fn accept(&self) -> io::Result<Async<TcpStream>> {
        Async::<TcpListener>::accept(self).await.map(|(stream, _from)| stream)
    }
}

impl Connection for Async<TcpStream> {
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self>> + Send {
        Async::<TcpStream>::connect(address)
    }

    fn set_nodelay(&self) -> io::Result<()> {
        self.get_ref().set_nodelay(true)
    }

    async fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        AsyncReadExt::read_exact(self, buffer).await
    }

    async fn write_all(&mut self, buffer: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(self, buffer).await
    }
}
