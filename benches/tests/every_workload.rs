//! Every workload, small, on every runtime: each checks its own result, so that none reports the time of
//! something it did not do.

use std::time::Duration;

use filch_benches::peer::Place;
use filch_benches::workload::memory::{Idle, IdleTasks};
use filch_benches::workload::{Flavour, blocking, channel, echo, lock, ping_pong, semaphore, skew, spawn};
use filch_benches::workload::{timer, wake, yield_now};
use filch_benches::{AnyPeer, AnyWorkload, PeerName};

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

fn run_all(name: PeerName, workers: usize) {
    let peer: AnyPeer = name.start(workers);
    for workload in workloads() {
        // Counts are compared inside; a run that did something takes some time. `Fire` alone may end within
        // its own sleep.
        let outcome = workload.run_on(&peer);
        assert_eq!(outcome.operations, workload.operations());
    }
    for idle in [Idle::Pending, Idle::Asleep] {
        let tasks = IdleTasks { tasks: 2_500, idle };
        tasks.resident_growth_on(&peer).expect("the system tells how much memory is resident");
    }
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
