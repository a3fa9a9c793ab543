//! `#[filch::main]` and `#[filch::test]`, an `async fn` that is started like any other; `select!`, `join!` and `try_join!`,
//! futures that are awaited together.
//!
//! Users name these through the `filch` crate. On bare `proc_macro`: the grammar they read is a function's header, a list of
//! `name = literal` and a chain of `if let`, and that needs no parser of the whole language to be built first.
//!
//! In reading order:
//! - `function`: takes an `async fn` apart, or says why it is not one that can be started.
//! - `options`: what stands in the attribute's parentheses; `literal`: the values there.
//! - `expand`: what the function becomes.
//! - `branches`: takes the chain of a `select!` apart; `select`: what it becomes.
//! - `join`: what `join!` and `try_join!` become.
//! - `template`: code of our own with the user's put in.
//! - `error`: a sentence at a place in the user's code. A mistake in the options leaves the function as it is, so that
//!   it is checked all the same; several mistakes are told at once.

mod branches;
mod error;
mod expand;
mod function;
mod join;
mod literal;
mod options;
mod select;
mod template;

use expand::Kind;
use proc_macro::TokenStream;

/// Makes an `async fn main` the program's `main`: it starts a runtime and waits for the function's end.
///
/// The function takes no arguments and may return what `main` may return. Called from elsewhere it is a plain function
/// that blocks. Inside it stands as written, as an `async fn` within the new one: so it cannot use a `Self` from
/// outside.
///
/// | option               | meaning                                                     | default                  |
/// |----------------------|-------------------------------------------------------------|--------------------------|
/// | `workers = 4`        | worker threads, at least 1                                  | the runtime's            |
/// | `name = "ingest"`    | what its threads are called                                 | the runtime's            |
/// | `crate = "my::path"` | where the `filch` crate is found, if renamed or re-exported | `::filch`                |
///
/// # Panics
/// The new `main` panics when the runtime cannot be started: the operating system gives no thread or no descriptor.
/// # Examples
/// ```
/// # mod filch {
/// #     pub use filch_macros::main;
/// #     pub mod __private {
/// #         pub struct Options {
/// #             pub workers: Option<usize>,
/// #             pub name: Option<&'static str>,
/// #             pub timeout: Option<std::time::Duration>,
/// #         }
/// #         pub fn run_main<F: Future>(_: Options, f: F) -> F::Output {
/// #             let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// #             match std::pin::pin!(f).poll(&mut cx) {
/// #                 std::task::Poll::Ready(value) => value,
/// #                 std::task::Poll::Pending => unreachable!(),
/// #             }
/// #         }
/// #     }
/// # }
/// #[filch::main(workers = 2, crate = "filch")]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let limit: u32 = "42".parse()?;
///     assert_eq!(limit, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Main, options, item)
}

/// Makes an `async fn` a test that runs on a runtime of its own.
///
/// The function takes no arguments and may return what a test may return. `#[should_panic]`, `#[ignore]` and other
/// attributes work as on any test.
///
/// | option               | meaning                                                     | default                  |
/// |----------------------|-------------------------------------------------------------|--------------------------|
/// | `workers = 4`        | worker threads, at least 1                                  | 2                        |
/// | `name = "ingest"`    | what its threads are called                                 | the runtime's            |
/// | `timeout = "5s"`     | when the test fails for being too slow: ms, s, m or h       | never                    |
/// | `crate = "my::path"` | where the `filch` crate is found, if renamed or re-exported | `::filch`                |
///
/// # Panics
/// The new test panics, and so fails, when the function does, when its time is up, or when the runtime cannot be
/// started.
/// # Examples
/// ```
/// # mod filch { pub use filch_macros::test; }
/// #[filch::test(timeout = "5s")]
/// async fn numbers_parse() -> Result<(), std::num::ParseIntError> {
///     assert_eq!("42".parse::<u8>()?, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Test, options, item)
}

/// Behind `filch::select!`, which says where the `filch` crate is: `select!((root) if let pattern = future { body } ..)`.
#[doc(hidden)]
#[proc_macro]
pub fn select(input: TokenStream) -> TokenStream {
    select::expand(input)
}

/// Behind `filch::join!`, which tells the futures apart: `join!((root) (future) ..)`.
#[doc(hidden)]
#[proc_macro]
pub fn join(input: TokenStream) -> TokenStream {
    join::expand(join::Kind::Join, input)
}

/// Behind `filch::try_join!`, as [`join`](macro@join).
#[doc(hidden)]
#[proc_macro]
pub fn try_join(input: TokenStream) -> TokenStream {
    join::expand(join::Kind::TryJoin, input)
}
