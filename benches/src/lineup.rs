//! The runtimes that are compared, by name: what a tool holds when it does not know their types.

use std::env;
use std::fmt;
use std::str::FromStr;

use crate::peer::{Filch, Peer, Smol, Tokio};

/// Names one of the runtimes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerName {
    /// The runtime of this repository.
    Filch,
    /// tokio's multi-thread runtime.
    Tokio,
    /// smol's static executor.
    Smol,
}

impl PeerName {
    /// All of them, in the order of a table's columns.
    pub const ALL: &'static [Self] = &[Self::Filch, Self::Tokio, Self::Smol];

    /// The name in tables and identifiers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filch => "filch",
            Self::Tokio => "tokio",
            Self::Smol => "smol",
        }
    }

    /// Starts the runtime.
    ///
    /// # Panics
    /// If a thread cannot be started.
    pub fn start(self, workers: usize) -> AnyPeer {
        match self {
            Self::Filch => AnyPeer::Filch(Filch::start(workers)),
            Self::Tokio => AnyPeer::Tokio(Tokio::start(workers)),
            Self::Smol => AnyPeer::Smol(Smol::start(workers)),
        }
    }

    /// Starts the runtime without workers, see [`Peer::start_on_caller`].
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_on_caller(self) -> AnyPeer {
        match self {
            Self::Filch => AnyPeer::Filch(Filch::start_on_caller()),
            Self::Tokio => AnyPeer::Tokio(Tokio::start_on_caller()),
            Self::Smol => AnyPeer::Smol(Smol::start_on_caller()),
        }
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for PeerName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|peer| peer.as_str() == name);
        known.ok_or_else(|| format!("no runtime here is called {name:?}"))
    }
}

/// Whose threads run a workload's tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crew {
    /// As many workers' as were asked for.
    #[default]
    Workers,
    /// The thread's that calls `block_on`: what was asked for does not matter.
    Caller,
}

impl Crew {
    /// Starts a runtime with such threads.
    ///
    /// # Panics
    /// If a thread cannot be started.
    pub fn start(self, peer: PeerName, workers: usize) -> AnyPeer {
        match self {
            Self::Workers => peer.start(workers),
            Self::Caller => peer.start_on_caller(),
        }
    }
}

/// A running runtime of any of the types.
#[derive(Debug)]
pub enum AnyPeer {
    /// The runtime of this repository.
    Filch(Filch),
    /// tokio's multi-thread runtime.
    Tokio(Tokio),
    /// smol's static executor.
    Smol(Smol),
}

/// How many workers each runtime gets: `FILCH_BENCH_WORKERS`, or two.
///
/// # Panics
/// If the variable holds anything but a positive number.
pub fn workers() -> usize {
    let Ok(text) = env::var("FILCH_BENCH_WORKERS") else { return 2 };
    match text.parse() {
        Ok(count) if count > 0 => count,
        _ => panic!("FILCH_BENCH_WORKERS={text:?} is not a positive number"),
    }
}
