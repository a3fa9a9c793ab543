//! What threads outside the scheduler wait for is minded, though the one thread that minded it before has left.

use filch::Runtime;
use filch::net::TcpListener;
use filch::time::sleep;
use filch_tests::{PATIENCE, Watchdog, wait_until};
use futures_lite::future::{self, poll_fn};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// Long enough for the sentinel to fall asleep, who would make up for everything.
const QUIET: Duration = Duration::from_millis(100);

/// A runtime whose only worker lay down while a guest minded what is everybody's business, and whose guest has left.
fn with_the_guest_gone() -> Runtime {
    let runtime = Runtime::builder().worker_threads(1).build().unwrap();
    let worker_parks = || runtime.metrics().workers[0].parks;
    let guest_parks = || runtime.metrics().guests.parks;
    let (waker, done) = (Mutex::new(None::<Waker>), AtomicBool::new(false));
    let guest = thread::current().id();
    let wake = || waker.lock().unwrap().clone().expect("it was polled").wake();
    wait_until("the worker sleeps", || worker_parks() > 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the guest sleeps", || guest_parks() > 0);
            let (task, go) = loop {
                let (begins, begun) = mpsc::channel();
                let (go, goes) = mpsc::channel();
                let task = runtime.spawn(async move {
                    begins.send(thread::current().id()).unwrap();
                    goes.recv_timeout(PATIENCE).expect("the guest sleeps again");
                });
                let worker = begun.recv_timeout(PATIENCE).expect("somebody is busy");
                if worker != guest {
                    break (task, go);
                }
                // It had not lain down yet, and was quicker than the worker.
                let before = guest_parks();
                go.send(()).unwrap();
                wait_until("the guest sleeps after all", || guest_parks() > before);
            };
            let before = guest_parks();
            wake();
            wait_until("the guest lies down anew", || guest_parks() > before);
            let before = worker_parks();
            go.send(()).unwrap();
            wait_until("the worker lies down anew", || task.is_finished() && worker_parks() > before);
            done.store(true, SeqCst);
            wake();
        });
        runtime.block_on(poll_fn(|cx| {
            *waker.lock().unwrap() = Some(cx.waker().clone());
            if done.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
    thread::sleep(QUIET);
    runtime
}

#[test]
fn a_deadline_outside_is_met_after_a_guest_has_left() {
    let _watchdog = Watchdog::usual();
    let runtime = with_the_guest_gone();
    // Not the runtime's own `block_on`, which would sit down and mind the deadline itself.
    let waiting = runtime.spawn_blocking(|| future::block_on(sleep(Duration::from_millis(10))));
    wait_until("the deadline is met", || waiting.is_finished());
}

#[test]
fn a_socket_outside_is_heard_after_a_guest_has_left() {
    let _watchdog = Watchdog::usual();
    let runtime = with_the_guest_gone();
    let (tell, told) = mpsc::channel();
    let waiting = runtime.spawn_blocking(move || {
        future::block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            listener.accept().await.unwrap();
        });
    });
    let address = told.recv().unwrap();
    thread::sleep(QUIET);
    let _peer = TcpStream::connect(address).unwrap();
    wait_until("the peer is heard", || waiting.is_finished());
}
