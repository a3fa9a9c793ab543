//! Promise 6: state lives in objects, not in futures. Dropping a `recv`, `lock`, `acquire`, `accept` or `read` future, at
//! whatever point, loses nothing.
//!
//! Each test gives up on its futures again and again, after every number of polls, while others produce what they wait for;
//! in the end the books must be exact.

use filch::io::{Async, AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::sync::{Event, Lock, Semaphore, channel, oneshot};
use filch::time::{sleep, timeout};
use filch::{Runtime, spawn, yield_now};
use filch_tests::{Dice, Tally, Watchdog, give_up_after};
use std::sync::Arc;
use std::time::Duration;

fn runtime() -> (Watchdog, Runtime) {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("cancel", runtime.handle());
    (watchdog, runtime)
}

#[test]
fn recv_loses_no_message() {
    let (_watchdog, runtime) = runtime();
    const MESSAGES: usize = 5000;
    for capacity in [1, 4] {
        let (sender, receiver) = channel::bounded(capacity);
        let producer = runtime.spawn(async move {
            for n in 0..MESSAGES {
                sender.send(n).await.expect("somebody listens");
            }
        });
        let consumers: Vec<_> = (0..3)
            .map(|_| {
                let receiver = receiver.clone();
                runtime.spawn(async move {
                    let mut got = Vec::new();
                    let mut polls = 0;
                    loop {
                        polls = (polls + 1) % 4;
                        match give_up_after(polls, receiver.recv()).await {
                            Some(Ok(n)) => got.push(n),
                            Some(Err(_closed)) => return got,
                            None => yield_now().await,
                        }
                    }
                })
            })
            .collect();
        runtime.block_on(producer).expect("no panic");
        let mut all = Vec::new();
        for consumer in consumers {
            let got = runtime.block_on(consumer).expect("no panic");
            assert!(got.is_sorted(), "each consumer sees them in order");
            all.extend(got);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..MESSAGES), "each message arrives once");
    }
}

#[test]
fn a_rendezvous_that_is_given_up_hands_over_once_or_not_at_all() {
    let (_watchdog, runtime) = runtime();
    let (sender, receiver) = channel::rendezvous();
    let books = Tally::new();
    let made = books.clone();
    let producer = runtime.spawn(async move {
        let mut dice = Dice::new();
        let mut sent = Vec::new();
        for n in 0.. {
            if sent.len() == 2000 {
                break;
            }
            // A send that is given up may have been taken just before that. One that is done has been.
            match give_up_after(dice.below(4), sender.send((n, made.value()))).await {
                Some(result) => {
                    assert!(result.is_ok(), "somebody listens");
                    sent.push(n);
                }
                None => yield_now().await,
            }
        }
        sent
    });
    let consumer = runtime.spawn(async move {
        let mut dice = Dice::new();
        let mut taken = Vec::new();
        loop {
            match give_up_after(dice.below(4), receiver.recv()).await {
                Some(Ok((n, _value))) => taken.push(n),
                Some(Err(_closed)) => return taken,
                None => yield_now().await,
            }
        }
    });
    let sent: Vec<u32> = runtime.block_on(producer).expect("no panic");
    let taken = runtime.block_on(consumer).expect("no panic");
    assert!(taken.is_sorted_by(|one, next| one < next), "none arrives twice");
    assert!(sent.iter().all(|n| taken.binary_search(n).is_ok()), "what was sent arrives");
    assert_eq!(books.alive(), 0, "what was not is dropped");
}

#[test]
fn a_oneshot_waits_for_whoever_asks_last() {
    let (_watchdog, runtime) = runtime();
    runtime.block_on(async {
        for polls in 0..5 {
            let (sender, mut receiver) = oneshot::channel();
            for _ in 0..polls {
                assert!(give_up_after(1, &mut receiver).await.is_none());
            }
            let sending = spawn(async move { sender.send(42) });
            assert_eq!(receiver.await.expect("it is sent"), 42);
            sending.await.expect("no panic").expect("it was received");
        }
    });
}

#[test]
fn a_lock_given_up_is_nobodys() {
    let (_watchdog, runtime) = runtime();
    let lock = Arc::new(Lock::new((0_u64, false)));
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let lock = lock.clone();
            runtime.spawn(async move {
                let mut locked = 0;
                for round in 0..1000 {
                    let Some(mut guard) = give_up_after((round + task) % 4, lock.lock()).await else {
                        yield_now().await;
                        continue;
                    };
                    assert!(!std::mem::replace(&mut guard.1, true), "two at once");
                    guard.0 += 1;
                    locked += 1;
                    if round % 3 == 0 {
                        yield_now().await;
                    }
                    guard.1 = false;
                }
                locked
            })
        })
        .collect();
    let mut sum = 0;
    for task in tasks {
        sum += runtime.block_on(task).expect("no panic");
    }
    // Not given up, so it must come.
    assert_eq!(runtime.block_on(async { lock.lock().await.0 }), sum);
    assert!(sum > 0);
}

#[test]
fn permits_given_up_go_back() {
    let (_watchdog, runtime) = runtime();
    const PERMITS: usize = 5;
    let semaphore = Arc::new(Semaphore::new(PERMITS));
    let tasks: Vec<_> = (0..10_usize)
        .map(|task| {
            let semaphore = semaphore.clone();
            runtime.spawn(async move {
                for round in 0..1000 {
                    let wanted = 1 + (round + task) % PERMITS;
                    if let Some(permit) = give_up_after(round % 4, semaphore.acquire_many(wanted)).await {
                        assert_eq!(permit.expect("it is open").count(), wanted);
                    }
                    yield_now().await;
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).expect("no panic");
    }
    assert_eq!(semaphore.available_permits(), PERMITS);
    let all = runtime.block_on(semaphore.acquire_many(PERMITS)).expect("it is open");
    assert_eq!(all.count(), PERMITS);
}

#[test]
fn waits_aborted_from_outside_pass_their_turn_on() {
    let (_watchdog, runtime) = runtime();
    let semaphore = Arc::new(Semaphore::new(1));
    let lock = Arc::new(Lock::new(()));
    for round in 0..300_u64 {
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let (semaphore, lock) = (semaphore.clone(), lock.clone());
                runtime.spawn(async move {
                    let _permit = semaphore.acquire().await.expect("it is open");
                    let _guard = lock.lock().await;
                    yield_now().await;
                })
            })
            .collect();
        std::thread::park_timeout(Duration::from_micros(round % 20));
        for waiter in &waiters[..3] {
            waiter.abort();
        }
        for (index, waiter) in waiters.into_iter().enumerate() {
            let ended = futures_lite::future::block_on(waiter);
            assert!(ended.is_ok() || index < 3, "the one that was left gets its turn");
        }
    }
    assert_eq!(semaphore.available_permits(), 1);
    assert!(lock.try_lock().is_some());
}

#[test]
fn an_event_waited_for_and_given_up() {
    let (_watchdog, runtime) = runtime();
    let event = Arc::new(Event::new());
    runtime.block_on(async {
        for polls in 0..4 {
            assert!(give_up_after(polls, event.wait()).await.is_none());
        }
        let waiter = spawn({
            let event = event.clone();
            async move { event.wait().await }
        });
        let given_up = spawn({
            let event = event.clone();
            async move { timeout(Duration::from_millis(1), event.wait()).await }
        });
        assert!(given_up.await.expect("no panic").is_err());
        event.set();
        waiter.await.expect("no panic");
        assert!(give_up_after(1, event.wait()).await.is_some());
    });
}

#[test]
fn accept_loses_no_connection() {
    let (_watchdog, runtime) = runtime();
    const CONNECTIONS: usize = 200;
    let accepted = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let clients = spawn(async move {
            for n in 0..CONNECTIONS {
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(&(n as u32).to_be_bytes()).await?;
            }
            std::io::Result::Ok(())
        });
        let mut seen = Vec::new();
        let mut polls = 0;
        while seen.len() < CONNECTIONS {
            polls = (polls + 1) % 3;
            match give_up_after(polls, listener.accept()).await {
                Some(accepted) => {
                    let (mut stream, _) = accepted?;
                    let mut number = [0; 4];
                    stream.read_exact(&mut number).await?;
                    seen.push(u32::from_be_bytes(number));
                }
                None => yield_now().await,
            }
        }
        clients.await??;
        std::io::Result::Ok(seen)
    });
    assert!(accepted.expect("it works").into_iter().eq(0..CONNECTIONS as u32));
}

#[test]
fn read_loses_no_byte() {
    let (_watchdog, runtime) = runtime();
    const BYTES: usize = 100_000;
    let mut dice = Dice::new();
    let received = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut writes = dice.fork();
        let client = spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            let bytes: Vec<_> = (0..BYTES).map(|n| n as u8).collect();
            let mut left = &bytes[..];
            while !left.is_empty() {
                // Writes are given up, too: what counts is what they have told.
                let upto = left.len().min(1 + writes.below(500));
                match give_up_after(writes.below(3), stream.write(&left[..upto])).await {
                    Some(written) => left = &left[written?..],
                    None => yield_now().await,
                }
            }
            stream.close().await
        });
        let (mut stream, _) = listener.accept().await?;
        let mut received: Vec<u8> = Vec::new();
        loop {
            let mut buffer = [0; 300];
            let upto = 1 + dice.below(300);
            match give_up_after(dice.below(3), stream.read(&mut buffer[..upto])).await {
                Some(read) => match read? {
                    0 => break,
                    read => received.extend(&buffer[..read]),
                },
                None => yield_now().await,
            }
        }
        client.await??;
        std::io::Result::Ok(received)
    });
    assert!(received.expect("it works").into_iter().eq((0..BYTES).map(|n| n as u8)));
}

#[test]
fn readiness_waited_for_and_given_up_is_still_noticed() {
    let (_watchdog, runtime) = runtime();
    let got = runtime.block_on(async {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        let (one, other) = (Async::new(one)?, Async::new(other)?);
        let mut got = 0;
        for round in 0..500_usize {
            // Registered and dropped: before the byte comes, or after.
            if round % 2 == 0 {
                assert!(give_up_after(1 + round % 3, other.readable()).await.is_none());
            }
            one.write_with(|mut one| std::io::Write::write(&mut one, b"x")).await?;
            if round % 2 == 1 {
                let _perhaps = give_up_after(round % 3, other.readable()).await;
            }
            let mut byte = [0; 2];
            got += other.read_with(|mut other| std::io::Read::read(&mut other, &mut byte)).await?;
        }
        std::io::Result::Ok(got)
    });
    assert_eq!(got.expect("it works"), 500);
}

#[test]
fn sleeps_given_up_fire_for_nobody() {
    let (_watchdog, runtime) = runtime();
    runtime.block_on(async {
        for round in 0..2000_u64 {
            let short = sleep(Duration::from_micros(round % 100));
            let _perhaps = give_up_after((round % 4) as usize, short).await;
        }
        // A sleep that is looked at now and then, by different tasks, keeps its deadline.
        let begin = filch::time::now();
        let mut slept = Box::pin(sleep(Duration::from_millis(20)));
        for _ in 0..3 {
            let looked = spawn(async move {
                let _perhaps = give_up_after(1, slept.as_mut()).await;
                (slept,)
            });
            (slept,) = looked.await.expect("no panic");
        }
        slept.await;
        assert!(filch::time::now() - begin >= Duration::from_millis(20));
    });
}
