//! The two queues by themselves, against a model.

use crate::channel::array::ArrayQueue;
use crate::channel::blocks::{BLOCK, BlockQueue};
use crate::channel::line::Line;
use crate::channel::shared::{Pop, Push};
use crate::channel::{TrySendError, bounded};
use crate::testing::Random;
use std::collections::VecDeque;

fn against_a_model(
    name: &str,
    capacity: usize,
    push: impl Fn(usize) -> Result<(), Push<usize>>,
    pop: impl Fn() -> Result<usize, Pop>,
    len: impl Fn() -> usize,
) {
    let mut model = VecDeque::new();
    let mut random = Random::new(7);
    for n in 0..20_000 {
        // Long runs up and down, so that both ends are met.
        let up = (n / (2 * BLOCK + 5)).is_multiple_of(2);
        if random.below(4) > usize::from(up) {
            assert_eq!(pop().ok(), model.pop_front(), "{name}");
        } else {
            let pushed = push(n);
            assert_eq!(pushed.is_ok(), model.len() < capacity, "{name}");
            match pushed {
                Ok(()) => model.push_back(n),
                Err(Push::Full(value)) => assert_eq!(value, n),
                Err(Push::Closed(_)) => panic!("nobody closed it"),
            }
        }
        assert_eq!(len(), model.len(), "{name}");
    }
}

#[test]
fn arrays_of_every_small_size_behave_like_a_deque_also_when_positions_wrap() {
    for capacity in [1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65] {
        for queue in [ArrayQueue::new(capacity), ArrayQueue::near_wrap(capacity)] {
            let name = format!("capacity {capacity}");
            against_a_model(&name, capacity, |n| queue.push(n), || queue.pop(), || queue.len());
            while queue.pop().is_ok() {}
            assert!(queue.push(1).is_ok());
            assert!(queue.close() && !queue.close() && queue.is_closed());
            assert!(matches!(queue.push(2), Err(Push::Closed(2))));
            assert_eq!(queue.len(), 1);
            assert!(matches!(queue.pop(), Ok(1)));
            assert!(matches!(queue.pop(), Err(Pop::Closed)));
        }
    }
}

#[test]
fn block_queues_behave_like_a_deque() {
    for limit in [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, usize::MAX] {
        let queue = BlockQueue::new(limit);
        against_a_model(&format!("limit {limit}"), limit, |n| queue.push(n), || queue.pop(), || queue.len());
    }
}

#[test]
fn lengths_at_the_borders_of_blocks() {
    let queue = BlockQueue::new(usize::MAX);
    assert_eq!(queue.blocks(), 0, "nothing is allocated before the first value");
    for count in [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK] {
        (0..count).for_each(|n| assert!(queue.push(n).is_ok()));
        assert_eq!(queue.len(), count);
        (0..count).for_each(|n| assert_eq!(queue.pop().ok(), Some(n)));
        assert_eq!(queue.len(), 0);
        assert!(matches!(queue.pop(), Err(Pop::Empty)));
    }
}

#[test]
fn a_burst_gives_its_memory_back() {
    let queue = BlockQueue::new(usize::MAX);
    (0..100 * BLOCK).for_each(|n| assert!(queue.push(n).is_ok()));
    assert_eq!(queue.blocks(), 100);
    while queue.pop().is_ok() {}
    assert_eq!(queue.blocks(), 1);
    (0..10 * BLOCK).for_each(|n| assert!(queue.push(n).is_ok() && queue.pop().is_ok()));
    assert_eq!(queue.blocks(), 1, "a short queue starts over in its one block");
}

#[test]
fn a_burst_taken_by_many_gives_its_memory_back_too() {
    let queue = BlockQueue::new(usize::MAX);
    (0..100 * BLOCK).for_each(|n| assert!(queue.push(n).is_ok()));
    let mut into = Vec::new();
    assert_eq!(queue.pop_many(&mut into, 50 * BLOCK + 3).ok(), Some(50 * BLOCK + 3));
    assert_eq!(
        queue.blocks(),
        51,
        "what is read, and the one that is spare, less what was read of the first"
    );
    assert_eq!(queue.pop_many(&mut into, usize::MAX).ok(), Some(50 * BLOCK - 3));
    assert_eq!(queue.blocks(), 1);
    assert!(into.into_iter().eq(0..100 * BLOCK));
}

#[test]
fn block_queues_that_reserve_and_push_out_behave_like_a_deque() {
    for limit in [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
        let queue = BlockQueue::new(limit);
        let (mut model, mut reserved) = (VecDeque::new(), 0);
        let mut random = Random::new(limit as u64);
        for n in 0..20_000 {
            match random.below(8) {
                0..=3 => {
                    let expected = match model.len() + reserved < limit {
                        true => None,
                        false if model.is_empty() => Some(n),
                        false => model.pop_front(),
                    };
                    if expected != Some(n) {
                        model.push_back(n);
                    }
                    assert_eq!(queue.force(n, || 0, || None), Ok(expected), "limit {limit}");
                }
                4 => {
                    let fits = model.len() + reserved < limit;
                    assert_eq!(queue.reserve(1, || 0).is_ok(), fits, "limit {limit}");
                    reserved += usize::from(fits);
                }
                5 if reserved > 0 => {
                    reserved -= 1;
                    model.push_back(n);
                    assert_eq!(queue.push_reserved(n), Ok(false));
                }
                6 if reserved > 0 => {
                    reserved -= 1;
                    assert!(!queue.release(1));
                }
                // In long runs, so that it is empty now and then.
                _ => (0..random.below(2 * limit)).for_each(|_| {
                    assert_eq!(queue.pop().ok(), model.pop_front());
                }),
            }
            assert_eq!((queue.len(), queue.reserved()), (model.len(), reserved), "limit {limit}");
        }
    }
}

#[test]
fn huge_capacities_cost_nothing_by_themselves() {
    for capacity in [1 << 30, usize::MAX - 1, usize::MAX] {
        let (sender, receiver) = bounded(capacity);
        sender.try_send([1_u8; 64]).unwrap();
        assert_eq!(receiver.len(), 1);
        assert!(sender.capacity().is_none_or(|shown| shown == capacity));
    }
    let (sender, receiver) = bounded(1 << 20);
    (0..1 << 20).for_each(|n| sender.try_send(n).unwrap());
    assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
    assert_eq!(receiver.try_recv(), Ok(0));
    sender.try_send(0).unwrap();
}

#[test]
fn an_empty_line_takes_any_telling() {
    let line = Line::new();
    line.tell_one();
    line.tell_all();
    assert_eq!(line.figures(), (0, 0));
}
