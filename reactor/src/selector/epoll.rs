//! Linux: one `epoll_pwait2` per wait, with nanoseconds, and an `eventfd` that interrupts it.
//!
//! The `eventfd` is edge-triggered and never read (but if it were full): every write to it is an edge, so a notification costs its sender one
//! write (and nothing when one is pending) and its receiver nothing. The pending flag is raised by
//! [`Epoll::notify`] and lowered by the wait that sees the edge. Both are exchanges of one flag, so one comes first. A
//! notifier that finds the flag raised was before the lowering: the wait that lowers it has yet to return, and sees what
//! the notifier did before. A notifier after the lowering writes anew.
//!
//! `epoll_pwait2` came with Linux 5.11, and some sandboxes refuse calls they do not know. Then a wait with a timeout is
//! a `ppoll` of the epoll descriptor, which also counts nanoseconds, followed by an `epoll_wait` that does not wait:
//! two calls, nothing late.

#![allow(
    unsafe_code,
    reason = "one system call that rustix offers only to builds that give up older kernels"
)]

use super::{EVENTS_MAX, Notice, Occurrence};
use crate::registry::Key;
use filch_primitive::sync::atomic::{AtomicBool, Ordering};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// An epoll descriptor and the `eventfd` that interrupts its wait.
#[derive(Debug)]
pub(crate) struct Epoll {
    epoll: OwnedFd,
    notifier: OwnedFd,
    /// A notification was sent that no wait has seen.
    notice: Notice,
    /// Whether the kernel may be asked for `epoll_pwait2`.
    precise: AtomicBool,
}

/// Where the kernel writes events.
pub(crate) struct Room(Box<[MaybeUninit<epoll::Event>; EVENTS_MAX]>);

// SAFETY: an event is plain data; its union has a pointer among its forms, and only the integer is ever stored or read.
unsafe impl Send for Room {}

impl Room {
    pub(crate) fn new() -> Self {
        Self(Box::new([const { MaybeUninit::uninit() }; EVENTS_MAX]))
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Room")
    }
}

impl Epoll {
    /// # Errors
    /// `Unsupported` where there is no `eventfd`; else what the system says.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let notifier = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| {
            // Out of descriptors or memory is not a lack of support.
            match error {
                rustix::io::Errno::NOSYS | rustix::io::Errno::PERM | rustix::io::Errno::INVAL => {
                    io::ErrorKind::Unsupported.into()
                }
                error => io::Error::from(error),
            }
        })?;
        let selector = Self { epoll, notifier, notice: Notice::new(), precise: AtomicBool::new(true) };
        let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&selector.epoll, &selector.notifier, data(Key::NOTIFY), edge)?;
        Ok(selector)
    }

    /// Fills the notifier's counter, as if it had been rung for some ten thousand years.
    #[cfg(all(test, not(filch_loom)))]
    pub(crate) fn saturate(&self) {
        rustix::io::write(&self.notifier, &(u64::MAX - 1).to_ne_bytes()).expect("it was empty");
        let full = rustix::io::write(&self.notifier, &1_u64.to_ne_bytes());
        assert_eq!(full, Err(rustix::io::Errno::AGAIN));
    }

    /// As if the kernel were older than 5.11.
    #[cfg(all(test, not(filch_loom)))]
    pub(crate) fn assume_old_kernel(&self) {
        self.precise.store(false, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        use epoll::EventFlags as Flags;
        let interest = Flags::IN | Flags::OUT | Flags::RDHUP | Flags::PRI | Flags::ET;
        Ok(epoll::add(&self.epoll, fd, data(key), interest)?)
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    pub(crate) fn notify(&self) {
        if self.notice.raise() && self.ring().is_err() {
            self.notice.retract();
        }
    }

    /// Makes an edge. The counter holds 2^64 - 2 of them: should it ever be full, emptying it loses none.
    fn ring(&self) -> rustix::io::Result<()> {
        use rustix::io::Errno;
        loop {
            match rustix::io::write(&self.notifier, &1_u64.to_ne_bytes()) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => match rustix::io::read(&self.notifier, &mut [0_u8; 8]) {
                    // Interrupted, or emptied by somebody else who rings.
                    Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(error) => return Err(error),
                },
                written => return written.map(drop),
            }
        }
    }

    pub(crate) fn wait(
        &self,
        room: &mut Room,
        timeout: Option<Duration>,
        max_events: usize,
        into: &mut Vec<Occurrence>,
    ) -> io::Result<()> {
        let room = &mut room.0[..max_events];
        let timeout = timeout.map(timespec);
        // Ordering: Relaxed, a hint: a stale one costs a refused call.
        let precise = self.precise.load(Ordering::Relaxed);
        let count = match precise.then(|| self.wait_precisely(room, timeout.as_ref())) {
            // Nobody who holds the descriptor is refused with EPERM but by a filter of system calls.
            Some(Err(error)) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                self.precise.store(false, Ordering::Relaxed);
                self.wait_in_two_steps(room, timeout.as_ref())?
            }
            Some(count) => count?,
            None => self.wait_in_two_steps(room, timeout.as_ref())?,
        };
        // SAFETY: either wait had the kernel write its first `count` events into `room`, and any bits are a valid event.
        let events = unsafe { room[..count].assume_init_ref() };
        for event in events {
            let key = Key::from_u64(event.data.u64());
            if key == Key::NOTIFY {
                self.notice.lower();
            } else {
                into.push(occurrence(key, event.flags));
            }
        }
        Ok(())
    }

    /// One call. Returns how many events stand at the beginning of `room`.
    fn wait_precisely(
        &self,
        room: &mut [MaybeUninit<epoll::Event>],
        timeout: Option<&Timespec>,
    ) -> io::Result<usize> {
        /// The kernel's own timespec, 64 bits wide on every architecture.
        #[repr(C)]
        struct KernelTimespec {
            seconds: i64,
            nanoseconds: i64,
        }
        const { assert!(size_of::<epoll::Event>() == size_of::<libc::epoll_event>()) };

        let timeout = timeout.map(|time| KernelTimespec { seconds: time.tv_sec, nanoseconds: time.tv_nsec });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let capacity = libc::c_int::try_from(room.len()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the descriptor is open for as long as `self`; the kernel writes at most `capacity` events, each
        // of the size checked above, into `room`, which has place for as many; `timeout` is null or points to a value
        // that outlives the call; a null signal mask leaves the mask alone, and its size is then not looked at.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                room.as_mut_ptr(),
                capacity,
                timeout,
                std::ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// Two calls, for kernels without the one. Returns how many events stand at the beginning of `room`.
    fn wait_in_two_steps(
        &self,
        room: &mut [MaybeUninit<epoll::Event>],
        timeout: Option<&Timespec>,
    ) -> io::Result<usize> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if timeout.is_some_and(|timeout| *timeout != now) {
            poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], timeout)?;
        }
        let (events, _) = epoll::wait(&self.epoll, room, timeout.map(|_| &now))?;
        Ok(events.len())
    }
}

fn data(key: Key) -> epoll::EventData {
    epoll::EventData::new_u64(key.to_u64())
}

/// A timeout too long for the kernel's clock is as good as none, and the kernel cuts it to what it can count.
fn timespec(timeout: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    }
}

fn occurrence(key: Key, flags: epoll::EventFlags) -> Occurrence {
    use epoll::EventFlags as Flags;
    let broken = Flags::HUP | Flags::ERR;
    Occurrence {
        key,
        readable: flags.intersects(Flags::IN | Flags::PRI | Flags::RDHUP | broken),
        writable: flags.intersects(Flags::OUT | broken),
        read_closed: flags.intersects(Flags::PRI | Flags::RDHUP | broken),
        write_closed: flags.intersects(broken),
    }
}
