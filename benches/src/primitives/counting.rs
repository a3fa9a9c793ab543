//! Permits.

use std::sync::Arc;
use std::time::Instant;

use super::{Case, contender, together};
use crate::workload::Outcome;

const FREE: u64 = 100_000;
const TASKS: usize = 8;
const TURNS: u64 = 10_000;

macro_rules! free {
    ($semaphore:expr, |$of:ident| $acquire:expr) => {
        || async {
            let $of = $semaphore;
            let start = Instant::now();
            for _ in 0..FREE {
                let _permit = std::hint::black_box($acquire);
            }
            Outcome::since(start, FREE)
        }
    };
}

macro_rules! contended {
    ($semaphore:expr, |$of:ident| $acquire:expr) => {
        || async {
            let semaphore = Arc::new($semaphore);
            let start = Instant::now();
            together(TASKS, |_| {
                let $of = semaphore.clone();
                async move {
                    for _ in 0..TURNS {
                        let _permit = std::hint::black_box($acquire);
                    }
                }
            })
            .await;
            Outcome::since(start, TURNS * TASKS as u64)
        }
    };
}

pub(super) fn all() -> Vec<Case> {
    vec![
        Case {
            name: "semaphore/free",
            what: "a permit taken and given back, nobody else there",
            contenders: vec![
                contender(
                    "filch",
                    free!(filch::sync::Semaphore::new(2), |of| of.acquire().await.expect("open")),
                ),
                contender(
                    "tokio",
                    free!(tokio::sync::Semaphore::new(2), |of| of.acquire().await.expect("open")),
                ),
                contender("async-lock", free!(async_lock::Semaphore::new(2), |of| of.acquire().await)),
            ],
        },
        Case {
            name: "semaphore/contended",
            what: "two permits for 8 tasks at once",
            contenders: vec![
                contender(
                    "filch",
                    contended!(filch::sync::Semaphore::new(2), |of| of.acquire().await.expect("open")),
                ),
                contender(
                    "tokio",
                    contended!(tokio::sync::Semaphore::new(2), |of| of.acquire().await.expect("open")),
                ),
                contender("async-lock", contended!(async_lock::Semaphore::new(2), |of| of.acquire().await)),
            ],
        },
        Case {
            name: "semaphore/contended_many",
            what: "8 tasks at once, each wants three of four permits",
            contenders: vec![
                contender(
                    "filch",
                    contended!(filch::sync::Semaphore::new(4), |of| of.acquire_many(3).await.expect("open")),
                ),
                contender(
                    "tokio",
                    contended!(tokio::sync::Semaphore::new(4), |of| of.acquire_many(3).await.expect("open")),
                ),
            ],
        },
    ]
}
