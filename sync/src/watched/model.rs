//! Visits against those who join, come and are told: whoever lives gets through, and whoever waits in vain is dead.
//!
//! The model makes the visits, but only while the queue is entered: whoever forgets to mark it waits for ever.

use super::{Awaits, Visited, Watched};
use crate::channel::{self, Receiver, Sender};
use crate::queue::Queue;
use crate::{
    CapacityLimiter, CapacityToken, Lock, LockGuard, RwLock, RwLockWriteGuard, Semaphore, SemaphorePermit,
};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use std::sync::Arc;
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

/// Whether `living`, polled whenever it is woken and visited where it is not, is done after so many steps.
fn gets_through<F: Future + Unpin>(
    living: &mut F,
    bell: &Bell,
    waker: &Waker,
    steps: usize,
    visit: impl Fn(),
) -> bool {
    let mut heard = 0;
    (0..steps).any(|_| {
        if bell.rings() == heard {
            visit();
            return false;
        }
        heard = bell.rings();
        poll_once(living, waker).is_ready()
    })
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
        let at_once = poll_once(&mut living, &waker).is_ready();
        thread.join().unwrap();
        // Two visits until somebody is late, and one for each of the two that may be asked; the same for what is kept then.
        let done = at_once || gets_through(&mut living, &bell, &waker, 8, || primitive.visit_once());
        assert!(done, "it sleeps, and nobody has it");
        assert!(poll_once(&mut dead, Waker::noop()).is_ready(), "one that comes back is served");
    });
}

/// What the lines of channels and queues are modelled by: something is put where one that is dead was told of it, while another
/// joins and a visit is made.
trait Store: Clone + Send + 'static {
    fn make() -> Self;
    fn visit_once(&self);
    fn put(&self);
    fn get(self) -> impl Future<Output = ()>;
}

impl Store for (Sender<u8>, Receiver<u8>) {
    fn make() -> Self {
        channel::unbounded()
    }

    fn visit_once(&self) {
        self.1.visit_by_hand();
    }

    fn put(&self) {
        self.0.try_send(1).unwrap();
    }

    async fn get(self) {
        self.1.recv().await.unwrap();
    }
}

impl Store for Arc<Queue<u8>> {
    fn make() -> Self {
        Self::new(Queue::unbounded())
    }

    fn visit_once(&self) {
        Queue::visit_by_hand(self);
    }

    fn put(&self) {
        self.try_put(1).unwrap();
    }

    async fn get(self) {
        Queue::get(&self).await.unwrap();
    }
}

fn the_living_get_what_lies_there<P: Store>() {
    loom::model(|| {
        let store = P::make();
        let mut dead = Box::pin(store.clone().get());
        assert!(poll_once(&mut dead, Waker::noop()).is_pending(), "there is nothing");
        let other = store.clone();
        let thread = thread::spawn(move || {
            other.put();
            other.visit_once();
        });
        let (bell, waker) = Bell::new();
        let mut living = Box::pin(store.clone().get());
        let at_once = poll_once(&mut living, &waker).is_ready();
        thread.join().unwrap();
        let done = at_once || gets_through(&mut living, &bell, &waker, 5, || store.visit_once());
        assert!(done, "it sleeps beside what it waits for");
        store.put();
        assert!(poll_once(&mut dead, Waker::noop()).is_ready(), "one that comes back is served");
    });
}

#[test]
fn loom_the_living_get_what_lies_in_a_channel() {
    the_living_get_what_lies_there::<(Sender<u8>, Receiver<u8>)>();
}

#[test]
fn loom_the_living_get_what_lies_in_a_queue() {
    the_living_get_what_lies_there::<Arc<Queue<u8>>>();
}

#[test]
fn loom_canary_a_telling_in_a_channel_that_nobody_notes() {
    assert_noticed("channel.note.forgets", "watched::model::loom_the_living_get_what_lies_in_a_channel");
}

#[test]
fn loom_canary_a_telling_in_a_queue_that_nobody_notes() {
    assert_noticed("line.note.forgets", "watched::model::loom_the_living_get_what_lies_in_a_queue");
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
