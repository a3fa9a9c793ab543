//! Queues beside channels and a heap under a lock: what accounting for items, and an order of their own, costs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use filch::sync::queue::{Order, RawQueue};
use filch::sync::{PriorityQueue, Queue};
use tokio::sync::Semaphore;

use super::channels::{AsyncChannel, Channel, ManyReceivers, Tokio, within};
use super::{Case, contender, together};
use crate::workload::Outcome;

const ITEMS: u64 = 40_000;
const CAPACITY: usize = 64;
const ENDS: usize = 4;
/// Items that lie in a queue with an order while one task puts and gets.
const WITHIN: u64 = 256;

/// A queue, both ends of it.
struct Filch<O>(std::marker::PhantomData<O>);

impl<O: Order<u64> + 'static> Channel for Filch<O>
where
    RawQueue<u64, O>: Send + Sync,
    O: Send,
{
    type Sender = Arc<RawQueue<u64, O>>;
    type Receiver = Arc<RawQueue<u64, O>>;

    fn send(sender: &Self::Sender, value: u64) -> impl Future<Output = ()> + Send {
        let put = sender.put(value);
        async { put.await.expect("nobody shuts it down") }
    }

    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        let get = receiver.get();
        async { get.await.ok() }
    }
}

impl<O: Order<u64> + 'static> ManyReceivers for Filch<O>
where
    Self: Channel<Receiver = Arc<RawQueue<u64, O>>>,
{
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

type Fifo = Filch<filch::sync::queue::Fifo>;
type Smallest = Filch<filch::sync::queue::Smallest>;

/// A heap under a lock, and a semaphore each for what is there and for room: what one writes where there is no such queue.
struct Heap {
    items: Mutex<BinaryHeap<Reverse<u64>>>,
    filled: Semaphore,
    free: Semaphore,
}

impl Heap {
    fn bounded(capacity: usize) -> Arc<Self> {
        Arc::new(Self { items: Mutex::default(), filled: Semaphore::new(0), free: Semaphore::new(capacity) })
    }

    async fn put(&self, item: u64) {
        self.free.acquire().await.expect("nobody closes it").forget();
        self.items.lock().unwrap_or_else(PoisonError::into_inner).push(Reverse(item));
        self.filled.add_permits(1);
    }

    async fn get(&self) -> Option<u64> {
        self.filled.acquire().await.ok()?.forget();
        let item = self.items.lock().unwrap_or_else(PoisonError::into_inner).pop();
        self.free.add_permits(1);
        item.map(|Reverse(item)| item)
    }
}

impl Channel for Heap {
    type Sender = Arc<Self>;
    type Receiver = Arc<Self>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.put(value).await;
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.get().await
    }
}

impl ManyReceivers for Heap {
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

/// Numbers in no order, the same each time.
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

fn sum_of(numbers: u64) -> u64 {
    (0..numbers).map(spread).sum()
}

/// Receives so many.
async fn receive<C: Channel>(receiver: &mut C::Receiver, count: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..count {
        sum += C::receive(receiver).await.expect("it is not closed");
    }
    sum
}

/// Four tasks put, one gets.
async fn fan_in<C: Channel>((sender, mut receiver): (C::Sender, C::Receiver)) -> Outcome {
    let each = ITEMS / ENDS as u64;
    let start = Instant::now();
    let putting: Vec<_> = (0..ENDS)
        .map(|_| {
            let sender = sender.clone();
            filch::spawn(async move {
                for number in 0..each {
                    C::send(&sender, spread(number)).await;
                }
            })
        })
        .collect();
    let sum = receive::<C>(&mut receiver, ITEMS).await;
    for task in putting {
        task.await.expect("a body does not panic");
    }
    assert_eq!(sum, sum_of(each) * ENDS as u64, "the sum of all items");
    Outcome::since(start, ITEMS)
}

/// Four tasks put, four get.
async fn many<C: ManyReceivers>((sender, receiver): (C::Sender, C::Receiver)) -> Outcome {
    let each = ITEMS / ENDS as u64;
    let start = Instant::now();
    let getting: Vec<_> = (0..ENDS)
        .map(|_| {
            let mut receiver = C::another(&receiver);
            filch::spawn(async move { receive::<C>(&mut receiver, each).await })
        })
        .collect();
    together(ENDS, |_| {
        let sender = sender.clone();
        async move {
            for number in 0..each {
                C::send(&sender, spread(number)).await;
            }
        }
    })
    .await;
    let mut sum = 0;
    for task in getting {
        sum += task.await.expect("a body does not panic");
    }
    assert_eq!(sum, sum_of(each) * ENDS as u64, "the sum of all items");
    Outcome::since(start, ITEMS)
}

/// One task puts and gets in turns, in a queue that holds some already.
async fn within_order<C: Channel>((sender, mut receiver): (C::Sender, C::Receiver)) -> Outcome {
    for number in 0..WITHIN {
        C::send(&sender, spread(number)).await;
    }
    let start = Instant::now();
    let mut sum = 0;
    for number in WITHIN..WITHIN + ITEMS {
        C::send(&sender, spread(number)).await;
        sum += receive::<C>(&mut receiver, 1).await;
    }
    let outcome = Outcome::since(start, ITEMS);
    sum += receive::<C>(&mut receiver, WITHIN).await;
    assert_eq!(sum, sum_of(WITHIN + ITEMS), "the sum of all items");
    outcome
}

/// Both ends of what has none.
fn both<Q>(queue: Arc<Q>) -> (Arc<Q>, Arc<Q>) {
    (queue.clone(), queue)
}

fn fifo() -> (Arc<Queue<u64>>, Arc<Queue<u64>>) {
    both(Arc::new(Queue::bounded(CAPACITY)))
}

fn smallest(capacity: usize) -> (Arc<PriorityQueue<u64>>, Arc<PriorityQueue<u64>>) {
    both(Arc::new(PriorityQueue::bounded(capacity)))
}

fn heap(capacity: usize) -> (Arc<Heap>, Arc<Heap>) {
    both(Heap::bounded(capacity))
}

pub(super) fn all() -> Vec<Case> {
    let room = CAPACITY + WITHIN as usize;
    vec![
        Case {
            name: "queue/within",
            what: "an item put and got by one task",
            contenders: vec![
                contender("filch", || within::<Fifo>(fifo())),
                contender("tokio mpsc", || within::<Tokio>(tokio::sync::mpsc::channel(CAPACITY))),
                contender("async-channel", || within::<AsyncChannel>(async_channel::bounded(CAPACITY))),
            ],
        },
        Case {
            name: "queue/four_to_one",
            what: "an item through a queue for 64, four tasks put and one gets",
            contenders: vec![
                contender("filch", || fan_in::<Fifo>(fifo())),
                contender("tokio mpsc", || fan_in::<Tokio>(tokio::sync::mpsc::channel(CAPACITY))),
                contender("async-channel", || fan_in::<AsyncChannel>(async_channel::bounded(CAPACITY))),
            ],
        },
        Case {
            name: "queue/four_to_four",
            what: "the same, four tasks get",
            contenders: vec![
                contender("filch", || many::<Fifo>(fifo())),
                contender("async-channel", || many::<AsyncChannel>(async_channel::bounded(CAPACITY))),
            ],
        },
        Case {
            name: "priority_queue/within",
            what: "an item put and the smallest of 257 got, by one task",
            contenders: vec![
                contender("filch", move || within_order::<Smallest>(smallest(room))),
                contender("heap and tokio's semaphores", move || within_order::<Heap>(heap(room))),
            ],
        },
        Case {
            name: "priority_queue/four_to_one",
            what: "an item through a queue for 64, four tasks put and one gets",
            contenders: vec![
                contender("filch", || fan_in::<Smallest>(smallest(CAPACITY))),
                contender("heap and tokio's semaphores", || fan_in::<Heap>(heap(CAPACITY))),
            ],
        },
        Case {
            name: "priority_queue/four_to_four",
            what: "the same, four tasks get",
            contenders: vec![
                contender("filch", || many::<Smallest>(smallest(CAPACITY))),
                contender("heap and tokio's semaphores", || many::<Heap>(heap(CAPACITY))),
            ],
        },
    ]
}
