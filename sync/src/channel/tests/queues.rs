//! The queue by itself and inside a channel, against a model, and how much memory it holds.

use super::flavours;
use crate::channel::blocks::{BLOCK_MOST, Block, Queue};
use crate::channel::parcel::Parcel;
use crate::channel::{TryRecvError, TrySendError, bounded, unbounded};
use crate::testing::{Hand, Random};
use std::collections::VecDeque;
use std::task::Poll;

fn push<T>(queue: &mut Queue<T>, value: T) {
    let mut fresh = None;
    if !queue.make_room(&mut fresh) {
        fresh = Some(Block::new());
        assert!(queue.make_room(&mut fresh) && fresh.is_none());
    }
    queue.push(&mut Parcel::full(value));
}

fn pop<T>(queue: &mut Queue<T>) -> T {
    let mut parcel = Parcel::empty();
    drop(queue.pop(&mut parcel));
    parcel.take()
}

/// `SIZE` words, so that blocks are long, short, or of one value.
fn channels_of_a_size_behave_like_a_deque<const SIZE: usize>() {
    for capacity in [1, 2, 3, 7, 8, 9, BLOCK_MOST - 1, BLOCK_MOST, BLOCK_MOST + 1, 3 * BLOCK_MOST, usize::MAX]
    {
        let (sender, receiver) = bounded::<[usize; SIZE]>(capacity);
        let mut model = VecDeque::new();
        let mut random = Random::new(7);
        for n in 0..5_000 {
            // Long runs up and down, so that both ends are met.
            let up = (n / (2 * BLOCK_MOST + 5)).is_multiple_of(2);
            if random.below(4) > usize::from(up) {
                let expected = model.pop_front().ok_or(TryRecvError::Empty);
                assert_eq!(receiver.try_recv().map(|value| value[SIZE - 1]), expected, "capacity {capacity}");
            } else {
                let expected =
                    if model.len() < capacity { Ok(()) } else { Err(TrySendError::Full([n; SIZE])) };
                assert_eq!(sender.try_send([n; SIZE]), expected, "capacity {capacity}");
                expected.into_iter().for_each(|()| model.push_back(n));
            }
            assert_eq!((receiver.len(), receiver.is_empty()), (model.len(), model.is_empty()));
        }
        let left = receiver.len();
        sender.close();
        assert_eq!(sender.try_send([0; SIZE]), Err(TrySendError::Closed([0; SIZE])));
        for expected in model {
            assert_eq!(receiver.try_recv(), Ok([expected; SIZE]), "of {left}, after closing");
        }
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
}

#[test]
fn channels_behave_like_a_deque_whatever_the_size_of_the_values() {
    channels_of_a_size_behave_like_a_deque::<1>();
    channels_of_a_size_behave_like_a_deque::<64>();
    channels_of_a_size_behave_like_a_deque::<600>();
}

#[test]
fn memory_is_there_for_what_is_in_the_queue() {
    let mut queue = Queue::new();
    assert_eq!(queue.blocks(), 0, "nothing is allocated before the first value");
    for count in [BLOCK_MOST - 1, BLOCK_MOST, BLOCK_MOST + 1, 2 * BLOCK_MOST] {
        (0..count).for_each(|n| push(&mut queue, n));
        assert_eq!((queue.len(), queue.blocks()), (count, count.div_ceil(BLOCK_MOST)));
        (0..count).for_each(|n| assert_eq!(pop(&mut queue), n));
        assert_eq!(queue.len(), 0);
    }
    let mut large = Queue::new();
    (0..3).for_each(|_| push(&mut large, [0_u8; 5_000]));
    assert_eq!(large.blocks(), 3, "a large value has a block of its own");
    (0..3).for_each(|_| assert_eq!(pop(&mut large), [0; 5_000]));
}

#[test]
fn a_burst_gives_its_memory_back() {
    let mut queue = Queue::new();
    (0..100 * BLOCK_MOST).for_each(|n| push(&mut queue, n));
    assert_eq!(queue.blocks(), 100);
    (0..100 * BLOCK_MOST).for_each(|n| assert_eq!(pop(&mut queue), n));
    assert_eq!(queue.blocks(), 1);
    (0..10 * BLOCK_MOST).for_each(|n| {
        push(&mut queue, n);
        pop(&mut queue);
    });
    assert_eq!(queue.blocks(), 1, "a short queue starts over in its one block");
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

/// Of these a stack of 2 MiB, a thread's default, holds 32. Unoptimised, making a sending future alone takes several.
const LARGE: usize = 64 * 1024;

#[test]
fn large_values_leave_the_stack_be() {
    let test = || {
        for (name, room, make) in flavours::<[u8; LARGE]>() {
            // In the smallest capacity too, so that the second has to wait.
            let (sender, receiver) = make();
            let mut sends: Vec<_> = (0..2).map(|n| Hand::new(sender.send([n; LARGE]))).collect();
            for (at, send) in sends.iter_mut().enumerate() {
                assert_eq!(send.poll().is_ready(), room > at, "{name}");
            }
            for n in 0..2 {
                let mut receive = Hand::new(receiver.recv());
                let Poll::Ready(Ok(value)) = &receive.poll() else { panic!("{name}: a value was sent") };
                assert!(value.iter().all(|byte| *byte == n), "{name}");
                let mut left = sends.iter_mut().skip(room.max(1));
                assert!(n > 0 || room > 1 || left.all(|send| room == 0 || send.poll().is_ready()), "{name}");
            }
        }
        let (sender, receiver) = unbounded();
        sender.send_blocking([1; LARGE]).expect("open");
        assert!(receiver.recv_blocking().is_ok_and(|value: [u8; LARGE]| value[LARGE - 1] == 1));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}
