//! By what a scheduler counts a thread that works for it, for a virtual clock that must not move while something can run.
//!
//! | the thread is | counted by |
//! |---|---|
//! | in a slot | the slot ([`Park::enter`](super::park::Park::enter)) |
//! | in a job of the blocking pool | the pool |
//! | in a plain wait, or stands in for others | [`Park::plainly`](super::park::Park::plainly) |
//!
//! Calls of `block_on` nest, also those of several schedulers: a task blocks, and so does the future that it blocks on. Then
//! one thread works for each scheduler on its stack ([`context`]). Two rules keep it from being awake in one count when it
//! sleeps in another, which would hold the clock for ever:
//! - Each scheduler counts a thread once, by what is innermost.
//! - A thread that waits plainly is counted plainly by all on its stack, in place of what counted it before: asleep it can run
//!   for none of them, and whoever rouses it lets it run for all.
//!
//! A guest is counted by its slot alone. So who is counted by one scheduler, in a job or a plain wait, is no guest of another.
//!
//! # Changing from one count to another
//! 1. Be counted by the new one. 2. Leave the old one.
//!
//! Back again: 3. be counted by the old one, and be seen to have changed, as one that was woken is. 4. Leave the new one.
//!
//! Whoever asks whether all is at rest looks at plain waits and jobs, then at slots, then at the former once more. Where it has found
//! the thread in none of them, the thread has been through the third step meanwhile, and its change is found.

use super::context::{self, Context};
use super::shared::{self, Shared};
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};

/// What counts a thread on behalf of a [`Context`], beside its seat.
pub(super) enum Standing {
    Nothing,
    /// The pool, while a job is under way.
    Job,
    /// All of these, plainly.
    Plain(Vec<Weak<Shared>>),
}

/// While it lives, the thread is counted plainly by all schedulers it works for, and awake but for [`Plain`](super::plain::Plain).
pub(super) struct Awake {
    counts: Vec<Arc<Shared>>,
    /// Those that counted it in another way before.
    changed: Vec<(Arc<Shared>, Before)>,
}

/// What counted the thread before.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Slot(usize),
    Job,
}

impl Awake {
    /// The thread begins to wait, or to work, for `shared` without a slot.
    fn begin(shared: &Arc<Shared>) -> Self {
        let mut awake = Self { counts: Vec::new(), changed: Vec::new() };
        context::walk(|context| {
            let before = match (&context.seat, &context.standing) {
                (_, Standing::Plain(counts)) => {
                    // And all that are below.
                    counts.iter().filter_map(shared::upgrade).for_each(|shared| awake.join(shared));
                    return ControlFlow::Break(());
                }
                (Some(seat), _) => Before::Slot(seat.index()),
                (None, Standing::Job) => Before::Job,
                (None, Standing::Nothing) => return ControlFlow::Continue(()),
            };
            awake.change(&context.shared, before);
            ControlFlow::Continue(())
        });
        awake.change(shared, Before::Nothing);
        awake
    }

    /// `shared` counts it plainly already.
    fn join(&mut self, shared: Arc<Shared>) {
        if !self.is_counted_by(&shared) {
            self.counts.push(shared);
        }
    }

    fn change(&mut self, shared: &Arc<Shared>, before: Before) {
        if !shared.park.counts() || self.is_counted_by(shared) {
            return;
        }
        shared.park.plainly(true);
        before.leave(shared);
        self.counts.push(shared.clone());
        self.changed.push((shared.clone(), before));
    }

    fn is_counted_by(&self, shared: &Arc<Shared>) -> bool {
        self.counts.iter().any(|known| Arc::ptr_eq(known, shared))
    }

    /// Those that count the thread.
    pub(super) fn counts(&self) -> Vec<Weak<Shared>> {
        self.counts.iter().map(Arc::downgrade).collect()
    }

    /// The thread falls asleep, or takes that back.
    pub(super) fn plainly(&self, awake: bool) {
        self.counts.iter().for_each(|shared| shared.park.plainly(awake));
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for (shared, before) in self.changed.drain(..).rev() {
            before.come_back(&shared);
            shared.park.plainly(false);
        }
    }
}

impl Before {
    fn leave(self, shared: &Shared) {
        match self {
            Self::Nothing => {}
            Self::Slot(slot) => shared.park.lend(slot, true),
            Self::Job => shared.park.job_counts(false),
        }
    }

    fn come_back(self, shared: &Shared) {
        match self {
            Self::Nothing => {}
            Self::Slot(slot) => shared.park.lend(slot, false),
            Self::Job => shared.park.job_counts(true),
        }
    }
}

/// While it lives, the slot in which the thread sits counts in place of what did before.
pub(super) struct Seated<'a>(&'a Shared, By);

enum By {
    Job,
    Plain,
}

impl<'a> Seated<'a> {
    /// The thread has sat down in a slot of `shared`. `None` when nothing of it counted the thread before.
    pub(super) fn in_slot_of(shared: &'a Shared) -> Option<Self> {
        if !shared.park.counts() {
            return None;
        }
        let mut before = None;
        context::walk(|context| {
            before = match &context.standing {
                Standing::Job if std::ptr::eq(&*context.shared, shared) => Some(By::Job),
                Standing::Plain(counts)
                    if counts.iter().any(|known| std::ptr::eq(known.as_ptr(), shared)) =>
                {
                    Some(By::Plain)
                }
                _ => return ControlFlow::Continue(()),
            };
            ControlFlow::Break(())
        });
        let before = before?;
        match before {
            By::Job => shared.park.job_counts(false),
            By::Plain => shared.park.plainly(false),
        }
        Some(Self(shared, before))
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        match self.1 {
            By::Job => self.0.park.job_counts(true),
            By::Plain => self.0.park.plainly(true),
        }
    }
}

/// Whether a scheduler other than `shared` counts the calling thread: then it is no guest of that.
pub(super) fn is_counted_beside(shared: &Shared) -> bool {
    let mut beside = false;
    context::walk(|context| {
        beside |= match &context.standing {
            Standing::Nothing => false,
            Standing::Job => !std::ptr::eq(&*context.shared, shared) && context.shared.park.counts(),
            Standing::Plain(counts) => counts.iter().any(|known| !std::ptr::eq(known.as_ptr(), shared)),
        };
        ControlFlow::Continue(())
    });
    beside
}

/// Runs `f` on a thread that works for `shared` without a slot, and is counted so.
pub(super) fn plainly<R>(shared: &Arc<Shared>, f: impl FnOnce(&Awake) -> R) -> R {
    let awake = Awake::begin(shared);
    let context = Context::standing(shared.clone(), Standing::Plain(awake.counts()));
    let _entered = shared.park.enter_outside();
    context::enter(&context, |_| f(&awake))
}
