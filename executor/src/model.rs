//! What the models of this crate have in common.

use std::io::Write;
use std::sync::Once;

/// Runs `scenario` under the model checker, in every interleaving with no more preemptions than the environment says.
///
/// A panic ends the process. The cell contains what a task throws, be it a failed assertion or what the checker has to
/// say about a race, so it would go unheard; and nothing can be relied on that runs after the checker has given up.
pub(crate) fn check(scenario: impl Fn() + Send + Sync + 'static) {
    check_beyond(0, scenario);
}

/// The same, with so many preemptions at least.
pub(crate) fn check_beyond(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    static ABORT: Once = Once::new();
    ABORT.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("a model");
            // Not by a macro, whose words the test harness would keep to itself.
            let _closed = writeln!(std::io::stderr(), "{name}: {panic}");
            std::process::abort();
        }));
    });
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = checker.preemption_bound.map(|bound| bound.max(preemptions));
    checker.check(scenario);
}
