//! Locks: one at a time, or many readers.

use std::sync::Arc;
use std::time::Instant;

use super::{Case, contender, together};
use crate::workload::Outcome;

const FREE: u64 = 100_000;
const TASKS: usize = 8;
const TURNS: u64 = 10_000;

/// Nobody else wants it.
macro_rules! free {
    ($lock:expr, $method:ident) => {
        || async {
            let lock = $lock;
            let start = Instant::now();
            for _ in 0..FREE {
                std::hint::black_box(&*lock.$method().await);
            }
            Outcome::since(start, FREE)
        }
    };
}

/// Eight tasks take it in turns; each `$each`-th turn is for writing.
macro_rules! contended {
    ($lock:expr, $read:ident, $write:ident, $each:expr) => {
        || async {
            let lock = Arc::new($lock);
            let start = Instant::now();
            together(TASKS, |_| {
                let lock = lock.clone();
                async move {
                    for turn in 0..TURNS {
                        if u64::is_multiple_of(turn, $each) {
                            *lock.$write().await += 1_u64;
                        } else {
                            std::hint::black_box(&*lock.$read().await);
                        }
                    }
                }
            })
            .await;
            let expected = TURNS.div_ceil($each) * TASKS as u64;
            assert_eq!(*lock.$write().await, expected, "turns for writing");
            Outcome::since(start, TURNS * TASKS as u64)
        }
    };
}

pub(super) fn all() -> Vec<Case> {
    use filch::sync::{Lock, RwLock};
    vec![
        Case {
            name: "lock/free",
            what: "a lock taken and released, nobody else there",
            contenders: vec![
                contender("filch", free!(Lock::new(0_u64), lock)),
                contender("tokio", free!(tokio::sync::Mutex::new(0_u64), lock)),
                contender("async-lock", free!(async_lock::Mutex::new(0_u64), lock)),
            ],
        },
        Case {
            name: "lock/contended",
            what: "the same by 8 tasks at once",
            contenders: vec![
                contender("filch", contended!(Lock::new(0_u64), lock, lock, 1)),
                contender("tokio", contended!(tokio::sync::Mutex::new(0_u64), lock, lock, 1)),
                contender("async-lock", contended!(async_lock::Mutex::new(0_u64), lock, lock, 1)),
            ],
        },
        Case {
            name: "rwlock/read_free",
            what: "a lock taken for reading and released, nobody else there",
            contenders: vec![
                contender("filch", free!(RwLock::new(0_u64), read)),
                contender("tokio", free!(tokio::sync::RwLock::new(0_u64), read)),
                contender("async-lock", free!(async_lock::RwLock::new(0_u64), read)),
            ],
        },
        Case {
            name: "rwlock/write_free",
            what: "the same for writing",
            contenders: vec![
                contender("filch", free!(RwLock::new(0_u64), write)),
                contender("tokio", free!(tokio::sync::RwLock::new(0_u64), write)),
                contender("async-lock", free!(async_lock::RwLock::new(0_u64), write)),
            ],
        },
        Case {
            name: "rwlock/one_in_ten",
            what: "8 tasks at once, one turn in ten for writing",
            contenders: vec![
                contender("filch", contended!(RwLock::new(0_u64), read, write, 10)),
                contender("tokio", contended!(tokio::sync::RwLock::new(0_u64), read, write, 10)),
                contender("async-lock", contended!(async_lock::RwLock::new(0_u64), read, write, 10)),
            ],
        },
        Case {
            name: "rwlock/one_in_two",
            what: "8 tasks at once, every other turn for writing",
            contenders: vec![
                contender("filch", contended!(RwLock::new(0_u64), read, write, 2)),
                contender("tokio", contended!(tokio::sync::RwLock::new(0_u64), read, write, 2)),
                contender("async-lock", contended!(async_lock::RwLock::new(0_u64), read, write, 2)),
            ],
        },
        Case {
            name: "once_cell/get",
            what: "a value that is there, asked for",
            contenders: vec![
                contender("filch", || async {
                    let cell = filch::sync::OnceCell::new();
                    let start = Instant::now();
                    for _ in 0..FREE {
                        std::hint::black_box(cell.get_or_init(async || 7_u64).await);
                    }
                    Outcome::since(start, FREE)
                }),
                contender("tokio", || async {
                    let cell = tokio::sync::OnceCell::new();
                    let start = Instant::now();
                    for _ in 0..FREE {
                        std::hint::black_box(cell.get_or_init(async || 7_u64).await);
                    }
                    Outcome::since(start, FREE)
                }),
                contender("async-lock", || async {
                    let cell = async_lock::OnceCell::new();
                    let start = Instant::now();
                    for _ in 0..FREE {
                        std::hint::black_box(cell.get_or_init(async || 7_u64).await);
                    }
                    Outcome::since(start, FREE)
                }),
            ],
        },
    ]
}
