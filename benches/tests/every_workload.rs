//! Every workload, small, on every runtime: each checks its own result, so that none reports the time of
//! something it did not do.

use std::time::Duration;

use filch_benches::peer::{Peer, Place};
use filch_benches::workload::memory::{Idle, IdleTasks};
use filch_benches::workload::robust::{blocked, burst, groups, retained, rhythm, saturated};
use filch_benches::workload::suites::mpsc::Room;
use filch_benches::workload::suites::remote::{Load, SpawnManyRemote};
use filch_benches::workload::suites::semaphore::Way;
use filch_benches::workload::suites::spawn::SpawnAndAwait;
use filch_benches::workload::suites::timeout::Timer;
use filch_benches::workload::suites::{
    mpsc, recursion, request_reply, ring, semaphore as permits, timeout, told, web_server,
};
use filch_benches::workload::{Flavour, blocking, channel, echo, lock, ping_pong, semaphore, skew, spawn};
use filch_benches::workload::{timer, wake, yield_now};
use filch_benches::{AnyPeer, AnyWorkload, Crew, PeerName};

fn workloads() -> Vec<Box<dyn AnyWorkload>> {
    let mut all: Vec<Box<dyn AnyWorkload>> = vec![
        Box::new(spawn::Outside { tasks: 500 }),
        Box::new(spawn::Chain { depth: 200 }),
        Box::new(spawn::ForkJoin { number: 9 }),
        Box::new(yield_now::Many { tasks: 10, yields: 100 }),
        Box::new(skew::FanOut { tasks: 50, work: Duration::from_micros(10) }),
        Box::new(timer::CreateAndDrop { tasks: 3, timers: 200 }),
        Box::new(timer::TimeoutReady { tasks: 3, timeouts: 200 }),
        Box::new(timer::Fire {
            tasks: 100,
            shortest: Duration::from_millis(1),
            longest: Duration::from_millis(10),
        }),
        Box::new(lock::Uncontended { times: 500 }),
        Box::new(lock::Contended { tasks: 8, times: 300 }),
        Box::new(semaphore::Uncontended { times: 500 }),
        Box::new(semaphore::Contended { permits: 2, tasks: 8, times: 50 }),
        Box::new(echo::Echo { connections: 1, messages: 20, bytes: 64 }),
        Box::new(echo::Echo { connections: 20, messages: 5, bytes: 64 }),
        Box::new(echo::Echo { connections: 4, messages: 3, bytes: 64 * 1024 }),
        Box::new(wake::ThereAndBack { times: 100 }),
        Box::new(wake::SpawnAndJoin { turns: 100 }),
        Box::new(blocking::Calls { tasks: 2, batches: 3, calls: 8 }),
    ];
    for place in [Place::Worker, Place::Caller] {
        all.push(Box::new(spawn::Inside { tasks: 500, place }));
        all.push(Box::new(spawn::JoinOne { turns: 200, place }));
        all.push(Box::new(spawn::JoinMany { tasks: 100, rounds: 3, place }));
        all.push(Box::new(ping_pong::Pairs { pairs: 50, channels: Flavour::Own, place }));
        all.push(Box::new(ping_pong::Pairs { pairs: 50, channels: Flavour::Neutral, place }));
    }
    for channels in [Flavour::Own, Flavour::Neutral] {
        all.push(Box::new(channel::ToAndFro { turns: 200, channels }));
        all.push(Box::new(channel::FanIn { producers: 3, messages: 200, capacity: 10, channels }));
    }
    all
}

/// Loads that do not suit a runtime.
fn robust() -> Vec<Box<dyn AnyWorkload>> {
    let micros = Duration::from_micros;
    vec![
        Box::new(burst::Burst { tasks: 10, work: micros(20), rounds: 3 }),
        Box::new(saturated::Saturated { tasks_per_worker: 4, work: micros(20), computations: 200 }),
        Box::new(groups::Uneven { groups: 5, yields: 10 }),
        Box::new(blocked::Blocked { victims: 3, span: Duration::from_millis(3), rounds: 3 }),
        Box::new(rhythm::Rhythm { beats: 50, period: micros(200) }),
    ]
}

/// What the peers' own suites ask for, on workers and on the calling thread.
fn suites() -> Vec<Box<dyn AnyWorkload>> {
    let mut all: Vec<Box<dyn AnyWorkload>> = vec![
        Box::new(SpawnManyRemote { tasks: 300, load: Load::Yielding(3) }),
        Box::new(SpawnManyRemote { tasks: 300, load: Load::Respawning(3) }),
        Box::new(mpsc::Create::<16> { capacity: 100, times: 5 }),
        Box::new(mpsc::SendOne::<{ mpsc::MEDIUM }> { capacity: 10, times: 5 }),
        Box::new(mpsc::Uncontended { room: Room::Bounded(1_000), messages: 200 }),
        Box::new(mpsc::Uncontended { room: Room::Unbounded, messages: 200 }),
        Box::new(recursion::SpawnRecursively { tasks: 10, depth: 20 }),
        Box::new(ring::Ring { tasks: 10, rounds: 20 }),
        Box::new(web_server::WebServer { requests: 30, queries: 20 }),
    ];
    for place in [Place::Worker, Place::Caller] {
        all.push(Box::new(told::SpawnManyLocal { tasks: 500, place }));
        all.push(Box::new(told::YieldMany { tasks: 10, yields: 100, place }));
        all.push(Box::new(told::PingPong { pairs: 50, place }));
        all.push(Box::new(told::ChainedSpawn { depth: 200, place }));
        all.extend(for_either_crew(place));
    }
    all
}

/// What the peers' own suites ask for that runs wherever tasks do.
fn for_either_crew(place: Place) -> Vec<Box<dyn AnyWorkload>> {
    let mut all: Vec<Box<dyn AnyWorkload>> = vec![
        Box::new(SpawnManyRemote { tasks: 300, load: Load::Idle }),
        Box::new(SpawnManyRemote { tasks: 300, load: Load::Spinning }),
        Box::new(SpawnAndAwait { tasks: 1, yields: 0, times: 20, place }),
        Box::new(SpawnAndAwait { tasks: 10, yields: 1, times: 20, place }),
        Box::new(request_reply::RequestReply { requests: 50, capacity: 10, place }),
    ];
    for room in [Room::Bounded(10), Room::Unbounded] {
        all.push(Box::new(mpsc::Contention { room, senders: 5, messages: 50, place }));
    }
    for way in [Way::InTurn, Way::Spawned, Way::Joined] {
        all.push(Box::new(permits::Six { permits: 5, way, times: 20, place }));
    }
    for timer in [Timer::Around, Timer::Dropped] {
        all.push(Box::new(timeout::NeverFires { timer, tasks: 3, timers: 200, place }));
    }
    all
}

fn peer_workers(peer: &AnyPeer) -> usize {
    match peer {
        AnyPeer::Filch(peer) => peer.workers(),
        AnyPeer::Tokio(peer) => peer.workers(),
        AnyPeer::Smol(peer) => peer.workers(),
    }
}

fn run_all(name: PeerName, workers: usize) {
    let peer: AnyPeer = name.start(workers);
    for workload in workloads().into_iter().chain(robust()).chain(suites()) {
        // Counts are compared inside; a run that did something takes some time. `Fire` alone may end within
        // its own sleep.
        let outcome = workload.run_on(&peer);
        assert_eq!(outcome.operations, workload.operations());
    }
    for idle in [Idle::Pending, Idle::Asleep] {
        let tasks = IdleTasks { tasks: 2_500, idle };
        tasks.resident_growth_on(&peer).expect("the system tells how much memory is resident");
    }
    let burst = retained::Retained { tasks: 2_500, span: Duration::from_millis(1) };
    burst.growth_on(&peer).expect("the system tells how much memory is resident");
    assert_eq!(peer_workers(&peer), workers);
}

#[test]
fn filch_does_every_workload() {
    run_all(PeerName::Filch, 2);
}

#[test]
fn tokio_does_every_workload() {
    run_all(PeerName::Tokio, 2);
}

#[test]
fn smol_does_every_workload() {
    run_all(PeerName::Smol, 2);
}

#[test]
fn one_worker_is_enough_for_every_workload() {
    for name in PeerName::ALL {
        run_all(*name, 1);
    }
}

#[test]
fn the_calling_thread_is_enough_for_suites_of_one_thread() {
    for name in PeerName::ALL {
        let peer = Crew::Caller.start(*name, 2);
        for workload in for_either_crew(Place::Caller) {
            workload.run_on(&peer);
        }
    }
}
