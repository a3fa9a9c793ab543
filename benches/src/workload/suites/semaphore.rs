//! tokio's `sync_semaphore`: six acquisitions, in three ways, with and without enough permits.

use std::future::Future;
use std::sync::Arc;

use futures_lite::future::zip;

use super::super::{Outcome, Workload, product};
use super::iterate;
use crate::peer::{Peer, Place, Semaphore};

/// How many acquisitions there are each time.
const ACQUISITIONS: usize = 6;

/// How they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One after another (`uncontended`).
    InTurn,
    /// At once, each in a task of its own (`*_concurrent_multi`).
    Spawned,
    /// At once, in the same task (`*_concurrent_single`).
    Joined,
}

/// Six permits are acquired and given back. An operation is one of them.
#[derive(Clone, Copy, Debug)]
pub struct Six {
    /// How many permits there are: 10 in the suite where that is enough, 5 where it is not.
    pub permits: usize,
    /// How they are acquired.
    pub way: Way,
    /// How many times over.
    pub times: usize,
    /// Where that happens.
    pub place: Place,
}

impl Workload for Six {
    fn operations(&self) -> u64 {
        product(ACQUISITIONS, self.times)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { permits, way, times, place } = *self;
        let semaphore = Arc::new(P::Semaphore::new(permits));
        match way {
            Way::InTurn => iterate(peer, place, times, move || in_turn(Arc::clone(&semaphore))),
            Way::Spawned => iterate(peer, place, times, move || {
                let six = six(&semaphore);
                async move { all(six.map(P::spawn)).await }
            }),
            Way::Joined => iterate(peer, place, times, move || all(six(&semaphore))),
        }
    }
}

async fn in_turn<S: Semaphore>(semaphore: Arc<S>) -> u64 {
    let mut done = 0;
    for _ in 0..ACQUISITIONS {
        let permit = semaphore.acquire().await;
        done += 1;
        drop(permit);
    }
    done
}

/// Six acquisitions yet to be made, each with a semaphore of its own to hold.
fn six<S: Semaphore>(semaphore: &Arc<S>) -> [impl Future<Output = u64> + Send + use<S>; ACQUISITIONS] {
    [(); ACQUISITIONS].map(|()| acquire(Arc::clone(semaphore)))
}

async fn acquire<S: Semaphore>(semaphore: Arc<S>) -> u64 {
    let permit = semaphore.acquire().await;
    drop(permit);
    1
}

/// Awaits all six at once, and adds them up.
async fn all<F: Future<Output = u64>>(six: [F; ACQUISITIONS]) -> u64 {
    let [a, b, c, d, e, f] = six;
    let (((a, b), (c, d)), (e, f)) = zip(zip(zip(a, b), zip(c, d)), zip(e, f)).await;
    a + b + c + d + e + f
}
