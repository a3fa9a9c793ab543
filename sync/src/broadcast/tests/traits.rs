//! Which ends and futures cross threads, with what inside. R-90: values are cloned side by side, which asks
//! `Sync` of them.

use crate::broadcast::{ClosedFuture, Receiver, RecvFuture, SendFuture, SendSink, Sender, WeakSender};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::rc::Rc;

assert_impl_all!(Sender<u8>: Send, Sync, Unpin);
assert_impl_all!(WeakSender<u8>: Send, Sync, Unpin);
assert_impl_all!(Receiver<u8>: Send, Sync, Unpin);
assert_impl_all!(SendSink<u8>: Send, Sync, Unpin);
assert_impl_all!(SendFuture<'static, u8>: Send, Sync);
assert_impl_all!(RecvFuture<'static, u8>: Send, Sync);
assert_impl_all!(ClosedFuture<'static, u8>: Send, Sync);

assert_not_impl_any!(SendFuture<'static, u8>: Unpin);
assert_not_impl_any!(RecvFuture<'static, u8>: Unpin);
assert_not_impl_any!(ClosedFuture<'static, u8>: Unpin);

assert_not_impl_any!(Sender<Cell<u8>>: Send, Sync);
assert_not_impl_any!(WeakSender<Cell<u8>>: Send, Sync);
assert_not_impl_any!(Receiver<Cell<u8>>: Send, Sync);
assert_not_impl_any!(SendSink<Cell<u8>>: Send, Sync);
assert_not_impl_any!(SendFuture<'static, Cell<u8>>: Send, Sync);
assert_not_impl_any!(RecvFuture<'static, Cell<u8>>: Send, Sync);
assert_not_impl_any!(ClosedFuture<'static, Cell<u8>>: Send, Sync);

assert_not_impl_any!(Sender<Rc<u8>>: Send, Sync);
assert_not_impl_any!(WeakSender<Rc<u8>>: Send, Sync);
assert_not_impl_any!(Receiver<Rc<u8>>: Send, Sync);
assert_not_impl_any!(SendSink<Rc<u8>>: Send, Sync);
assert_not_impl_any!(SendFuture<'static, Rc<u8>>: Send, Sync);
assert_not_impl_any!(RecvFuture<'static, Rc<u8>>: Send, Sync);
assert_not_impl_any!(ClosedFuture<'static, Rc<u8>>: Send, Sync);
// Whatever is inside, ends may be moved in memory.
assert_impl_all!(Sender<std::marker::PhantomPinned>: Unpin);
assert_impl_all!(Receiver<std::marker::PhantomPinned>: Unpin);
