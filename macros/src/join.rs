//! What `join!` and `try_join!` become.
//!
//! ```text
//! join!(a, b)  ⇒  match (into_future(a), into_future(b)) {
//!                     (future_0, future_1) => {
//!                         let mut future_0 = pin!(Some(future_0));
//!                         let mut value_0 = None;
//!                         ..
//!                         poll_fn(|cx| {
//!                             // from a place that changes, each that is not done:
//!                             //   poll it; ready: keep its value, set it to `None`
//!                             // all done: `Ready((value_0, value_1))`
//!                         }).await
//!                     }
//!                 }
//! ```
//!
//! A wake polls all that are not done. To know which one was woken takes a waker for each, and an allocation for each waker: who
//! waits for many has `task::gather`.

use crate::error::Error;
use crate::template::{ROUND, code, fill, repeat, split_root};
use proc_macro::{Literal, Span, TokenStream, TokenTree};

/// Which macro it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Join,
    TryJoin,
}

/// The whole of the macro's work.
pub(crate) fn expand(kind: Kind, input: TokenStream) -> TokenStream {
    let (root, tokens) = split_root(input);
    // Each future arrives in parentheses of its own.
    let futures: Vec<_> = tokens
        .into_iter()
        .filter_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        })
        .collect();
    match (futures.len(), kind) {
        (0, Kind::Join) => code("()"),
        (0, Kind::TryJoin) => {
            Error::new(Span::call_site(), "`try_join!` has nothing to wait for: give it a future")
                .into_tokens()
        }
        _ => join(kind, root, futures),
    }
}

fn join(kind: Kind, root: TokenStream, futures: Vec<TokenStream>) -> TokenStream {
    let count = futures.len();
    let of_each = |each: &str| repeat(count, |n| code(&each.replace('@', &n.to_string())));
    let made = |future| fill("::core::future::IntoFuture::into_future(FUTURE),", &[("FUTURE", future)]);
    let holes = [
        ("ROOT", root),
        ("COUNT", TokenTree::Literal(Literal::usize_unsuffixed(count)).into()),
        ("MADE", futures.into_iter().map(made).collect()),
        ("NAMES", of_each("future_@,")),
        ("LOCALS", of_each(LOCALS)),
        ("POLLS", of_each(&POLL.replace("READY", kind.ready()))),
        ("TAKEN", of_each("value_@.take(),")),
        ("VALUES", of_each("value_@,")),
        ("SOME_VALUES", of_each("::core::option::Option::Some(value_@),")),
    ];
    let source = JOIN.replace("ROUND", ROUND).replace("START", "ROOT::__private::somewhere(cx, COUNT)");
    fill(&source.replace("OUTPUT", kind.output()), &holes)
}

impl Kind {
    /// What happens when a future is ready.
    fn ready(self) -> &'static str {
        match self {
            Self::Join => {
                "::core::task::Poll::Ready(value) => {
                    future_@.set(::core::option::Option::None);
                    value_@ = ::core::option::Option::Some(value);
                }"
            }
            Self::TryJoin => {
                "::core::task::Poll::Ready(::core::result::Result::Ok(value)) => {
                    future_@.set(::core::option::Option::None);
                    value_@ = ::core::option::Option::Some(value);
                }
                ::core::task::Poll::Ready(::core::result::Result::Err(error)) => {
                    return ::core::task::Poll::Ready(::core::result::Result::Err(error));
                }"
            }
        }
    }

    /// What comes out in the end.
    fn output(self) -> &'static str {
        match self {
            Self::Join => "(VALUES)",
            Self::TryJoin => "::core::result::Result::Ok((VALUES))",
        }
    }
}

const JOIN: &str = "match (MADE) {
    (NAMES) => {
        LOCALS
        let joined = ::core::future::poll_fn(|cx| {
            ROUND
            if waiting {
                return ::core::task::Poll::Pending;
            }
            match (TAKEN) {
                (SOME_VALUES) => ::core::task::Poll::Ready(OUTPUT),
                _ => ::core::unreachable!(),
            }
        }).await;
        joined
    }
}";

const LOCALS: &str = "
    let mut future_@ = ::core::pin::pin!(::core::option::Option::Some(future_@));
    let mut value_@ = ::core::option::Option::None;
";

const POLL: &str = "@ => {
    if let ::core::option::Option::Some(future) = future_@.as_mut().as_pin_mut() {
        match ::core::future::Future::poll(future, cx) {
            ::core::task::Poll::Pending => waiting = true,
            READY
        }
    }
}";
