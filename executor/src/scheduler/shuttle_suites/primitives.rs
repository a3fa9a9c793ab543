//! Lock, semaphore, channel and one-shot between tasks that are aborted at random.

use super::{end, meta, scheduler};
use crate::task::{AbortHandle, JoinHandle, yield_now};
use filch_primitive::explore::{Times, dice, explore};
use filch_primitive::thread;
use filch_sync::{Lock, Semaphore, channel, oneshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Tasks enter by a permit, then a lock; what stands in the lock is not seen half done by the next.
#[test]
fn shuttle_locks_and_permits_survive_aborts() {
    explore(Times { rounds: 1_000, timeouts: 0 }, || {
        let shared = scheduler(3, true);
        let semaphore = Arc::new(Semaphore::new(2));
        let lock = Arc::new(Lock::new((0, 0)));
        let inside = Arc::new(AtomicUsize::new(0));
        let handles: Vec<_> = (0..5)
            .map(|_| {
                let (semaphore, lock, inside) = (semaphore.clone(), lock.clone(), inside.clone());
                let task = async move {
                    for _ in 0..2 {
                        let _permit = semaphore.acquire().await.expect("nobody closes it");
                        let _inside = Inside::new(&inside, 2);
                        let mut pair = lock.lock().await;
                        assert_eq!(pair.0, pair.1, "two at once");
                        pair.0 += 1;
                        if dice(2) == 0 {
                            // Aborted here, it leaves the pair as it should be.
                            let mut mend = Mend(pair);
                            yield_now().await;
                            mend.0.1 = mend.0.0;
                        } else {
                            pair.1 += 1;
                        }
                    }
                };
                shared.spawn(task, meta())
            })
            .collect();
        abort_some(&handles).join().expect("the aborter does not panic");
        wait_for(&shared, handles);
        assert_eq!(semaphore.available_permits(), 2, "a permit is lost");
        let pair = lock.try_lock().expect("a lock nobody holds is free");
        assert_eq!(pair.0, pair.1);
        drop(pair);
        end(&shared);
    });
}

/// Senders, receivers and askers; each message is received once or dropped, each question answered or given up.
#[test]
fn shuttle_messages_are_received_or_dropped_once() {
    explore(Times { rounds: 1_000, timeouts: 0 }, || {
        let shared = scheduler(3, true);
        let ledger = Arc::new(Ledger::default());
        let (sender, receiver) = channel::bounded::<(Message, oneshot::Sender<usize>)>(1 + dice(2));
        let mut handles = Vec::new();
        for _ in 0..3 {
            let (sender, ledger) = (sender.clone(), ledger.clone());
            let task = async move {
                for n in 0..2 {
                    let (answer, answered) = oneshot::channel();
                    if sender.send((Message::new(&ledger), answer)).await.is_err() {
                        return;
                    }
                    if dice(2) == 0
                        && let Ok(got) = answered.await
                    {
                        assert!(got <= 100 + n);
                    }
                }
            };
            handles.push(shared.spawn(task, meta()));
        }
        drop(sender);
        for _ in 0..2 {
            let (receiver, ledger) = (receiver.clone(), ledger.clone());
            let task = async move {
                while let Ok((message, answer)) = receiver.recv().await {
                    ledger.received.fetch_add(1, SeqCst);
                    drop(message);
                    if dice(3) > 0 {
                        // It may have given up.
                        let _refused = answer.send(100);
                    }
                }
            };
            handles.push(shared.spawn(task, meta()));
        }
        drop(receiver);
        abort_some(&handles).join().expect("the aborter does not panic");
        wait_for(&shared, handles);
        end(&shared);
        ledger.close();
    });
}

fn wait_for(shared: &Arc<super::Shared>, handles: Vec<JoinHandle<()>>) {
    shared.block_on(async {
        for handle in handles {
            if let Err(error) = handle.await {
                assert!(error.is_aborted(), "{error}");
            }
        }
    });
}

/// A plain thread that aborts some of them.
fn abort_some(handles: &[JoinHandle<()>]) -> thread::JoinHandle<()> {
    let mut victims: Vec<AbortHandle> = handles.iter().map(JoinHandle::abort_handle).collect();
    thread::spawn(move || {
        for _ in 0..dice(4) {
            thread::yield_now();
            let any = dice(victims.len());
            victims.swap_remove(any).abort();
        }
    })
}

/// Counts who is inside, and demands that they are no more than so many.
struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn new(count: &'a AtomicUsize, most: usize) -> Self {
        assert!(count.fetch_add(1, SeqCst) < most, "more inside than there are permits");
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Makes the halves of a pair equal when it is let go of.
struct Mend<'a>(filch_sync::LockGuard<'a, (usize, usize)>);

impl Drop for Mend<'_> {
    fn drop(&mut self) {
        self.0.1 = self.0.0;
    }
}

/// What became of the messages. The real atomics: they are no part of what is explored.
#[derive(Default)]
struct Ledger {
    made: AtomicUsize,
    received: AtomicUsize,
    dropped: AtomicUsize,
}

impl Ledger {
    fn close(&self) {
        let made = self.made.load(SeqCst);
        assert_eq!(self.dropped.load(SeqCst), made, "each message is dropped once");
        assert!(self.received.load(SeqCst) <= made);
    }
}

struct Message(Arc<Ledger>);

impl Message {
    fn new(ledger: &Arc<Ledger>) -> Self {
        ledger.made.fetch_add(1, SeqCst);
        Self(ledger.clone())
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}
