//! Tasks that are not `Send`: pinned to the thread that spawned them.
//!
//! Each thread that spawns such tasks has a [`LocalSet`] of its own, whatever runtime it works for. Its tasks
//! run when the thread does: a worker between other tasks, any thread inside `block_on`. Wakes from the same
//! thread go to a plain queue; wakes from others to an [`Inbox`], and whoever finds it empty unparks the thread.
//!
//! Where the thread waits ([`Home`]) changes as calls of `block_on` nest, so each one puts back, when it leaves,
//! what it found ([`Settled`]). A wake that still reads the inner place comes first in the order of the home's
//! lock, and so does its push: the outer place, which looks into the inbox before it sleeps, sees it.
//!
//! Why it is sound: the right to poll ([`Runnable`]) of a local task only ever reaches the set's queue and
//! inbox, and only the set's thread takes from them. When the thread dies, the set's destructor drops what is
//! left there, and waits for run rights that other threads are just about to send; after that every task is
//! complete, so that no run right is ever made again.

use super::inbox::{Inbox, Pushed};
use super::plain::Plain;
use super::shared::{self, Shared};
use crate::task::{Heap, JoinHandle, Meta, Owned, Ran, Runnable, Schedule};
use filch_primitive::mutant;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{Ordering, fence};
use filch_primitive::thread;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

/// The local tasks of one thread. Dropped with the thread, it aborts them there.
struct LocalSet {
    queue: RefCell<VecDeque<Runnable>>,
    sent: Arc<Sent>,
    heap: Heap<Sent>,
    _owned: Owned,
}

/// What other threads see of a set.
struct Sent {
    inbox: Inbox,
    home: Mutex<Home>,
}

/// Where the set's thread waits.
#[derive(Clone)]
enum Home {
    /// Nowhere: it is not inside a runtime just now.
    Away,
    /// In a slot of a scheduler.
    Seat(Weak<Shared>, usize),
    /// In a plain `park`.
    Thread(Arc<Plain>),
}

/// While it lives, the thread waits in one place; then in the one before, if any.
pub(super) struct Settled {
    /// Only `None` while being dropped.
    outer: Option<Home>,
    on_this_thread: PhantomData<*const ()>,
}

filch_primitive::thread_local! {
    /// Whether the set exists: asked on each turn of a worker, most of which have none.
    static EXISTS: Cell<bool> = const { Cell::new(false) };
    /// Local tasks being polled further up the stack.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    /// Where this thread waits, whether or not the set exists yet.
    static HOME: RefCell<Home> = const { RefCell::new(Home::Away) };
    static SET: LocalSet = LocalSet::new();
}

impl LocalSet {
    #[allow(unsafe_code, reason = "claims the set's heap for this thread")]
    fn new() -> Self {
        let sent = Arc::new(Sent { inbox: Inbox::new(), home: Mutex::new(Home::Away) });
        let heap = Heap::new(Arc::downgrade(&sent));
        // SAFETY: the heap is this thread's alone and the guard is the only one: the set stays in the
        // thread-local it is made in.
        let owned = unsafe { heap.own() };
        EXISTS.set(true);
        Self { queue: RefCell::default(), sent, heap, _owned: owned }
    }

    fn next(&self) -> Option<Runnable> {
        let next = self.queue.borrow_mut().pop_front();
        next.or_else(|| {
            let mut chain = self.sent.inbox.take();
            let first = chain.next();
            self.queue.borrow_mut().extend(chain);
            first
        })
    }

    /// Aborts every task, here, on the thread that may drop them. One that is running stays: the process exits in it.
    fn abort_all(&self) {
        loop {
            let mut idle = Vec::new();
            let unfinished = self.heap.cancel_all(|task| idle.push(task));
            if unfinished == 0 {
                return;
            }
            let mut dropped = !idle.is_empty();
            drop(idle);
            while let Some(task) = self.next() {
                drop(task);
                dropped = true;
            }
            if !dropped && RUNNING.get() > 0 {
                return;
            }
            if !dropped {
                // Another thread has woken a task and has yet to send it. Were it left to the inbox alone, whoever
                // lets go of that last would drop the future, on whatever thread that is.
                thread::yield_now();
            }
        }
    }

    /// Whether every task is complete.
    fn is_empty(&self) -> bool {
        let mut unfinished = 0;
        self.heap.for_each(|_| unfinished += 1);
        unfinished == 0
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        EXISTS.set(false);
        self.abort_all();
    }
}

impl Schedule for Sent {
    fn schedule(target: &Weak<Self>, task: Runnable) {
        let mut task = Some(task);
        // The thread-local is asked for only where it exists already: making it here would be for nothing, and
        // it may be gone.
        if EXISTS.get() {
            let _gone = SET.try_with(|set| {
                if std::ptr::eq(Arc::as_ptr(&set.sent), target.as_ptr()) {
                    set.queue.borrow_mut().extend(task.take());
                }
            });
        }
        let Some(task) = task else { return };
        match target.upgrade() {
            Some(sent) => sent.send(task),
            // The thread is gone and its set has aborted what was there. What comes later may not be dropped
            // here.
            None => task.forget(),
        }
    }
}

impl Sent {
    fn send(&self, task: Runnable) {
        if self.inbox.push(task) == Pushed::Behind || mutant::planted("local.send.silent") {
            return;
        }
        // Ordering: SeqCst, paired with the fence in `Idle::mark`, or with the exchange of the plain waiter's
        // flag: either the thread's last look before sleeping sees the task, or it is seen asleep here.
        fence(Ordering::SeqCst);
        let home = self.home.lock();
        match &*home {
            Home::Away => {}
            Home::Seat(shared, slot) => {
                if let Some(shared) = shared::upgrade(shared) {
                    let slot = *slot;
                    drop(home);
                    shared.unpark_if_parked(slot);
                }
            }
            Home::Thread(plain) => {
                let plain = plain.clone();
                drop(home);
                plain.call();
            }
        }
    }
}

/// Makes a task of this thread. It runs when the thread next works for a runtime.
#[allow(unsafe_code, reason = "allocates from this thread's heap")]
pub(crate) fn spawn<F>(future: F, meta: Meta) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let fresh = !EXISTS.get();
    let handle = SET.with(|set| {
        // SAFETY: 1. this thread owns the heap. 2. the Runnable goes to this thread's queue, and
        // `Sent::schedule` keeps it there.
        let (task, handle) = unsafe { set.heap.spawn(future, meta) };
        set.queue.borrow_mut().push_back(task);
        handle
    });
    if fresh {
        let home = HOME.try_with(|home| home.borrow().clone());
        at_home(home.unwrap_or(Home::Away));
    }
    handle
}

/// The next local task, if this thread has one that is ready.
#[inline]
pub(super) fn next() -> Option<Runnable> {
    if !EXISTS.get() {
        return None;
    }
    SET.try_with(LocalSet::next).ok().flatten()
}

/// Whether other threads have woken local tasks of this one, or some are queued.
pub(super) fn has_sent() -> bool {
    EXISTS.get()
        && SET.try_with(|set| !set.sent.inbox.is_empty() || !set.queue.borrow().is_empty()).unwrap_or(false)
}

/// Local tasks that may be polled inside one another. Each blocks on something in the poll that runs the next, so
/// the stack grows with them; beyond this depth they wait for one another instead.
const NESTED_MAX: usize = 32;

/// The next local task, unless so many are under way further up the stack that one more is too many.
pub(super) fn next_nested() -> Option<Runnable> {
    if RUNNING.get() < NESTED_MAX { next() } else { None }
}

/// Whether [`next_nested`] has something.
pub(super) fn has_sent_nested() -> bool {
    RUNNING.get() < NESTED_MAX && has_sent()
}

/// Polls a task that [`next`] gave, and puts it behind the others if it is to run again.
pub(super) fn run(task: Runnable) {
    RUNNING.set(RUNNING.get() + 1);
    let ran = task.run();
    RUNNING.set(RUNNING.get() - 1);
    match ran {
        Ran::Done | Ran::Pending => {}
        Ran::Woken(task) | Ran::Yielded(task) => {
            let mut task = Some(task);
            let _gone = SET.try_with(|set| set.queue.borrow_mut().extend(task.take()));
            // While the thread dies the set is gone, and this, on the right thread, drops the task.
            drop(task);
        }
    }
}

/// This thread has sat down in `slot`.
pub(super) fn settle(shared: &Arc<Shared>, slot: usize) -> Settled {
    Settled::at(Home::Seat(Arc::downgrade(shared), slot))
}

/// This thread waits in a plain park for the time being.
pub(super) fn settle_plainly(plain: Arc<Plain>) -> Settled {
    Settled::at(Home::Thread(plain))
}

impl Settled {
    fn at(home: Home) -> Self {
        Self { outer: Some(move_home(home)), on_this_thread: PhantomData }
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            drop(move_home(outer));
        }
    }
}

/// Whether this thread has no local task that is not complete.
pub(super) fn is_empty() -> bool {
    !EXISTS.get() || SET.try_with(LocalSet::is_empty).unwrap_or(true)
}

/// Aborts this thread's local tasks: its runtime is going away.
pub(super) fn abort_all() {
    if EXISTS.get() {
        let _gone = SET.try_with(LocalSet::abort_all);
    }
}

/// Notes where the thread waits from now on, and says where it did. While the thread dies there is nothing to note it in, nor a set
/// that would need it.
fn move_home(home: Home) -> Home {
    if EXISTS.get() {
        at_home(home.clone());
    }
    HOME.try_with(|cell| cell.replace(home)).unwrap_or(Home::Away)
}

/// Tells the set's senders.
fn at_home(home: Home) {
    let _gone = SET.try_with(|set| {
        let before = std::mem::replace(&mut *set.sent.home.lock(), home);
        drop(before);
    });
}
