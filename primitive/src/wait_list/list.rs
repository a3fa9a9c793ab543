//! The list itself: nodes, links, and nothing that knows what is waited for. Compiled once.
//!
//! Every method takes the list by reference, and the list lies inside the queue's lock: having it is having the lock. The one
//! exception is [`Node::take_notified`], for a node that the list is through with. The [`Waiter`](super::Waiter) shell promises what the methods here rely on:
//! 1. a node is used with one list only, that of its waiter's queue;
//! 2. a node that joined stays where it is until it left, and its owner makes it leave before it goes away;
//! 3. a node is [prepared](List::prepare) before anything else is done with it.
//!
//! A node that never joins is never written: most futures find what they came for, and zeros written to one place and moved to
//! another, in other widths, were two thirds of what sending a message took.

#![allow(unsafe_code, reason = "an intrusive list: links point into pinned futures")]

use crate::cell::UnsafeCell;
use crate::mutant;
use crate::sync::atomic::{AtomicBool, Ordering};
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::task::Waker;

/// Where a waiter stands; the table is in the [module docs](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not waiting.
    Idle,
    /// In the list, to be told.
    Waiting,
    /// In the list, told to come and look.
    Woken,
    /// Out of the list, told what was decided.
    Notified(u32),
}

/// What the primitive keeps with a waiter; the list only carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// A number: how many permits, which generation.
    pub number: u64,
    /// A time, or another number.
    pub since: u64,
    /// A place inside the future that waits.
    pub place: Option<NonNull<()>>,
}

impl Tag {
    /// Nothing to say.
    pub const NONE: Self = Self { number: 0, since: 0, place: None };
}

/// One node. Others point at it while it is linked, so it must never be behind a `&mut` the compiler believes unique:
/// that is what [`PhantomPinned`] sees to.
pub(super) struct Node {
    /// Written by [`List::prepare`].
    fields: UnsafeCell<MaybeUninit<Fields>>,
    /// Set as the last thing that is done to a node that is notified: from then on its owner alone touches it. Prepared too: a node
    /// of which one byte is known is copied whole.
    told: UnsafeCell<MaybeUninit<AtomicBool>>,
    _pinned: PhantomPinned,
}

struct Fields {
    prev: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
    waker: Option<Waker>,
    phase: Phase,
    tag: Tag,
}

impl Node {
    #[inline]
    pub(super) fn new() -> Self {
        let fields = UnsafeCell::new(MaybeUninit::uninit());
        let told = UnsafeCell::new(MaybeUninit::uninit());
        Self { fields, told, _pinned: PhantomPinned }
    }

    /// Takes the token of a node that was notified, without the lock; it is idle afterwards. For its owner, once it is prepared.
    #[inline]
    pub(super) fn take_notified(&self) -> Option<u32> {
        let told = told(self);
        // Ordering: Acquire, paired with the Release in `notify_front`: all that was done to the node is seen.
        if !told.load(Ordering::Acquire) {
            return None;
        }
        // Ordering: Relaxed, nobody else looks at it until the owner links the node again, under the lock.
        told.store(false, Ordering::Relaxed);
        let phase = self.fields.with_mut(|fields| {
            // SAFETY: the fields of a node that was told are its owner's alone: it is in no list, and whoever told it has
            // touched it for the last time with the store that was seen above.
            let fields = unsafe { &mut *fields };
            // SAFETY: told, it was in a list, and so prepared.
            let fields = unsafe { fields.assume_init_mut() };
            std::mem::replace(&mut fields.phase, Phase::Idle)
        });
        match phase {
            Phase::Notified(token) => Some(token),
            _ => unreachable!("who is told has been notified"),
        }
    }

    pub(super) fn id(&self) -> usize {
        NonNull::from(self).addr().get()
    }
}

/// A doubly linked list of nodes that live elsewhere.
pub(super) struct List {
    head: Option<NonNull<Node>>,
    tail: Option<NonNull<Node>>,
    len: usize,
    /// The largest `len` there has been.
    peak: usize,
}

// SAFETY: the list reaches nodes in other threads' futures, and only while the lock it lies in is held; what the nodes
// own, wakers, may be moved between threads.
unsafe impl Send for List {}

impl List {
    pub(super) const fn new() -> Self {
        Self { head: None, tail: None, len: 0, peak: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    pub(super) fn front(&self) -> Option<(usize, Tag)> {
        self.head.map(|node| (node.addr().get(), read(self, node, |fields| fields.tag)))
    }

    pub(super) fn look(&self, node: &Node) -> (Phase, Tag) {
        read(self, NonNull::from(node), |fields| (fields.phase, fields.tag))
    }

    /// Makes `node`, which is in no list, one that waits for nothing.
    pub(super) fn prepare(&mut self, node: &Node) {
        let idle = Fields { prev: None, next: None, waker: None, phase: Phase::Idle, tag: Tag::NONE };
        node.fields.with_mut(|fields| {
            // SAFETY: in no list, the node is its owner's alone, which is here.
            unsafe { &mut *fields }.write(idle);
        });
        node.told.with_mut(|told| {
            // SAFETY: as above.
            unsafe { &mut *told }.write(AtomicBool::new(false));
        });
    }

    /// Links `node`, or, when it is linked, replaces its waker; the answer is the waker it had.
    pub(super) fn join(&mut self, node: &Node, waker: Waker, front: bool, tag: Tag) -> Option<Waker> {
        let node = NonNull::from(node);
        let linked = read(self, node, |fields| matches!(fields.phase, Phase::Waiting | Phase::Woken));
        if !linked {
            forget_telling(node);
            self.link(node, front);
        }
        write(self, node, |fields| {
            fields.phase = Phase::Waiting;
            fields.tag = tag;
            fields.waker.replace(waker)
        })
    }

    /// Whether `node` waits with `waker`; if so it takes the new tag.
    pub(super) fn stay(&mut self, node: &Node, waker: &Waker, tag: Tag) -> bool {
        write(self, NonNull::from(node), |fields| {
            // `will_wake` compares two pointers: no user code.
            let stays = fields.phase == Phase::Waiting
                && fields.waker.as_ref().is_some_and(|current| {
                    current.will_wake(waker) || mutant::planted("wait_list.stay.stale")
                });
            if stays {
                fields.tag = tag;
            }
            stays
        })
    }

    pub(super) fn leave(&mut self, node: &Node) -> (Phase, Option<Waker>) {
        let node = NonNull::from(node);
        let (phase, waker) = write(self, node, |fields| {
            (std::mem::replace(&mut fields.phase, Phase::Idle), fields.waker.take())
        });
        if matches!(phase, Phase::Waiting | Phase::Woken) {
            self.unlink(node);
        }
        forget_telling(node);
        (phase, waker)
    }

    pub(super) fn notify_front(&mut self, token: u32) -> Option<Waker> {
        let node = self.head?;
        self.unlink(node);
        let waker = write(self, node, |fields| {
            fields.phase = Phase::Notified(token);
            fields.waker.take()
        });
        // Ordering: Release, paired with the Acquire in `take_notified`, whose caller may free the node at once.
        let order = mutant::ordering("wait_list.told.order", Ordering::Release, Ordering::Relaxed);
        told(node_of(&node)).store(true, order);
        waker
    }

    pub(super) fn cursor(&mut self) -> Cursor<'_> {
        let at = self.head;
        Cursor { list: self, at }
    }

    pub(super) fn cursor_at_back(&mut self) -> Cursor<'_> {
        let at = self.tail;
        Cursor { list: self, at }
    }

    fn link(&mut self, node: NonNull<Node>, front: bool) {
        let (prev, next) = if front { (None, self.head) } else { (self.tail, None) };
        write(self, node, |fields| (fields.prev, fields.next) = (prev, next));
        match prev {
            Some(prev) => write(self, prev, |fields| fields.next = Some(node)),
            None => self.head = Some(node),
        }
        match next {
            Some(next) => write(self, next, |fields| fields.prev = Some(node)),
            None => self.tail = Some(node),
        }
        self.len += 1;
        self.peak = self.peak.max(self.len);
    }

    fn unlink(&mut self, node: NonNull<Node>) {
        let (prev, next) = write(self, node, |fields| (fields.prev.take(), fields.next.take()));
        match prev {
            Some(prev) => write(self, prev, |fields| fields.next = next),
            None => self.head = next,
        }
        match next {
            Some(next) => write(self, next, |fields| fields.prev = prev),
            None => self.tail = prev,
        }
        self.len -= 1;
    }
}

/// A walk that holds the list.
pub(super) struct Cursor<'l> {
    list: &'l mut List,
    at: Option<NonNull<Node>>,
}

impl Cursor<'_> {
    pub(super) fn current(&self) -> Option<(Phase, Tag)> {
        self.at.map(|node| read(self.list, node, |fields| (fields.phase, fields.tag)))
    }

    pub(super) fn id(&self) -> Option<usize> {
        self.at.map(|node| node.addr().get())
    }

    pub(super) fn advance(&mut self) {
        self.at = self.at.and_then(|node| read(self.list, node, |fields| fields.next));
    }

    pub(super) fn wake_in_place(&mut self, tag: Tag) -> Option<Waker> {
        let node = self.at?;
        self.advance();
        write(self.list, node, |fields| {
            fields.phase = Phase::Woken;
            fields.tag = tag;
            fields.waker.take()
        })
    }

    pub(super) fn strike(&mut self) {
        let Some(node) = self.at else { return };
        self.advance();
        // Only one without a waker: there is nothing to drop, and nothing is lost that was not told.
        if read(self.list, node, |fields| fields.phase == Phase::Woken) {
            self.list.unlink(node);
            write(self.list, node, |fields| fields.phase = Phase::Idle);
        }
    }
}

/// Reads a node. `_list` shows that the lock is held; see the module docs for what `node` is.
fn read<R>(_list: &List, node: NonNull<Node>, f: impl FnOnce(&Fields) -> R) -> R {
    fields(&node).with(|fields| {
        // SAFETY: the fields are touched under the lock only, which is held; the reference ends with this call, and
        // `f` (all of them are in this file) reaches no other node and no list.
        let fields = unsafe { &*fields };
        // SAFETY: prepared, by the shell's promise.
        f(unsafe { fields.assume_init_ref() })
    })
}

/// Writes a node. `_list` shows that the lock is held; see the module docs for what `node` is.
fn write<R>(_list: &mut List, node: NonNull<Node>, f: impl FnOnce(&mut Fields) -> R) -> R {
    fields(&node).with_mut(|fields| {
        // SAFETY: as in `read`; the list is borrowed mutably, so no other access to any of its nodes is under way.
        let fields = unsafe { &mut *fields };
        // SAFETY: prepared, by the shell's promise.
        f(unsafe { fields.assume_init_mut() })
    })
}

/// For its owner, under the lock: what was told is known, or is of no interest.
fn forget_telling(node: NonNull<Node>) {
    // Ordering: Relaxed, as in `take_notified`.
    told(node_of(&node)).store(false, Ordering::Relaxed);
}

fn told(node: &Node) -> &AtomicBool {
    node.told.with(|told| {
        // SAFETY: written by `prepare` before the node is anybody else's, and shared since.
        let told = unsafe { &*told };
        // SAFETY: prepared, by the shell's promise.
        unsafe { told.assume_init_ref() }
    })
}

fn fields(node: &NonNull<Node>) -> &UnsafeCell<MaybeUninit<Fields>> {
    &node_of(node).fields
}

fn node_of(node: &NonNull<Node>) -> &Node {
    // SAFETY: `node` is the caller's own, or linked: pinned, alive until it leaves, which it does under the lock
    // that the caller holds. Only shared references to a node are ever made.
    unsafe { node.as_ref() }
}
