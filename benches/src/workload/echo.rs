//! TCP echo over the loopback, both ends tasks of the same runtime.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use super::{Outcome, Workload, product};
use crate::peer::{Connection, Listener, Peer};

/// Clients that send a message, wait until the whole of it has come back, and send the next. An operation is
/// one message there and back.
///
/// With one connection it isolates the latency of readiness (how many threads a message visits), with many
/// the cost of readiness in bulk, with large messages the short reads and writes. Connecting is not timed.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// How many connections there are, each with a client and a server task.
    pub connections: usize,
    /// How many messages each client sends.
    pub messages: usize,
    /// How long a message is.
    pub bytes: usize,
}

impl Workload for Echo {
    fn operations(&self) -> u64 {
        product(self.connections, self.messages)
    }

    /// Both ends.
    fn descriptors(&self) -> u64 {
        product(self.connections, 2)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        peer.block_on_worker(measure::<P>(*self)).expect("sockets on the loopback work")
    }
}

async fn measure<P: Peer>(echo: Echo) -> io::Result<Outcome> {
    let Echo { connections, messages, bytes } = echo;
    let listener = P::Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let address = listener.local_addr()?;
    let (mut clients, mut servers) = (Vec::with_capacity(connections), Vec::with_capacity(connections));
    for _ in 0..connections {
        // The system completes a connection before anybody accepts it, but keeps only so many waiting: hence
        // in turn.
        clients.push(P::Connection::connect(address).await?);
        servers.push(P::spawn(serve(listener.accept().await?, messages, bytes)));
    }

    let mut handles = Vec::with_capacity(connections);
    let start = Instant::now();
    handles.extend(clients.into_iter().map(|client| P::spawn(converse(client, messages, bytes))));
    let mut clients = Vec::with_capacity(connections);
    let mut done = 0;
    for handle in handles {
        let (client, heard) = handle.await?;
        clients.push(client);
        done += heard;
    }
    let outcome = Outcome::since(start, done);

    // Closed only now, so that no closing is timed.
    drop(clients);
    for server in servers {
        server.await?;
    }
    Ok(outcome)
}

async fn serve<C: Connection>(mut connection: C, messages: usize, bytes: usize) -> io::Result<()> {
    connection.set_nodelay()?;
    let mut buffer = vec![0; bytes];
    for _ in 0..messages {
        connection.read_exact(&mut buffer).await?;
        connection.write_all(&buffer).await?;
    }
    Ok(())
}

/// Sends and checks the messages, and gives the connection back with their number.
async fn converse<C: Connection>(mut connection: C, messages: usize, bytes: usize) -> io::Result<(C, u64)> {
    connection.set_nodelay()?;
    let mut sent = vec![0; bytes];
    let mut heard = vec![0; bytes];
    let mut done = 0;
    for message in 0..messages {
        // Mark the message's both ends with its number, so that an echo of another one is noticed.
        let mark = message as u8;
        sent[0] = mark;
        sent[bytes - 1] = mark;
        connection.write_all(&sent).await?;
        connection.read_exact(&mut heard).await?;
        assert_eq!((heard[0], heard[bytes - 1]), (mark, mark), "the echo of another message");
        done += 1;
    }
    Ok((connection, done))
}
