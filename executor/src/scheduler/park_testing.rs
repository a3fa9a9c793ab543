//! What parks for tests have in common.

use super::Entered;

/// A guard of a context that is none.
pub(super) struct Nothing;

impl Entered for Nothing {}

/// All of a [`Park`](super::Park) but its sleep, where there are neither timers nor descriptors, no pool and no clock: what a test's
/// own has not to say.
macro_rules! sleeps_and_nothing_else {
    () => {
        fn enter_outside(&self) -> Box<dyn crate::scheduler::Entered> {
            Box::new(crate::scheduler::park_testing::Nothing)
        }

        fn left(&self, _: usize) {}

        fn counts(&self) -> bool {
            false
        }

        fn plainly(&self, _: bool) {}

        fn let_time_pass(&self, _: &dyn Fn() -> bool) -> bool {
            false
        }

        fn job_counts(&self, _: bool) {}

        fn lend(&self, _: usize, _: bool) {}

        fn await_unpark(&self, slot: usize) {
            while !self.park(slot, None, &|| false) {}
        }

        fn offload(
            &self,
            task: crate::task::Runnable,
        ) -> Result<(), (crate::task::Runnable, std::io::Error)> {
            Err((task, std::io::Error::other("there is no pool here")))
        }

        fn look_in(&self, _: usize, _: std::time::Instant) {}

        fn look_in_for_others(&self, _: std::time::Instant) -> usize {
            0
        }

        fn stand_in(&self, _: std::time::Instant) {}

        fn is_overdue(&self, _: std::time::Instant) -> bool {
            false
        }

        fn is_unattended(&self) -> bool {
            false
        }

        fn is_poller(&self, _: usize) -> bool {
            false
        }

        fn shutdown(&self) {}
    };
}

pub(super) use sleeps_and_nothing_else;
