//! A chat server: what one member says, all others read.
//!
//! Look at [`Room`]: every member has a channel, and to say something is to put it into everybody else's. A
//! task per member empties that channel into the socket, so a member who reads slowly holds up nobody: once
//! the channel is full, lines are missed. Look at how a member leaves, too: with the sender goes the channel,
//! with that the task, with that the socket. `script.rs` holds the members that talk when nobody else does.
//!
//! ```text
//! cargo run --example chat                     # serves three scripted members, and ends
//! cargo run --example chat -- 127.0.0.1:7777   # serves until it is stopped; try `nc 127.0.0.1 7777` twice
//! ```

mod script;

use filch::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use filch::net::{OwnedWriteHalf, TcpListener, TcpStream};
use filch::sync::Lock;
use filch::sync::channel::{Receiver, Sender, bounded};
use futures_lite::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::{env, io};

/// The members by name, each with the way to them.
type Room = Arc<Lock<HashMap<String, Sender<Arc<str>>>>>;

/// What somebody who does not read may leave unread before lines are missed.
const UNREAD_LINES_MAX: usize = 64;

async fn tell_others(room: &Room, name: &str, line: String) {
    let line = Arc::from(line);
    for (_, member) in room.lock().await.iter().filter(|(other, _)| *other != name) {
        // An error says that the channel is full: this member misses the line.
        let _ = member.try_send(Arc::clone(&line));
    }
}

async fn write_lines(lines: Receiver<Arc<str>>, mut socket: OwnedWriteHalf<TcpStream>) -> io::Result<()> {
    while let Ok(line) = lines.recv().await {
        socket.write_all(format!("{line}\n").as_bytes()).await?;
    }
    Ok(())
}

/// A member's stay. The first line is the name; what follows is said to the others.
async fn attend(socket: TcpStream, room: Room) -> io::Result<()> {
    let (reader, writer) = socket.into_split();
    let mut lines = BufReader::new(reader).lines();
    let Some(name) = lines.next().await.transpose()? else { return Ok(()) };

    let (sender, receiver) = bounded(UNREAD_LINES_MAX);
    filch::spawn(write_lines(receiver, writer)).detach();
    let mut members = room.lock().await;
    if members.contains_key(&name) {
        let _ = sender.try_send(format!("* {name} is here already").into());
        return Ok(());
    }
    let _ = sender.try_send(format!("* welcome, {name}").into());
    members.insert(name.clone(), sender);
    drop(members);

    tell_others(&room, &name, format!("* {name} has come")).await;
    while let Some(Ok(line)) = lines.next().await {
        tell_others(&room, &name, format!("{name}: {line}")).await;
    }
    room.lock().await.remove(&name);
    tell_others(&room, &name, format!("* {name} has gone")).await;
    Ok(())
}

/// Lets members in until that fails. The echo server's loop is one that goes on then.
async fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Room::default();
    loop {
        let (socket, _) = listener.accept().await?;
        filch::spawn(attend(socket, room.clone())).detach();
    }
}

#[filch::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    let room = listener.local_addr()?;
    println!("chatting on {room}");
    let server = filch::spawn(serve(listener));
    match address {
        Some(_) => server.await?,
        None => script::play(room).await,
    }
}
