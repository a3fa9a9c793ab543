//! The end of a test that hangs.

use crate::hindrance::Hindrance;
use crate::wait::SLOWNESS;
use crate::{child, process};
use filch::Handle;
use std::io::Write;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Ends the process when it has lived for too long, not counting what threads of it waited for a processor,
/// after telling what every thread is doing. Dropping it calls it off.
///
/// A thread of its own does that, so it works however the test hangs. While the test waits for a [`child`], whose own watchdog can
/// tell more, that one goes first.
#[must_use = "the watchdog is called off when it is dropped"]
pub struct Watchdog {
    watched: Arc<Mutex<Vec<(String, Handle)>>>,
    /// Dropping it tells the thread.
    _call_off: Sender<()>,
}

impl Watchdog {
    /// Watches the test that calls it.
    ///
    /// # Panics
    /// When the operating system gives no thread.
    pub fn new(limit: Duration) -> Self {
        let limit = limit * SLOWNESS;
        let test = thread::current().name().unwrap_or("unnamed").to_owned();
        let watched = Arc::<Mutex<Vec<(String, Handle)>>>::default();
        let (call_off, called_off) = mpsc::channel();
        let seen = watched.clone();
        let watch = move || {
            let mut hindrance = Hindrance::watch();
            let mut left = limit;
            let mut child_may_speak = true;
            while called_off.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                left = hindrance.look();
                if left >= limit / 20 {
                    continue;
                }
                if std::mem::take(&mut child_may_speak) && !child::under_way().is_empty() {
                    left = limit / 10;
                    continue;
                }
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                dump(&format!("watchdog: '{test}' has not ended within {limit:?}"), &seen);
                std::process::abort();
            }
        };
        thread::Builder::new().name("watchdog".to_owned()).spawn(watch).expect("the watchdog has a thread");
        Self { watched, _call_off: call_off }
    }

    /// Half a minute, enough for all tests but the long ones, on a machine that has other things to do.
    pub fn usual() -> Self {
        Self::new(Duration::from_secs(30))
    }

    /// Tells what this runtime has counted, too, should it come to that.
    pub fn watch(&self, name: &str, runtime: &Handle) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push((name.to_owned(), runtime.clone()));
    }
}

/// Tells what is wrong, and what every thread does. Written with one call: the lines of tests that run beside
/// this one must not come between.
pub(crate) fn dump(what: &str, watched: &[(String, Handle)]) {
    let mut text = format!("\n{what}\n");
    for (name, runtime) in watched {
        text += &format!("runtime '{name}': {runtime:?}\n  {:?}\n", runtime.metrics());
    }
    for thread in process::threads() {
        text += &format!("  {thread}\n");
    }
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
