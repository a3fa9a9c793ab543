//! Every number the scheduler decides by, what can be switched off, and how it reads the time.
//!
//! Reading the clock costs about 45 ns where these numbers were taken, as much as a short poll, so [`Pace`]
//! reads it once in as many polls as fit into [`LOOK_EVERY`], judged by the mean poll so far; polls longer than
//! that read it each time.

use filch_primitive::time;
use std::time::{Duration, Instant};

/// What the scheduler does to be fast, switch by switch, for [`Builder::policies`](crate::Builder::policies).
///
/// The switches are for finding out what a workload suffers from. Every default is on, and a program that is faster with one of
/// them off has found a fault worth reporting. What the runtime promises does not depend on them: with all of them off no wake-up is
/// lost and no task waits for ever, all just takes longer. Their set may change with any release.
///
/// # Examples
/// ```
/// let mut policies = filch::Policies::default();
/// policies.linger = false;
/// let runtime = filch::Runtime::builder().worker_threads(2).policies(policies).build()?;
/// assert_eq!(runtime.block_on(async { "slower" }), "slower");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policies {
    /// A task that was woken or spawned by another runs next, before what is queued. Off: behind that.
    pub hot_slot: bool,
    /// A few such tasks may run in a row before the queue gets its turn. Off: each in turn with one from the queue.
    pub hot_streaks: bool,
    /// Where polls are coarse, what is spawned goes behind what is ready, and what is woken passes it once at a time. Off: as
    /// where they are short.
    pub coarse_in_order: bool,
    /// A task that awaited the end of another goes behind what is ready. Off: like any other task that is woken.
    pub joiners_in_order: bool,
    /// Idle workers leave others what those will soon be through with. Off: they take it.
    pub small_queues_stay: bool,
    /// Short tasks stay where they are for a while after moving some did not pay. Off: they go on being moved.
    pub short_tasks_rest: bool,
    /// A worker without work looks on for about as long as a wake-up takes before it sleeps. Off: it sleeps at once.
    pub linger: bool,
    /// A worker without work looks for events before it sleeps, where there have been some of late. Off: it sleeps at once.
    pub events_before_sleep: bool,
    /// A thread outside keeps to the worker it sent to last, while that one gets on. Off: it wakes one that sleeps.
    pub senders_keep: bool,
    /// A sleeping worker is woken once what is queued is worth its wake-up. Off: for each task that is queued.
    pub wakes_weighed: bool,
}

impl Policies {
    /// Every switch and its name, for tools that are told names.
    ///
    /// ```
    /// let mut policies = filch::Policies::default();
    /// assert!(policies.switches().any(|(name, _)| name == "linger"));
    /// ```
    pub fn switches(&mut self) -> impl Iterator<Item = (&'static str, &mut bool)> {
        macro_rules! named {
            ($($switch:ident),*) => {{
                // Taken apart, so that none can be left out.
                let Self { $($switch),* } = self;
                [$((stringify!($switch), $switch)),*].into_iter()
            }};
        }
        named!(
            hot_slot,
            hot_streaks,
            coarse_in_order,
            joiners_in_order,
            small_queues_stay,
            short_tasks_rest,
            linger,
            events_before_sleep,
            senders_keep,
            wakes_weighed
        )
    }
}

impl Default for Policies {
    /// All on.
    fn default() -> Self {
        Self {
            hot_slot: true,
            hot_streaks: true,
            coarse_in_order: true,
            joiners_in_order: true,
            small_queues_stay: true,
            short_tasks_rest: true,
            linger: true,
            events_before_sleep: true,
            senders_keep: true,
            wakes_weighed: true,
        }
    }
}

/// Tasks taken from the hot slot in a row before the queue gets its turn: two tasks that wake each other must
/// not keep a third from running. Three is what other runtimes found by trial; a longer run gains little once
/// the caches are warm.
pub(super) const HOT_STREAK_MAX: u32 = 3;

/// The same where polls are coarse: what the next one finds in the cache is nothing beside what it takes, and those in the
/// queue have waited for it.
pub(super) const HOT_STREAK_MIN: u32 = 1;

/// How often a busy worker looks at its inbox and asks whether a peer should be woken.
pub(super) const LOOK_EVERY: Duration = Duration::from_micros(20);

/// How often a busy worker looks at timers and descriptors, and lets yielded tasks back in line.
pub(super) const DUTIES_EVERY: Duration = Duration::from_micros(200);

/// Polls between two looks at the clock, at most.
const POLLS_PER_LOOK_MAX: u32 = 64;

/// Pushes during one poll between two looks at the clock: a task that spawns thousands must spread them while
/// it does.
pub(super) const PUSHES_PER_LOOK: u32 = 32;

/// What waking a sleeping peer costs both sides together, measured at 8.4 µs there and back between two
/// threads.
pub(super) const WAKE_COST: Duration = Duration::from_micros(10);

/// Queued work that is worth a thief's trouble: below it, the misses of its cache cost more than its help saves, and
/// tasks that talk to one another are torn apart for nothing. A thief is awake already, so this is less than
/// [`WAKE_COST`].
pub(super) const STEAL_WORTH_NS: u64 = 3_000;

/// Looks of a thief at a victim with less than that, before it concludes that the victim is stuck in a poll and takes it
/// all the same. A look takes up to 45 ns, by the processor.
pub(super) const THIEF_LOOKS: u32 = 40;

/// What a stolen task must have kept its thief busy for on the mean, if taking short ones is to go on: the few misses of
/// caches that each costs, about 100 ns apiece where this was measured.
pub(super) const STEAL_GAIN_MIN_NS: u64 = 250;

/// How long short tasks are left to their owner after a theft that did not pay; twice as long after each further one.
pub(super) const STEAL_REST_MIN: Duration = Duration::from_micros(50);

/// At most so long.
pub(super) const STEAL_REST_MAX: Duration = Duration::from_millis(5);

/// Tasks are short when their polls are shorter than this on the mean.
pub(super) const SHORT_POLL_NS: u64 = 1_000;

/// Polls are coarse once they are not short any more on the mean of a few looks at the clock, in each of which they count as
/// no longer than this: one alone, or one that the system interrupted, does not make them so.
const COARSE_POLL_MAX_NS: u64 = 3 * SHORT_POLL_NS;

/// A poll that has lasted so long has others come even for short tasks that rest with their owner.
pub(super) const HELD_UP: Duration = Duration::from_micros(100);

/// Sends from outside to one worker between two looks at whether it gets on. When it does not, they turn to another.
pub(super) const SENDS_PER_LOOK: u32 = 16;

/// Times in a row that lingering, or a look for events, may be in vain before a worker goes to sleep without it.
const VAIN_MAX: u32 = 4;

/// Which of the sleeps after that it tries again before, to see whether things have changed. What lingering burns in an
/// idle program is thus a hundredth of what its wake-ups cost.
const TRY_AGAIN: u32 = 128;

/// Looks of one who lingers between two at the clock.
pub(super) const LINGER_LOOKS: u32 = 16;

/// Yielded tasks let back in line per round of duties while the queue never runs dry.
pub(super) const YIELDED_PER_DUTY: usize = 32;

/// Tasks a guest runs between two looks at whether its own future was woken and it should rather poll that.
pub(super) const GUEST_RUN_MAX: u32 = 16;

/// The sentinel's tick while work goes on.
pub(super) const SENTINEL_TICK: Duration = Duration::from_millis(1);

/// The tick it slows down to while all that are awake are stuck and hold nothing: waiting for them costs little
/// then.
pub(super) const SENTINEL_TICK_MAX: Duration = Duration::from_millis(4);

/// Ticks without any running worker before the sentinel sleeps until called.
pub(super) const SENTINEL_QUIET_TICKS: u32 = 10;

/// How many threads a scheduler may have at most. Each task that blocks in a program where all block takes one; beyond this
/// number they wait for one another, as they would from the first on without spares.
pub(super) const THREADS_MAX: usize = 1024;

/// Ticks for which all must have been stuck before another spare comes: as many as there are spares, and no more than
/// this.
pub(super) const SPARE_PATIENCE_MAX: usize = 10;

/// How often a thread that stands in without a place of its own looks for something to do.
pub(super) const STAND_IN_PAUSE: Duration = Duration::from_micros(300);

/// Looks for nothing in a row before such a thread ends.
pub(super) const STAND_IN_PAUSES: u32 = 100;

/// How long an idle spare worker stays around.
pub(super) const SPARE_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// A worker's sense of time.
#[derive(Debug)]
pub(super) struct Pace {
    looked: Instant,
    duties: Instant,
    polls: u32,
    polls_per_look: u32,
    mean_poll_ns: u64,
    /// What polls have taken of late, if not for long ones.
    usual_poll_ns: u64,
}

/// What a look at the clock found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// The time, to be handed on.
    pub(super) now: Instant,
    /// Whether the slower duties are due.
    pub(super) duties: bool,
    /// What a poll takes.
    pub(super) mean_poll_ns: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = time::now();
        Self {
            looked: now,
            duties: now,
            polls: 0,
            polls_per_look: 1,
            mean_poll_ns: UNKNOWN_POLL_NS,
            usual_poll_ns: 0,
        }
    }

    /// Counts a poll; true when it is time to [`look`](Self::look).
    #[inline]
    pub(super) fn count(&mut self) -> bool {
        self.polls += 1;
        self.polls >= self.polls_per_look
    }

    /// Reads the clock and learns from it.
    pub(super) fn look(&mut self) -> Look {
        let now = time::now();
        let elapsed_ns = saturating_ns(now.saturating_duration_since(self.looked));
        // The first look comes before the first poll, and takes it for a very short one. Learning nothing from it was tried: a
        // worker woken for two ready sockets then woke a peer for the second, and an echo took a sixth longer.
        if self.polls > 0 {
            let mean = elapsed_ns / u64::from(self.polls);
            self.usual_poll_ns = (self.usual_poll_ns * 3 + mean.min(COARSE_POLL_MAX_NS)) / 4;
            // Up at once, down slowly: work that has just become coarse must spread now, and a few short polls
            // between long ones should not hide them.
            self.mean_poll_ns =
                if mean > self.mean_poll_ns { mean } else { (self.mean_poll_ns * 3 + mean) / 4 };
        }
        let fit = saturating_ns(LOOK_EVERY) / self.mean_poll_ns.max(1);
        self.polls_per_look = u32::try_from(fit).unwrap_or(POLLS_PER_LOOK_MAX).clamp(1, POLLS_PER_LOOK_MAX);
        self.polls = 0;
        self.looked = now;
        let duties = now.saturating_duration_since(self.duties) >= DUTIES_EVERY;
        if duties {
            self.duties = now;
        }
        Look { now, duties, mean_poll_ns: self.mean_poll_ns }
    }

    /// Begins anew after a sleep: nothing is known of the work to come, so that the first backlog is shared.
    pub(super) fn wake_up(&mut self) {
        *self = Self::new();
    }

    /// Whether `backlog` tasks are worth the price of waking a peer.
    #[inline]
    pub(super) fn worth_waking(&self, backlog: usize) -> bool {
        (backlog as u64).saturating_mul(self.mean_poll_ns) >= saturating_ns(WAKE_COST)
    }

    /// Begins anew, with polls that have taken so long.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn assume(&mut self, poll_ns: u64) {
        *self = Self { mean_poll_ns: poll_ns, usual_poll_ns: poll_ns, ..Self::new() };
    }

    /// Whether polls are coarse: what is known of them says so.
    pub(super) fn is_coarse(&self) -> bool {
        self.usual_poll_ns >= SHORT_POLL_NS
    }

    /// What a poll takes, as far as is known.
    pub(super) fn mean_poll_ns(&self) -> u64 {
        self.mean_poll_ns
    }

    /// How long the poll under way has lasted, at most.
    pub(super) fn poll_so_far(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.looked)
    }
}

/// Whether something that a worker may do before it sleeps has paid of late.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Times in a row that nothing came of it.
    vain: u32,
    /// Sleeps since then without trying.
    skipped: u32,
}

impl Patience {
    /// Asked before each sleep.
    #[inline]
    pub(super) fn is_to_try(&mut self) -> bool {
        if self.vain < VAIN_MAX {
            return true;
        }
        self.skipped += 1;
        if self.skipped < TRY_AGAIN {
            return false;
        }
        self.skipped = 0;
        true
    }

    /// Something came of it, or did not.
    pub(super) fn learn(&mut self, came: bool) {
        self.vain = if came { 0 } else { self.vain.saturating_add(1) };
    }
}

/// The mean poll assumed when nothing is known: as long as a wake-up costs, so that one waiting task is worth
/// it.
const UNKNOWN_POLL_NS: u64 = 10_000;

pub(super) fn saturating_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{POLLS_PER_LOOK_MAX, Pace, Patience, TRY_AGAIN, VAIN_MAX};

    #[test]
    fn short_polls_are_looked_at_rarely_and_long_ones_each_time() {
        let mut pace = Pace::new();
        for _ in 0..40 {
            while !pace.count() {}
            pace.look();
        }
        assert_eq!(pace.polls_per_look, POLLS_PER_LOOK_MAX);
        assert!(!pace.worth_waking(2), "two tiny tasks are not worth a wake-up");
        pace.mean_poll_ns = 1_000_000;
        assert!(pace.worth_waking(1), "one long task is");
        pace.wake_up();
        assert!(pace.worth_waking(1), "and so is one of unknown length");
        assert!(!pace.is_coarse(), "of which nobody knows that it is coarse");
    }

    #[test]
    fn what_is_in_vain_is_tried_seldom_until_something_comes_of_it() {
        let mut patience = Patience::default();
        for _ in 0..VAIN_MAX {
            assert!(patience.is_to_try());
            patience.learn(false);
        }
        for _ in 0..3 {
            for _ in 1..TRY_AGAIN {
                assert!(!patience.is_to_try());
            }
            assert!(patience.is_to_try(), "things may have changed");
            patience.learn(false);
        }
        patience.learn(true);
        for _ in 0..10 * VAIN_MAX {
            assert!(patience.is_to_try());
            patience.learn(true);
        }
    }
}
