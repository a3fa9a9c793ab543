//! What a pool thread does.
//!
//! States: waiting (in the channel), busy (a job or a hook runs), waking (the job is counted out, and whoever awaits it
//! is being woken). The thread counts as idle while it wakes: wakers return at once. One that does not, but runs the
//! task inside the wake, may submit to this very pool and wait for the job that counts on this thread. So a submit from
//! a waking thread first makes it busy again ([`about_to_submit`]).
//!
//! A stopping pool (closed, or nobody can submit any more) wants its threads gone as soon as no job counts on
//! them. They look when called, when they come back from a job, and every [`STOPPING_LOOK`]; a thread that leaves
//! calls the next, so that a call that reached one that could not leave yet is passed on in the end.

use crate::contain::contained;
use crate::context::{self, Current};
use crate::counters::Leave;
use crate::pool::{Core, Message, WeakPool};
use crate::registry::Member;
use filch_primitive::wake_contained;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

/// How soon a thread that could not leave looks again. It lasts from a claim to its send, or from a cancelled job to
/// the call that follows: microseconds, unless a submitter loses its processor in between.
const STOPPING_LOOK: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Elsewhere,
    Busy,
    Waking,
    /// Waking, and counted as a job again.
    WakingClaimed,
}

filch_primitive::thread_local! {
    /// Whose thread this is (the address of the [`Core`], as a name only) and what it does.
    static HERE: Cell<(usize, Phase)> = const { Cell::new((0, Phase::Elsewhere)) };
    static NAME: RefCell<Option<Arc<Member>>> = const { RefCell::new(None) };
}

fn address(core: &Core) -> usize {
    std::ptr::from_ref(core).addr()
}

/// Called before a job of `core` is counted in: a thread of that pool that is waking may not be counted on.
pub(crate) fn about_to_submit(core: &Core) {
    if HERE.get() == (address(core), Phase::Waking) {
        core.counters.claim_for_waking();
        HERE.set((address(core), Phase::WakingClaimed));
    }
}

/// Calls `f` with the name of this thread, if it is one of `core`'s.
pub(crate) fn with_name_on<R>(core: &Core, f: impl FnOnce(Option<&str>) -> R) -> R {
    let own = (HERE.get().0 == address(core))
        .then(|| NAME.try_with(|name| name.borrow().clone()).ok().flatten())
        .flatten();
    f(own.as_ref().map(|member| member.name.as_str()))
}

/// One pool thread.
pub(crate) struct Worker {
    core: Arc<Core>,
    member: Arc<Member>,
    pool: WeakPool,
}

impl Worker {
    pub(crate) fn new(core: Arc<Core>, member: Arc<Member>, pool: WeakPool) -> Self {
        Self { core, member, pool }
    }

    /// The thread's life.
    pub(crate) fn run(self) {
        self.core.pass_start();
        let _entered = context::enter_as(Current::Own(self.pool.clone()));
        let _ = NAME.try_with(|name| name.replace(Some(self.member.clone())));
        HERE.set((address(&self.core), Phase::Busy));
        self.member.set_busy(true);
        let mut served = false;
        let mut body = || {
            if !std::mem::replace(&mut served, true) {
                self.serve();
            }
        };
        if let Some(wrap) = &self.core.settings.wrap_thread {
            contained(|| wrap(&mut body));
        }
        // Jobs count on this thread, whatever became of the hook.
        body();
        HERE.set((0, Phase::Elsewhere));
        self.core.registry.strike_out(&self.member);
    }

    fn serve(&self) {
        let settings = &self.core.settings;
        if let Some(hook) = &settings.on_thread_start {
            contained(|| hook());
        }
        self.member.set_busy(false);
        loop {
            let stopping = self.core.counters.snapshot().is_stopping();
            if stopping && self.leave() {
                break;
            }
            let patience = if stopping { STOPPING_LOOK } else { settings.keep_alive };
            match self.core.messages.recv_timeout(patience) {
                Ok(Message::Run(job)) if self.core.counters.snapshot().is_closed() => self.core.cancel(job),
                Ok(Message::Run(job)) => {
                    self.member.set_busy(true);
                    if let Some(waker) = job.run_unwoken(&|| self.core.counters.finish()) {
                        self.wake(waker);
                    }
                    self.core.over();
                    self.member.set_busy(false);
                }
                Ok(Message::Look) => {}
                Err(_timeout) => {
                    if !stopping && self.leave() {
                        break;
                    }
                }
            }
        }
        self.member.set_busy(true);
        if let Some(hook) = &settings.on_thread_stop {
            contained(|| hook());
        }
    }

    fn wake(&self, waker: std::task::Waker) {
        HERE.set((address(&self.core), Phase::Waking));
        wake_contained(waker);
        if HERE.get().1 == Phase::WakingClaimed {
            self.core.counters.finish();
        }
        HERE.set((address(&self.core), Phase::Busy));
    }

    /// Counts the thread out, unless a job counts on it; whether it did.
    fn leave(&self) -> bool {
        let left = self.core.counters.leave() == Leave::Left;
        if left && self.core.counters.snapshot().is_stopping() {
            self.core.send(Message::Look);
        }
        left
    }
}
