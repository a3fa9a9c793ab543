//! The watchman of a model, in which no time passes.

use crate::watched::Visited;
use std::sync::Arc;

/// In shuttle's, every entry has a thread of its own that visits it whenever its turn comes, which is any time.
#[cfg(filch_shuttle)]
pub(crate) fn enter(entry: Arc<dyn Visited>) {
    use filch_primitive::thread;
    let _on_its_own = thread::spawn(move || {
        // Whoever is to come of his own accord goes first, where the schedule has a sense of that.
        thread::yield_now();
        while entry.visit() {
            thread::yield_now();
        }
    });
}

/// In loom's nobody is abandoned: whoever is woken comes. A model that is about visits makes them itself.
#[cfg(filch_loom)]
pub(crate) fn enter(entry: Arc<dyn Visited>) {
    drop(entry);
}
