//! Which types may cross threads: wrong answers here have been the commonest unsoundness of such crates.
//!
//! That a type is *not* `Send` or `Sync` is asked with an ambiguity: were it, two impls would fit, and this file would not build.

use filch_sync::{Acquire, Closed, Event, EventWait, Lock, LockFuture, LockGuard, OwnedLockGuard};
use filch_sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError, channel, oneshot};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;

/// Neither.
type Local = Rc<u8>;
/// `Send`, not `Sync`.
type Movable = Cell<u8>;
/// `Sync`, not `Send`.
type Lent = MutexGuard<'static, u8>;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}

macro_rules! not {
    ($asked:ident: $($of:ty),+ $(,)?) => {$({
        trait Ambiguous<A> {
            fn ask() {}
        }
        struct Is;
        impl<T: ?Sized> Ambiguous<()> for T {}
        impl<T: ?Sized + $asked> Ambiguous<Is> for T {}
        let _: fn() = <$of as Ambiguous<_>>::ask;
    })+};
}

#[test]
fn locks() {
    send::<Lock<Movable>>();
    sync::<Lock<Movable>>();
    not!(Send: Lock<Local>, Lock<Lent>);
    not!(Sync: Lock<Local>, Lock<Lent>);
    send::<LockGuard<'static, Movable>>();
    sync::<LockGuard<'static, u8>>();
    not!(Send: LockGuard<'static, Local>, LockGuard<'static, Lent>);
    not!(Sync: LockGuard<'static, Local>, LockGuard<'static, Movable>);
    send::<OwnedLockGuard<Movable>>();
    sync::<OwnedLockGuard<u8>>();
    not!(Send: OwnedLockGuard<Local>, OwnedLockGuard<Lent>);
    not!(Sync: OwnedLockGuard<Local>, OwnedLockGuard<Movable>);
    send::<LockFuture<'static, Movable>>();
    not!(Send: LockFuture<'static, Local>);
    not!(Unpin: LockFuture<'static, u8>);
}

#[test]
fn semaphores_and_events() {
    send::<(Semaphore, SemaphorePermit<'static>, OwnedSemaphorePermit, Acquire<'static>)>();
    sync::<(Semaphore, SemaphorePermit<'static>, OwnedSemaphorePermit, Acquire<'static>)>();
    send::<(Closed, TryAcquireError, Event, EventWait<'static>)>();
    sync::<(Closed, TryAcquireError, Event, EventWait<'static>)>();
    not!(Unpin: Acquire<'static>, EventWait<'static>);
}

#[test]
fn channels() {
    send::<(channel::Sender<Movable>, channel::Receiver<Movable>)>();
    sync::<(channel::Sender<Movable>, channel::Receiver<Movable>)>();
    unpin::<(channel::Sender<Local>, channel::Receiver<Local>)>();
    not!(Send: channel::Sender<Local>, channel::Sender<Lent>, channel::Receiver<Local>, channel::Receiver<Lent>);
    not!(Sync: channel::Sender<Local>, channel::Sender<Lent>, channel::Receiver<Local>, channel::Receiver<Lent>);
    send::<(channel::SendFuture<'static, Movable>, channel::RecvFuture<'static, Movable>)>();
    not!(Send: channel::SendFuture<'static, Local>, channel::RecvFuture<'static, Local>);
    not!(Sync: channel::SendFuture<'static, Local>, channel::SendFuture<'static, Lent>);
    not!(Unpin: channel::SendFuture<'static, u8>, channel::RecvFuture<'static, u8>);
}

#[test]
fn oneshots() {
    send::<(oneshot::Sender<Movable>, oneshot::Receiver<Movable>)>();
    sync::<(oneshot::Sender<Movable>, oneshot::Receiver<Movable>)>();
    unpin::<oneshot::Receiver<Local>>();
    not!(Send: oneshot::Sender<Local>, oneshot::Sender<Lent>, oneshot::Receiver<Local>, oneshot::Receiver<Lent>);
    not!(Sync: oneshot::Sender<Local>, oneshot::Sender<Lent>, oneshot::Receiver<Local>, oneshot::Receiver<Lent>);
}

#[test]
fn futures_of_owned_kinds_may_cross_threads() {
    fn is_send<F: Send>(_: F) {}
    is_send(std::sync::Arc::new(Lock::new(Cell::new(1))).lock_owned());
    is_send(std::sync::Arc::new(Semaphore::new(1)).acquire_owned());
}
