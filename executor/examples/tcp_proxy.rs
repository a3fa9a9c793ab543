//! A TCP proxy: what comes in at one address goes on to another, and back.
//!
//! Look at `pump`: one direction of a connection. When one side ends its writing the proxy does the same to
//! the other side, and goes on with the opposite direction. Many protocols need that *half-close*: the server
//! here answers only when it has seen the end of the request. A direction that fails takes the other with it,
//! and both sockets are closed.
//!
//! ```text
//! cargo run --example tcp_proxy                                       # a server and a client of its own
//! cargo run --example tcp_proxy -- 127.0.0.1:8080 example.net:80      # listens, connects to
//! ```

use filch::io::{AsyncReadExt, AsyncWriteExt, copy};
use filch::net::{TcpListener, TcpStream};
use futures_lite::future::try_zip;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::{env, io};

/// Copies until `from` ends, then ends writing to `to`.
async fn pump(from: &TcpStream, to: &TcpStream, way: &str) -> io::Result<()> {
    let bytes = copy(from, to).await?;
    println!("{way}: {bytes} bytes, and the end");
    to.shutdown(Shutdown::Write)
}

/// Connects one client with the target, until both directions have ended.
async fn relay(client: TcpStream, target: Arc<str>) -> io::Result<()> {
    let server = TcpStream::connect(&*target).await?;
    try_zip(pump(&client, &server, "up"), pump(&server, &client, "down")).await?;
    Ok(())
}

async fn proxy(listener: TcpListener, target: Arc<str>) -> io::Result<()> {
    loop {
        let (client, peer) = listener.accept().await?;
        let relay = relay(client, target.clone());
        filch::spawn(async move {
            if let Err(error) = relay.await {
                eprintln!("{peer}: {error}");
            }
        })
        .detach();
    }
}

/// Reads a whole request, and only then answers it.
async fn shout(listener: TcpListener) -> io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let mut request = String::new();
    stream.read_to_string(&mut request).await?;
    stream.write_all(request.to_uppercase().as_bytes()).await
}

async fn ask(address: SocketAddr, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.close().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[filch::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => {}
        [address, target] => {
            let listener = TcpListener::bind(address.as_str()).await?;
            println!("from {} to {target}", listener.local_addr()?);
            return proxy(listener, target.as_str().into()).await;
        }
        _ => return Err(io::Error::other("two addresses are wanted: where to listen, where to connect")),
    }

    let server = TcpListener::bind("127.0.0.1:0").await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, target) = (listener.local_addr()?, server.local_addr()?.to_string().into());
    let server = filch::spawn(shout(server));
    let proxy = filch::spawn(proxy(listener, target));

    let answer = ask(address, "whisper, whisper").await?;
    println!("{answer}");
    assert_eq!(answer, "WHISPER, WHISPER");
    server.await??;
    proxy.abort();
    Ok(())
}
