use super::{Count, Driver, pair, raw_wait, reactors, settle};
use crate::source::Interest;
use crate::{Async, enter};
use futures_lite::future::{block_on, poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

/// Runs a scenario on every reactor with a driver, and on the default one.
fn everywhere(scenario: impl Fn(&str)) {
    for (name, reactor) in reactors() {
        let driver = Driver::start(&reactor);
        let entered = enter(&reactor, false);
        scenario(name);
        drop(entered);
        drop(driver);
        assert_eq!(reactor.sources(), 0, "{name}: a source was left behind");
    }
    scenario("default");
}

/// Registered as a stream, so that short transfers are trusted where that is possible.
fn streams() -> (Async<UnixStream>, Async<UnixStream>) {
    let (here, there) = pair();
    here.set_nonblocking(true).unwrap();
    there.set_nonblocking(true).unwrap();
    (Async::new_stream_nonblocking(here).unwrap(), Async::new_stream_nonblocking(there).unwrap())
}

fn tcp_streams() -> (Async<TcpStream>, Async<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let there = listener.accept().unwrap().0;
    here.set_nonblocking(true).unwrap();
    there.set_nonblocking(true).unwrap();
    (Async::new_stream_nonblocking(here).unwrap(), Async::new_stream_nonblocking(there).unwrap())
}

fn is_ready<T: std::os::fd::AsFd>(io: &Async<T>, interest: Interest) -> bool {
    io.source().direction(interest).readiness().load().is_ready()
}

#[test]
fn ping_pong() {
    everywhere(|_| {
        let (here, there) = streams();
        block_on(zip(
            async {
                let mut word = [0; 4];
                for round in 0..300_u32 {
                    (&here).write_all(&round.to_ne_bytes()).await.unwrap();
                    (&here).read_exact(&mut word).await.unwrap();
                    assert_eq!(u32::from_ne_bytes(word), !round);
                }
            },
            async {
                let mut word = [0; 4];
                for _ in 0..300 {
                    (&there).read_exact(&mut word).await.unwrap();
                    let answer = !u32::from_ne_bytes(word);
                    (&there).write_all(&answer.to_ne_bytes()).await.unwrap();
                }
            },
        ));
    });
}

#[test]
fn much_data_through_small_buffers_arrives_whole_both_ways_at_once() {
    fn data(seed: u8) -> Vec<u8> {
        (0..3_000_000_u32).map(|at| (at % 251) as u8 ^ seed).collect()
    }
    everywhere(|name| {
        let (here, there) = tcp_streams();
        let (up, down) = (data(0), data(0xff));
        let send = |io, data| async move {
            let mut io: &Async<TcpStream> = io;
            let data: &[u8] = data;
            io.write_all(data).await.unwrap();
            io.get_ref().shutdown(Shutdown::Write).unwrap();
        };
        let receive = |io| async move {
            let mut io: &Async<TcpStream> = io;
            let mut all = Vec::new();
            let mut buffer = [0; 1_500];
            loop {
                match io.read(&mut buffer).await.unwrap() {
                    0 => return all,
                    n => all.extend_from_slice(&buffer[..n]),
                }
            }
        };
        let ((_, got_down), (got_up, _)) =
            block_on(zip(zip(send(&here, &up), receive(&here)), zip(receive(&there), send(&there, &down))));
        assert!(got_up == up && got_down == down, "{name}");
    });
}

#[test]
fn the_end_after_a_short_read_is_not_missed() {
    everywhere(|name| {
        // Data and end both there before the first read: one event reports both.
        fn reads<T: std::os::fd::AsFd>(io: &Async<T>) -> [usize; 3]
        where
            for<'a> &'a T: Read,
        {
            let mut reader = io;
            [(); 3].map(|()| block_on(reader.read(&mut [0; 64])).unwrap())
        }
        let (here, there) = streams();
        there.get_ref().write_all(b"abc").unwrap();
        there.get_ref().shutdown(Shutdown::Write).unwrap();
        assert_eq!(reads(&here), [3, 0, 0], "{name}");
        let (here, there) = tcp_streams();
        there.get_ref().write_all(b"abc").unwrap();
        there.get_ref().shutdown(Shutdown::Write).unwrap();
        assert_eq!(reads(&here), [3, 0, 0], "{name}");
        // The end comes later, while the reader waits.
        let (here, there) = streams();
        there.get_ref().write_all(b"abc").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(block_on((&here).read(&mut buffer)).unwrap(), 3);
        let mut reader = &here;
        let mut next = pin!(reader.read(&mut buffer));
        assert!(block_on(poll_once(&mut next)).is_none());
        drop(there);
        assert_eq!(block_on(next).unwrap(), 0, "{name}");
    });
}

#[test]
fn a_short_read_saves_the_call_that_would_block_and_a_closing_peer_does_not() {
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let trusts = reactor.shared().selector().reports_closing();
        let (here, there) = streams();
        there.get_ref().write_all(b"abc").unwrap();
        settle(&reactor);
        let mut buffer = [0; 64];
        assert_eq!(block_on((&here).read(&mut buffer)).unwrap(), 3);
        assert_eq!(is_ready(&here, Interest::Read), !trusts, "{name}");
        // A full read proves nothing.
        there.get_ref().write_all(b"abcdef").unwrap();
        settle(&reactor);
        assert_eq!(block_on((&here).read(&mut buffer[..3])).unwrap(), 3);
        assert!(is_ready(&here, Interest::Read));
        // Nor does a short one once the peer has closed.
        there.get_ref().shutdown(Shutdown::Write).unwrap();
        settle(&reactor);
        assert_eq!(block_on((&here).read(&mut buffer)).unwrap(), 3);
        assert!(is_ready(&here, Interest::Read), "{name}");
        assert_eq!(block_on((&here).read(&mut buffer)).unwrap(), 0);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn urgent_data_hides_nothing_behind_its_mark() {
    let reactor = crate::Reactor::new().unwrap();
    let driver = Driver::start(&reactor);
    let _entered = enter(&reactor, false);
    let (here, there) = tcp_streams();
    there.get_ref().write_all(b"before").unwrap();
    rustix::net::send(there.get_ref(), b"!", rustix::net::SendFlags::OOB).unwrap();
    there.get_ref().write_all(b"behind").unwrap();
    // The first read stops at the mark with more behind it.
    let mut word = [0; 12];
    let mut got = 0;
    while got < word.len() {
        got += block_on((&here).read(&mut word[got..])).unwrap();
    }
    assert_eq!(&word, b"beforebehind");
    drop((here, there, driver));
}

#[test]
fn a_pipe_works_and_its_end_is_seen() {
    everywhere(|_| {
        let (reader, writer) = io::pipe().unwrap();
        let (mut reader, mut writer) = (Async::new(reader).unwrap(), Async::new(writer).unwrap());
        block_on(async {
            let mut buffer = [0; 64];
            let ((), read) = zip(
                async {
                    writer.write_all(b"through a pipe").await.unwrap();
                    writer.close().await.unwrap();
                },
                reader.read(&mut buffer),
            )
            .await;
            assert_eq!(&buffer[..read.unwrap()], b"through a pipe");
            drop(writer);
            assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
        });
    });
}

#[test]
fn a_pipe_nobody_reads_is_an_error_to_its_waiting_writer() {
    everywhere(|_| {
        let (reader, writer) = io::pipe().unwrap();
        let mut writer = Async::new(writer).unwrap();
        block_on(async {
            let chunk = [0; 65_536];
            while poll_once(writer.write(&chunk)).await.is_some() {}
            drop(reader);
            let error = writer.write(&chunk).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        });
    });
}

#[test]
fn several_tasks_may_wait_on_one_descriptor() {
    everywhere(|name| {
        let (here, there) = streams();
        let here = std::sync::Arc::new(here);
        let bytes = std::sync::Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..6)
            .map(|place| {
                let (here, bytes) = (here.clone(), bytes.clone());
                std::thread::spawn(move || {
                    block_on(async {
                        let mut byte = [0];
                        loop {
                            let read = if place % 2 == 0 {
                                (&*here).read(&mut byte).await
                            } else {
                                here.read_with(|mut io| io.read(&mut byte)).await
                            };
                            match read.unwrap() {
                                0 => return,
                                _ => bytes.fetch_add(1, Ordering::AcqRel),
                            };
                        }
                    });
                })
            })
            .collect();
        for _ in 0..500 {
            block_on((&there).write_all(b"x")).unwrap();
        }
        drop(there);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert_eq!(bytes.load(Ordering::Acquire), 500, "{name}");
    });
}

#[test]
fn writable_events_neither_wake_a_reader_nor_hide_its_own() {
    for (_, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, there) = streams();
        let (count, waker) = Count::new();
        let mut cx = Context::from_waker(&waker);
        assert!(here.poll_readable(&mut cx).is_pending());
        settle(&reactor);
        let start = count.get();
        // Fill and drain the other direction, again and again: each time here becomes writable.
        let chunk = [0; 65_536];
        let mut sink = vec![0; 1 << 20];
        for _ in 0..50 {
            while here.try_write_with(|mut io| io.write(&chunk)).is_ok() {}
            while there.try_read_with(|mut io| io.read(&mut sink)).is_ok() {}
            settle(&reactor);
            assert!(here.poll_readable(&mut cx).is_pending());
        }
        assert_eq!(count.get(), start, "the reader was woken for nothing");
        there.get_ref().write_all(b"x").unwrap();
        settle(&reactor);
        assert_eq!(count.get(), start + 1);
        assert!(here.poll_readable(&mut cx).is_ready());
    }
}

#[test]
fn readable_tells_the_truth_however_the_descriptor_is_used() {
    everywhere(|_| {
        let (here, there) = streams();
        block_on(async {
            assert!(poll_once(here.readable()).await.is_none(), "nothing is there");
            there.writable().await.unwrap();
            there.get_ref().write_all(b"x").unwrap();
            here.readable().await.unwrap();
            here.readable().await.unwrap();
            // Read behind the object's back: the readiness it remembers is wrong now.
            assert_eq!(here.get_ref().read(&mut [0; 8]).unwrap(), 1);
            assert!(poll_once(here.readable()).await.is_none(), "nothing is left");
            there.get_ref().write_all(b"y").unwrap();
            here.readable().await.unwrap();
        });
    });
}

#[test]
fn a_dropped_readable_takes_its_waker_along() {
    for (_, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, _there) = streams();
        settle(&reactor);
        let (count, waker) = Count::new();
        let mut cx = Context::from_waker(&waker);
        let direction = here.source().direction(Interest::Read);
        assert!(!reactor.is_awaited());
        {
            let mut readable = pin!(here.readable());
            assert!(readable.as_mut().poll(&mut cx).is_pending());
            assert_eq!(direction.waiting(), 1);
            let mut operation = pin!(here.read_with(|mut io| io.read(&mut [0])));
            assert!(operation.as_mut().poll(&mut cx).is_pending());
            assert_eq!(direction.waiting(), 2);
            assert!(reactor.is_awaited());
        }
        assert_eq!(direction.waiting(), 0);
        assert!(!reactor.is_awaited());
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&count), 1);
    }
}

#[test]
fn interrupted_operations_are_repeated_and_other_errors_returned() {
    everywhere(|_| {
        let (here, there) = streams();
        there.get_ref().write_all(b"x").unwrap();
        let mut left = 3;
        let read = block_on(here.read_with(|mut io| {
            left -= 1;
            if left > 0 { Err(io::ErrorKind::Interrupted.into()) } else { io.read(&mut [0]) }
        }));
        assert_eq!((read.unwrap(), left), (1, 0));
        let error = block_on(here.read_with(|_| io::Result::<()>::Err(io::ErrorKind::InvalidData.into())));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let error = here.try_read_with(|mut io| io.read(&mut [0]));
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn a_try_that_would_block_is_remembered() {
    for (_, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, _there) = streams();
        settle(&reactor);
        assert!(is_ready(&here, Interest::Read), "by optimism");
        let error = here.try_read_with(|mut io| io.read(&mut [0])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!is_ready(&here, Interest::Read));
        assert!(is_ready(&here, Interest::Write));
    }
}

#[test]
fn a_transfer_of_nothing_is_done_at_once() {
    everywhere(|_| {
        let (here, _there) = streams();
        block_on(async {
            assert_eq!((&here).read(&mut []).await.unwrap(), 0);
            assert_eq!((&here).write(&[]).await.unwrap(), 0);
            (&here).flush().await.unwrap();
        });
    });
}

#[test]
fn into_inner_deregisters_and_gives_the_descriptor_back() {
    for (_, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, mut there) = pair();
        let io = Async::new(here).unwrap();
        assert_eq!(reactor.sources(), 1);
        let mut here = io.into_inner().unwrap();
        assert_eq!(reactor.sources(), 0);
        there.write_all(b"x").unwrap();
        assert_eq!(here.read(&mut [0; 8]).unwrap(), 1);
        assert_eq!(here.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(Async::new(here).unwrap());
        assert_eq!(reactor.sources(), 0);
    }
}

#[test]
fn a_descriptor_closed_behind_our_back_is_an_error_and_nothing_worse() {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    /// Lends one descriptor, and after `switch` another: as if the first had been closed and its number reused.
    struct Fickle {
        fds: [OwnedFd; 2],
        switched: std::cell::Cell<bool>,
    }
    impl AsFd for Fickle {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.fds[usize::from(self.switched.get())].as_fd()
        }
    }
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (a, b) = pair();
        let io =
            Async::new(Fickle { fds: [a.into(), b.into()], switched: std::cell::Cell::new(false) }).unwrap();
        io.get_ref().switched.set(true);
        assert_eq!(reactor.sources(), 1);
        drop(io);
        assert_eq!(reactor.sources(), 0, "{name}: the books are kept though deleting failed");
        settle(&reactor);
    }
}

#[test]
fn a_stale_registration_of_a_shared_descriptor_is_gone_after_the_drop() {
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, mut there) = pair();
        let other = here.try_clone().unwrap();
        drop(Async::new(here).unwrap());
        settle(&reactor);
        // The open file lives on through its twin; its events must not.
        there.write_all(b"x").unwrap();
        drop(there);
        let shared = reactor.shared();
        let room = raw_wait(shared.selector(), std::time::Duration::ZERO, usize::MAX);
        assert!(room.as_slice().is_empty(), "{name}");
        drop(other);
    }
}

#[test]
fn auto_traits() {
    fn send_sync_unpin<T: Send + Sync + Unpin>() {}
    send_sync_unpin::<Async<UnixStream>>();
    send_sync_unpin::<crate::Reactor>();
    send_sync_unpin::<crate::Readable<'static, UnixStream>>();
    send_sync_unpin::<crate::Writable<'static, UnixStream>>();
}
