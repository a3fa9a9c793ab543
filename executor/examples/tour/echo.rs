//! First stop: an echo server, and clients that talk to it over real sockets.

use crate::progress::{Counter, Progress};
use crate::table::{grouped, per_second, result};
use crate::{Result, descriptors, exact};
use filch::io::{AsyncReadExt, AsyncWriteExt, copy};
use filch::net::{TcpListener, TcpStream};
use filch::spawn;
use futures_lite::future::try_zip;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLIENTS: usize = 1_000;
const MESSAGES_PER_CLIENT: u64 = 100;
const MESSAGES: u64 = CLIENTS as u64 * MESSAGES_PER_CLIENT;
const MESSAGE_BYTES: usize = 64;

/// Descriptors for everything that is no client: terminal, listener, reactor.
const OTHER_DESCRIPTORS: usize = 64;

/// What was seen here.
#[derive(Default)]
pub(crate) struct Echo {
    clients: u64,
    /// Messages that came back to their client as they were.
    messages: u64,
    /// What the server echoed.
    bytes: u64,
    /// How long the exchange took, without connecting.
    time: Duration,
}

pub(crate) async fn run() -> Result<Echo> {
    // A client takes two descriptors, for its end and the server's.
    let allowed = descriptors::allow(2 * CLIENTS + OTHER_DESCRIPTORS);
    let at_once = (allowed.saturating_sub(OTHER_DESCRIPTORS) / 2).clamp(1, CLIENTS);
    if at_once < CLIENTS {
        println!("only {allowed} files may be open, so the clients come in waves of {at_once}");
    }

    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await?);
    let progress = Progress::start("echo: messages", MESSAGES);
    let mut echo = Echo::default();
    let everybody: Vec<usize> = (0..CLIENTS).collect();
    for clients in everybody.chunks(at_once) {
        wave(&listener, clients, &progress, &mut echo).await?;
    }
    progress.finish().await;

    exact("clients", echo.clients, CLIENTS as u64)?;
    exact("messages echoed", echo.messages, MESSAGES)?;
    exact("bytes echoed", echo.bytes, MESSAGES * MESSAGE_BYTES as u64)?;
    Ok(echo)
}

/// Connects some clients, then has them all talk at once.
async fn wave(
    listener: &Arc<TcpListener>,
    clients: &[usize],
    progress: &Progress,
    echo: &mut Echo,
) -> Result<()> {
    let address = listener.local_addr()?;
    let server = spawn(serve(listener.clone(), clients.len()));
    let connecting: Vec<_> = clients.iter().map(|_| spawn(TcpStream::connect(address))).collect();
    let mut streams = Vec::new();
    for stream in connecting {
        streams.push(stream.await??);
    }

    let start = Instant::now();
    let talking: Vec<_> = clients
        .iter()
        .zip(streams)
        .map(|(&client, stream)| spawn(talk(client, stream, progress.counter())))
        .collect();
    let count = async {
        for messages in talking {
            echo.messages += messages.await??;
            echo.clients += 1;
        }
        Ok(())
    };
    // Together, for clients of a server that has failed would wait for ever.
    let ((), bytes) = try_zip(count, async { server.await? }).await?;
    echo.bytes += bytes;
    echo.time += start.elapsed();
    Ok(())
}

/// Serves so many clients, each in a task of its own, and counts the bytes that went back.
async fn serve(listener: Arc<TcpListener>, clients: usize) -> io::Result<u64> {
    let mut serving = Vec::new();
    for _ in 0..clients {
        let (stream, _) = listener.accept().await?;
        serving.push(spawn(async move { copy(&stream, &stream).await }));
    }
    let mut bytes = 0;
    for client in serving {
        bytes += client.await??;
    }
    Ok(bytes)
}

/// A client: sends a message, waits until it is back, sends the next.
async fn talk(client: usize, mut stream: TcpStream, done: Counter) -> io::Result<u64> {
    let mut echoed = 0;
    for number in 0..MESSAGES_PER_CLIENT {
        // No message is like another, so none can stand in for another.
        let text = format!("client {client}, message {number}");
        let mut message = [b'.'; MESSAGE_BYTES];
        message[..text.len()].copy_from_slice(text.as_bytes());
        stream.write_all(&message).await?;

        let mut answer = [0; MESSAGE_BYTES];
        stream.read_exact(&mut answer).await?;
        if answer != message {
            let answer = String::from_utf8_lossy(&answer);
            return Err(io::Error::other(format!("'{text}' came back as '{answer}'")));
        }
        echoed += 1;
        done.step();
    }
    stream.close().await?;
    match stream.read(&mut [0]).await? {
        0 => Ok(echoed),
        _ => Err(io::Error::other(format!("client {client} got more back than it sent"))),
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = format!("messages of {} clients", grouped(self.clients));
        let rate = format!("{} messages/s", per_second(self.messages, self.time));
        result(f, self.messages, &what, self.time, &rate)
    }
}
