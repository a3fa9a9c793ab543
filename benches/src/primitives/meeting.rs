//! Wake-ups, and tasks that wait for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use event_listener::Event as Listeners;

use super::{Case, contender, together};
use crate::workload::Outcome;

const TURNS: u64 = 20_000;
const WAITERS: usize = 1_000;
const PARTIES: usize = 8;
const MEETINGS: u64 = 2_000;

/// Two tasks wake each other in turns. An operation is one wake-up.
macro_rules! to_and_fro {
    ($notify:expr, |$of:ident| $wake:expr, $wait:expr) => {
        || async {
            let pair = Arc::new([$notify, $notify]);
            let start = Instant::now();
            together(2, |me| {
                let pair = pair.clone();
                async move {
                    for _ in 0..TURNS {
                        if me == 0 {
                            let $of = &pair[0];
                            $wake;
                            let $of = &pair[1];
                            $wait;
                        } else {
                            let $of = &pair[0];
                            $wait;
                            let $of = &pair[1];
                            $wake;
                        }
                    }
                }
            })
            .await;
            Outcome::since(start, 2 * TURNS)
        }
    };
}

/// A flag and those who listen for it: what users of `event-listener` write themselves.
struct Flag {
    set: AtomicBool,
    listeners: Listeners,
}

impl Flag {
    fn new() -> Self {
        Self { set: AtomicBool::new(false), listeners: Listeners::new() }
    }

    fn raise(&self, listeners: usize) {
        self.set.store(true, Ordering::Release);
        self.listeners.notify(listeners);
    }

    /// Waits until it is up, and lowers it.
    async fn take(&self) {
        while !self.set.swap(false, Ordering::AcqRel) {
            let listener = self.listeners.listen();
            if self.set.swap(false, Ordering::AcqRel) {
                return;
            }
            listener.await;
        }
    }

    /// Waits until it is up.
    async fn wait(&self) {
        while !self.set.load(Ordering::Acquire) {
            let listener = self.listeners.listen();
            if self.set.load(Ordering::Acquire) {
                return;
            }
            listener.await;
        }
    }
}

/// A thousand tasks wait for one event. An operation is one task spawned, waiting, and released.
macro_rules! release {
    ($event:expr, |$of:ident| $set:expr, $wait:expr) => {
        || async {
            let event = Arc::new($event);
            let start = Instant::now();
            let tasks: Vec<_> = (0..WAITERS)
                .map(|_| {
                    let $of = event.clone();
                    filch::spawn(async move {
                        $wait;
                    })
                })
                .collect();
            filch::yield_now().await;
            let $of = &event;
            let _set = $set;
            for task in tasks {
                task.await.expect("a body does not panic");
            }
            Outcome::since(start, WAITERS as u64)
        }
    };
}

macro_rules! meet {
    ($barrier:expr) => {
        || async {
            let barrier = Arc::new($barrier);
            let start = Instant::now();
            together(PARTIES, |_| {
                let barrier = barrier.clone();
                async move {
                    for _ in 0..MEETINGS {
                        let _met = barrier.wait().await;
                    }
                }
            })
            .await;
            Outcome::since(start, MEETINGS * PARTIES as u64)
        }
    };
}

pub(super) fn all() -> Vec<Case> {
    use filch::sync::{Barrier, Event, Notify};
    vec![
        Case {
            name: "notify/to_and_fro",
            what: "a wake-up, between two tasks that wake each other",
            contenders: vec![
                contender("filch", to_and_fro!(Notify::new(), |of| of.notify_one(), of.notified().await)),
                contender(
                    "tokio",
                    to_and_fro!(tokio::sync::Notify::new(), |of| of.notify_one(), of.notified().await),
                ),
                contender("event-listener", to_and_fro!(Flag::new(), |of| of.raise(1), of.take().await)),
            ],
        },
        Case {
            name: "event/release",
            what: "a task of 1,000 that wait for one event, spawning included",
            contenders: vec![
                contender("filch", release!(Event::new(), |of| of.set(), of.wait().await)),
                contender("tokio", release!(tokio::sync::SetOnce::new(), |of| of.set(()), of.wait().await)),
                contender(
                    "event-listener",
                    release!(Flag::new(), |of| of.raise(usize::MAX), of.wait().await),
                ),
            ],
        },
        Case {
            name: "barrier",
            what: "a task at a meeting of 8",
            contenders: vec![
                contender("filch", meet!(Barrier::new(PARTIES))),
                contender("tokio", meet!(tokio::sync::Barrier::new(PARTIES))),
                contender("async-lock", meet!(async_lock::Barrier::new(PARTIES))),
            ],
        },
    ]
}
