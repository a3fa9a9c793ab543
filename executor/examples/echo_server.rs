//! An echo server: whatever a client sends comes back, for any number of clients at once.
//!
//! Look at `serve`: a loop accepts, and each client gets a task. A task costs about a hundred bytes, not a
//! thread, so thousands of clients that mostly wait are no burden. Nothing there says how a socket is waited
//! for; an `await` does.
//!
//! ```text
//! cargo run --example echo_server                     # serves a client of its own, and ends
//! cargo run --example echo_server -- 127.0.0.1:7777   # serves until it is stopped; try `nc 127.0.0.1 7777`
//! ```

use filch::io::{AsyncReadExt, AsyncWriteExt, copy};
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use std::{env, io};

/// Accepts clients for ever, and serves each in a task of its own.
async fn serve(listener: TcpListener) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => filch::spawn(echo(stream, peer)).detach(),
            // Too many open files, most likely: some will be closed in a while.
            Err(error) => {
                eprintln!("cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn echo(stream: TcpStream, peer: SocketAddr) {
    println!("{peer}: connected");
    // A shared reference to a stream reads and writes. The copy ends when the client ends its writing.
    match copy(&stream, &stream).await {
        Ok(bytes) => println!("{peer}: gone after {bytes} bytes"),
        Err(error) => println!("{peer}: lost: {error}"),
    }
}

/// A client: sends some lines, says that this was all, and returns what came back.
async fn client(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    for line in ["hello\n", "is there anybody\n", "good-bye\n"] {
        stream.write_all(line.as_bytes()).await?;
    }
    stream.close().await?;
    let mut echoed = String::new();
    stream.read_to_string(&mut echoed).await?;
    Ok(echoed)
}

#[filch::main]
async fn main() -> io::Result<()> {
    if let Some(address) = env::args().nth(1) {
        let listener = TcpListener::bind(address).await?;
        println!("echoing on {}", listener.local_addr()?);
        match serve(listener).await {}
    }

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = filch::spawn(serve(listener));
    let echoed = client(address).await?;
    server.abort();

    print!("{echoed}");
    assert_eq!(echoed, "hello\nis there anybody\ngood-bye\n");
    Ok(())
}
