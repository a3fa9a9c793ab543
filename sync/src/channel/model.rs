use super::{Receiver, Sender, bounded, rendezvous, unbounded};
use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

fn a_receiver_meets_a_sender(make: fn() -> (Sender<usize>, Receiver<usize>)) {
    loom::model(move || {
        let (sender, receiver) = make();
        let thread = thread::spawn(move || block_on(sender.send(1)).is_ok());
        assert_eq!(block_on(receiver.recv()), Ok(1));
        assert!(thread.join().unwrap());
        assert!(block_on(receiver.recv()).is_err());
    });
}

#[test]
fn loom_a_receiver_meets_a_sender_in_an_array() {
    a_receiver_meets_a_sender(|| bounded(1));
}

#[test]
fn loom_a_receiver_meets_a_sender_in_blocks() {
    a_receiver_meets_a_sender(unbounded);
}

#[test]
fn loom_a_receiver_meets_a_sender_hand_to_hand() {
    a_receiver_meets_a_sender(rendezvous);
}

#[test]
fn loom_a_full_channel_meets_its_receiver() {
    loom::model(|| {
        let (sender, receiver) = bounded(1);
        sender.try_send(1).expect("room for one");
        let thread = thread::spawn(move || block_on(sender.send(2)).is_ok());
        assert_eq!(block_on(receiver.recv()), Ok(1));
        assert_eq!(block_on(receiver.recv()), Ok(2));
        assert!(thread.join().unwrap());
    });
}

#[test]
fn loom_a_receiver_that_gives_up_passes_the_telling_on() {
    loom::model(|| {
        let (sender, receiver) = bounded(1);
        let mut gone = Box::pin(receiver.recv());
        assert!(Pin::as_mut(&mut gone).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let other = receiver.clone();
        let thread = thread::spawn(move || block_on(other.recv()));
        sender.try_send(1).expect("room for one");
        drop(gone);
        assert_eq!(thread.join().unwrap(), Ok(1));
    });
}

#[test]
fn loom_a_rendezvous_that_is_dropped_is_taken_or_kept() {
    loom::model(|| {
        let (sender, receiver) = rendezvous();
        let thread = thread::spawn(move || receiver.try_recv().is_ok());
        let mut send = Box::pin(sender.send(filch_primitive::sync::Arc::new(1)));
        let _ = Pin::as_mut(&mut send).poll(&mut Context::from_waker(Waker::noop()));
        drop(send);
        thread.join().unwrap();
    });
}
