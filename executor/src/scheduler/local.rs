//! Tasks that are not `Send`: pinned to the thread that spawned them.
//!
//! Each thread that spawns such tasks has a [`LocalSet`] of its own, whatever runtime it works for. Its tasks
//! run when the thread does: a worker between other tasks, any other thread inside `block_on`. Wakes from the
//! same thread go to a plain queue; wakes from others to an [`Inbox`], and whoever finds it empty unparks the
//! thread.
//!
//! Why it is sound: the right to poll ([`Runnable`]) of a local task only ever reaches the set's queue and
//! inbox, and only the set's thread takes from them. When the thread dies, the set's destructor drops what is
//! left there; a wake that comes later finds the set gone and lets the task be.

use super::inbox::{Inbox, Pushed};
use super::shared::Shared;
use crate::task::{Heap, JoinHandle, Meta, Owned, Ran, Runnable, Schedule};
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{Ordering, fence};
use filch_primitive::thread::{self, Thread};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
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
enum Home {
    /// Nowhere: it is not inside a runtime just now.
    Away,
    /// In a slot of a scheduler.
    Seat(Weak<Shared>, usize),
    /// In a plain `park`.
    Thread(Thread),
}

thread_local! {
    /// Whether the set exists: asked on each turn of a worker, most of which have none.
    static EXISTS: Cell<bool> = const { Cell::new(false) };
    static HOME: RefCell<Option<(Weak<Shared>, usize)>> = const { RefCell::new(None) };
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

    /// Aborts every task, here, on the thread that may drop them.
    fn abort_all(&self) {
        loop {
            let mut idle = Vec::new();
            self.heap.cancel_all(|task| idle.push(task));
            let mut dropped = !idle.is_empty();
            drop(idle);
            while let Some(task) = self.next() {
                drop(task);
                dropped = true;
            }
            if !dropped {
                return;
            }
        }
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
        if self.inbox.push(task) == Pushed::Behind {
            return;
        }
        // Ordering: SeqCst, paired with the fence in `Idle::mark`, or with the exchange of the plain waiter's
        // flag: either the thread's last look before sleeping sees the task, or it is seen asleep here.
        fence(Ordering::SeqCst);
        let home = self.home.lock();
        match &*home {
            Home::Away => {}
            Home::Seat(shared, slot) => {
                if let Some(shared) = shared.upgrade() {
                    let slot = *slot;
                    drop(home);
                    shared.unpark_if_parked(slot);
                }
            }
            Home::Thread(thread) => {
                let thread = thread.clone();
                drop(home);
                thread.unpark();
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
        let home = HOME.try_with(|home| home.borrow().clone()).ok().flatten();
        if let Some((shared, slot)) = home {
            at_home(Home::Seat(shared, slot));
        }
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

/// Polls a task that [`next`] gave, and puts it behind the others if it is to run again.
pub(super) fn run(task: Runnable) {
    match task.run() {
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
pub(super) fn settle(shared: &Arc<Shared>, slot: usize) {
    set_home(Some((Arc::downgrade(shared), slot)));
    if EXISTS.get() {
        at_home(Home::Seat(Arc::downgrade(shared), slot));
    }
}

/// This thread waits in a plain park for the time being.
pub(super) fn settle_plain() {
    if EXISTS.get() {
        at_home(Home::Thread(thread::current()));
    }
}

/// This thread has left its runtime.
pub(super) fn unsettle() {
    set_home(None);
    if EXISTS.get() {
        at_home(Home::Away);
    }
}

/// Aborts this thread's local tasks: its runtime is going away.
pub(super) fn abort_all() {
    if EXISTS.get() {
        let _gone = SET.try_with(LocalSet::abort_all);
    }
}

/// Notes where the thread sits. While the thread dies there is nothing to note it in, nor a set that would need
/// it.
fn set_home(home: Option<(Weak<Shared>, usize)>) {
    let before = HOME.try_with(|cell| cell.replace(home));
    drop(before);
}

fn at_home(home: Home) {
    let _gone = SET.try_with(|set| {
        let before = std::mem::replace(&mut *set.sent.home.lock(), home);
        drop(before);
    });
}
