//! Descriptors under abuse: numbers that are reused, twins, closing behind our back, registering and
//! deregistering from everywhere, and readers, writers and operations that break the rules of their traits.
//! Nobody else may notice.

use filch::io::{Async, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy};
use filch::net::{TcpListener, TcpStream, UnixStream};
use filch::time::{sleep, timeout};
use filch::{Runtime, block_on, spawn, yield_now};
use filch_tests::{Dice, PATIENCE, Tally, Watchdog, child, process, wait_until};
use futures_lite::AsyncBufReadExt;
use futures_lite::future::{poll_once, try_zip};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::os::unix::net::UnixStream as Plain;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).thread_name("io").build().expect("a runtime")
}

/// Sanitizers slow everything down a lot; they set the variable to a number above one.
fn cut(number: usize) -> usize {
    let by = std::env::var("FILCH_TEST_CUT").ok().and_then(|by| by.parse().ok()).unwrap_or(1);
    (number / by).max(1)
}

/// many descriptors have events at once; some are closed before anybody has looked at theirs, and
/// their numbers are taken by others. Those never hear of it, and the ones that stayed all do.
#[test]
fn numbers_reused_while_events_are_on_their_way() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "numbers_reused_while_events_are_on_their_way";
    if child::role().is_none() {
        child::run_well(TEST, "reuse");
        return;
    }
    const SOCKETS: usize = 64;
    let runtime = runtime(2);
    let mut dice = Dice::new();
    let mut reused = 0;
    for _ in 0..cut(100) {
        runtime
            .block_on(async {
                let mut pairs: Vec<(UnixStream, Plain)> = Vec::new();
                for _ in 0..SOCKETS {
                    let (here, there) = Plain::pair()?;
                    let here = UnixStream::from_std(here)?;
                    assert!(poll_once(here.readable()).await.is_none(), "nothing is there yet");
                    pairs.push((here, there));
                }
                for (_, there) in &mut pairs {
                    there.write_all(b"x")?;
                }
                let mut replaced = vec![false; SOCKETS];
                let number_of = |pair: &(UnixStream, Plain)| pair.0.as_raw_fd();
                let numbers: Vec<_> = pairs.iter().map(number_of).collect();
                let mut kept: Vec<_> = pairs.into_iter().map(Some).collect();
                for (pair, replaced) in kept.iter_mut().zip(&mut replaced) {
                    if dice.one_in(2) {
                        *pair = None;
                        *replaced = true;
                    }
                }
                // What is free is given out again, lowest number first.
                let mut pairs = Vec::new();
                for pair in kept {
                    pairs.push(match pair {
                        Some(pair) => pair,
                        None => {
                            let (here, there) = Plain::pair()?;
                            (UnixStream::from_std(here)?, there)
                        }
                    });
                }
                reused += pairs.iter().map(number_of).filter(|number| numbers.contains(number)).count();
                reused -= replaced.iter().filter(|replaced| !**replaced).count();
                for ((here, there), replaced) in pairs.iter_mut().zip(replaced) {
                    let mut byte = [0; 2];
                    if replaced {
                        assert!(poll_once(here.read(&mut byte)).await.is_none(), "a stranger's byte");
                        assert!(poll_once(here.readable()).await.is_none(), "a stranger's event");
                        there.write_all(b"y")?;
                        assert_eq!((here.read(&mut byte).await?, byte[0]), (1, b'y'));
                    } else {
                        assert_eq!((here.read(&mut byte).await?, byte[0]), (1, b'x'));
                    }
                }
                io::Result::Ok(())
            })
            .expect("sockets work");
    }
    assert!(reused > 0, "not one number was reused, so nothing was tested");
}

/// twins of one open file, each registered. Each has its own events, and goes without the other's
/// noticing, or leaving a hook in the reactor that nobody can take out.
#[test]
fn twins_of_one_socket_live_and_go_on_their_own() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "twins_of_one_socket_live_and_go_on_their_own";
    const WATCHED: Duration = Duration::from_millis(150);
    if child::role().is_none() {
        child::run_well(TEST, "twins");
        return;
    }
    let runtime = runtime(2);
    runtime
        .block_on(async {
            for round in 0..50 {
                let (here, mut there) = Plain::pair()?;
                let (first, second) = (UnixStream::from_std(here.try_clone()?)?, UnixStream::from_std(here)?);
                let tell = thread::spawn(move || there.write_all(b"x").map(|()| there));
                // Both are told, whoever takes the byte.
                first.readable().await?;
                second.readable().await?;
                let there = tell.join().expect("no panic")?;
                let (gone, mut stays) = if round % 2 == 0 { (first, second) } else { (second, first) };
                drop(gone);
                let mut there = UnixStream::from_std(there)?;
                assert_eq!(stays.read(&mut [0; 2]).await?, 1);
                let (n, ()) = try_zip(async { stays.read(&mut [0; 2]).await }, async {
                    yield_now().await;
                    there.write_all(b"z").await
                })
                .await?;
                assert_eq!(n, 1);
            }
            // The open file lives on by its twin, with events all the time; nobody is registered for them any
            // more.
            let (here, mut there) = Plain::pair()?;
            let twin = here.try_clone()?;
            drop(UnixStream::from_std(here)?);
            let noise = thread::spawn(move || {
                while there.write_all(b"x").is_ok() {
                    thread::park_timeout(Duration::from_millis(1));
                }
            });
            let spending = process::Spending::watch();
            sleep(WATCHED).await;
            let share = spending.share();
            assert!(share < 0.5, "{share} of a processor for a socket nobody waits for");
            twin.shutdown(std::net::Shutdown::Both)?;
            noise.join().expect("no panic");
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// a descriptor that somebody else has closed is an error where it is used, and its end is quiet.
#[test]
fn descriptors_closed_behind_our_back() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "descriptors_closed_behind_our_back";
    if child::role().is_none() {
        child::run_well(TEST, "close");
        return;
    }
    let runtime = runtime(2);
    runtime
        .block_on(async {
            for _ in 0..20 {
                let (mut here, there) = UnixStream::pair()?;
                // A wait that is under way: the system forgets it, so it can be given up, and nothing else.
                assert!(poll_once(here.read(&mut [0])).await.is_none());
                close_behind_its_back(here.as_raw_fd());
                let error = here.write(b"x").await.expect_err("there is no such descriptor");
                assert_eq!(error.raw_os_error(), Some(libc::EBADF));
                let error = here.try_read(&mut [0]).expect_err("there is no such descriptor");
                assert_eq!(error.raw_os_error(), Some(libc::EBADF));
                drop(there);
                // Taken back rather than dropped: the standard library ends a program that closes what is
                // closed.
                let _nothing = here.into_std()?.into_raw_fd();
                // The number is free, and works for its next owner.
                let (mut here, mut there) = UnixStream::pair()?;
                there.write_all(b"x").await?;
                assert_eq!(here.read(&mut [0; 2]).await?, 1);
            }
            io::Result::Ok(())
        })
        .expect("sockets work");
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

/// A-100 for the reactor's own: with its descriptor replaced by something else, sockets are out of order, but
/// tasks, timers and closures go on, nobody spins, and the end comes.
#[test]
fn a_reactor_that_lost_its_descriptor_spoils_nothing_else() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_reactor_that_lost_its_descriptor_spoils_nothing_else";
    const WATCHED: Duration = Duration::from_millis(400);
    match child::role().as_deref() {
        None => {
            child::run_well(TEST, "a runtime's");
            child::run_well(TEST, "the process's");
        }
        Some("a runtime's") => {
            let runtime = runtime(2);
            let (here, _there) = runtime.block_on(async { UnixStream::pair() }).expect("sockets work");
            let mut here = here;
            let waits = runtime.spawn(async move { here.read(&mut [0]).await });
            replace_reactors_descriptor();
            let begin = Instant::now();
            let share = runtime.block_on(async {
                let ticks = Tally::new();
                let spending = process::Spending::watch();
                let naps = async {
                    while ticks.counted() < 10 || begin.elapsed() < WATCHED {
                        sleep(Duration::from_millis(5)).await;
                        spawn({
                            let ticks = ticks.clone();
                            async move { ticks.count() }
                        })
                        .await
                        .expect("no panic");
                    }
                };
                naps.await;
                spending.share()
            });
            assert!(share < 0.25, "a spin: {share} of a processor");
            assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 42)).expect("no panic"), 42);
            let report = runtime.shutdown(PATIENCE);
            assert!(report.is_clean(), "{report}");
            assert!(futures_lite::future::block_on(waits).expect_err("the runtime is gone").is_aborted());
        }
        Some(_) => {
            let (here, there) = UnixStream::pair().expect("sockets work");
            replace_reactors_descriptor();
            // A wait that was under way ends by the old descriptor's events, and the next one is refused,
            // again and again.
            drop(there);
            let spending = process::Spending::watch();
            // What it does meanwhile is what is tested.
            thread::sleep(WATCHED);
            let share = spending.share();
            assert!(share < 0.25, "a spin: {share} of a processor");
            drop(here);
        }
    }
}

#[expect(
    unsafe_code,
    reason = "descriptors are closed behind their owners' backs, in a process of this test's own"
)]
fn close_behind_its_back(number: RawFd) {
    // SAFETY: closing touches no memory. The owner of the number is prepared for it, and closes no other's in
    // its stead.
    let closed = unsafe { libc::close(number) };
    assert_eq!(closed, 0);
}

#[expect(
    unsafe_code,
    reason = "descriptors are replaced behind their owners' backs, in a process of this test's own"
)]
fn replace_reactors_descriptor() {
    let null = std::fs::File::open("/dev/null").expect("it is always there");
    let entries = std::fs::read_dir("/proc/self/fd").expect("/proc tells of descriptors");
    let mut replaced = 0;
    for entry in entries.filter_map(Result::ok) {
        if std::fs::read_link(entry.path()).is_ok_and(|name| name.as_os_str() == "anon_inode:[eventpoll]") {
            let number: RawFd = entry.file_name().to_string_lossy().parse().expect("they are numbers");
            // SAFETY: both numbers are open descriptors, and no memory is touched.
            let done = unsafe { libc::dup2(null.as_raw_fd(), number) };
            assert_eq!(done, number);
            replaced += 1;
        }
    }
    assert_eq!(replaced, 1, "there is one reactor");
}

/// threads register, wait, deregister and close all at once, each the others' descriptors too; those
/// who stay are served to the last byte.
#[test]
fn descriptors_that_come_and_go_on_all_threads() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(2);
    watchdog.watch("come and go", runtime.handle());
    let rounds = cut(3_000);
    let echoes = Tally::new();
    // Those who stay.
    let (mut asks, mut answers) = runtime.block_on(async { UnixStream::pair() }).expect("sockets work");
    let answering = runtime.spawn(async move {
        let mut byte = [0];
        while answers.read(&mut byte).await? == 1 {
            answers.write_all(&byte).await?;
        }
        io::Result::Ok(())
    });
    let asking = runtime.spawn({
        let echoes = echoes.clone();
        async move {
            for n in 0..rounds {
                asks.write_all(&[n as u8]).await?;
                let mut byte = [0];
                asks.read_exact(&mut byte).await?;
                assert_eq!(byte[0], n as u8);
                echoes.count();
            }
            io::Result::Ok(())
        }
    });
    // Those who come and go: made here, dropped there.
    let (to_drop, dropped) = std::sync::mpsc::channel::<(UnixStream, UnixStream)>();
    let drops = thread::spawn(move || dropped.into_iter().map(drop).count());
    let mut dice = Dice::new();
    thread::scope(|scope| {
        for _ in 0..3 {
            let (to_drop, runtime, mut dice) = (to_drop.clone(), &runtime, dice.fork());
            scope.spawn(move || {
                for _ in 0..rounds / 3 {
                    let made = runtime.block_on(async {
                        let (mut here, there) = UnixStream::pair()?;
                        if dice.one_in(2) {
                            there.try_write(b"x")?;
                        }
                        let _maybe = poll_once(here.read(&mut [0; 2])).await;
                        io::Result::Ok((here, there))
                    });
                    let made = made.expect("sockets work");
                    match dice.below(3) {
                        0 => drop(made),
                        1 => to_drop.send(made).expect("it is taken"),
                        _ => {
                            let (mut here, there) = made;
                            let waits = runtime.spawn(async move { here.read(&mut [0; 2]).await });
                            drop(there);
                            runtime.block_on(waits).expect("no panic").expect("the end is no error");
                        }
                    }
                }
            });
        }
    });
    drop(to_drop);
    drops.join().expect("no panic");
    runtime.block_on(asking).expect("no panic").expect("sockets work");
    runtime.block_on(answering).expect("no panic").expect("sockets work");
    assert_eq!(echoes.counted(), rounds);
}

/// a socket that is broken for good, and that nobody waits for, costs nothing. Neither does one whose
/// only waiter waits for the other direction.
#[test]
fn broken_sockets_nobody_waits_for_do_not_spin() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "broken_sockets_nobody_waits_for_do_not_spin";
    const WATCHED: Duration = Duration::from_millis(200);
    if child::role().is_none() {
        child::run_well(TEST, "broken");
        return;
    }
    let runtime = runtime(2);
    runtime
        .block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let mut broken = Vec::new();
            for _ in 0..20 {
                let (client, (server, _)) = try_zip(TcpStream::connect(address), listener.accept()).await?;
                // A reset: error and hang-up at once.
                client.set_linger(Some(Duration::ZERO))?;
                drop(client);
                broken.push(server);
            }
            let (half, peer) = UnixStream::pair()?;
            peer.shutdown(std::net::Shutdown::Write)?;
            let (reader, fills) = UnixStream::pair()?;
            while reader.try_write(&[0; 4096]).is_ok() {}
            // It waits for room, while there is something to read all the time.
            fills.try_write(b"x")?;
            let waits = spawn(async move { reader.writable().await.map(|()| reader) });
            sleep(Duration::from_millis(20)).await;
            let spending = process::Spending::watch();
            sleep(WATCHED).await;
            let share = spending.share();
            assert!(share < 0.25, "a spin: {share} of a processor");
            assert!(!waits.is_finished());
            let mut drain = vec![0; 1 << 20];
            while fills.try_read(&mut drain).is_ok() {}
            waits.await.expect("no panic")?;
            drop((broken, half));
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// An operation given to `read_with` is a stranger's code: it may panic, come back, or use the same
/// descriptor. The descriptor is as before, and so are its other waiters.
#[test]
fn operations_that_misbehave_leave_the_descriptor_usable() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("operations", runtime.handle());
    let (here, mut there) = Plain::pair().expect("sockets work");
    let io =
        runtime.block_on(async { Async::new(here).map(std::sync::Arc::new) }).expect("it can be registered");
    let waiting = Tally::new();
    for round in 0..cut(100) {
        let neighbour = runtime.spawn({
            let (io, waiting) = (io.clone(), waiting.clone());
            async move {
                let mut first = true;
                io.read_with(|mut io| {
                    if std::mem::take(&mut first) {
                        waiting.count();
                    }
                    io.read(&mut [0; 1])
                })
                .await
            }
        });
        wait_until("the neighbour waits", || waiting.counted() == round + 1);
        let panics = runtime.spawn({
            let io = io.clone();
            async move {
                io.write_with(|_| -> io::Result<()> { panic!("an operation that panics on purpose") }).await
            }
        });
        assert!(runtime.block_on(panics).expect_err("it panics").is_panic());
        // One that waits for itself, so to say: on the very descriptor, inside its operation.
        let nested = runtime.block_on(io.write_with(|mut inner| {
            let _nothing = io.try_read_with(|mut io| io.read(&mut [0; 0]));
            block_on(io.writable())?;
            inner.write(b"y")
        }));
        assert_eq!(nested.expect("there is room"), 1);
        there.read_exact(&mut [0; 1]).expect("it was written");
        there.write_all(b"x").expect("there is room");
        assert_eq!(runtime.block_on(neighbour).expect("no panic").expect("it is served"), 1);
    }
}

/// What a reader does that does not keep to its trait.
#[derive(Clone, Copy, Debug)]
enum Vice {
    /// It says that it read more than there is room for.
    Boasts,
    Panics,
    /// It is never ready, and wakes nobody.
    Sulks,
    /// It is never ready, and always says that it is about to be.
    Fidgets,
    /// It is ready each time, with an error.
    Fails,
}

struct Hostile(Vice);

impl Hostile {
    fn act(&self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<usize>> {
        match self.0 {
            Vice::Boasts => Poll::Ready(Ok(len.saturating_mul(2).saturating_add(1))),
            Vice::Panics => panic!("a reader that panics on purpose"),
            Vice::Sulks => Poll::Pending,
            Vice::Fidgets => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Vice::Fails => Poll::Ready(Err(io::Error::other("on purpose"))),
        }
    }
}

impl AsyncRead for Hostile {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.act(cx, buffer.len())
    }
}

impl AsyncWrite for Hostile {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.act(cx, buffer.len())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.act(cx, 0).map_ok(drop)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.act(cx, 0).map_ok(drop)
    }
}

/// such readers and writers, given to whatever we export that takes one. The worst that may happen is a
/// panic or an error in the task that uses them; the sockets at their other end, the runtime and other tasks
/// are as before.
#[test]
fn hostile_readers_and_writers_harm_their_own_task_only() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("hostile", runtime.handle());
    let books = Tally::new();
    for vice in [Vice::Boasts, Vice::Panics, Vice::Sulks, Vice::Fidgets, Vice::Fails] {
        let (here, mut there) = runtime.block_on(async { UnixStream::pair() }).expect("sockets work");
        let value = || books.value();
        let (one, two, three, four, five) = (value(), value(), value(), value(), value());
        let out = here;
        let tasks = [
            runtime.spawn(async move {
                let _value = one;
                copy(Hostile(vice), out).await.map(drop)
            }),
            runtime.spawn(async move {
                let _value = two;
                let mut line = String::new();
                BufReader::new(Hostile(vice)).read_line(&mut line).await.map(drop)
            }),
            runtime.spawn(async move {
                let _value = three;
                Hostile(vice).read_to_end(&mut Vec::new()).await.map(drop)
            }),
            runtime.spawn(async move {
                let _value = four;
                Hostile(vice).read_exact(&mut [0; 100]).await
            }),
            runtime.spawn(async move {
                let _value = five;
                Hostile(vice).write_all(&[0; 100]).await
            }),
        ];
        // Others go on beside them, in time.
        runtime.block_on(async {
            for _ in 0..20 {
                spawn(yield_now()).await.expect("no panic");
                sleep(Duration::from_micros(100)).await;
            }
        });
        for (number, task) in tasks.into_iter().enumerate() {
            match vice {
                Vice::Sulks | Vice::Fidgets => {
                    assert!(!task.is_finished(), "{vice:?} {number}");
                    task.abort();
                    let error = runtime.block_on(task).expect_err("it never ends by itself");
                    assert!(error.is_aborted());
                }
                Vice::Panics => assert!(runtime.block_on(task).expect_err("it panics").is_panic()),
                Vice::Fails => {
                    let error = runtime.block_on(task).expect("no panic").expect_err("it fails");
                    assert_eq!(error.to_string(), "on purpose");
                }
                // A panic or an error, as the taker likes it, but no success with bytes that were never
                // there.
                Vice::Boasts => match runtime.block_on(task) {
                    Err(error) => assert!(error.is_panic(), "{number}"),
                    Ok(result) => drop(result.expect_err("nothing was read or written")),
                },
            }
        }
        // The socket that was to be written is closed, and nothing has gone into it.
        let mut came = Vec::new();
        runtime.block_on(there.read_to_end(&mut came)).expect("an end is no error");
        assert_eq!(came, b"");
    }
    assert_eq!(books.alive(), 0);
    assert_eq!(runtime.block_on(timeout(PATIENCE, async { 42 })).ok(), Some(42));
}
