//! What is mixed. Each works until its stage says stop, ends what it began, and holds its own sums against
//! each other.

mod block_on;
mod blocking;
mod bursts;
mod channels;
mod descriptors;
mod events;
mod local;
mod locks;
mod probe;
mod runtimes;
mod stuck;
mod talk;
mod tasks;
mod tcp;
mod timers;
mod udp;
mod unix;
mod wakers;

use super::stage::Stage;

/// One thing of many that go on at once.
#[derive(Debug)]
pub(super) struct Ingredient {
    pub(super) name: &'static str,
    /// In a few words.
    pub(super) what: &'static str,
    /// Works on a thread of its own until told to stop.
    pub(super) run: fn(&Stage),
}

/// All there are.
pub(super) const ALL: &[Ingredient] = &[
    tasks::INGREDIENT,
    local::INGREDIENT,
    block_on::INGREDIENT,
    blocking::INGREDIENT,
    timers::INGREDIENT,
    locks::INGREDIENT,
    events::INGREDIENT,
    channels::INGREDIENT,
    tcp::INGREDIENT,
    udp::INGREDIENT,
    unix::INGREDIENT,
    runtimes::INGREDIENT,
    stuck::INGREDIENT,
    bursts::INGREDIENT,
    wakers::INGREDIENT,
    descriptors::INGREDIENT,
    probe::INGREDIENT,
];
