//! Whether the next wait of a selector will end by itself: many notifications before a wait sees them are one.

use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicBool, Ordering};

/// Raised by who notifies, lowered by whose wait ended.
#[derive(Debug)]
pub(crate) struct Notice(AtomicBool);

impl Notice {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Whether it is for the caller to ring.
    #[inline]
    pub(crate) fn raise(&self) -> bool {
        // Ordering: Release, paired with the Acquire half of the exchange in `lower`: what the notifier did before is
        // seen by the thread whose wait ends. Acquire, its mirror image, keeps the ringing behind a lowering.
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// The caller could not ring: nobody was told, so nothing is pending, and the next notifier tries again.
    pub(crate) fn retract(&self) {
        // Ordering: Release, as above, for the notifier that exchanges it next.
        self.0.store(false, Ordering::Release);
    }

    /// A ring was heard.
    #[inline]
    pub(crate) fn lower(&self) {
        if mutant::planted("reactor.notice.stays") {
            return;
        }
        // Ordering: Acquire, paired with the Release half in `raise`; Release, its mirror image. An exchange and not a
        // store, so that it reads the last notifier's.
        let both = mutant::ordering("reactor.notice.order", Ordering::AcqRel, Ordering::Relaxed);
        self.0.swap(false, both);
    }
}
