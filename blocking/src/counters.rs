//! How many jobs and threads a pool has: one word.
//!
//! | field     | meaning                                                                       |
//! |-----------|-------------------------------------------------------------------------------|
//! | `claims`  | jobs that were submitted and have not finished: on their way, queued, running |
//! | `threads` | threads that *serve*: they exist, and come back to the queue until they leave |
//! | `closed`  | no more jobs; queued ones are dropped                                         |
//! | `retired` | nobody can submit any more; queued jobs still run, then the threads leave     |
//!
//! The jobs themselves travel through a channel. The word decides who may count on whom.
//!
//! Submitting:
//! 1. [`Counters::claim`], in one exchange: closed? Refused. An idle thread (`claims < threads`), or no more allowed? Count
//!    the job in. Otherwise the caller must start a thread first, count it by [`Counters::thread_started`], and claim
//!    again. Starts take place under a lock, and a thread is counted only once it exists.
//! 2. Send the job. Fence, look whether the pool was closed meanwhile; if so, empty the channel.
//!
//! Serving:
//! 1. Receive, for at most the keep-alive time. Run. [`Counters::finish`]. Only then publish the result and wake
//!    whoever awaits it: so what that one submits next finds this thread idle.
//! 2. On a time-out, [`Counters::leave`], in one exchange: allowed only while `claims < threads`. Refused, go to 1.
//!
//! Closing: set the bit; fence; empty the channel, cancelling what is found; ring for the idle threads.
//!
//! Why no job is stranded: a thread that serves is in the channel or on its way there, unless a job runs on it. Let
//! `need = min(claims, threads)`. A claim is granted only with a thread for it, or at the cap, or when no
//! thread can be started and at least one serves: always `threads ≥ 1` then, and `leave` keeps `threads ≥ need`, so
//! while a claim stands a thread serves, and only running jobs keep threads from the channel. The time-out race is
//! decided by the exchange: either `leave` came first, and `claim` sees one thread less; or `claim` came first, and
//! `leave` sees one job more and is refused. Both are exchanges of one word, so one does come first.
//!
//! Why closing misses no job: of the submitter's fence (after the send) and the closer's (after the bit) one comes
//! first; so either the submitter sees the bit or the closer sees the job.
//!
//! Rejected: an idle count beside a queue under two locks or words, where the moment a thread turns from busy to
//! idle falls between the two (a known way to lose the only job there is). A thread that is being started counted as one
//! that serves: when the start fails, those who counted on it wait for ever. A lock around all of it with a condition
//! variable: right as well, but each hand-off then makes the system call that wakes under that lock.
//!
//! Fields never borrow from each other: a decrement is made only by whom the matching increment was made for, `threads`
//! is capped below its width, and `claims` has 38 bits, more jobs than fit into memory.

use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicU64, Ordering};

#[cfg(all(test, not(filch_loom)))]
mod tests;

#[cfg(all(test, filch_loom))]
mod model;

const CLOSED: u64 = 1;
const RETIRED: u64 = 1 << 1;
const THREAD: u64 = 1 << 2;
const THREADS_MASK: u64 = (THREADS_MAX << 2) | THREAD;
const CLAIM: u64 = 1 << 26;

/// The most threads the word can count.
pub(crate) const THREADS_MAX: u64 = (1 << 24) - 1;

/// The word.
#[derive(Debug)]
pub(crate) struct Counters(AtomicU64);

/// What the word said at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot(u64);

/// What a submitter owes after asking for its claim.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The job is counted in and a thread serves it: send it.
    Granted,
    /// Nobody is idle, and one more thread is allowed. Nothing was counted.
    NeedsThread,
    /// No thread serves. Nothing was counted. Only [`Counters::claim_served`] says so.
    Unserved,
    /// The pool is closed. Nothing was counted.
    Closed,
}

/// What a thread does after asking to leave.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It is counted out: no job counts on it.
    Left,
    /// A job is on its way and counts on it.
    Needed,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    // Ordering, of every access below: Relaxed. Each decision is made by an exchange of this one word, and exchanges
    // of one word are in one order that all threads agree on. Nothing else is published through it: jobs go
    // through the channel, which has its own orderings. The one exception, the closed bit against the channel, has fences
    // in `Core::deliver` and `Pool::close`.

    /// Counts a job in, if a thread is idle for it or no more threads are allowed.
    pub(crate) fn claim(&self, threads_max: u64) -> Claim {
        self.claim_if(|now| {
            if now.threads() > now.claims() || now.threads() >= threads_max {
                Claim::Granted
            } else {
                Claim::NeedsThread
            }
        })
    }

    /// Counts a job in if any thread serves: for when no thread could be started.
    pub(crate) fn claim_served(&self) -> Claim {
        self.claim_if(|now| {
            let served = now.threads() > 0 || mutant::planted("pool.claim.hopeful");
            if served { Claim::Granted } else { Claim::Unserved }
        })
    }

    fn claim_if(&self, decide: impl Fn(Snapshot) -> Claim) -> Claim {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if Snapshot(now).is_closed() {
                return Claim::Closed;
            }
            match decide(Snapshot(now)) {
                Claim::Granted => {}
                refused => return refused,
            }
            match self.0.compare_exchange_weak(now, now + CLAIM, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Claim::Granted,
                Err(seen) => now = seen,
            }
        }
    }

    /// Counts a job out: it ran, or was dropped unrun.
    pub(crate) fn finish(&self) {
        let before = Snapshot(self.0.fetch_sub(CLAIM, Ordering::Relaxed));
        debug_assert!(before.claims() > 0, "a job finished that was never counted in");
    }

    /// Counts a thread's waker as one more job, so that nobody counts on the thread meanwhile: what it wakes came
    /// back into the pool from inside the wake and may wait there. Paired with a [`finish`](Self::finish).
    pub(crate) fn claim_for_waking(&self) {
        self.0.fetch_add(CLAIM, Ordering::Relaxed);
    }

    /// Counts a thread in that exists and will serve.
    pub(crate) fn thread_started(&self) {
        let before = Snapshot(self.0.fetch_add(THREAD, Ordering::Relaxed));
        debug_assert!(before.threads() < THREADS_MAX, "more threads than the word can count");
    }

    /// Counts the calling thread out, unless a job counts on it.
    pub(crate) fn leave(&self) -> Leave {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            if Snapshot(now).claims() >= Snapshot(now).threads() {
                return Leave::Needed;
            }
            if mutant::planted("pool.leave.split") {
                self.0.fetch_sub(THREAD, Ordering::Relaxed);
                return Leave::Left;
            }
            match self.0.compare_exchange_weak(now, now - THREAD, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Leave::Left,
                Err(seen) => now = seen,
            }
        }
    }

    /// Refuses every later claim.
    pub(crate) fn close(&self) {
        self.0.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// Says that no claim can come any more.
    pub(crate) fn retire(&self) {
        self.0.fetch_or(RETIRED, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Relaxed))
    }
}

impl Snapshot {
    pub(crate) const fn claims(self) -> u64 {
        self.0 / CLAIM
    }

    pub(crate) const fn threads(self) -> u64 {
        (self.0 & THREADS_MASK) / THREAD
    }

    pub(crate) const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    /// Whether a thread with nothing to do should leave at once.
    pub(crate) const fn is_stopping(self) -> bool {
        self.0 & (CLOSED | RETIRED) != 0
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("claims", &self.claims())
            .field("threads", &self.threads())
            .field("is_closed", &self.is_closed())
            .field("is_stopping", &self.is_stopping())
            .finish()
    }
}
