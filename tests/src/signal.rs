//! Signals that interrupt: whatever system call a thread is in returns `EINTR`.

#![allow(
    unsafe_code,
    reason = "a handler is installed, and threads are signalled, by the operating system's own calls"
)]

use crate::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

static DELIVERED: AtomicUsize = AtomicUsize::new(0);

/// Does next to nothing: what it interrupts is what counts. An atomic addition is allowed in a handler.
extern "C" fn count(_signal: libc::c_int) {
    DELIVERED.fetch_add(1, Ordering::Relaxed);
}

/// Makes `SIGUSR1` interrupt system calls, and do nothing else.
///
/// # Panics
/// When the operating system refuses.
pub fn install_interrupt() {
    // SAFETY: all zeroes are an action: no flags, so not `SA_RESTART`; an empty mask; the default handler.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the action is complete, and its handler is a function of the type that no `SA_SIGINFO` asks
    // for, which touches one atomic number only. The old action is not asked for.
    let installed = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(installed, 0, "SIGUSR1 can be handled");
}

/// Makes a write to a closed pipe or connection end the process, as it does where `main` is not Rust's.
///
/// # Panics
/// When the operating system refuses.
pub fn let_closed_pipes_kill() {
    // SAFETY: the default handler is no code of ours.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    assert_ne!(before, libc::SIG_ERR, "SIGPIPE can be handled");
}

/// How many interrupts have been delivered to this process.
pub fn interrupts() -> usize {
    DELIVERED.load(Ordering::Relaxed)
}

/// Interrupts one thread of this process, unless it is gone.
pub fn interrupt(thread: u32) {
    let process = std::process::id();
    // SAFETY: `tgkill` takes three numbers and touches no memory. A thread that is not there is an error, not
    // a danger.
    let _gone = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, libc::SIGUSR1) };
}

/// A thread that interrupts every other one again and again.
pub struct Storm {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Storm {
    /// Lets it begin: a round over all threads, a pause, and so on.
    ///
    /// # Panics
    /// When the handler cannot be installed, or no thread be had.
    pub fn begin(pause: Duration) -> Self {
        install_interrupt();
        let over = Arc::new(AtomicBool::new(false));
        let thread = {
            let over = over.clone();
            let storm = move || {
                // Its own call would be among the interrupted ones, and is not what is tested.
                while !over.load(Ordering::Acquire) {
                    process::thread_ids().into_iter().for_each(interrupt);
                    thread::park_timeout(pause);
                }
            };
            thread::Builder::new().name("storm".to_owned()).spawn(storm).expect("the storm has a thread")
        };
        Self { over, thread }
    }

    /// Lets it end. Returns how many interrupts this process has had.
    ///
    /// # Panics
    /// When the storm has panicked.
    pub fn end(self) -> usize {
        self.over.store(true, Ordering::Release);
        self.thread.join().expect("the storm does not panic");
        interrupts()
    }
}
