use super::channel;
use filch_primitive::sync::Arc;
use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

#[test]
fn loom_a_value_meets_a_waiting_receiver() {
    loom::model(|| {
        let (sender, receiver) = channel();
        let thread = thread::spawn(move || sender.send(Arc::new(1)).is_ok());
        assert_eq!(block_on(receiver).map(|value| *value), Ok(1));
        assert!(thread.join().unwrap());
    });
}

#[test]
fn loom_a_send_meets_the_drop_of_a_polled_receiver() {
    loom::model(|| {
        let (sender, mut receiver) = channel();
        let thread = thread::spawn(move || drop(sender.send(Arc::new(1))));
        let _ = pin!(&mut receiver).poll(&mut Context::from_waker(Waker::noop()));
        drop(receiver);
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_sender_that_waits_meets_the_drop_of_the_receiver() {
    loom::model(|| {
        let (mut sender, receiver) = channel::<Arc<u8>>();
        let thread = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(Arc::new(1)).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_dropped_sender_meets_a_waiting_receiver() {
    loom::model(|| {
        let (sender, receiver) = channel::<Arc<u8>>();
        let thread = thread::spawn(move || drop(sender));
        assert!(block_on(receiver).is_err());
        thread.join().unwrap();
    });
}
