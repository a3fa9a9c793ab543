//! A sender as a sink.

use crate::broadcast::{SendError, SendSink, TryRecvError, bounded, lossy};
use crate::testing::{Count, Hand};
use futures_sink::Sink;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

type Polled = Poll<Result<(), SendError<u8>>>;

fn flush(sink: &mut SendSink<u8>, waker: &Waker) -> Polled {
    let mut cx = Context::from_waker(waker);
    let flushed = Pin::new(&mut *sink).poll_flush(&mut cx);
    assert_eq!(Pin::new(sink).poll_ready(&mut cx).is_ready(), flushed.is_ready());
    flushed
}

fn start(sink: &mut SendSink<u8>, value: u8) -> Result<(), SendError<u8>> {
    Pin::new(sink).start_send(value)
}

#[test]
fn it_holds_one_and_is_told_of_room() {
    let (sender, mut receiver) = bounded(1);
    let mut sink = sender.into_sink();
    let (count, waker) = Count::new();
    assert_eq!(flush(&mut sink, &waker), Poll::Ready(Ok(())));
    assert_eq!((start(&mut sink, 1), start(&mut sink, 2)), (Ok(()), Ok(())));
    assert!(flush(&mut sink, &waker).is_pending());
    assert!(format!("{sink:?}").starts_with("SendSink { holds: true, sender: Some(Sender {"));
    assert_eq!((receiver.try_recv(), count.take()), (Ok(1), 1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(flush(&mut sink, &waker), Poll::Ready(Ok(())));
    assert_eq!((receiver.try_recv(), count.take()), (Ok(2), 0));
    let mut cx = Context::from_waker(&waker);
    assert_eq!(Pin::new(&mut sink).poll_close(&mut cx), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(sink.sender().is_none());
    assert_eq!(start(&mut sink, 3), Err(SendError(3)));
}

#[test]
fn one_that_is_left_alone_costs_the_senders_nothing() {
    let (sender, mut receiver) = bounded(1);
    let mut sinks: Vec<_> = (0..40).map(|_| sender.clone().into_sink()).collect();
    let (count, waker) = Count::new();
    sender.try_send(0).unwrap();
    for sink in &mut sinks {
        assert_eq!(start(sink, 1), Ok(()));
        assert!(flush(sink, &waker).is_pending());
    }
    let mut send = Hand::new(sender.send(2));
    send.pends();
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((count.take(), send.wakes()), (40, 1), "all sinks, and a sender");
    assert_eq!(send.ready(), Ok(1));
    assert!(flush(&mut sinks[0], &waker).is_pending());
    assert_eq!((receiver.try_recv(), count.take()), (Ok(2), 1), "those told before are told no more");
    assert_eq!(sender.statistics().sinks_waiting_peak, 40);
}

#[test]
fn the_last_receiver_that_goes_gives_the_value_back() {
    let (sender, receiver) = bounded(1);
    let mut sink = sender.into_sink();
    let (count, waker) = Count::new();
    assert_eq!((start(&mut sink, 1), start(&mut sink, 2)), (Ok(()), Ok(())));
    assert!(flush(&mut sink, &waker).is_pending());
    drop(receiver);
    assert_eq!(count.take(), 1);
    assert_eq!(
        Pin::new(&mut sink).poll_flush(&mut Context::from_waker(&waker)),
        Poll::Ready(Err(SendError(2)))
    );
    assert_eq!(start(&mut sink, 3), Err(SendError(3)));
}

#[test]
fn over_a_lossy_channel_it_is_always_ready() {
    let (sender, mut receiver) = lossy(1);
    let mut sink = sender.into_sink();
    for n in 0..3 {
        assert_eq!(start(&mut sink, n), Ok(()));
        assert_eq!(flush(&mut sink, Waker::noop()), Poll::Ready(Ok(())));
    }
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Err(TryRecvError::Lagged(2)), Ok(2)));
}

#[test]
#[should_panic(expected = "is ready before something is sent")]
fn one_that_is_not_asked_whether_it_is_ready_says_so() {
    let (sender, _receiver) = bounded(1);
    let mut sink = sender.into_sink();
    (0..3).for_each(|n| assert_eq!(start(&mut sink, n), Ok(())));
}
