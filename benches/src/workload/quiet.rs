//! Quiet: what a runtime does while there is nothing to do.
//!
//! Not a [`Workload`](super::Workload): what it reports is what the whole process used, so it has to be alone in it.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use crate::latch::Latch;
use crate::lineup::AnyPeer;
use crate::peer::{Connection, Listener, Peer};
use crate::usage::Usage;

/// Tasks that wait for ever, tasks that wait for a socket to which nobody writes, and then silence.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    /// How many tasks wait for nothing.
    pub tasks: usize,
    /// How many sockets there are: half of them each other's peers, every one with a task that reads.
    pub sockets: usize,
    /// How long the silence lasts.
    pub span: Duration,
}

impl Quiet {
    /// How many descriptors a process needs for it.
    pub fn descriptors(&self) -> u64 {
        (self.sockets as u64).saturating_add(100)
    }

    /// What the process used during the silence.
    ///
    /// # Errors
    /// What the sockets or the system's books say.
    pub fn run<P: Peer>(&self, peer: &P) -> io::Result<Usage> {
        let Self { tasks, sockets, span } = *self;
        let polled = Latch::leaked(tasks + sockets / 2 * 2);
        peer.block_on_worker(async move {
            for _ in 0..tasks {
                P::detach(async {
                    polled.count_down();
                    pending::<()>().await;
                });
            }
            let listener = P::Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
            for _ in 0..sockets / 2 {
                let client = P::Connection::connect(listener.local_addr()?).await?;
                P::detach(listen(client, polled));
                P::detach(listen(listener.accept().await?, polled));
            }
            polled.wait().await;
            io::Result::Ok(())
        })?;
        // Time for whatever a runtime still does when work has just ended; a second of silence before the count.
        thread::sleep(Duration::from_secs(1));
        let before = Usage::now()?;
        thread::sleep(span);
        let used = Usage::now()?.since(before);
        // This thread's own sleep is one.
        Ok(Usage { sleeps: used.sleeps.saturating_sub(1), ..used })
    }

    /// [`run`](Self::run) on a runtime of any type.
    ///
    /// # Errors
    /// As there.
    pub fn run_on(&self, peer: &AnyPeer) -> io::Result<Usage> {
        match peer {
            AnyPeer::Filch(peer) => self.run(peer),
            AnyPeer::Tokio(peer) => self.run(peer),
            AnyPeer::Smol(peer) => self.run(peer),
        }
    }
}

async fn listen<C: Connection>(mut connection: C, polled: &'static Latch) {
    polled.count_down();
    let outcome = connection.read_exact(&mut [0]).await;
    unreachable!("nobody writes: {outcome:?}");
}
