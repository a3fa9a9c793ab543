//! Unix sockets: conversations over pairs and through a listener, and datagrams, which are never lost here.

use super::Ingredient;
use super::talk::{Leave, Manner, answer, ask};
use crate::Dice;
use crate::soak::stage::{Stage, at_random, nap};
use filch::net::{UnixDatagram, UnixListener, UnixStream};
use futures_lite::future::zip;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "unix", what: "streams in pairs and through a listener; datagrams in order", run };

const CLIENTS: usize = 4;
const DATAGRAMS_MAX: u64 = 200;

fn run(stage: &Stage) {
    if stage.is_planted("descriptor") {
        std::mem::forget(std::os::unix::net::UnixStream::pair().expect("a pair of sockets"));
    }
    let pairs = stage.spawn_outside(pairs(stage.clone()));
    let path = unused_path();
    let mark = stage.faults().mark();
    let listener = stage.runtime().block_on(async { UnixListener::bind(&path) });
    if let Some(listener) = stage.unless_excused(mark, listener) {
        let server = stage.spawn_outside(serve(stage.clone(), listener));
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| stage.spawn_outside(client(stage.clone(), path.clone()))).collect();
        for client in clients {
            let end = stage.runtime().block_on(client);
            stage.check(end.is_done(), || format!("a client ended as {end:?}"));
        }
        server.abort();
        let _aborted = stage.runtime().block_on(server);
    }
    let end = stage.runtime().block_on(pairs);
    stage.check(end.is_done(), || format!("a task with pairs ended as {end:?}"));
    // It is not there when the listener could not be bound.
    let _ = std::fs::remove_file(&path);
}

fn unused_path() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("filch-soak-{}-{}", std::process::id(), COUNT.fetch_add(1, SeqCst));
    std::env::temp_dir().join(name)
}

async fn serve(stage: Stage, listener: UnixListener) {
    let mut dice = stage.dice();
    loop {
        let mark = stage.faults().mark();
        let Some(accepted) = at_random(&mut dice, listener.accept()).await else { continue };
        if let Some((stream, _)) = stage.unless_excused(mark, accepted) {
            let own = stage.clone();
            stage.spawn(async move { answer(&own, stream).await }).detach();
        } else {
            nap(&mut dice, 2000).await;
        }
    }
}

async fn client(stage: Stage, path: PathBuf) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let mark = stage.faults().mark();
        if let Some(stream) = stage.unless_excused(mark, UnixStream::connect(Path::new(&path)).await) {
            let (own, mut theirs) = (stage.clone(), dice.fork());
            let talk = stage.spawn(async move {
                let manner = Manner::any(&mut theirs);
                ask(&own, &mut theirs, manner, &stream, &stream).await;
            });
            if dice.one_in(6) {
                nap(&mut dice, 2000).await;
                talk.abort();
            }
            let _end = talk.await;
        }
        stage.count();
        nap(&mut dice, 20_000).await;
    }
}

async fn pairs(stage: Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let mark = stage.faults().mark();
        if dice.one_in(2) {
            if let Some((near, far)) = stage.unless_excused(mark, UnixStream::pair()) {
                let manner = Manner::any(&mut dice);
                let asking = async {
                    ask(&stage, &mut dice, manner, &near, &near).await;
                    drop(near);
                };
                zip(asking, answer(&stage, far)).await;
            }
        } else if let Some(pair) = stage.unless_excused(mark, UnixDatagram::pair()) {
            datagrams(&stage, &mut dice, pair).await;
        }
        stage.count();
        nap(&mut dice, 10_000).await;
    }
}

/// Numbers from one end to the other, all of them and in order.
async fn datagrams(stage: &Stage, dice: &mut Dice, (near, far): (UnixDatagram, UnixDatagram)) {
    let (mut ours, mut theirs) = (dice.fork(), dice.fork());
    let count = dice.below(DATAGRAMS_MAX as usize) as u64;
    let sending = async {
        let mut number = 0_u64;
        while number < count {
            match at_random(&mut ours, near.send(&number.to_le_bytes())).await {
                Some(Ok(_)) => number += 1,
                Some(Err(error)) => return stage.check(false, || format!("a datagram was refused: {error}")),
                None => {}
            }
        }
    };
    let receiving = async {
        let mut expected = 0_u64;
        while expected < count {
            let mut datagram = [0; 8];
            match at_random(&mut theirs, far.recv(&mut datagram)).await {
                Some(Ok(_)) => {
                    let number = u64::from_le_bytes(datagram);
                    stage.check(number == expected, || {
                        format!("datagram {number} came instead of {expected}")
                    });
                    expected += 1;
                    stage.count();
                }
                Some(Err(error)) => return stage.check(false, || format!("nothing was received: {error}")),
                None => {}
            }
        }
    };
    zip(sending, receiving).await;
}

impl Leave for UnixStream {
    fn prepare_to_leave(&self, dice: &mut Dice) {
        if dice.one_in(2) {
            // Both ways at once. It fails when the peer was faster.
            let _ = self.shutdown(std::net::Shutdown::Both);
        }
    }
}
