//! Threads that put and get, and give up again and again: every item arrives once, and nobody is left waiting.

use super::queue;
use crate::queue::{Fifo, Lifo, Order, RawQueue, Smallest};
use crate::testing::{Hand, Random, within_a_minute};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

const PRODUCERS: usize = 8;
const CONSUMERS: usize = 8;
const ITEMS: usize = 150;

fn storm<O: Order<usize>>(capacity: usize)
where
    RawQueue<usize, O>: Sync,
{
    let queue = &queue::<usize, O>(capacity);
    let seen: &Vec<AtomicUsize> = &(0..PRODUCERS * ITEMS).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|threads| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|me| {
                threads.spawn(move || {
                    let mut random = Random::new(1 + me as u64);
                    for item in me * ITEMS..(me + 1) * ITEMS {
                        // Given up a few times, then in earnest.
                        let given_up = (0..random.below(4)).any(|_| {
                            let mut put = Hand::new(queue.put(item));
                            (0..random.below(3)).any(|_| put.poll().is_ready())
                        });
                        if !given_up {
                            queue.put_blocking(item).unwrap();
                        }
                    }
                })
            })
            .collect();
        for me in 0..CONSUMERS {
            threads.spawn(move || {
                let mut random = Random::new(101 + me as u64);
                let count = |item: usize| seen[item].fetch_add(1, Ordering::Relaxed);
                loop {
                    let mut task = Hand::new(queue.get_task());
                    for _ in 0..random.below(3) {
                        if let Poll::Ready(got) = task.poll() {
                            let Ok(got) = got else { return };
                            count(*got);
                            break;
                        }
                    }
                    drop(task);
                    match queue.get_blocking() {
                        Ok(item) => count(item),
                        Err(_) => return,
                    };
                    queue.task_done().unwrap();
                }
            });
        }
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        queue.join_blocking();
        assert!(seen.iter().all(|times| times.load(Ordering::Relaxed) == 1), "each item once");
        queue.shutdown(false);
    });
    let left = queue.statistics();
    assert_eq!((left.len, left.unfinished, left.getters, left.putters, left.joiners), (0, 0, 0, 0, 0));
    assert!(capacity == 0 || left.len_peak <= capacity);
}

#[test]
fn every_item_arrives_once_in_a_storm_of_giving_up() {
    within_a_minute(|| {
        for capacity in [1, 4, 0] {
            storm::<Fifo>(capacity);
            storm::<Lifo>(capacity);
            storm::<Smallest>(capacity);
        }
    });
}
