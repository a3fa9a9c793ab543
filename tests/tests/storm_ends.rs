//! Storms of giving up around what `storm.rs` leaves out: values that are watched, one-shots, reserved places and values pushed out,
//! streams and sinks. Each rages twice: among tasks of a runtime, and among plain threads.
//!
//! Eight hand over, eight receive, and most of what they begin is polled once or a few times and dropped. A lost wake-up shows as a test
//! that never ends (the watchdog tells); a place, a telling or a value that went down with its future, as books that do not balance.

use filch::sync::{Queue, broadcast, channel, oneshot, watch};
use filch::{JoinHandle, Runtime};
use filch_tests::{Counted, Dice, Tally, Watchdog};
use futures_lite::future::{block_on, poll_once, yield_now};
use futures_lite::{Stream, StreamExt};
use futures_sink::Sink;
use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;

const PRODUCERS: usize = 8;
const CONSUMERS: usize = 8;
/// What each producer hands over before it ends.
const MESSAGES: usize = 300;

/// Polls `deed` to its end, or a few times only.
async fn attempt<T>(dice: &mut Dice, deed: impl Future<Output = T>) -> Option<T> {
    if dice.one_in(4) {
        return Some(deed.await);
    }
    let mut deed = pin!(deed);
    for _ in 0..=dice.below(3) {
        let done = poll_once(deed.as_mut()).await;
        if done.is_some() {
            return done;
        }
        yield_now().await;
    }
    None
}

/// Where it rages, and dice.
struct Storm {
    // In this order: the runtime ends while the watchdog still watches.
    runtime: Option<Runtime>,
    dice: Dice,
    _watchdog: Watchdog,
}

impl Storm {
    /// Among tasks, then among threads.
    fn rages(rage: impl Fn(&mut Self)) {
        let watchdog = Watchdog::usual();
        let runtime = Runtime::builder().worker_threads(4).build().expect("a runtime");
        watchdog.watch("storm", runtime.handle());
        let mut storm = Self { runtime: Some(runtime), dice: Dice::new(), _watchdog: watchdog };
        rage(&mut storm);
        storm.runtime = None;
        rage(&mut storm);
    }

    /// So many at once, by their numbers.
    fn all<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        count: usize,
        mut one: impl FnMut(usize, Dice) -> F,
    ) -> Crowd {
        let ones = (0..count).map(|me| one(me, self.dice.fork()));
        match &self.runtime {
            Some(runtime) => Crowd::Tasks(ones.map(|one| runtime.spawn(one)).collect()),
            None => Crowd::Threads(ones.map(|one| thread::spawn(|| block_on(one))).collect()),
        }
    }
}

#[must_use]
enum Crowd {
    Tasks(Vec<JoinHandle<()>>),
    Threads(Vec<thread::JoinHandle<()>>),
}

impl Crowd {
    fn end(self) {
        match self {
            Self::Tasks(tasks) => tasks.into_iter().for_each(|task| block_on(task).expect("no panic")),
            Self::Threads(threads) => {
                threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
            }
        }
    }
}

/// One thing that is handed over.
#[derive(Debug)]
struct Message {
    number: usize,
    _value: Counted,
}

/// What was made, handed over, and received.
#[derive(Default)]
struct Books {
    values: Tally,
    sent: Numbers,
    got: Numbers,
}

impl Books {
    fn message(&self) -> Message {
        let value = self.values.value();
        Message { number: value.count(), _value: value }
    }

    /// All that was sent was got by so many, and nothing else was; nothing is left.
    fn balance(&self, times: usize) {
        let sent: Vec<_> =
            self.sent.sorted().into_iter().flat_map(|number| std::iter::repeat_n(number, times)).collect();
        assert!(sent.len() >= PRODUCERS * MESSAGES * times);
        assert_eq!(sent, self.got.sorted(), "what was sent arrives, and nothing else");
        assert_eq!(self.values.alive(), 0, "what was given up is dropped");
    }
}

#[derive(Default)]
struct Numbers(Mutex<Vec<usize>>);

impl Numbers {
    fn add(&self, number: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }

    fn sorted(&self) -> Vec<usize> {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        numbers.sort_unstable();
        numbers
    }
}

#[test]
fn who_watches_sees_the_last_value_and_never_an_older_one() {
    Storm::rages(|storm| {
        let (sender, receiver) = watch::channel(0_usize);
        let watching = storm.all(CONSUMERS, |me, mut dice| {
            let mut receiver = receiver.clone();
            async move {
                let mut seen = 0;
                loop {
                    let is_over = if me % 2 == 0 {
                        matches!(attempt(&mut dice, receiver.changed()).await, Some(Err(_)))
                    } else {
                        let newer = async { receiver.wait_for(|value| *value > seen).await.map(drop) };
                        let newer = attempt(&mut dice, newer).await;
                        // One that saw the last value waits for a newer one until it is told of the end.
                        matches!(newer, Some(Err(_)))
                    };
                    let now = *receiver.borrow_and_update();
                    assert!(now >= seen, "{now} came after {seen}");
                    seen = now;
                    if is_over {
                        break;
                    }
                }
                assert_eq!(seen, PRODUCERS * MESSAGES, "the last was seen");
            }
        });
        drop(receiver);
        let deserted = Tally::new();
        let sending = storm.all(PRODUCERS, |me, mut dice| {
            let (sender, deserted) = (sender.clone(), deserted.clone());
            async move {
                for _ in 0..MESSAGES {
                    sender.send_modify(|value| *value += 1);
                    let closed = attempt_to_no_avail(&mut dice, sender.closed()).await;
                    assert!(closed.is_none(), "{me}: somebody watches");
                }
                deserted.count();
            }
        });
        sending.end();
        assert_eq!(deserted.counted(), PRODUCERS);
        let statistics = sender.statistics();
        drop(sender);
        watching.end();
        assert_eq!(statistics.receivers, CONSUMERS);
    });
}

/// Polls what does not come to its end, now and then.
async fn attempt_to_no_avail<T>(dice: &mut Dice, deed: impl Future<Output = T>) -> Option<T> {
    if dice.one_in(2) {
        return None;
    }
    let mut deed = pin!(deed);
    let first = poll_once(deed.as_mut()).await;
    yield_now().await;
    if first.is_some() { first } else { poll_once(deed).await }
}

#[test]
fn each_question_has_one_answer_or_one_who_knows_that_there_is_none() {
    Storm::rages(|storm| {
        type Question = (usize, oneshot::Sender<Message>);
        let (ask, asked) = channel::unbounded::<Question>();
        let books = Arc::new(Books::default());
        // By those who ask: answers, refusals, and questions that they gave up. By those who answer: answers that nobody wanted.
        let (answered, refused, given_up) = (Tally::new(), Tally::new(), Tally::new());
        let (sent, unwanted) = (Tally::new(), Tally::new());
        let asking = storm.all(PRODUCERS, |me, mut dice| {
            let ask = ask.clone();
            let (answered, refused, given_up) = (answered.clone(), refused.clone(), given_up.clone());
            async move {
                let mut left = MESSAGES;
                while left > 0 {
                    let (sender, receiver) = oneshot::channel();
                    ask.try_send((me, sender)).expect("somebody answers");
                    match attempt(&mut dice, receiver).await {
                        Some(Ok(answer)) => {
                            assert_eq!(answer.number, me, "the answer to another question");
                            answered.count();
                            left -= 1;
                        }
                        Some(Err(_refused)) => drop(refused.count()),
                        None => drop(given_up.count()),
                    }
                }
            }
        });
        drop(ask);
        let answering = storm.all(CONSUMERS, |_, mut dice| {
            let (asked, books) = (asked.clone(), books.clone());
            let (sent, unwanted) = (sent.clone(), unwanted.clone());
            async move {
                loop {
                    let (asker, mut sender) = match attempt(&mut dice, asked.recv()).await {
                        Some(Ok(question)) => question,
                        Some(Err(_closed)) => return,
                        None => continue,
                    };
                    let gone = attempt_to_no_avail(&mut dice, poll_fn(|cx| sender.poll_closed(cx))).await;
                    if dice.one_in(8) {
                        continue;
                    }
                    let answer = Message { number: asker, _value: books.values.value() };
                    match sender.send(answer) {
                        Ok(()) => {
                            assert!(gone.is_none(), "it had been given up");
                            sent.count();
                        }
                        Err(answer) => {
                            assert_eq!(answer.number, asker, "it comes back");
                            unwanted.count();
                        }
                    }
                }
            }
        });
        asking.end();
        answering.end();
        assert_eq!(answered.counted(), PRODUCERS * MESSAGES);
        assert!(sent.counted() >= answered.counted());
        assert!(sent.counted() + unwanted.counted() <= answered.counted() + given_up.counted());
        assert_eq!(books.values.made(), sent.counted() + unwanted.counted());
        assert_eq!(books.values.alive(), 0, "what nobody wanted is dropped");
    });
}

/// Sends through a place that was reserved, one way or another; false when it was given up.
async fn reserve_and_send(dice: &mut Dice, sender: &channel::Sender<Message>, books: &Books) -> bool {
    let keeps = !dice.one_in(3);
    match dice.below(3) {
        0 => {
            let Some(permit) = attempt(dice, sender.reserve()).await else { return false };
            let permit = permit.expect("somebody listens");
            yield_now().await;
            if keeps {
                let message = books.message();
                books.sent.add(message.number);
                permit.send(message).expect("somebody listens");
            }
        }
        1 => {
            let Some(permit) = attempt(dice, sender.reserve_owned()).await else { return false };
            let permit = permit.expect("somebody listens");
            yield_now().await;
            if keeps {
                let message = books.message();
                books.sent.add(message.number);
                drop(permit.send(message).expect("somebody listens"));
            }
        }
        _ => {
            let count = 1 + dice.below(3);
            let Some(permits) = attempt(dice, sender.reserve_many(count)).await else { return false };
            // The last of them go back unused.
            let used = if keeps { 1 + dice.below(count) } else { 0 };
            for permit in permits.expect("somebody listens").take(used) {
                let message = books.message();
                books.sent.add(message.number);
                permit.send(message).expect("somebody listens");
            }
        }
    }
    keeps
}

#[test]
fn reserved_places_are_used_or_given_back_and_what_is_pushed_out_comes_back() {
    const CAPACITY: usize = 4;
    Storm::rages(|storm| {
        let books = Arc::new(Books::default());
        let (sender, receiver) = channel::bounded(CAPACITY);
        let producing = storm.all(PRODUCERS, |me, mut dice| {
            let (sender, books) = (sender.clone(), books.clone());
            async move {
                let mut left = MESSAGES;
                while left > 0 {
                    if me < PRODUCERS / 2 || !dice.one_in(4) {
                        left -= usize::from(reserve_and_send(&mut dice, &sender, &books).await);
                        continue;
                    }
                    let message = books.message();
                    books.sent.add(message.number);
                    if let Some(pushed_out) = sender.force_send(message).expect("somebody listens") {
                        // It has arrived, so to speak.
                        books.got.add(pushed_out.number);
                    }
                    left -= 1;
                }
            }
        });
        let consuming = storm.all(CONSUMERS, |_, mut dice| {
            let (receiver, books) = (receiver.clone(), books.clone());
            async move {
                let mut many = Vec::new();
                loop {
                    let received = if dice.one_in(2) {
                        attempt(&mut dice, receiver.recv())
                            .await
                            .map(|one| one.map(|one| many.push(one)).is_ok())
                    } else {
                        attempt(&mut dice, receiver.recv_many(&mut many, 3)).await.map(|count| count > 0)
                    };
                    many.drain(..).for_each(|message: Message| books.got.add(message.number));
                    if received == Some(false) {
                        return;
                    }
                }
            }
        });
        producing.end();
        block_on(sender.reserve_many(CAPACITY)).expect("open").for_each(drop);
        let left = sender.statistics();
        drop(sender);
        consuming.end();
        drop(receiver);
        assert_eq!(left.capacity, Some(CAPACITY));
        books.balance(1);
    });
}

/// Puts into a sink; what it took counts as sent.
async fn pour<S>(dice: &mut Dice, mut sink: S, books: &Books)
where
    S: Sink<Message> + Unpin,
    S::Error: Debug,
{
    let mut left = MESSAGES;
    while left > 0 {
        let Some(ready) = attempt(dice, poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx))).await else {
            continue;
        };
        ready.expect("somebody listens");
        let message = books.message();
        books.sent.add(message.number);
        Pin::new(&mut sink).start_send(message).expect("somebody listens");
        if let Some(flushed) = attempt(dice, poll_fn(|cx| Pin::new(&mut sink).poll_flush(cx))).await {
            flushed.expect("somebody listens");
        }
        left -= 1;
    }
    poll_fn(|cx| Pin::new(&mut sink).poll_close(cx)).await.expect("somebody listens");
}

/// Takes from a stream to its end. It may be left alone for a while.
async fn drink<T>(dice: &mut Dice, mut stream: impl Stream<Item = T> + Unpin, mut got: impl FnMut(T)) {
    loop {
        match attempt(dice, stream.next()).await {
            Some(Some(item)) => got(item),
            Some(None) => return,
            None => {
                for _ in 0..dice.below(4) {
                    yield_now().await;
                }
            }
        }
    }
}

#[test]
fn what_is_poured_into_the_sinks_of_a_channel_comes_out_of_its_streams() {
    Storm::rages(|storm| {
        for ends in [|| channel::bounded(1), || channel::bounded(16), channel::unbounded, channel::rendezvous]
        {
            let books = Arc::new(Books::default());
            let (sender, receiver) = ends();
            let pouring = storm.all(PRODUCERS, |_, mut dice| {
                let (sender, books) = (sender.clone(), books.clone());
                async move { pour(&mut dice, sender.into_sink(), &books).await }
            });
            drop(sender);
            let drinking = storm.all(CONSUMERS, |_, mut dice| {
                let (receiver, books) = (receiver.clone(), books.clone());
                async move {
                    drink(&mut dice, receiver, |message: Message| books.got.add(message.number)).await;
                }
            });
            drop(receiver);
            pouring.end();
            drinking.end();
            books.balance(1);
        }
    });
}

#[test]
fn what_is_poured_into_the_sinks_of_a_queue_comes_out_of_its_streams() {
    Storm::rages(|storm| {
        for capacity in [1, 16] {
            let books = Arc::new(Books::default());
            let queue = Arc::new(Queue::bounded(capacity));
            let pouring = storm.all(PRODUCERS, |_, mut dice| {
                let (queue, books) = (queue.clone(), books.clone());
                async move { pour(&mut dice, queue.sink(), &books).await }
            });
            let drinking = storm.all(CONSUMERS, |_, mut dice| {
                let (queue, books) = (queue.clone(), books.clone());
                async move {
                    drink(&mut dice, queue.stream(), |message: Message| {
                        books.got.add(message.number);
                        queue.task_done().expect("one for each");
                    })
                    .await;
                }
            });
            pouring.end();
            block_on(queue.join());
            queue.shutdown(false);
            drinking.end();
            books.balance(1);
            let left = queue.statistics();
            assert_eq!((left.len, left.unfinished, left.getters, left.putters), (0, 0, 0, 0));
        }
    });
}

/// A sink of messages around one of shared messages.
struct Shared<S>(S);

impl<S: Sink<Arc<Message>> + Unpin> Sink<Message> for Shared<S> {
    type Error = S::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Pin::new(&mut self.0).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), S::Error> {
        Pin::new(&mut self.0).start_send(Arc::new(message))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

#[test]
fn what_is_poured_into_the_sinks_of_a_broadcast_comes_out_of_all_its_streams() {
    Storm::rages(|storm| {
        for capacity in [1, 16] {
            let books = Arc::new(Books::default());
            let (sender, receiver) = broadcast::bounded::<Arc<Message>>(capacity);
            let drinking = storm.all(CONSUMERS, |_, mut dice| {
                let (receiver, books) = (receiver.clone(), books.clone());
                async move {
                    drink(&mut dice, receiver, |message| {
                        books.got.add(message.expect("nobody lags").number);
                    })
                    .await;
                }
            });
            drop(receiver);
            let pouring = storm.all(PRODUCERS, |_, mut dice| {
                let (sender, books) = (sender.clone(), books.clone());
                async move { pour(&mut dice, Shared(sender.into_sink()), &books).await }
            });
            drop(sender);
            pouring.end();
            drinking.end();
            books.balance(CONSUMERS);
        }
    });
}

#[test]
fn streams_of_a_lossy_broadcast_and_of_a_watch_know_what_they_missed_and_end() {
    Storm::rages(|storm| {
        let (sender, receiver) = broadcast::lossy::<usize>(16);
        let (watched, watcher) = watch::channel(0_usize);
        let total = PRODUCERS * MESSAGES;
        let drinking = storm.all(CONSUMERS, |_, mut dice| {
            let (receiver, watcher) = (receiver.clone(), watcher.clone());
            async move {
                let mut seen = 0;
                drink(&mut dice, receiver, |item| match item {
                    Ok(_) => seen += 1,
                    Err(broadcast::Lagged(missed)) => seen += usize::try_from(missed).expect("few"),
                })
                .await;
                assert_eq!(seen, total, "received or missed");
                let mut last = 0;
                drink(&mut dice, watcher, |value| {
                    assert!(value >= last, "{value} came after {last}");
                    last = value;
                })
                .await;
                assert_eq!(last, total);
            }
        });
        drop((receiver, watcher));
        let sent = Arc::new(AtomicUsize::new(0));
        let pouring = storm.all(PRODUCERS, |_, mut dice| {
            let (sender, watched, sent) = (sender.clone(), watched.clone(), sent.clone());
            async move {
                for _ in 0..MESSAGES {
                    let number = sent.fetch_add(1, Ordering::SeqCst);
                    sender.try_send(number).expect("somebody listens");
                    watched.send_modify(|value| *value += 1);
                    if dice.one_in(2) {
                        yield_now().await;
                    }
                }
            }
        });
        drop((sender, watched));
        pouring.end();
        drinking.end();
    });
}
