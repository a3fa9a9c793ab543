//! The process-wide timer, for threads that have none of their own.
//!
//! It is made with the first sleep that needs it, together with a thread named `filch-timer` that drives it: it
//! parks until the next deadline, or for good while there is none. Every registration that becomes the earliest
//! unparks it; the token that `unpark` leaves makes the next `park` return, so a registration between its look and
//! its park is not missed.
//!
//! Should the thread not start, for want of threads, the next registration tries again. Whoever asked meanwhile is
//! woken at once and so polls until either succeeds: that is dear, but no deadline is lost and nobody panics.

use crate::timer::Timer;

pub(crate) use imp::timer;

#[cfg(not(filch_loom))]
mod imp {
    use super::Timer;
    use crate::clock::Clock;
    use crate::context::enter;
    use filch_primitive::sync::{OnceLock, StaticMutex};
    use filch_primitive::thread::{self, Builder, Thread};
    use std::convert::Infallible;
    use std::sync::Arc;

    static TIMER: OnceLock<Timer> = OnceLock::new();
    static STARTING: StaticMutex<()> = StaticMutex::new(());

    /// The process-wide timer, driven. `None` if its thread could not be started.
    #[inline]
    pub(crate) fn timer() -> Option<&'static Timer> {
        match TIMER.get() {
            Some(timer) => Some(timer),
            None => start(),
        }
    }

    #[cold]
    fn start() -> Option<&'static Timer> {
        let _one_at_a_time = STARTING.lock();
        if let Some(timer) = TIMER.get() {
            return Some(timer);
        }
        let driver = Arc::new(OnceLock::<Thread>::new());
        let asleep = driver.clone();
        let timer = Timer::with_notify(Clock::real(), move || {
            if let Some(thread) = asleep.get() {
                thread.unpark();
            }
        });
        let driven = timer.clone();
        let run = move || match drive(&driven) {};
        let started = Builder::new().name("filch-timer".into()).spawn(run).ok()?;
        // Set before anybody can register, so that `notify` always finds the thread.
        let _ = driver.set(started.thread().clone());
        Some(TIMER.get_or_init(|| timer))
    }

    fn drive(timer: &Timer) -> Infallible {
        let _context = enter(timer, true);
        loop {
            timer.turn(timer.clock().now());
            // Read again: the wakers may have taken their time.
            match timer.time_to_next(timer.clock().now()) {
                None => thread::park(),
                Some(wait) if wait.is_zero() => {}
                Some(wait) => thread::park_timeout(wait),
            }
        }
    }
}

/// Models bring their own timers: a thread that never ends is none the model checker could explore.
#[cfg(filch_loom)]
mod imp {
    use super::Timer;

    pub(crate) fn timer() -> Option<&'static Timer> {
        None
    }
}
