//! What must not compile, each with the compiler's reason.
//!
//! A future that is not `Send` has no business on other threads:
//!
//! ```compile_fail,E0277
//! filch::spawn(async {
//!     let here = std::rc::Rc::new(1);
//!     filch::yield_now().await;
//!     drop(here);
//! });
//! ```
//!
//! Nor has the handle of a task whose output is not:
//!
//! ```compile_fail,E0277
//! fn send<T: Send>(_: T) {}
//! send(filch::spawn_local(async { std::rc::Rc::new(1) }));
//! ```
//!
//! A task may outlive whoever spawned it, so it borrows nothing:
//!
//! ```compile_fail,E0597
//! let number = 1;
//! let borrowed = &number;
//! filch::spawn(async move { *borrowed });
//! ```
//!
//! A guard that is sent elsewhere must be good there:
//!
//! ```compile_fail,E0277
//! fn send<T: Send>(_: T) {}
//! let lock = filch::sync::Lock::new(std::rc::Rc::new(1));
//! send(lock.try_lock());
//! ```
//!
//! A descriptor cannot be taken out from under the reactor, unless one answers for it with `unsafe`:
//!
//! ```compile_fail,E0133
//! let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
//! let mut one = filch::io::Async::new(one).unwrap();
//! std::mem::swap(one.get_mut(), &mut std::os::unix::net::UnixStream::pair().unwrap().0);
//! ```
