//! The end of a panic that must not go on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs user code; a panic of it ends here. The panic hook has printed it by then.
///
/// For the places where an unwinding would lose what others wait for.
#[inline]
pub fn contained(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        discard(payload);
    }
}

/// Drops what a panic was thrown with.
///
/// It is a user's value: its destructor may panic as well, and then so may that of what this one throws, and so on. The
/// last is leaked: that is the one way to be done.
#[cold]
pub fn discard(mut payload: Box<dyn Any + Send>) {
    for _ in 0..GENERATIONS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}

/// How many payloads are dropped before one is leaked. One that throws a word when dropped is a mistake somebody may make,
/// a second is art.
const GENERATIONS: usize = 4;

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{GENERATIONS, contained};
    use std::panic::panic_any;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Throws another of its kind when dropped, as often as it says.
    struct Bomb(usize, Arc<AtomicUsize>);

    impl Drop for Bomb {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            if self.0 > 0 {
                panic_any(Bomb(self.0 - 1, self.1.clone()));
            }
        }
    }

    #[test]
    fn payloads_are_dropped_even_if_that_panics() {
        for more in 0..GENERATIONS {
            let drops = Arc::new(AtomicUsize::new(0));
            contained(|| panic_any(Bomb(more, drops.clone())));
            assert_eq!(drops.load(Ordering::Relaxed), more + 1);
            assert_eq!(Arc::strong_count(&drops), 1, "none is leaked");
        }
    }

    #[test]
    fn payloads_without_end_end() {
        static DROPS: AtomicUsize = AtomicUsize::new(0);

        /// Of no size: to leak one costs nothing.
        struct Endless;

        impl Drop for Endless {
            fn drop(&mut self) {
                DROPS.fetch_add(1, Ordering::Relaxed);
                panic_any(Endless);
            }
        }

        contained(|| panic_any(Endless));
        assert_eq!(DROPS.load(Ordering::Relaxed), GENERATIONS);
    }
}
