//! Members that say and hear what the script wants.

use filch::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use filch::net::TcpStream;
use std::io;
use std::net::SocketAddr;

/// The whole play.
pub(crate) async fn play(room: SocketAddr) -> io::Result<()> {
    let mut ann = Actor::enter(room, "ann", "* welcome, ann").await?;
    let mut bob = Actor::enter(room, "bob", "* welcome, bob").await?;
    ann.hears("* bob has come").await?;
    let mut cat = Actor::enter(room, "cat", "* welcome, cat").await?;
    ann.hears("* cat has come").await?;
    bob.hears("* cat has come").await?;
    let mut second_cat = Actor::enter(room, "cat", "* cat is here already").await?;
    second_cat.hears("").await?;

    ann.says("good morning").await?;
    bob.hears("ann: good morning").await?;
    cat.hears("ann: good morning").await?;
    bob.says("good night").await?;
    drop(bob);
    for member in [&mut ann, &mut cat] {
        member.hears("bob: good night").await?;
        member.hears("* bob has gone").await?;
    }
    Ok(())
}

struct Actor {
    name: &'static str,
    socket: BufReader<TcpStream>,
}

impl Actor {
    async fn enter(room: SocketAddr, name: &'static str, greeting: &str) -> io::Result<Self> {
        let mut actor = Self { name, socket: BufReader::new(TcpStream::connect(room).await?) };
        actor.says(name).await?;
        actor.hears(greeting).await?;
        Ok(actor)
    }

    async fn says(&mut self, line: &str) -> io::Result<()> {
        self.socket.get_mut().write_all(format!("{line}\n").as_bytes()).await
    }

    /// Reads a line, which is to be the expected one: nothing at the end.
    async fn hears(&mut self, expected: &str) -> io::Result<()> {
        let mut line = String::new();
        self.socket.read_line(&mut line).await?;
        let line = line.trim_end();
        println!("{} reads: {line}", self.name);
        match line == expected {
            true => Ok(()),
            false => Err(io::Error::other(format!("{} expected to read: {expected}", self.name))),
        }
    }
}
