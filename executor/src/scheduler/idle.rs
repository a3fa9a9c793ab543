//! Who sleeps, and who is looking for work.
//!
//! One bit per slot says that its thread sleeps, or is about to; one counter says whether a searcher is under
//! way. At most one thread searches on behalf of all: a burst of wake-ups then costs one futex call, and the
//! searcher that finds work calls the next.
//!
//! # Submitting work where no running owner will look
//!
//! 1. Publish the task (an inbox, the injector).
//! 2. `fence(SeqCst)`.
//! 3. Look for a searcher. If there is none, claim a sleeper and unpark it.
//!
//! # Going to sleep
//!
//! 1. Give up searching.
//! 2. Set the own bit ([`Idle::mark`]).
//! 3. `fence(SeqCst)`.
//! 4. Look at everything others may have published. Found something: skip the next step.
//! 5. Block.
//! 6. Take the own bit back ([`Idle::claim`]). If it is gone, somebody has claimed this thread and its notice
//!    is on the way: wait for that, and take the searcher's token if it came along.
//!
//! # Why it is right
//!
//! One of the two fences comes first. If the submitter's does, the sleeper's look (4) sees the task. If the
//! sleeper's does, the submitter (3) sees no searcher and the bit set, claims it and unparks.
//!
//! A searcher that stops with work found gives the token back, then a fence, then looks whether anything else
//! was published: the submitter of that saw the token taken and left it to the searcher.
//!
//! A bit is cleared by exactly one thread, and who clears it either is the sleeper or owes it a notice: there
//! is one way to unpark, so the set and the notices cannot drift apart.
//!
//! Work that a running thread puts in its own queue needs no fence: its owner looks again after each poll.
//!
//! Rejected: a counter of sleepers beside a list under a lock (two places that must agree), and waking per
//! task.
//!
//! # Lingering
//!
//! A sleep and the wake-up that ends it cost both sides more than a short wait. So a worker that has found nothing, and holds
//! the searcher's token, looks on for as long as a wake-up costs before it goes to sleep (Karlin et al., "Empirical studies of
//! competitive spinning", 1991: at most twice the cost of whichever would have been right). It says so here, which is a hint
//! for submitters where to put their tasks; having the token is what keeps them from waking another.

use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

/// The set of sleepers and the searcher's token.
#[derive(Debug)]
pub(super) struct Idle {
    parked: Box<[AtomicU64]>,
    /// Whose slot somebody sits in.
    seated: Box<[AtomicU64]>,
    searching: AtomicUsize,
    /// The slot whose thread lingers, plus one.
    lingering: AtomicUsize,
}

impl Idle {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            parked: (0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            seated: (0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            searching: AtomicUsize::new(0),
            lingering: AtomicUsize::new(0),
        }
    }

    /// Says that `slot` is about to sleep. A `SeqCst` fence follows inside.
    pub(super) fn mark(&self, slot: usize) {
        let (word, bit) = place(slot);
        // Ordering: Relaxed; the fence below orders it before the look that follows, see the module's proof.
        self.parked[word].fetch_or(bit, Ordering::Relaxed);
        fence(mutant::ordering("idle.mark.fence", Ordering::SeqCst, Ordering::AcqRel));
    }

    /// Takes `slot`'s bit back. True for exactly one caller per [`mark`](Self::mark): that caller owes the
    /// sleeper a notice, unless it is the sleeper.
    pub(super) fn claim(&self, slot: usize) -> bool {
        let (word, bit) = place(slot);
        // Ordering: Acquire and Release so that claims of one bit form a chain; the notice itself carries the
        // data.
        self.parked[word].fetch_and(!bit, Ordering::AcqRel) & bit != 0
    }

    #[inline]
    pub(super) fn is_parked(&self, slot: usize) -> bool {
        let (word, bit) = place(slot);
        // Ordering: Relaxed, a hint; `claim` decides.
        self.parked[word].load(Ordering::Relaxed) & bit != 0
    }

    /// Whether anybody sleeps.
    #[inline]
    pub(super) fn any_parked(&self) -> bool {
        // Ordering: Relaxed, a hint; where it decides about a wake-up, a fence stands before it.
        self.parked.iter().any(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// The sleepers, the lowest slot first, as they were when each word was read.
    pub(super) fn sleepers(&self) -> impl Iterator<Item = usize> + '_ {
        // Ordering: Relaxed, a hint; `claim` decides.
        self.parked.iter().enumerate().flat_map(|(index, word)| places(index, word.load(Ordering::Relaxed)))
    }

    /// Somebody has sat down in `slot`, or has left it.
    pub(super) fn set_seated(&self, slot: usize, seated: bool) {
        let (word, bit) = place(slot);
        // Ordering: Relaxed, a hint to thieves.
        if seated {
            self.seated[word].fetch_or(bit, Ordering::Relaxed);
        } else {
            self.seated[word].fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// The slots in which somebody sits, the only ones from which there may be something to take: from sleepers' too, for
    /// whom they wake as they wake may block them.
    #[inline]
    pub(super) fn seated(&self) -> impl Iterator<Item = usize> + '_ {
        // Ordering: Relaxed, a hint.
        self.seated.iter().enumerate().flat_map(|(index, word)| places(index, word.load(Ordering::Relaxed)))
    }

    /// Whether a searcher is under way.
    #[inline]
    pub(super) fn is_searching(&self) -> bool {
        // Ordering: Relaxed; behind a fence where it decides, a hint elsewhere.
        self.searching.load(Ordering::Relaxed) != 0
    }

    /// How many of the first `slots` sleep.
    pub(super) fn sleeping(&self, slots: usize) -> usize {
        self.sleepers().take_while(|&slot| slot < slots).count()
    }

    /// Says that the searcher, in `slot`, lingers, or that it does not any more.
    pub(super) fn set_lingering(&self, slot: Option<usize>) {
        // Ordering: Relaxed, a hint.
        self.lingering.store(slot.map_or(0, |slot| slot + 1), Ordering::Relaxed);
    }

    /// The slot of the searcher that lingers.
    #[inline]
    pub(super) fn lingerer(&self) -> Option<usize> {
        // Ordering: Relaxed, a hint.
        self.lingering.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Becomes the searcher, if there is none.
    pub(super) fn try_start_search(&self) -> bool {
        // Ordering: Relaxed; the token carries no data.
        self.searching.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Gives the token back. Who leaves without work marks itself parked next, and who leaves with work looks
    /// whether there is more: both behind a fence.
    pub(super) fn end_search(&self) {
        // Ordering: Relaxed; the fence that follows at both callers orders it.
        let before = self.searching.swap(0, Ordering::Relaxed);
        debug_assert_eq!(before, 1, "only the searcher ends the search");
    }
}

/// The slots whose bits are set in the word at `index`.
#[inline]
fn places(index: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 64).then_some(index * 64 + bit as usize)
    })
}

fn place(slot: usize) -> (usize, u64) {
    (slot / 64, 1 << (slot % 64))
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::Idle;

    #[test]
    fn a_bit_is_claimed_once() {
        let idle = Idle::new(130);
        for slot in [0, 63, 64, 129] {
            assert!(!idle.claim(slot));
            idle.mark(slot);
            assert!(idle.is_parked(slot));
        }
        assert_eq!(idle.sleepers().collect::<Vec<_>>(), [0, 63, 64, 129]);
        assert!(idle.claim(64));
        assert!(!idle.claim(64));
        assert_eq!(idle.sleepers().collect::<Vec<_>>(), [0, 63, 129]);
    }

    #[test]
    fn whoever_sits_is_seated_asleep_or_not() {
        let idle = Idle::new(130);
        for slot in [0, 63, 64, 129] {
            idle.set_seated(slot, true);
        }
        idle.mark(63);
        // Nobody sits there.
        idle.mark(65);
        assert_eq!(idle.seated().collect::<Vec<_>>(), [0, 63, 64, 129]);
        idle.set_seated(0, false);
        assert_eq!(idle.seated().collect::<Vec<_>>(), [63, 64, 129]);
    }

    #[test]
    fn whoever_lingers_is_named_until_it_does_not() {
        let idle = Idle::new(130);
        assert_eq!(idle.lingerer(), None);
        for slot in [0, 129] {
            idle.set_lingering(Some(slot));
            assert_eq!(idle.lingerer(), Some(slot));
        }
        idle.set_lingering(None);
        assert_eq!(idle.lingerer(), None);
    }

    #[test]
    fn there_is_one_searcher() {
        let idle = Idle::new(2);
        assert!(idle.try_start_search());
        assert!(!idle.try_start_search());
        idle.end_search();
        assert!(idle.try_start_search());
    }
}
