//! Which ends, looks and futures cross threads, with what inside.

use crate::watch::{ChangedFuture, ClosedFuture, Receiver, Ref, Sender, channel};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::rc::Rc;

assert_impl_all!(Sender<u8>: Send, Sync, Unpin);
assert_impl_all!(Receiver<u8>: Send, Sync, Unpin);
assert_impl_all!(ChangedFuture<'static, u8>: Send, Sync);
assert_impl_all!(ClosedFuture<'static, u8>: Send, Sync);
assert_not_impl_any!(ChangedFuture<'static, u8>: Unpin);
assert_not_impl_any!(ClosedFuture<'static, u8>: Unpin);

// The lock is given back on the thread that took it.
assert_not_impl_any!(Ref<'static, u8>: Send);
assert_impl_all!(Ref<'static, u8>: Sync, Unpin);
assert_not_impl_any!(Ref<'static, Cell<u8>>: Send, Sync);
assert_not_impl_any!(Ref<'static, Rc<u8>>: Send, Sync);

assert_not_impl_any!(Sender<Cell<u8>>: Send, Sync);
assert_not_impl_any!(Receiver<Cell<u8>>: Send, Sync);
assert_not_impl_any!(ChangedFuture<'static, Cell<u8>>: Send, Sync);
assert_not_impl_any!(ClosedFuture<'static, Cell<u8>>: Send, Sync);

assert_not_impl_any!(Sender<Rc<u8>>: Send, Sync);
assert_not_impl_any!(Receiver<Rc<u8>>: Send, Sync);
assert_not_impl_any!(ChangedFuture<'static, Rc<u8>>: Send, Sync);
assert_not_impl_any!(ClosedFuture<'static, Rc<u8>>: Send, Sync);

assert_impl_all!(Sender<std::marker::PhantomPinned>: Unpin);
assert_impl_all!(Receiver<std::marker::PhantomPinned>: Unpin);

#[test]
fn a_wait_for_a_value_crosses_threads() {
    fn crosses<F: Send>(future: F) -> F {
        future
    }

    let (_sender, mut receiver) = channel(1);
    drop(crosses(receiver.wait_for(|value| *value == 1)));
}
