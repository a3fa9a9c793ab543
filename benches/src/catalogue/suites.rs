//! The peers' own suites, case by case: tokio's from `rt_multi` to `timeout`, then async-executor's.
//!
//! What a case is called here is what it is called there, as far as a column is wide; where a name is shortened, the
//! words beside it have the whole. The suites run their bodies inside `block_on`. Here a name ending in `_main` does
//! so, and the same without it has the body moved into a spawned task; cases whose body stays in one task are
//! run in a spawned task alone, for it makes no difference. What is spawned by a plain thread and awaited in
//! `block_on` (`spawn_many_remote_*`) is so in either, and has no ending. Worker counts are the ones asked for
//! (`--workers`), whatever the suite wants; its current-thread runtimes are the peers' ways to run on the
//! calling thread ([`Crew::Caller`]).
//!
//! Left out, beside what filch has no counterpart of: what receives many messages by one call, which only tokio has;
//! async-executor's `create` and `spawn_batch`, which only it has.

use super::{Entry, time};
use crate::lineup::Crew;
use crate::peer::Place;
use crate::workload::suites::mpsc::{LARGE, MEDIUM, Room};
use crate::workload::suites::remote::{Load, SpawnManyRemote};
use crate::workload::suites::semaphore::Way;
use crate::workload::suites::spawn::SpawnAndAwait;
use crate::workload::suites::timeout::Timer;
use crate::workload::suites::{mpsc, recursion, request_reply, ring, semaphore, timeout, told, web_server};
use crate::workload::{spawn, yield_now};

/// Every case, in the order of the table.
pub(super) fn all() -> Vec<Entry> {
    [rt_multi(), rt_current(), spawning(), channels(), permits(), timers(), async_executor()]
        .into_iter()
        .flatten()
        .collect()
}

/// tokio's `rt_multi_threaded`.
fn rt_multi() -> Vec<Entry> {
    let local = |place| told::SpawnManyLocal { tasks: 10_000, place };
    let remote = |tasks, load| SpawnManyRemote { tasks, load };
    let yields = |place| told::YieldMany { tasks: 200, yields: 1_000, place };
    let pairs = |place| told::PingPong { pairs: 1_000, place };
    let chain = |place| told::ChainedSpawn { depth: 1_000, place };
    vec![
        time("rt_multi/spawn_many_local", "10,000 detached, the last says so", local(Place::Worker)),
        time("rt_multi/spawn_many_local_main", "the same; `block_on` blocks", local(Place::Caller)),
        time(
            "rt_multi/spawn_many_remote_idle",
            "a plain thread spawns 10,000, awaits them",
            remote(10_000, Load::Idle),
        ),
        time(
            "rt_multi/spawn_many_remote_busy1",
            "the same beside 8 tasks that yield",
            remote(10_000, Load::Yielding(8)),
        ),
        time(
            "rt_multi/spawn_many_remote_busy2",
            "1,000 beside 4 that spawn themselves again",
            remote(1_000, Load::Respawning(4)),
        ),
        time("rt_multi/yield_many", "200 tasks yield 1,000 times each", yields(Place::Worker)),
        time("rt_multi/yield_many_main", "the same; `block_on` blocks", yields(Place::Caller)),
        time("rt_multi/ping_pong", "1,000 pairs, two one-shots each", pairs(Place::Worker)),
        time("rt_multi/ping_pong_main", "the same; `block_on` blocks", pairs(Place::Caller)),
        time("rt_multi/chained_spawn", "each of 1,000 spawns the next", chain(Place::Worker)),
        time("rt_multi/chained_spawn_main", "the same; `block_on` blocks", chain(Place::Caller)),
    ]
}

/// tokio's `rt_current_thread`.
fn rt_current() -> Vec<Entry> {
    let local = SpawnAndAwait { tasks: 1_000, yields: 0, times: 1, place: Place::Caller };
    let remote = |load| SpawnManyRemote { tasks: 1_000, load };
    vec![
        time("rt_current/spawn_many_local", "one thread: `block_on` spawns 1,000, awaits them", local)
            .on_caller(),
        time(
            "rt_current/spawn_many_remote_idle",
            "one thread: they are spawned before `block_on`",
            remote(Load::Idle),
        )
        .on_caller(),
        time(
            "rt_current/spawn_many_remote_busy",
            "the same beside a task that spawns itself again",
            remote(Load::Spinning),
        )
        .on_caller(),
    ]
}

/// tokio's `spawn`.
fn spawning() -> Vec<Entry> {
    let one = |place| SpawnAndAwait { tasks: 1, yields: 1, times: 1_000, place };
    let ten = |place| SpawnAndAwait { tasks: 10, yields: 1, times: 200, place };
    vec![
        time(
            "spawn_suite/basic_spawn",
            "basic_scheduler_spawn: one thread, one that yields once",
            one(Place::Caller),
        )
        .on_caller(),
        time("spawn_suite/basic_spawn10", "basic_scheduler_spawn10: ten at a time", ten(Place::Caller))
            .on_caller(),
        time(
            "spawn_suite/threaded_spawn",
            "threaded_scheduler_spawn: one that yields once",
            one(Place::Worker),
        ),
        time("spawn_suite/threaded_spawn_main", "the same, a `block_on` for each", one(Place::Caller)),
        time("spawn_suite/threaded_spawn10", "threaded_scheduler_spawn10: ten at a time", ten(Place::Worker)),
        time("spawn_suite/threaded_spawn10_main", "the same, a `block_on` for each ten", ten(Place::Caller)),
    ]
}

/// tokio's `sync_mpsc` and `sync_mpsc_oneshot`.
fn channels() -> Vec<Entry> {
    let (roomy, narrow) = (Room::Bounded(1_000_000), Room::Bounded(100));
    let create = |capacity, times| mpsc::Create::<MEDIUM> { capacity, times };
    let contention = |room, place| mpsc::Contention { room, senders: 5, messages: 1_000, place };
    let alone = |room| mpsc::Uncontended { room, messages: 5_000 };
    let request = |place| request_reply::RequestReply { requests: 1_000, capacity: 10, place };
    vec![
        time("mpsc/create_medium_100", "a channel for 100 of 512 bytes, made and dropped", create(100, 500)),
        time("mpsc/create_medium_100000", "the same for 100,000", create(100_000, 5)),
        time(
            "mpsc/send_medium_1000",
            "made for 1,000, one value of 512 bytes sent through",
            mpsc::SendOne::<MEDIUM> { capacity: 1_000, times: 200 },
        ),
        time(
            "mpsc/send_large_1000",
            "the same, of 32 KiB",
            mpsc::SendOne::<LARGE> { capacity: 1_000, times: 20 },
        ),
        time(
            "mpsc/contention_bounded",
            "5 tasks send 1,000 each, room for a million",
            contention(roomy, Place::Worker),
        ),
        time("mpsc/contention_bounded_full", "the same, room for 100", contention(narrow, Place::Worker)),
        time(
            "mpsc/contention_bounded_full_main",
            "the same, received in `block_on`",
            contention(narrow, Place::Caller),
        ),
        time(
            "mpsc/contention_unbounded",
            "the same without a bound",
            contention(Room::Unbounded, Place::Worker),
        ),
        time("mpsc/uncontented_bounded", "one task sends 5,000, then receives them", alone(roomy)),
        time("mpsc/uncontented_unbounded", "the same without a bound", alone(Room::Unbounded)),
        time(
            "oneshot/request_reply_current",
            "one thread: a one-shot sent over a channel, and its reply",
            request(Place::Caller),
        )
        .on_caller(),
        time("oneshot/request_reply", "the same between tasks of workers", request(Place::Worker)),
        time("oneshot/request_reply_main", "the same from `block_on`", request(Place::Caller)),
    ]
}

/// tokio's `sync_semaphore`.
fn permits() -> Vec<Entry> {
    let six = |permits, way, place| semaphore::Six { permits, way, times: 500, place };
    vec![
        time(
            "semaphore_suite/uncontended",
            "one task acquires one of 10 permits, 6 times",
            six(10, Way::InTurn, Place::Worker),
        ),
        time(
            "semaphore_suite/uncontended_multi",
            "uncontended_concurrent_multi: 6 tasks do",
            six(10, Way::Spawned, Place::Worker),
        ),
        time(
            "semaphore_suite/contended_multi",
            "contended_concurrent_multi: the same with 5 permits",
            six(5, Way::Spawned, Place::Worker),
        ),
        time(
            "semaphore_suite/contended_multi_main",
            "the same, a `block_on` for each six",
            six(5, Way::Spawned, Place::Caller),
        ),
        time(
            "semaphore_suite/contended_single",
            "contended_concurrent_single: 6 futures in one task",
            six(5, Way::Joined, Place::Caller),
        )
        .on_caller(),
    ]
}

/// tokio's `time_timeout`.
fn timers() -> Vec<Entry> {
    let eight = |timer| timeout::NeverFires { timer, tasks: 8, timers: 10_000, place: Place::Worker };
    vec![
        time("timeout/multi_thread_timeout", "8 tasks put one around what is ready", eight(Timer::Around)),
        time(
            "timeout/multi_thread_sleep",
            "8 tasks make a sleep and drop it unpolled",
            eight(Timer::Dropped),
        ),
    ]
}

/// async-executor's own. `spawn_one` moved into a task would be `spawn/join_one`.
fn async_executor() -> Vec<Entry> {
    let one = SpawnAndAwait { tasks: 1, yields: 0, times: 1_000, place: Place::Caller };
    vec![
        time("async_executor/spawn_one_main", "`block_on` spawns one, awaits it; again", one),
        time(
            "async_executor/spawn_many_local",
            "a task spawns 25,000, then awaits them",
            spawn::JoinMany { tasks: 25_000, rounds: 1, place: Place::Worker },
        ),
        time(
            "async_executor/spawn_recursively",
            "300 tasks, 300 deep, each awaits the next",
            recursion::SpawnRecursively { tasks: 300, depth: 300 },
        ),
        time(
            "async_executor/yield_now",
            "300 tasks yield 300 times each",
            yield_now::Many { tasks: 300, yields: 300 },
        ),
        time(
            "async_executor/channels",
            "a message round a ring of 300 tasks, over `async-channel`",
            ring::Ring { tasks: 300, rounds: 300 },
        ),
        time(
            "async_executor/web_server",
            "a query of 300 requests, over `async-channel`",
            web_server::WebServer { requests: 300, queries: 300 },
        ),
    ]
}

impl Entry {
    fn on_caller(self) -> Self {
        Self { crew: Crew::Caller, ..self }
    }
}
