//! Storms of giving up: eight tasks that produce, eight that consume, and much of what they begin is dropped halfway, by a
//! timeout of a few microseconds or by an abort. What was handed over must be there in the end, once; what was not must be nowhere;
//! and nobody may be left waiting for what is there.
//!
//! A lost wake-up, a turn that a dropped waiter kept, or a value that went down with its future shows as a test that never ends (the
//! watchdog tells), or as books that do not balance.

use filch::sync::queue::{Fifo, Lifo, Order, RawQueue, Smallest};
use filch::sync::{Lock, Notify, RwLock, Semaphore, broadcast, channel};
use filch::time::timeout;
use filch::{JoinHandle, Runtime, spawn, yield_now};
use filch_tests::{Counted, Dice, Tally, Watchdog};
use futures_lite::future::block_on;
use std::cmp::Ordering as Compared;
use std::collections::HashMap;
use std::future::Future;
use std::ops::DerefMut;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PRODUCERS: usize = 8;
const CONSUMERS: usize = 8;
/// What each producer hands over before it ends.
const MESSAGES: usize = 400;

/// Does `deed`, or gives it up. A deed keeps its own books, in the poll in which it comes to its end.
async fn attempt<T: Send + 'static>(
    dice: &mut Dice,
    deed: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    match dice.below(8) {
        0..3 => timeout(Duration::from_micros(dice.below(8) as u64), deed).await.ok(),
        3..7 => {
            let task = spawn(deed);
            for _ in 0..dice.below(3) {
                yield_now().await;
            }
            task.abort();
            match task.await {
                Ok(output) => Some(output),
                Err(error) => {
                    assert!(error.is_aborted(), "{error}");
                    None
                }
            }
        }
        _ => Some(deed.await),
    }
}

/// A runtime that is watched, and dice for its tasks.
struct Storm {
    // In this order: the runtime ends while the watchdog still watches.
    runtime: Runtime,
    dice: Dice,
    _watchdog: Watchdog,
}

impl Storm {
    fn new(name: &str) -> Self {
        let watchdog = Watchdog::usual();
        let runtime = Runtime::builder().worker_threads(4).build().expect("a runtime");
        watchdog.watch(name, runtime.handle());
        Self { runtime, dice: Dice::new(), _watchdog: watchdog }
    }

    /// So many tasks at once, by their numbers.
    fn tasks<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        count: usize,
        mut task: impl FnMut(usize, Dice) -> F,
    ) -> Tasks {
        Tasks((0..count).map(|me| self.runtime.spawn(task(me, self.dice.fork()))).collect())
    }
}

#[must_use]
struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    fn end(self) {
        self.0.into_iter().for_each(|task| block_on(task).expect("no panic"));
    }
}

/// One thing that is handed over.
#[derive(Debug)]
struct Message {
    producer: usize,
    number: usize,
    _value: Counted,
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Message {}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Self) -> Option<Compared> {
        Some(self.cmp(other))
    }
}

impl Ord for Message {
    fn cmp(&self, other: &Self) -> Compared {
        self.number.cmp(&other.number)
    }
}

/// Who sent which message, and who got it.
#[derive(Default)]
struct Books {
    values: Tally,
    numbers: AtomicUsize,
    sent: Mutex<Vec<usize>>,
    /// In the order they came: consumer, producer, number.
    got: Mutex<Vec<(usize, usize, usize)>>,
}

impl Books {
    fn message(&self, producer: usize) -> Message {
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        Message { producer, number, _value: self.values.value() }
    }

    fn sent(&self, number: usize) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }

    fn got(&self, consumer: usize, message: &Message) {
        let mut got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        got.push((consumer, message.producer, message.number));
    }

    /// All that was sent was got, and nothing twice. A send that was given up `may_arrive` all the same, where handing over takes two.
    fn balance(&self, may_arrive: bool) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sent.sort_unstable();
        let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers: Vec<_> = got.iter().map(|&(_, _, number)| number).collect();
        numbers.sort_unstable();
        assert!(numbers.is_sorted_by(|one, next| one < next), "none arrives twice");
        if may_arrive {
            assert!(sent.iter().all(|number| numbers.binary_search(number).is_ok()), "what was sent arrives");
        } else {
            assert_eq!(sent, numbers, "what was sent arrives, and nothing else");
        }
        assert!(sent.len() >= PRODUCERS * MESSAGES);
        assert_eq!(self.values.alive(), 0, "what was given up is dropped");
    }

    /// What one consumer gets of one producer comes in the order in which it was sent.
    fn in_order(&self) {
        let mut last = HashMap::new();
        for &(consumer, producer, number) in self.got.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let before = last.insert((consumer, producer), number);
            assert!(before.is_none_or(|before| before < number), "{before:?} came before {number}");
        }
    }
}

#[test]
fn a_channel_hands_each_message_over_once() {
    let mut storm = Storm::new("channel");
    type Ends = (channel::Sender<Message>, channel::Receiver<Message>);
    // One that has gone over from the array to the queue that places are reserved in.
    let gone_over = || {
        let ends = channel::bounded(4);
        drop(ends.0.try_reserve());
        ends
    };
    let kinds: [(fn() -> Ends, bool); 5] = [
        (|| channel::bounded(1), false),
        (|| channel::bounded(64), false),
        (gone_over, false),
        (channel::unbounded, false),
        (channel::rendezvous, true),
    ];
    for (ends, may_arrive) in kinds {
        let books = Arc::new(Books::default());
        let (sender, receiver) = ends();
        let producing = storm.tasks(PRODUCERS, |me, mut dice| {
            let (sender, books) = (sender.clone(), books.clone());
            async move {
                let mut left = MESSAGES;
                while left > 0 {
                    let (sender, books) = (sender.clone(), books.clone());
                    let sending = async move {
                        let message = books.message(me);
                        let number = message.number;
                        sender.send(message).await.expect("somebody listens");
                        books.sent(number);
                    };
                    left -= usize::from(attempt(&mut dice, sending).await.is_some());
                }
            }
        });
        drop(sender);
        let consuming = storm.tasks(CONSUMERS, |me, mut dice| {
            let (receiver, books) = (receiver.clone(), books.clone());
            async move {
                loop {
                    let (receiver, books) = (receiver.clone(), books.clone());
                    let receiving = async move {
                        let received = receiver.recv().await;
                        received.map(|message| books.got(me, &message))
                    };
                    if let Some(Err(_closed)) = attempt(&mut dice, receiving).await {
                        return;
                    }
                }
            }
        });
        producing.end();
        consuming.end();
        books.balance(may_arrive);
        books.in_order();
    }
}

/// A storm around a queue of at most `capacity` items, or without bound for 0.
fn queue_storm<O: Order<Message> + 'static>(storm: &mut Storm, capacity: usize, keeps_order: bool)
where
    RawQueue<Message, O>: Send + Sync,
{
    let books = Arc::new(Books::default());
    let queue: Arc<RawQueue<Message, O>> =
        Arc::new(if capacity == 0 { RawQueue::unbounded() } else { RawQueue::bounded(capacity) });
    let producing = storm.tasks(PRODUCERS, |me, mut dice| {
        let (queue, books) = (queue.clone(), books.clone());
        async move {
            let mut left = MESSAGES;
            while left > 0 {
                let (queue, books) = (queue.clone(), books.clone());
                let putting = async move {
                    let message = books.message(me);
                    let number = message.number;
                    queue.put(message).await.expect("it is not shut down");
                    books.sent(number);
                };
                left -= usize::from(attempt(&mut dice, putting).await.is_some());
            }
        }
    });
    let consuming = storm.tasks(CONSUMERS, |me, mut dice| {
        let (queue, books) = (queue.clone(), books.clone());
        async move {
            loop {
                let (queue, books) = (queue.clone(), books.clone());
                let works = dice.one_in(2);
                let getting = async move {
                    let got = queue.get_task().await.inspect(|task| books.got(me, task));
                    if works {
                        // Aborted here it counts as done as well.
                        yield_now().await;
                    }
                    got.is_ok()
                };
                if attempt(&mut dice, getting).await == Some(false) {
                    return;
                }
            }
        }
    });
    producing.end();
    block_on(queue.join());
    books.balance(false);
    queue.shutdown(false);
    consuming.end();
    let left = queue.statistics();
    assert_eq!((left.len, left.unfinished), (0, 0));
    assert_eq!((left.getters, left.putters, left.joiners), (0, 0, 0));
    assert!(capacity == 0 || left.len_peak <= capacity);
    if keeps_order || capacity == 1 {
        books.in_order();
    }
}

#[test]
fn a_queue_hands_each_item_over_once_and_knows_when_all_is_done() {
    let mut storm = Storm::new("queue");
    for capacity in [1, 4, 0] {
        queue_storm::<Fifo>(&mut storm, capacity, true);
        queue_storm::<Lifo>(&mut storm, capacity, false);
        queue_storm::<Smallest>(&mut storm, capacity, true);
    }
}

/// A storm around a broadcast: what was sent, in order, and what each consumer got and missed.
fn broadcast_storm(
    storm: &mut Storm,
    (sender, receiver): (broadcast::Sender<Arc<Message>>, broadcast::Receiver<Arc<Message>>),
) -> (Vec<usize>, Vec<(Vec<usize>, u64)>) {
    let books = Arc::new(Books::default());
    let missed: Vec<_> = (0..CONSUMERS).map(|_| Arc::new(AtomicU64::new(0))).collect();
    let consuming = storm.tasks(CONSUMERS, |me, mut dice| {
        let (receiver, books) = (Arc::new(Lock::new(receiver.clone())), books.clone());
        let missed = missed[me].clone();
        async move {
            loop {
                let (receiver, books, missed) = (receiver.clone(), books.clone(), missed.clone());
                let receiving = async move {
                    // Nobody else wants it: it is a lock only so that what is given up gives it back.
                    match receiver.lock().await.recv().await {
                        Ok(message) => books.got(me, &message),
                        Err(broadcast::RecvError::Lagged(count)) => {
                            missed.fetch_add(count, Ordering::SeqCst);
                        }
                        Err(_closed) => return false,
                    }
                    true
                };
                if attempt(&mut dice, receiving).await == Some(false) {
                    return;
                }
            }
        }
    });
    drop(receiver);
    let producing = storm.tasks(PRODUCERS, |me, mut dice| {
        let (sender, books) = (sender.clone(), books.clone());
        async move {
            let mut left = MESSAGES / 4;
            while left > 0 {
                let (sender, books) = (sender.clone(), books.clone());
                let sending = async move {
                    let message = books.message(me);
                    let number = message.number;
                    sender.send(Arc::new(message)).await.expect("somebody listens");
                    books.sent(number);
                };
                left -= usize::from(attempt(&mut dice, sending).await.is_some());
            }
        }
    });
    drop(sender);
    producing.end();
    consuming.end();
    assert_eq!(books.values.alive(), 0, "what nobody wants any more is dropped");
    books.in_order();
    let mut got = vec![Vec::new(); CONSUMERS];
    for &(consumer, _, number) in books.got.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        got[consumer].push(number);
    }
    let sent = books.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let missed = missed.iter().map(|missed| missed.load(Ordering::SeqCst));
    (sent, got.into_iter().zip(missed).collect())
}

#[test]
fn a_broadcast_that_waits_reaches_everybody_in_one_order() {
    let mut storm = Storm::new("broadcast");
    for capacity in [1, 16] {
        let (mut sent, got) = broadcast_storm(&mut storm, broadcast::bounded(capacity));
        let (first, _) = &got[0];
        assert!(got.iter().all(|(numbers, missed)| numbers == first && *missed == 0));
        let mut first = first.clone();
        sent.sort_unstable();
        first.sort_unstable();
        assert_eq!(sent, first);
    }
}

#[test]
fn a_broadcast_that_overwrites_knows_exactly_what_each_missed() {
    let mut storm = Storm::new("lossy broadcast");
    for capacity in [1, 16] {
        let (mut sent, got) = broadcast_storm(&mut storm, broadcast::lossy(capacity));
        sent.sort_unstable();
        for (numbers, missed) in got {
            assert!(numbers.iter().all(|number| sent.binary_search(number).is_ok()));
            assert_eq!(numbers.len() as u64 + missed, sent.len() as u64);
        }
    }
}

#[test]
fn every_permit_that_is_added_is_acquired() {
    let mut storm = Storm::new("permits");
    let semaphore = Arc::new(Semaphore::new(0));
    let acquired = Tally::new();
    let consuming = storm.tasks(CONSUMERS, |_, mut dice| {
        let (semaphore, acquired) = (semaphore.clone(), acquired.clone());
        async move {
            loop {
                let (semaphore, acquired) = (semaphore.clone(), acquired.clone());
                let acquiring = async move {
                    let Ok(permit) = semaphore.acquire().await else { return false };
                    permit.forget();
                    // Whoever has the last one says that it is over. If one is lost, nobody does.
                    if acquired.count() + 1 == PRODUCERS * MESSAGES {
                        semaphore.close();
                    }
                    true
                };
                if attempt(&mut dice, acquiring).await == Some(false) {
                    return;
                }
            }
        }
    });
    let producing = storm.tasks(PRODUCERS, |_, mut dice| {
        let semaphore = semaphore.clone();
        async move {
            for _ in 0..MESSAGES {
                semaphore.add_permits(1);
                if dice.one_in(2) {
                    yield_now().await;
                }
            }
        }
    });
    producing.end();
    consuming.end();
    assert_eq!(acquired.counted(), PRODUCERS * MESSAGES);
    assert_eq!(semaphore.available_permits(), 0);
}

#[test]
fn no_notice_goes_down_with_the_one_who_was_to_have_it() {
    let mut storm = Storm::new("notify");
    // What is there to be taken, by whoever is notified, all at once.
    let (there, notify) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let taken = Arc::new(AtomicUsize::new(0));
    let consuming = storm.tasks(CONSUMERS, |_, mut dice| {
        let (there, notify, taken) = (there.clone(), notify.clone(), taken.clone());
        async move {
            loop {
                let (there, notify, taken) = (there.clone(), notify.clone(), taken.clone());
                let taking = async move {
                    notify.notified().await;
                    let more = there.swap(0, Ordering::SeqCst);
                    let is_over = taken.fetch_add(more, Ordering::SeqCst) + more == PRODUCERS * MESSAGES;
                    if is_over {
                        // The end is handed on, from one to the next.
                        notify.notify_one();
                    }
                    is_over
                };
                if attempt(&mut dice, taking).await == Some(true) {
                    return;
                }
            }
        }
    });
    let producing = storm.tasks(PRODUCERS, |_, mut dice| {
        let (there, notify) = (there.clone(), notify.clone());
        async move {
            for _ in 0..MESSAGES {
                there.fetch_add(1, Ordering::SeqCst);
                notify.notify_one();
                if dice.one_in(2) {
                    yield_now().await;
                }
            }
        }
    });
    producing.end();
    consuming.end();
    assert_eq!(taken.load(Ordering::SeqCst), PRODUCERS * MESSAGES);
    assert!(notify.try_notified(), "the last one handed the end on to nobody");
}

#[test]
fn many_permits_at_once_are_never_more_than_there_are() {
    const PERMITS: usize = 5;
    let mut storm = Storm::new("many permits");
    let semaphore = Arc::new(Semaphore::new(PERMITS));
    let held = Arc::new(AtomicUsize::new(0));
    let acquiring = storm.tasks(PRODUCERS + CONSUMERS, |_, mut dice| {
        let (semaphore, held) = (semaphore.clone(), held.clone());
        async move {
            for _ in 0..2 * MESSAGES {
                let (semaphore, held) = (semaphore.clone(), held.clone());
                let count = 1 + dice.below(PERMITS);
                let holding = async move {
                    let _permit = semaphore.acquire_many(count).await.expect("it is open");
                    assert!(
                        held.fetch_add(count, Ordering::SeqCst) + count <= PERMITS,
                        "more than there are"
                    );
                    // Dropped before the permit, wherever this ends.
                    let _holds = Holds(held, count);
                    yield_now().await;
                };
                let _either = attempt(&mut dice, holding).await;
            }
        }
    });
    acquiring.end();
    assert_eq!(held.load(Ordering::SeqCst), 0);
    assert_eq!(semaphore.available_permits(), PERMITS);
    assert_eq!(block_on(semaphore.acquire_many(PERMITS)).expect("it is open").count(), PERMITS);
}

struct Holds(Arc<AtomicUsize>, usize);

impl Drop for Holds {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::SeqCst);
    }
}

/// What a lock guards here.
#[derive(Default)]
struct Room {
    visits: usize,
    is_occupied: bool,
}

/// One that is in the room, alone.
struct Visit<G: DerefMut<Target = Room>>(G);

impl<G: DerefMut<Target = Room>> Visit<G> {
    fn new(mut room: G, visits: &Tally) -> Self {
        assert!(!std::mem::replace(&mut room.is_occupied, true), "two at once");
        room.visits += 1;
        visits.count();
        Self(room)
    }
}

impl<G: DerefMut<Target = Room>> Drop for Visit<G> {
    fn drop(&mut self) {
        self.0.is_occupied = false;
    }
}

#[test]
fn a_lock_lets_one_in_at_a_time_and_is_free_in_the_end() {
    let mut storm = Storm::new("lock");
    let lock = Arc::new(Lock::new(Room::default()));
    let visits = Tally::new();
    let visiting = storm.tasks(PRODUCERS + CONSUMERS, |_, mut dice| {
        let (lock, visits) = (lock.clone(), visits.clone());
        async move {
            let mut left = MESSAGES;
            while left > 0 {
                let (lock, visits) = (lock.clone(), visits.clone());
                let visit = async move {
                    let _visit = Visit::new(lock.lock().await, &visits);
                    yield_now().await;
                };
                left -= usize::from(attempt(&mut dice, visit).await.is_some());
            }
        }
    });
    visiting.end();
    let room = lock.try_lock().expect("nobody is left");
    assert_eq!(room.visits, visits.counted());
}

#[test]
fn a_lock_lets_many_read_or_one_write_and_is_free_in_the_end() {
    let mut storm = Storm::new("many may read");
    let lock = Arc::new(RwLock::new(Room::default()));
    let visits = Tally::new();
    let writing = storm.tasks(PRODUCERS, |_, mut dice| {
        let (lock, visits) = (lock.clone(), visits.clone());
        async move {
            let mut left = MESSAGES;
            while left > 0 {
                let (lock, visits) = (lock.clone(), visits.clone());
                let visit = async move {
                    let _visit = Visit::new(lock.write().await, &visits);
                    yield_now().await;
                };
                left -= usize::from(attempt(&mut dice, visit).await.is_some());
            }
        }
    });
    let reading = storm.tasks(CONSUMERS, |_, mut dice| {
        let lock = lock.clone();
        async move {
            let mut left = MESSAGES;
            while left > 0 {
                let lock = lock.clone();
                let look = async move {
                    let room = lock.read().await;
                    let visits = room.visits;
                    yield_now().await;
                    assert!(!room.is_occupied && room.visits == visits, "somebody writes");
                };
                left -= usize::from(attempt(&mut dice, look).await.is_some());
            }
        }
    });
    writing.end();
    reading.end();
    let room = lock.try_write().expect("nobody is left");
    assert_eq!(room.visits, visits.counted());
}
