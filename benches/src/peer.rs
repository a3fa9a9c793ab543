//! What a workload may ask of a runtime: the smallest surface that every runtime here has.
//!
//! A workload is generic over [`Peer`] and compiled once for each, so that nothing stands between it and the
//! runtime but inlined calls. Where a runtime has more than one way to do a thing, its peer takes the one
//! that its own documentation shows first, and among equals the faster. Where it lacks the thing, the peer
//! takes the idiom of its users and says so.
//!
//! What is done *inside* a runtime is an associated function: every runtime finds itself there without being
//! handed around. What is done from *outside* is a method of the running runtime.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::ops::DerefMut;
use std::time::Duration;

mod filch;
mod neutral;
mod smol;
mod tokio;

pub use self::filch::Filch;
pub use self::neutral::Neutral;
pub use self::smol::Smol;
pub use self::tokio::Tokio;

/// A runtime; a value of the type is a running one, and dropping it stops its workers.
pub trait Peer: Channels + Unbounded + Oneshots + Sized + Send + Sync + 'static {
    /// The handle of a spawned task. Ends with the task's output and panics if the task did.
    type Join<T: Send + 'static>: Future<Output = T> + Send + Unpin + 'static;
    /// The handle of a call on the blocking pool, with the same manners.
    type BlockingJoin<T: Send + 'static>: Future<Output = T> + Send + 'static;
    /// A future that waits for a time to pass. What it ends with does not matter.
    type Sleep: Future<Output: Send> + Send + 'static;
    /// The runtime's mutex.
    type Lock<T: Send + 'static>: Lock<T>;
    /// The runtime's semaphore.
    type Semaphore: Semaphore;
    /// The runtime's listening TCP socket.
    type Listener: Listener<Connection = Self::Connection>;
    /// The runtime's connected TCP socket.
    type Connection: Connection;

    /// Starts a runtime with as many workers, with timers and sockets ready for use.
    ///
    /// # Panics
    /// If a thread cannot be started.
    fn start(workers: usize) -> Self;

    /// Starts what the runtime has for a program on one thread: tasks run while, and where, somebody calls
    /// [`block_on`](Self::block_on). [`block_on_worker`](Self::block_on_worker) may wait for ever on it.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    fn start_on_caller() -> Self;

    /// How many threads run tasks.
    fn workers(&self) -> usize;

    /// Runs a future on the calling thread until it ends, the way users of the runtime run their `main`.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Spawns from a thread that the runtime does not know.
    fn spawn_from_outside<F>(&self, future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// [`spawn_from_outside`](Self::spawn_from_outside), the handle given up at once.
    fn detach_from_outside<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Spawns from inside a task.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// [`spawn`](Self::spawn), the handle given up at once.
    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Calls a closure on the runtime's blocking pool.
    fn spawn_blocking<T, C>(call: C) -> Self::BlockingJoin<T>
    where
        T: Send + 'static,
        C: FnOnce() -> T + Send + 'static;

    /// Lets whatever else is ready go first.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Waits for a time to pass.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// Gives a future a time within which to end; `None` when it did not.
    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send;

    /// Runs a future as a task of the runtime while the calling thread sleeps.
    ///
    /// The wait is the same few lines for every peer and belongs to none of them: a runtime whose `block_on`
    /// lends its thread to the work would have one worker more than the others.
    fn block_on_worker<F>(&self, future: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        futures_lite::future::block_on(self.spawn_from_outside(future))
    }

    /// Runs the body of a workload where it belongs.
    fn run<F>(&self, place: Place, body: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match place {
            Place::Caller => self.block_on(body),
            Place::Worker => self.block_on_worker(body),
        }
    }
}

/// Where the body of a workload runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the calling thread, by the peer's own [`Peer::block_on`]: as most programs run their `main`. Some
    /// runtimes count such a thread among their workers, others make every spawn and wake cross threads.
    Caller,
    /// In a task of its own, see [`Peer::block_on_worker`]: shows the scheduler alone.
    Worker,
}

/// A mutex whose guard may be held across an await.
pub trait Lock<T>: Send + Sync + 'static {
    /// What gives access to the value, and frees the mutex when dropped.
    type Guard<'a>: DerefMut<Target = T> + Send
    where
        Self: 'a;

    /// A free mutex around a value.
    fn new(value: T) -> Self;

    /// Waits for the mutex.
    fn lock(&self) -> impl Future<Output = Self::Guard<'_>> + Send;
}

/// A counting semaphore that is never closed.
pub trait Semaphore: Send + Sync + 'static {
    /// What gives its permit back when dropped.
    type Permit<'a>: Send
    where
        Self: 'a;

    /// A semaphore with as many permits.
    fn new(permits: usize) -> Self;

    /// Waits for one permit.
    fn acquire(&self) -> impl Future<Output = Self::Permit<'_>> + Send;
}

/// A family of bounded channels.
pub trait Channels {
    /// The sending end.
    type Sender<T: Send + 'static>: Sender<T>;
    /// The receiving end.
    type Receiver<T: Send + 'static>: Receiver<T>;

    /// A channel that holds as many values.
    fn bounded<T: Send + 'static>(capacity: usize) -> (Self::Sender<T>, Self::Receiver<T>);
}

/// The sending end of a channel; clones send into the same one.
pub trait Sender<T>: Clone + Send + Sync + 'static {
    /// Waits for room and sends. Panics if the receiver is gone.
    fn send(&self, value: T) -> impl Future<Output = ()> + Send;
}

/// The receiving end of a channel.
pub trait Receiver<T>: Send + 'static {
    /// Waits for a value; `None` when every sender is gone and the channel is empty.
    fn receive(&mut self) -> impl Future<Output = Option<T>> + Send;
}

/// A family of channels that are never full.
pub trait Unbounded {
    /// The sending end.
    type UnboundedSender<T: Send + 'static>: UnboundedSender<T>;
    /// The receiving end.
    type UnboundedReceiver<T: Send + 'static>: Receiver<T>;

    /// A channel that holds as many values as memory does.
    fn unbounded<T: Send + 'static>() -> (Self::UnboundedSender<T>, Self::UnboundedReceiver<T>);
}

/// The sending end of a channel that is never full; clones send into the same one.
pub trait UnboundedSender<T>: Clone + Send + Sync + 'static {
    /// Sends without waiting. Panics if the receiver is gone.
    fn send(&self, value: T);
}

/// A family of channels for one value.
pub trait Oneshots {
    /// The sending end.
    type OneshotSender<T: Send + 'static>: OneshotSender<T>;
    /// The receiving end.
    type OneshotReceiver<T: Send + 'static>: OneshotReceiver<T>;

    /// A channel for one value.
    fn oneshot<T: Send + 'static>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>);
}

/// The sending end of a channel for one value.
pub trait OneshotSender<T>: Send + 'static {
    /// Sends without waiting. Panics if the receiver is gone.
    fn send(self, value: T);
}

/// The receiving end of a channel for one value.
pub trait OneshotReceiver<T>: Send + 'static {
    /// Waits for the value. Panics if the sender is gone without it.
    fn receive(self) -> impl Future<Output = T> + Send;
}

/// A listening TCP socket.
pub trait Listener: Sized + Send + Sync + 'static {
    /// What it accepts.
    type Connection;

    /// Binds to an address.
    fn bind(address: SocketAddr) -> impl Future<Output = io::Result<Self>> + Send;

    /// The address it is bound to.
    ///
    /// # Errors
    /// The operating system's.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Waits for a connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

/// A connected TCP socket.
pub trait Connection: Sized + Send + Sync + 'static {
    /// Connects to an address.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self>> + Send;

    /// Turns off the delay that gathers small writes.
    ///
    /// # Errors
    /// The operating system's.
    fn set_nodelay(&self) -> io::Result<()>;

    /// Reads until the buffer is full.
    fn read_exact(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Writes the whole buffer.
    fn write_all(&mut self, buffer: &[u8]) -> impl Future<Output = io::Result<()>> + Send;
}
