use super::{Count, Driver, WATCHDOG, pair, reactors, until, wait};
use crate::{Async, enter};
use futures_lite::future::{block_on, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::Write;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

#[test]
fn a_socket_outlives_its_reactor() {
    for (name, reactor) in reactors() {
        let driver = Driver::start(&reactor);
        let entered = enter(&reactor, false);
        let (here, there) = pair();
        let (here, there) = (Async::new(here).unwrap(), Async::new(there).unwrap());
        let (count, waker) = Count::new();
        assert!(here.poll_readable(&mut Context::from_waker(&waker)).is_pending());
        let before = count.get();
        drop(driver);
        reactor.orphan();
        assert_eq!(count.get(), before + 1, "{name}: whoever waits is told");
        assert_eq!(reactor.sources(), 0);
        // The dead reactor is still this thread's context: the default one takes over.
        block_on(async {
            for _ in 0..50 {
                let mut word = [0; 5];
                let (read, ()) = zip((&here).read_exact(&mut word), async {
                    futures_lite::future::yield_now().await;
                    (&there).write_all(b"hello").await.unwrap();
                })
                .await;
                read.unwrap();
                assert_eq!(&word, b"hello");
            }
        });
        drop(entered);
    }
}

#[test]
fn a_socket_moves_to_the_reactor_of_the_thread_that_polls_it() {
    for (name, old) in reactors() {
        let (here, mut there) = pair();
        let here = {
            let _entered = enter(&old, true);
            Async::new(here).unwrap()
        };
        // The last handle ends it.
        drop(old);
        for (_, new) in reactors() {
            let _entered = enter(&new, true);
            let (count, waker) = Count::new();
            let mut cx = Context::from_waker(&waker);
            assert!(here.poll_readable(&mut cx).is_pending(), "{name}");
            assert_eq!(new.sources(), 1);
            there.write_all(b"x").unwrap();
            while count.get() == 0 {
                assert_ne!(wait(&new, Some(WATCHDOG)), 0, "{name}");
            }
            assert!(here.poll_readable(&mut cx).is_ready());
            assert_eq!(here.try_read_with(|mut io| std::io::Read::read(&mut io, &mut [0; 8])).unwrap(), 1);
        }
    }
}

#[test]
fn ending_beside_registering_operating_and_waiting_loses_nobody() {
    for _ in 0..30 {
        for (_, reactor) in reactors() {
            let driver = Driver::start(&reactor);
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let reactor = reactor.clone();
                    std::thread::spawn(move || {
                        let _entered = enter(&reactor, false);
                        let (here, there) = pair();
                        let (here, there) = (Async::new(here).unwrap(), Async::new(there).unwrap());
                        block_on(zip(
                            async {
                                for _ in 0..100 {
                                    (&here).write_all(b"x").await.unwrap();
                                    (&here).read_exact(&mut [0]).await.unwrap();
                                }
                            },
                            async {
                                for _ in 0..100 {
                                    (&there).read_exact(&mut [0]).await.unwrap();
                                    (&there).write_all(b"y").await.unwrap();
                                }
                            },
                        ));
                    })
                })
                .collect();
            until("something is registered", || {
                reactor.sources() > 0 || threads.iter().all(|thread| thread.is_finished())
            });
            reactor.shutdown();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            drop(driver);
        }
    }
}

#[test]
fn a_wait_under_way_returns_and_an_ended_reactor_stays_harmless() {
    for (_, reactor) in reactors() {
        let waiter = std::thread::spawn({
            let reactor = reactor.clone();
            move || wait(&reactor, None)
        });
        reactor.orphan();
        reactor.orphan();
        assert_eq!(waiter.join().unwrap(), 0);
        reactor.notify();
        assert_eq!(wait(&reactor, Some(Duration::ZERO)), 0);
        let _entered = enter(&reactor, true);
        let io = Async::new(pair().0).unwrap();
        assert_eq!(reactor.sources(), 0, "registered elsewhere");
        drop(io);
    }
}

#[test]
fn wakers_are_let_go_with_their_source() {
    for (_, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let io = Async::new(pair().0).unwrap();
        let (here, _there) = pair();
        let other = Async::new(here).unwrap();
        let (count, waker) = Count::new();
        assert!(other.poll_readable(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(other);
        drop(io);
        assert_eq!(Arc::strong_count(&count), 1);
    }
}
