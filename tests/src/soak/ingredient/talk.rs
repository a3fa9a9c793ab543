//! A conversation over a stream of any kind, which ends orderly or not at all.
//!
//! The client says with its first byte how it is to be, and with its second where the pattern of its bytes
//! begins. In an orderly conversation it sends a number of bytes, ends its writing, and must read back the
//! very same bytes and then the end.

use crate::Dice;
use crate::soak::stage::{Stage, at_random, nap};
use filch::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_lite::future::zip;
use std::io;

const BYTES_MAX: usize = 60_000;
const BUFFER: usize = 5000;

/// How a conversation is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// All that is sent comes back, and then the end.
    Orderly,
    /// The server leaves in the middle.
    ServerLeaves,
    /// The client does.
    ClientLeaves,
}

impl Manner {
    pub(super) fn any(dice: &mut Dice) -> Self {
        match dice.below(4) {
            0 => Self::ServerLeaves,
            1 => Self::ClientLeaves,
            _ => Self::Orderly,
        }
    }
}

/// What may happen to a stream that is left: it closes, or it resets if it can.
pub(super) trait Leave {
    fn prepare_to_leave(&self, dice: &mut Dice);
}

fn pattern(begin: u8, at: usize) -> u8 {
    begin.wrapping_add((at % 251) as u8)
}

/// The client's part. What is wrong with the conversation is complained of.
pub(super) async fn ask<R, W>(stage: &Stage, dice: &mut Dice, manner: Manner, read: R, mut write: W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (begin, bytes) = (dice.below(256) as u8, dice.below(BYTES_MAX));
    if let Err(error) = write.write_all(&[manner as u8, begin]).await {
        return stage.check(manner == Manner::ServerLeaves, || format!("a first word failed: {error}"));
    }
    let leaves_after = if manner == Manner::ClientLeaves { dice.below(bytes + 1) } else { bytes };
    let (mut ours, mut theirs) = (dice.fork(), dice.fork());
    let writing = async {
        let sent = write_pattern(stage, &mut ours, &mut write, begin, leaves_after).await?;
        if manner != Manner::ClientLeaves {
            write.close().await?;
        }
        io::Result::Ok(sent)
    };
    if manner == Manner::ClientLeaves {
        // Without reading: what is on its way meets a reset.
        return drop(writing.await);
    }
    let (sent, read) = zip(writing, read_pattern(stage, &mut theirs, read, begin)).await;
    if manner == Manner::Orderly {
        match (sent, read) {
            (Ok(sent), Ok(mut read)) => {
                if stage.is_planted("bytes") {
                    read += 1;
                }
                stage.check(sent == bytes && read == sent, || {
                    format!("of {bytes} bytes {sent} were sent, and {read} came back")
                });
            }
            (sent, read) => {
                stage.check(false, || format!("an orderly conversation failed: {sent:?}, {read:?}"));
            }
        }
    }
}

async fn write_pattern<W>(
    stage: &Stage,
    dice: &mut Dice,
    mut to: W,
    begin: u8,
    bytes: usize,
) -> io::Result<usize>
where
    W: AsyncWrite + Unpin,
{
    let mut sent = 0;
    while sent < bytes {
        let more = (1 + dice.below(BUFFER)).min(bytes - sent);
        let chunk: Vec<_> = (sent..sent + more).map(|at| pattern(begin, at)).collect();
        // A write that is given up has written nothing.
        if let Some(written) = at_random(dice, to.write(&chunk)).await {
            sent += written?;
            stage.count();
        }
        if dice.one_in(20) {
            nap(dice, 500).await;
        }
    }
    Ok(sent)
}

/// Reads to the end, and counts.
async fn read_pattern<R>(stage: &Stage, dice: &mut Dice, mut from: R, begin: u8) -> io::Result<usize>
where
    R: AsyncRead + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    let mut count = 0;
    loop {
        let room = 1 + dice.below(BUFFER);
        // A read that is given up has read nothing.
        let Some(read) = at_random(dice, from.read(&mut buffer[..room])).await else { continue };
        let read = read?;
        if read == 0 {
            return Ok(count);
        }
        let as_sent = buffer[..read].iter().enumerate().all(|(n, &byte)| byte == pattern(begin, count + n));
        stage.check(as_sent, || format!("bytes after {count} are not as they were sent"));
        count += read;
        stage.count();
    }
}

/// The server's part: sends back what comes.
pub(super) async fn answer<S>(stage: &Stage, mut stream: S)
where
    S: AsyncRead + AsyncWrite + Leave + Unpin,
{
    let mut dice = stage.dice();
    let mut word = [0; 2];
    if stream.read_exact(&mut word).await.is_err() {
        // The client was given up before it said a word.
        return;
    }
    let leaves_after =
        if word[0] == Manner::ServerLeaves as u8 { dice.below(BYTES_MAX / 2) } else { usize::MAX };
    let mut buffer = vec![0; BUFFER];
    let mut count = 0;
    while count < leaves_after {
        let Some(read) = at_random(&mut dice, stream.read(&mut buffer)).await else { continue };
        let Ok(read @ 1..) = read else { break };
        if stream.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        count += read;
        stage.count();
    }
    if leaves_after < usize::MAX {
        stream.prepare_to_leave(&mut dice);
    }
}
