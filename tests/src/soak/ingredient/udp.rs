//! Datagrams there and back. On this machine none is lost as long as they fit the buffer, and no more than
//! that are on the way.

use super::Ingredient;
use crate::Dice;
use crate::soak::stage::{Stage, at_random, nap};
use filch::net::UdpSocket;
use std::collections::BTreeSet;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "udp", what: "datagrams there and back, none lost, none twice", run };

const PAIRS: usize = 2;
const ON_THE_WAY_MAX: usize = 8;
const LENGTH_MAX: usize = 600;

fn run(stage: &Stage) {
    let tasks: Vec<_> = (0..PAIRS)
        .map(|_| {
            let own = stage.clone();
            stage.spawn_outside(async move {
                while own.goes_on() {
                    pair(&own).await;
                }
            })
        })
        .collect();
    for task in tasks {
        let end = stage.runtime().block_on(task);
        stage.check(end.is_done(), || format!("a task with datagrams ended as {end:?}"));
    }
}

/// One pair of sockets for a while.
async fn pair(stage: &Stage) {
    let mut dice = stage.dice();
    let mark = stage.faults().mark();
    let sockets = async {
        let near = UdpSocket::bind("127.0.0.1:0").await?;
        let far = UdpSocket::bind("127.0.0.1:0").await?;
        near.connect(far.local_addr()?).await?;
        std::io::Result::Ok((near, far))
    };
    let Some((near, far)) = stage.unless_excused(mark, sockets.await) else {
        return nap(&mut dice, 5000).await;
    };
    let own = stage.clone();
    let echo = stage.spawn(async move { echo(&own, far).await });
    let mut number = 0_u64;
    let mut away = BTreeSet::new();
    let rounds = dice.below(400);
    for _ in 0..rounds {
        if !stage.goes_on() {
            break;
        }
        for _ in 0..dice.below(ON_THE_WAY_MAX - away.len() + 1) {
            let datagram = datagram(&mut dice, number);
            // A send that is given up has sent nothing.
            match at_random(&mut dice, near.send(&datagram)).await {
                Some(Ok(sent)) => {
                    stage.check(sent == datagram.len(), || "a datagram was cut".to_owned());
                    away.insert(number);
                    number += 1;
                }
                Some(Err(error)) => stage.check(false, || format!("a datagram was refused: {error}")),
                None => {}
            }
        }
        let stay = if dice.one_in(8) { 0 } else { dice.below(away.len() + 1) };
        while away.len() > stay {
            let mut buffer = [0; LENGTH_MAX + 8];
            match at_random(&mut dice, near.recv(&mut buffer)).await {
                Some(Ok(length)) => {
                    let number = check(stage, &buffer[..length]);
                    stage.check(away.remove(&number), || {
                        format!("datagram {number} came twice, or from nowhere")
                    });
                    stage.count();
                }
                Some(Err(error)) => stage.check(false, || format!("nothing could be received: {error}")),
                None => {}
            }
        }
    }
    while let Some(expected) = away.first().copied() {
        let mut buffer = [0; LENGTH_MAX + 8];
        match near.recv(&mut buffer).await {
            Ok(length) => {
                away.remove(&check(stage, &buffer[..length]));
            }
            Err(error) => return stage.check(false, || format!("datagram {expected} is lost: {error}")),
        }
    }
    echo.abort();
    let _aborted = echo.await;
    nap(&mut dice, 3000).await;
}

async fn echo(stage: &Stage, socket: UdpSocket) {
    let mut dice = stage.dice();
    let mut buffer = [0; LENGTH_MAX + 8];
    loop {
        let Some(received) = at_random(&mut dice, socket.recv_from(&mut buffer)).await else { continue };
        let sent = match received {
            Ok((length, from)) => socket.send_to(&buffer[..length], from).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            return stage.check(false, || format!("a datagram could not be sent back: {error}"));
        }
    }
}

/// Eight bytes of number, and a tail that follows from it.
fn datagram(dice: &mut Dice, number: u64) -> Vec<u8> {
    let mut datagram = number.to_le_bytes().to_vec();
    datagram.extend((0..dice.below(LENGTH_MAX)).map(|at| tail(number, at)));
    datagram
}

fn tail(number: u64, at: usize) -> u8 {
    number.wrapping_mul(31).wrapping_add(at as u64) as u8
}

fn check(stage: &Stage, datagram: &[u8]) -> u64 {
    let Some((number, rest)) = datagram.split_first_chunk() else {
        stage.check(false, || "a datagram was cut".to_owned());
        return u64::MAX;
    };
    let number = u64::from_le_bytes(*number);
    let whole = rest.iter().enumerate().all(|(at, &byte)| byte == tail(number, at));
    stage.check(whole, || format!("datagram {number} is not as it was sent"));
    number
}
