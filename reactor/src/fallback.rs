//! The process-wide default reactor, for threads without one.
//!
//! It starts with the first descriptor that needs it, together with its own thread, which does nothing but wait and wake.
//! A start that fails (no descriptors left, no thread) is the registering caller's error, and is tried anew by the next.

use crate::reactor::{Reactor, Shared};
use filch_primitive::sync::{Arc, OnceLock, StaticMutex};
use filch_primitive::thread;
use std::io;
use std::time::Duration;

static REACTOR: OnceLock<Reactor> = OnceLock::new();
static STARTING: StaticMutex<()> = StaticMutex::new(());

/// The default reactor, running.
pub(crate) fn reactor() -> io::Result<Arc<Shared>> {
    if let Some(reactor) = REACTOR.get() {
        return Ok(reactor.shared().clone());
    }
    let _starting = STARTING.lock();
    if let Some(reactor) = REACTOR.get() {
        return Ok(reactor.shared().clone());
    }
    let reactor = Reactor::new()?;
    let mine = reactor.clone();
    thread::Builder::new().name("filch-reactor".to_owned()).spawn(move || run(&mine))?;
    Ok(REACTOR.get_or_init(|| reactor).shared().clone())
}

/// How long to leave the system alone after it refused to wait. A guess: short for those who wait for their events,
/// long for a processor.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(1);

fn run(reactor: &Reactor) {
    loop {
        // Nobody else takes this reactor's turn. What the kernel refuses now (out of memory for a moment) it may grant
        // later; a refusal for good (somebody closed the descriptor) must not become a spin.
        if reactor.try_turn().is_none_or(|turn| turn.wait(None, usize::MAX).is_err()) {
            thread::park_timeout(PAUSE_AFTER_REFUSAL);
        }
    }
}
