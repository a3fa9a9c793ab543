//! Stands in for the executor crate: polls once, and remembers what it was asked for.

/// What the expansion names.
pub mod __private {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    /// What the attribute's options become.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Options {
        pub workers: Option<usize>,
        pub name: Option<&'static str>,
        pub timeout: Option<Duration>,
    }

    thread_local! {
        /// What this thread was asked for last, and by which attribute.
        pub static ASKED: RefCell<Option<(&'static str, Options)>> = const { RefCell::new(None) };
    }

    fn run<F: Future>(by: &'static str, options: Options, future: F) -> F::Output {
        ASKED.set(Some((by, options)));
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("futures of these tests do not wait"),
        }
    }

    pub fn run_main<F: Future>(options: Options, future: F) -> F::Output {
        run("main", options, future)
    }

    pub fn run_test<F: Future>(options: Options, future: F) -> F::Output {
        run("test", options, future)
    }
}
