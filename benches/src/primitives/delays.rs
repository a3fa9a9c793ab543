//! Values that come out when their time has come.
//!
//! tokio-util's queue needs the timer of a tokio runtime, which runs on a thread of its own here; its bodies are polled in that
//! runtime's context, by filch as everybody's.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use filch::time::DelayQueue;
use tokio_util::time::DelayQueue as TokioDelayQueue;

use super::{Case, contender};
use crate::workload::Outcome;

const VALUES: u64 = 1_000;
const ROUNDS: u64 = 20;
/// All deadlines of what is to expire lie within this.
const SPAN: Duration = Duration::from_millis(4);

static TOKIO: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime for a timer")
});

async fn in_tokio<F: Future>(body: F) -> F::Output {
    let mut body = pin!(body);
    poll_fn(|cx| {
        let _context = TOKIO.enter();
        body.as_mut().poll(cx)
    })
    .await
}

/// What both queues can do.
trait Delays: Send + Unpin + Default {
    type Key: Send;

    fn insert(&mut self, value: u64, after: Duration) -> Self::Key;
    fn remove(&mut self, key: &Self::Key) -> u64;
    fn reset(&mut self, key: &Self::Key, after: Duration);
    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>>;
}

impl Delays for DelayQueue<u64> {
    type Key = filch::time::DelayKey;

    fn insert(&mut self, value: u64, after: Duration) -> Self::Key {
        Self::insert(self, value, after)
    }

    fn remove(&mut self, key: &Self::Key) -> u64 {
        Self::remove(self, key).expect("it is there")
    }

    fn reset(&mut self, key: &Self::Key, after: Duration) {
        Self::reset(self, key, after).expect("it is there");
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        Self::poll_expired(self, cx).map(|expired| expired.map(|expired| expired.into_inner()))
    }
}

impl Delays for TokioDelayQueue<u64> {
    type Key = tokio_util::time::delay_queue::Key;

    fn insert(&mut self, value: u64, after: Duration) -> Self::Key {
        Self::insert(self, value, after)
    }

    fn remove(&mut self, key: &Self::Key) -> u64 {
        Self::remove(self, key).into_inner()
    }

    fn reset(&mut self, key: &Self::Key, after: Duration) {
        Self::reset(self, key, after);
    }

    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        Self::poll_expired(self, cx).map(|expired| expired.map(|expired| expired.into_inner()))
    }
}

/// Delays in no order, none of them over soon.
fn long(number: u64) -> Duration {
    Duration::from_millis(10_000 + number.wrapping_mul(7_919) % 50_000)
}

async fn insert_remove<D: Delays>() -> Outcome {
    let mut queue = D::default();
    let mut keys = Vec::with_capacity(VALUES as usize);
    let start = Instant::now();
    let mut sum = 0;
    for _ in 0..ROUNDS {
        keys.extend((0..VALUES).map(|number| queue.insert(number, long(number))));
        sum += keys.drain(..).map(|key| queue.remove(&key)).sum::<u64>();
    }
    assert_eq!(sum, ROUNDS * (0..VALUES).sum::<u64>(), "the sum of all values");
    Outcome::since(start, ROUNDS * VALUES)
}

async fn reset<D: Delays>() -> Outcome {
    let mut queue = D::default();
    let keys: Vec<_> = (0..VALUES).map(|number| queue.insert(number, long(number))).collect();
    let start = Instant::now();
    for round in 1..=ROUNDS {
        for (key, number) in keys.iter().zip(0..) {
            queue.reset(key, long(number + round));
        }
    }
    let outcome = Outcome::since(start, ROUNDS * VALUES);
    assert_eq!(keys.iter().map(|key| queue.remove(key)).sum::<u64>(), (0..VALUES).sum(), "all are there");
    outcome
}

/// Waiting is not counted: inserting is, and taking out what is due.
async fn insert_expire<D: Delays>() -> Outcome {
    let mut queue = D::default();
    let count = 10 * VALUES;
    let start = Instant::now();
    for number in 0..count {
        let micros = number.wrapping_mul(7_919) % SPAN.as_micros() as u64;
        queue.insert(number, Duration::from_micros(micros));
    }
    let mut elapsed = start.elapsed();
    filch::time::sleep(2 * SPAN).await;
    let (mut sum, mut waited) = (0, Duration::ZERO);
    let start = Instant::now();
    for _ in 0..count {
        let mut since = None;
        let expired = poll_fn(|cx| {
            let polled = Pin::new(&mut queue).get_mut().poll_expired(cx);
            match polled.is_pending() {
                true => since = Some(Instant::now()),
                false => waited += since.take().map_or(Duration::ZERO, |since: Instant| since.elapsed()),
            }
            polled
        });
        sum += expired.await.expect("there are as many as were inserted");
    }
    elapsed += start.elapsed().saturating_sub(waited);
    assert_eq!(sum, (0..count).sum::<u64>(), "the sum of all values");
    Outcome { operations: count, elapsed, tail: None }
}

pub(super) fn all() -> Vec<Case> {
    type Ours = DelayQueue<u64>;
    type Theirs = TokioDelayQueue<u64>;
    vec![
        Case {
            name: "delay_queue/insert_remove",
            what: "a value inserted among 1,000 and removed",
            contenders: vec![
                contender("filch", insert_remove::<Ours>),
                contender("tokio-util", || in_tokio(insert_remove::<Theirs>())),
            ],
        },
        Case {
            name: "delay_queue/insert_expire",
            what: "a value inserted, and taken out among 10,000 that are due",
            contenders: vec![
                contender("filch", insert_expire::<Ours>),
                contender("tokio-util", || in_tokio(insert_expire::<Theirs>())),
            ],
        },
        Case {
            name: "delay_queue/reset",
            what: "a value of 1,000 gets another deadline",
            contenders: vec![
                contender("filch", reset::<Ours>),
                contender("tokio-util", || in_tokio(reset::<Theirs>())),
            ],
        },
    ]
}
