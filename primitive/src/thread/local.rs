//! Thread-locals of the model checkers' threads.
//!
//! A model's threads are coroutines on one thread of the operating system, so the standard library's thread-locals
//! would be shared by all of them. Theirs are reached through functions of their own; the dress is
//! [`std::thread::LocalKey`]'s.
//!
//! A value that needs no dropping is there as long as its thread, as in the standard library: destructors of other
//! thread-locals may still ask for it. Loom drops every value at the thread's end, so there such a destructor finds it as it
//! was in the beginning.
//!
//! When a run of shuttle's fails, the stacks of its threads are freed as they are, and only then their thread-locals dropped.
//! What those point to is gone by then, so they are leaked: else the failure would be reported as a crash.

#[cfg(filch_loom)]
use loom::thread as model;
#[cfg(filch_shuttle)]
use shuttle::thread as model;

use std::cell::{Cell, OnceCell, RefCell};
use std::mem::ManuallyDrop;

#[cfg(filch_loom)]
type AccessError = loom::thread::AccessError;
#[cfg(filch_shuttle)]
type AccessError = shuttle::thread::AccessError;

/// Declares thread-locals, as [`std::thread_local`] does.
#[doc(hidden)]
#[macro_export]
macro_rules! __modelled_thread_local {
    () => {};
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const { $init:expr }; $($rest:tt)*) => {
        $(#[$attr])* $vis static $name: $crate::thread::LocalKey<$t> = $crate::thread::LocalKey::new(|| $init);
        $crate::thread_local!($($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = const { $init:expr }) => {
        $crate::thread_local!($(#[$attr])* $vis static $name: $t = const { $init };);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr; $($rest:tt)*) => {
        $crate::thread_local!($(#[$attr])* $vis static $name: $t = const { $init }; $($rest)*);
    };
    ($(#[$attr:meta])* $vis:vis static $name:ident: $t:ty = $init:expr) => {
        $crate::thread_local!($(#[$attr])* $vis static $name: $t = const { $init };);
    };
}

/// A thread-local.
#[derive(Debug)]
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
    key: model::LocalKey<OnceCell<Kept<T>>>,
}

/// A value that is dropped if its thread came to its end.
struct Kept<T>(ManuallyDrop<T>);

impl<T> Drop for Kept<T> {
    #[allow(unsafe_code, reason = "drops by hand")]
    fn drop(&mut self) {
        if super::modelled::has_ended() {
            // SAFETY: it is not used again.
            unsafe { ManuallyDrop::drop(&mut self.0) }
        }
    }
}

impl<T: 'static> LocalKey<T> {
    /// A key whose value `init` makes, at a thread's first look.
    pub const fn new(init: fn() -> T) -> Self {
        Self { init, key: model::LocalKey { init: OnceCell::new, _p: std::marker::PhantomData } }
    }

    /// Runs `f` with this thread's value.
    ///
    /// # Panics
    /// When the value has been dropped, with the thread.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f).expect("the thread-local is gone with its thread")
    }

    /// Runs `f` with this thread's value.
    ///
    /// # Errors
    /// When the value has been dropped, with the thread.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        #[cfg(filch_shuttle)]
        if !std::mem::needs_drop::<T>() {
            return Ok(f(&lasting::value(std::ptr::from_ref(self).addr(), self.init)));
        }
        #[cfg(filch_loom)]
        if !std::mem::needs_drop::<T>() && self.key.try_with(|_| ()).is_err() {
            return Ok(f(&(self.init)()));
        }
        self.key.try_with(|cell| f(&cell.get_or_init(|| Kept(ManuallyDrop::new((self.init)()))).0))
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Replaces this thread's value.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// A copy of this thread's value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// This thread's value, and the default in its place.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// This thread's value, and `value` in its place.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Runs `f` with this thread's value borrowed.
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Runs `f` with this thread's value borrowed to be changed.
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }
}

/// Values that last as long as their thread, and need no dropping then.
#[cfg(filch_shuttle)]
pub(crate) mod lasting {
    use std::any::Any;
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::rc::Rc;

    // One run at a time goes on on a thread of the operating system, and all of it there.
    std::thread_local! {
        /// By the model's thread and the key's address.
        static VALUES: RefCell<HashMap<(usize, usize), Rc<dyn Any>>> = RefCell::default();
    }

    pub(super) fn value<T: 'static>(key: usize, init: fn() -> T) -> Rc<T> {
        let place = (usize::from(shuttle::thread::current().id()), key);
        let known = VALUES.with_borrow(|values| values.get(&place).cloned());
        let value = known.unwrap_or_else(|| {
            let fresh: Rc<dyn Any> = Rc::new(init());
            VALUES.with_borrow_mut(|values| values.entry(place).or_insert(fresh).clone())
        });
        value.downcast().expect("a key has values of one type")
    }

    /// A run begins: its threads bear the numbers of the one before, and nothing else.
    pub(crate) fn forget() {
        VALUES.with_borrow_mut(HashMap::clear);
    }
}
