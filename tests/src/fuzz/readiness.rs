//! The readiness of descriptors: sockets that are read and written at both ends, dropped and made anew, with
//! a reactor that turns when the bytes say so, against a count of what is on its way.

use super::bell::Bell;
use super::bytes::Bytes;
use filch_reactor::{Async, Reactor, enter};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};
use std::time::Duration;

const PAIRS: usize = 3;
const BYTES_MAX: usize = 2000;

struct Pair {
    near: Async<UnixStream>,
    /// The other end, which is read and written as it is. Nothing: closed.
    far: Option<UnixStream>,
    /// What was written at the far end and not read here.
    coming: VecDeque<u8>,
    /// What was written here and not read there.
    going: VecDeque<u8>,
    reader: Bell,
    writer: Bell,
    reads: bool,
    writes: bool,
    /// The reactor has turned since anything happened.
    is_turned: bool,
}

/// Writes at the far end while the near one is read.
struct Meddler<'a> {
    reactor: &'a Reactor,
    bytes: usize,
    next: &'a mut u8,
}

impl Meddler<'_> {
    /// Answers what was written.
    fn meddle(self, far: &mut UnixStream) -> Vec<u8> {
        let mut chunk = chunk(self.bytes, self.next);
        match far.write(&chunk) {
            Ok(written) => chunk.truncate(written),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                chunk.clear();
            }
        }
        turn(self.reactor);
        chunk
    }
}

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let reactor = if bytes.below(8) == 0 { Reactor::portable() } else { Reactor::new() };
    let reactor = reactor.expect("a reactor");
    let _context = enter(&reactor, true);
    let mut pairs: Vec<_> = (0..PAIRS).map(|_| Pair::new(bytes.flag())).collect();
    let mut next = 0_u8;
    while let Some(operation) = bytes.operation(10) {
        let pair = &mut pairs[bytes.below(PAIRS)];
        match operation {
            0 | 1 => pair.write_far(bytes.below(256) * 8, &mut next),
            2 => pair.read_near(1 + bytes.below(256) * 8, None),
            3 => {
                let meddler = Meddler { reactor: &reactor, bytes: bytes.below(256) * 4, next: &mut next };
                pair.read_near(1 + bytes.below(256) * 8, Some(meddler));
            }
            4 => pair.write_near(1 + bytes.below(256) * 64, &mut next),
            5 => pair.read_far(bytes.below(256) * 64),
            6 if bytes.below(4) == 0 => pair.close_far(),
            6 => {}
            7 if bytes.below(2) == 0 => *pair = Pair::new(bytes.flag()),
            _ => {
                turn(&reactor);
                pairs.iter_mut().for_each(Pair::turned);
            }
        }
        assert_eq!(reactor.sources(), PAIRS);
    }
    // Whatever is left comes in the end.
    turn(&reactor);
    for pair in &mut pairs {
        pair.turned();
        while !pair.coming.is_empty() {
            let before = pair.coming.len();
            pair.read_near(BYTES_MAX, None);
            assert!(pair.coming.len() < before, "there is something to read, and it is not read");
        }
    }
    drop(pairs);
    assert_eq!(reactor.sources(), 0);
}

/// Takes what has happened, all of it.
fn turn(reactor: &Reactor) {
    loop {
        let turn = reactor.try_turn().expect("nobody else turns");
        if turn.wait(Some(Duration::ZERO), 256).expect("a wait").wake() == 0 {
            return;
        }
    }
}

impl Pair {
    fn new(as_stream: bool) -> Self {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        far.set_nonblocking(true).expect("a mode");
        near.set_nonblocking(true).expect("a mode");
        // Nobody sends descriptors here: it is a stream like any other.
        let near = if as_stream { Async::new_stream_nonblocking(near) } else { Async::new_nonblocking(near) };
        Self {
            near: near.expect("a registration"),
            far: Some(far),
            coming: VecDeque::new(),
            going: VecDeque::new(),
            reader: Bell::default(),
            writer: Bell::default(),
            reads: false,
            writes: false,
            is_turned: false,
        }
    }

    fn write_far(&mut self, bytes: usize, next: &mut u8) {
        let Some(far) = &mut self.far else { return };
        let chunk = chunk(bytes, next);
        match far.write(&chunk) {
            Ok(written) => self.coming.extend(&chunk[..written]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        self.is_turned = false;
    }

    fn read_far(&mut self, bytes: usize) {
        let Some(far) = &mut self.far else { return };
        let mut buffer = vec![0; bytes];
        match far.read(&mut buffer) {
            Ok(read) => {
                assert!(self.going.drain(..read).eq(buffer[..read].iter().copied()));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                assert!(self.going.is_empty() || bytes == 0, "what was written is not there");
            }
        }
        self.is_turned = false;
    }

    fn close_far(&mut self) {
        // What lies unread there makes a reset of the end: then nothing more can be read here.
        if self.going.is_empty() {
            self.far = None;
            self.is_turned = false;
        }
    }

    /// Reads. With a meddler, something comes, and the reactor tells of it, right after the system has been
    /// asked.
    fn read_near(&mut self, bytes: usize, meddler: Option<Meddler<'_>>) {
        let mut buffer = vec![0; bytes];
        self.reader.silence();
        let waker = self.reader.waker();
        let (far, mut meddler, mut added) = (&mut self.far, meddler, Vec::new());
        let read = |mut io: &UnixStream| {
            let read = io.read(&mut buffer);
            if let (Some(meddler), Some(far)) = (meddler.take(), far.as_mut()) {
                added = meddler.meddle(far);
            }
            read
        };
        let polled = self.near.poll_read_with(&mut Context::from_waker(&waker), read);
        self.reads = polled.is_pending();
        self.is_turned |= !added.is_empty();
        // What came in between is read by a second try, if there was nothing to be read by the first.
        let there = if self.coming.is_empty() { added.len() } else { self.coming.len() };
        self.coming.extend(added);
        match polled {
            Poll::Pending => {
                let is_there = there > 0 || self.far.is_none();
                assert!(!is_there || !self.is_turned, "there is something, and it waits");
            }
            Poll::Ready(Ok(read)) => {
                assert_eq!(read, bytes.min(there));
                assert!(read > 0 || self.far.is_none(), "an end that is not there");
                assert!(self.coming.drain(..read).eq(buffer[..read].iter().copied()));
            }
            Poll::Ready(Err(error)) => panic!("a read failed: {error}"),
        }
    }

    fn write_near(&mut self, bytes: usize, next: &mut u8) {
        let chunk = chunk(bytes, next);
        self.writer.silence();
        let waker = self.writer.waker();
        let write = |mut io: &UnixStream| io.write(&chunk);
        let polled: Poll<io::Result<usize>> =
            self.near.poll_write_with(&mut Context::from_waker(&waker), write);
        self.writes = polled.is_pending();
        match polled {
            Poll::Pending => {
                assert!(!(self.is_turned && self.going.is_empty()), "there is room, and it waits");
            }
            Poll::Ready(Ok(written)) => self.going.extend(&chunk[..written]),
            Poll::Ready(Err(error)) => {
                assert_eq!((error.kind(), self.far.is_none()), (ErrorKind::BrokenPipe, true));
            }
        }
    }

    /// The reactor has turned: who waits for what is there was told.
    fn turned(&mut self) {
        self.is_turned = true;
        if self.reads && (!self.coming.is_empty() || self.far.is_none()) {
            assert!(self.reader.has_rung(), "there is something to read, and the reader does not know");
        }
        if self.writes && (self.going.is_empty() || self.far.is_none()) {
            assert!(self.writer.has_rung(), "there is room, and the writer does not know");
        }
    }
}

/// So many bytes, which go on where the last chunk ended.
fn chunk(bytes: usize, next: &mut u8) -> Vec<u8> {
    let chunk = std::iter::repeat_with(|| {
        *next = next.wrapping_add(1);
        *next
    });
    chunk.take(bytes).collect()
}
