//! Values that fill a stack: what is made of them is made where it stays.

use crate::channel::{Receiver, Sender, bounded, rendezvous, unbounded};

type Large = [u8; 32 * 1024];

fn on_a_stack_of(kib: usize, test: fn()) {
    std::thread::Builder::new().stack_size(kib * 1024).spawn(test).unwrap().join().unwrap();
}

#[test]
fn channels_are_made_and_dropped_on_a_small_stack() {
    on_a_stack_of(256, || {
        drop(bounded::<Large>(1));
        drop(bounded::<Large>(1000));
        drop(unbounded::<Large>());
        drop(rendezvous::<Large>());
        // Of a size that is allocated at once, and in slots that are larger than the stack together.
        drop(bounded::<[u8; 4096]>(15));
    });
}

/// What is asked of the stack is a few values, however many the channel holds: unoptimised, each call moves its own.
fn passes_through((sender, receiver): (Sender<Large>, Receiver<Large>)) {
    let count = receiver.capacity().map_or(100, |capacity| capacity.min(100));
    for _ in 0..count {
        assert!(sender.try_send([7; 32 * 1024]).is_ok());
    }
    assert_eq!(receiver.try_recv().map(|value| value[9]), Ok(7));
    drop(receiver);
    assert!(sender.is_closed());
}

#[test]
fn large_values_pass_through_on_the_stack_of_a_thread() {
    on_a_stack_of(2048, || passes_through(bounded(1)));
    on_a_stack_of(2048, || passes_through(bounded(1000)));
    on_a_stack_of(2048, || passes_through(unbounded()));
}
