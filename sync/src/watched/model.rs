//! Visits against those who join, come and are told: whoever lives gets through, and whoever waits in vain is dead.
//!
//! The model makes the visits, but only while the queue is entered: whoever forgets to mark it waits for ever.

use super::{Awaits, Visited, Watched};
use crate::{
    CapacityLimiter, CapacityToken, Lock, LockGuard, RwLock, RwLockWriteGuard, Semaphore, SemaphorePermit,
};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use std::task::Waker;

impl<S: Awaits> Watched<S> {
    /// A visit, if the watchman has an entry.
    pub(crate) fn visit_by_hand(&self) {
        if let Some(shared) = self.shared.get()
            && shared.queue.lock().entered
        {
            shared.visit();
        }
    }
}

/// What the models are about.
trait Turnstile: Sync + 'static {
    type Taken: Send + 'static;
    fn make() -> Self;
    fn visit_once(&self);
    /// Takes all there is.
    fn take(&'static self) -> Self::Taken;
    /// Waits, and gives back at once.
    fn wait(&'static self) -> impl Future<Output = ()>;
}

macro_rules! turnstile {
    ($name:ty, $taken:ty, $make:expr, $take:expr, $wait:ident) => {
        impl Turnstile for $name {
            type Taken = $taken;

            fn make() -> Self {
                $make
            }

            fn visit_once(&self) {
                self.visit_by_hand();
            }

            fn take(&'static self) -> Self::Taken {
                $take(self)
            }

            async fn wait(&'static self) {
                drop(self.$wait().await);
            }
        }
    };
}

turnstile!(
    Lock<()>,
    LockGuard<'static, ()>,
    Lock::new(()),
    |lock: &'static Self| lock.try_lock().unwrap(),
    lock
);
turnstile!(
    RwLock<()>,
    RwLockWriteGuard<'static, ()>,
    RwLock::new(()),
    |lock: &'static Self| lock.try_write().unwrap(),
    write
);
turnstile!(
    Semaphore,
    SemaphorePermit<'static>,
    Semaphore::new(1),
    |it: &'static Self| it.try_acquire().unwrap(),
    acquire
);
turnstile!(
    CapacityLimiter,
    CapacityToken<'static>,
    CapacityLimiter::new(1),
    |it: &'static Self| it.try_acquire().unwrap(),
    acquire
);

/// One that is dead stands before one that is polled when it is woken. The holder goes, and a visit is made, while the other
/// joins.
fn the_living_get_through<P: Turnstile>() {
    loom::model(|| {
        // For as long as the futures and guards: they go to another thread.
        let primitive: &'static P = Box::leak(Box::new(P::make()));
        let taken = primitive.take();
        let mut dead = Box::pin(primitive.wait());
        assert!(poll_once(&mut dead, Waker::noop()).is_pending(), "it is taken");
        let thread = thread::spawn(move || {
            drop(taken);
            primitive.visit_once();
        });
        let (bell, waker) = Bell::new();
        let mut living = Box::pin(primitive.wait());
        let mut done = poll_once(&mut living, &waker).is_ready();
        thread.join().unwrap();
        let mut heard = 0;
        // Two visits until somebody is late, and one for each of the two that may be asked; the same for what is kept then.
        for _ in 0..8 {
            if done {
                break;
            }
            if bell.rings() > heard {
                heard = bell.rings();
                done = poll_once(&mut living, &waker).is_ready();
            } else {
                primitive.visit_once();
            }
        }
        assert!(done, "it sleeps, and nobody has it");
        assert!(poll_once(&mut dead, Waker::noop()).is_ready(), "one that comes back is served");
    });
}

#[test]
fn loom_the_living_get_through_a_lock() {
    the_living_get_through::<Lock<()>>();
}

#[test]
fn loom_the_living_get_through_an_rwlock() {
    the_living_get_through::<RwLock<()>>();
}

#[test]
fn loom_the_living_get_through_a_semaphore() {
    the_living_get_through::<Semaphore>();
}

#[test]
fn loom_the_living_get_through_a_limiter() {
    the_living_get_through::<CapacityLimiter>();
}

#[test]
fn loom_canary_a_queue_that_is_not_marked() {
    assert_noticed("watched.mark.forgets", "watched::model::loom_the_living_get_through_an_rwlock");
}

#[test]
fn loom_canary_a_visit_that_asks_nobody() {
    assert_noticed("watched.visit.silent", "watched::model::loom_the_living_get_through_a_lock");
}

#[test]
fn loom_canary_a_waiter_that_does_not_look_whether_what_is_promised_is_overdue() {
    assert_noticed("rwlock.wait.overlooks", "watched::model::loom_the_living_get_through_an_rwlock");
}

#[test]
fn loom_canary_permits_kept_in_vain_that_nobody_takes_back() {
    assert_noticed("semaphore.wait.overlooks", "watched::model::loom_the_living_get_through_a_semaphore");
}
