//! A thread that waits for a future in a plain park, without a slot of its own to sleep in.
//!
//! | state | meaning | leaves by |
//! |---|---|---|
//! | Awake | it polls, or is about to look | the thread, falling asleep; a waker |
//! | Woken | its future is to be polled | the thread, which polls it |
//! | Asleep | it waits in a park, or is about to | whoever rouses it; the thread itself |
//! | Looking | it never sleeps for long, and looks by itself | — |
//!
//! # Protocol
//! The thread: 1. take a wake-up, if there is one, and poll. 2. Run a local task, if there is one. 3. Neither: exchange Awake for
//! Asleep. 4. `fence(SeqCst)`. 5. Look for local tasks that others sent; if there are some, be Awake again. 6. Park, until the state
//! is not Asleep.
//!
//! Whoever wakes the future: exchange the state for Woken; where it was Asleep, unpark the thread.
//!
//! Whoever sends a local task: 1. push it. 2. `fence(SeqCst)`. 3. Exchange Asleep for Awake; if that succeeds, unpark the thread.
//!
//! # Why it is right
//! A wake-up and falling asleep change one word, so one of them sees the other. Of the two fences one comes first: either
//! the thread sees the task that was sent, or the sender sees it asleep.
//!
//! # Who is awake
//! [`Park::plainly`](super::park::Park::plainly) counts these threads while they are awake, for a virtual clock that must not move while something can run.
//! Whoever rouses a thread counts it in, before it can fall asleep itself: nobody sees both of them asleep with the
//! wake-up between them.

use super::local;
use super::shared::{self, Shared};
use super::standing::Awake;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicU8, Ordering, fence};
use filch_primitive::thread::{self, Thread};
use std::sync::{Arc, Weak};
use std::task::Wake;

const AWAKE: u8 = 0;
const WOKEN: u8 = 1;
const ASLEEP: u8 = 2;
const LOOKING: u8 = 3;

/// A thread that waits plainly.
pub(super) struct Plain {
    state: AtomicU8,
    thread: Thread,
    /// Who counts it. Weak: a waker may be kept for long.
    counts: Vec<Weak<Shared>>,
}

impl Plain {
    /// The calling thread, which is to poll first.
    pub(super) fn woken(awake: &Awake) -> Arc<Self> {
        Self::in_state(WOKEN, awake.counts())
    }

    /// The calling thread, which looks for its local tasks by itself.
    pub(super) fn looking() -> Arc<Self> {
        Self::in_state(LOOKING, Vec::new())
    }

    fn in_state(state: u8, counts: Vec<Weak<Shared>>) -> Arc<Self> {
        Arc::new(Self { state: AtomicU8::new(state), thread: thread::current(), counts })
    }

    /// Whether the future was woken since the last call.
    pub(super) fn take_woken(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `wake_by_ref`: the poll sees what the waker wrote.
        self.state.swap(AWAKE, Ordering::Acquire) == WOKEN
    }

    /// Sleeps until the future is woken or a local task was sent. For the thread itself.
    pub(super) fn sleep(&self, awake: &Awake) {
        // Ordering: Acquire on failure, as in `take_woken`; on success the fence follows.
        if self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        awake.plainly(false);
        // Ordering: SeqCst, paired with the one in the sending of a local task, see the module docs.
        fence(mutant::ordering("plain.sleep.fence", Ordering::SeqCst, Ordering::AcqRel));
        if !local::has_sent_nested() || mutant::planted("plain.sleep.look") {
            // Ordering: Relaxed, the exchange below or `take_woken` decides. A token that was spent by somebody else's
            // park is no loss: the state is looked at after each.
            while self.state.load(Ordering::Relaxed) == ASLEEP {
                thread::park();
            }
        }
        // Ordering: Relaxed, it only takes back what this thread wrote.
        if self.state.compare_exchange(ASLEEP, AWAKE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            awake.plainly(true);
        }
    }

    /// A local task was sent to the thread, and a fence stands between: sees to it that it looks.
    pub(super) fn call(&self) {
        // Ordering: Relaxed, behind the caller's fence, see the module docs; the inbox carries the task.
        match self.state.compare_exchange(ASLEEP, AWAKE, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => self.rouse(),
            Err(LOOKING) => self.thread.unpark(),
            Err(_) => {}
        }
    }

    /// It was asleep, and is not any more.
    fn rouse(&self) {
        // They are there as long as the thread sleeps.
        for shared in self.counts.iter().filter_map(shared::upgrade) {
            shared.park.plainly(true);
        }
        self.thread.unpark();
    }
}

impl Wake for Plain {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release, paired with the Acquire in `take_woken`. The unpark that follows is a Release itself, paired
        // with the park that returns: the state is seen after it.
        if self.state.swap(WOKEN, Ordering::Release) == ASLEEP {
            self.rouse();
        }
    }
}
