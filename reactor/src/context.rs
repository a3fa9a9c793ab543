//! Which reactor the current thread registers with.

use crate::reactor::{Reactor, Shared};
use filch_primitive::sync::Arc;
use std::cell::RefCell;
use std::marker::PhantomData;

filch_primitive::thread_local! {
    static CURRENT: RefCell<Option<Entered>> = const { RefCell::new(None) };
}

#[derive(Clone, Debug)]
struct Entered {
    reactor: Reactor,
    owner: bool,
}

/// The current thread's reactor.
pub(crate) struct Current {
    pub(crate) reactor: Arc<Shared>,
    /// This thread itself looks after the reactor: it needs no telling that there is something to wait for.
    pub(crate) owner: bool,
}

/// Descriptors registered on this thread go to `reactor` until the guard is dropped.
///
/// `owner` says that this thread will take the reactor's turn by itself before it sleeps; from any other thread the
/// first registration calls the reactor's hook ([`Reactor::with_hook`]). Guards nest, and are dropped in reverse order.
///
/// # Examples
/// ```
/// use filch_reactor::{Async, Reactor};
/// # fn main() -> std::io::Result<()> {
/// let reactor = Reactor::new()?;
/// let _entered = filch_reactor::enter(&reactor, true);
/// let (here, _there) = std::os::unix::net::UnixStream::pair()?;
/// let _here = Async::new(here)?;
/// assert_eq!(reactor.sources(), 1);
/// # Ok(())
/// # }
/// ```
pub fn enter(reactor: &Reactor, owner: bool) -> EnterGuard {
    let entered = Entered { reactor: reactor.clone(), owner };
    // A thread that is ending has no context any more: what it registers goes to the default reactor.
    let outer = CURRENT.try_with(|current| current.replace(Some(entered))).ok().flatten();
    EnterGuard { outer, not_send: PhantomData }
}

/// The current thread's context lasts until this guard is dropped, which puts back the one before.
///
/// ```
/// use filch_reactor::{Async, Reactor, enter};
/// use std::os::unix::net::UnixStream;
/// let reactor = Reactor::new()?;
/// let guard = enter(&reactor, true);
/// drop(guard);
/// let _elsewhere = Async::new(UnixStream::pair()?.0)?;
/// assert_eq!(reactor.sources(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the context lasts as long as the guard"]
pub struct EnterGuard {
    outer: Option<Entered>,
    not_send: PhantomData<*const ()>,
}

impl Drop for EnterGuard {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let inner = CURRENT.try_with(|current| current.replace(outer)).ok().flatten();
        // Dropped after the borrow: the last handle of a reactor ends it, and that wakes.
        drop(inner);
    }
}

/// The current thread's reactor, if it has one.
pub(crate) fn current() -> Option<Current> {
    let entered = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()?;
    Some(Current { reactor: entered.reactor.shared().clone(), owner: entered.owner })
}
