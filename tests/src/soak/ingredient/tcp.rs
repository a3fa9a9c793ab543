//! Connections that end orderly, by a reset from either side, or given up in the middle.

use super::Ingredient;
use super::talk::{Leave, Manner, answer, ask};
use crate::Dice;
use crate::soak::stage::{Stage, at_random, nap};
use filch::io::AsyncWriteExt;
use filch::net::{TcpListener, TcpStream};
use std::net::SocketAddr;
use std::time::Duration;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "tcp", what: "echoes, half-closes, resets, cancels; bytes conserved", run };

const CLIENTS: usize = 6;

fn run(stage: &Stage) {
    let mark = stage.faults().mark();
    // Under an executor that is not filch's, and so with the process-wide reactor, half of the time.
    let bind = TcpListener::bind("127.0.0.1:0");
    let listener = if stage.dice().one_in(2) {
        stage.runtime().block_on(bind)
    } else {
        futures_lite::future::block_on(bind)
    };
    let Some(listener) = stage.unless_excused(mark, listener) else { return };
    let address = listener.local_addr().expect("a bound socket has an address");
    let server = stage.spawn_outside(serve(stage.clone(), listener));
    let clients: Vec<_> = (0..CLIENTS).map(|_| stage.spawn_outside(client(stage.clone(), address))).collect();
    for client in clients {
        let end = stage.runtime().block_on(client);
        stage.check(end.is_done(), || format!("a client ended as {end:?}"));
    }
    server.abort();
    let _aborted = futures_lite::future::block_on(server);
}

async fn serve(stage: Stage, listener: TcpListener) {
    let mut dice = stage.dice();
    loop {
        let mark = stage.faults().mark();
        // An accept that is given up leaves its connection to the next.
        let Some(accepted) = at_random(&mut dice, listener.accept()).await else { continue };
        if let Some((stream, _)) = stage.unless_excused(mark, accepted) {
            let own = stage.clone();
            stage.spawn(async move { answer(&own, stream).await }).detach();
        } else {
            nap(&mut dice, 2000).await;
        }
    }
}

async fn client(stage: Stage, address: SocketAddr) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let mark = stage.faults().mark();
        if dice.one_in(8) {
            // Given up while it connects, perhaps.
            let _dropped = at_random(&mut dice, TcpStream::connect(address)).await;
        } else if let Some(stream) = stage.unless_excused(mark, TcpStream::connect(address).await) {
            let manner = Manner::any(&mut dice);
            let (own, mut theirs) = (stage.clone(), dice.fork());
            let talk = stage.spawn(async move { talk(&own, &mut theirs, manner, stream).await });
            if dice.one_in(6) {
                // Stopped wherever it is.
                nap(&mut dice, 2000).await;
                talk.abort();
            }
            let _end = talk.await;
        }
        stage.count();
        // The system keeps an ended connection's port for a minute, and has some ten thousand of them.
        filch::time::sleep(Duration::from_millis(20 + dice.below(40) as u64)).await;
    }
}

async fn talk(stage: &Stage, dice: &mut Dice, manner: Manner, stream: TcpStream) {
    if dice.one_in(2) {
        let (read, write) = stream.into_split();
        return ask(stage, dice, manner, read, write).await;
    }
    ask(stage, dice, manner, &stream, &stream).await;
    if manner == Manner::ClientLeaves {
        stream.prepare_to_leave(dice);
    }
    // Closing what is closed is no error.
    let _ = (&stream).close().await;
}

impl Leave for TcpStream {
    fn prepare_to_leave(&self, dice: &mut Dice) {
        if dice.one_in(2) {
            // No time to linger: the peer is sent a reset. It fails when the peer was faster.
            let _ = self.set_linger(Some(Duration::ZERO));
        }
    }
}
