//! What a `select!` becomes.
//!
//! ```text
//! if let Some(x) = first {       enum Selected<T0, T1> { Branch0(T0), Branch1(T1), None }
//!     a                          match (Some(into_future(first)), if sure { Some(into_future(second)) } else { None }) {
//! } else if let y = second           (future_0, future_1) => match {
//!     && sure                            let mut future_0 = pin!(future_0);
//! {                                      let mut future_1 = pin!(future_1);
//!     b                          ⇒       poll_fn(|cx| {
//! } else {                                   // from a place that changes, each that is still in:
//!     c                                      //   poll it; ready: set it to `None`; its value matches: that is the end
//! }                                          // all out: `Selected::None`
//!                                        }).await
//!                                    } {
//!                                        Selected::Branch0(Some(x)) => { a }
//!                                        Selected::Branch1(y) => { b }
//!                                        Selected::None => { c }
//!                                    }
//!                                }
//! ```
//!
//! The outer `match` keeps the temporaries of the futures' expressions; the block within owns the futures, and ends before a
//! body begins. Bodies are arms of a `match` in the function that the user wrote, so `?`, `break`, `return` and `.await` mean
//! there what they say.
//!
//! Whether a value matches has to be known inside the closure, but bindings must not be made there: they would move out of the
//! value, and end with the closure. So the pattern is asked with a guard that notes the match and then denies: bindings are
//! moved only after a guard has agreed.
//!
//! Rejected: to ask the pattern of a reference to the value, without its `mut` and `ref` (patterns with `&` mean something else
//! there); to ask in the user's function, in a loop around the closure (a `break` in a body would meet that loop).

use crate::branches::{Branch, Branches};
use crate::error::Error;
use crate::template::{ROUND, code, fill, repeat, split_root};
use proc_macro::{Literal, TokenStream, TokenTree};

/// The whole of the macro's work.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (root, tokens) = split_root(input);
    Branches::read(tokens).map_or_else(Error::into_tokens, |branches| select(root, branches))
}

fn select(root: TokenStream, Branches { biased, branches, otherwise }: Branches) -> TokenStream {
    let count = branches.len();
    let of_each = |each: &str| repeat(count, |n| code(&each.replace('@', &n.to_string())));
    let start =
        if biased { "ROOT::__private::in_order(cx)" } else { "ROOT::__private::somewhere(cx, COUNT)" };
    let holes = [
        ("ROOT", root),
        ("COUNT", TokenTree::Literal(Literal::usize_unsuffixed(count)).into()),
        ("TYPES", of_each("T@,")),
        ("VARIANTS", of_each("Branch@(T@),")),
        ("MADE", branches.iter().map(made).collect()),
        ("NAMES", of_each("future_@,")),
        ("PINS", of_each("let mut future_@ = ::core::pin::pin!(future_@);")),
        ("POLLS", branches.iter().enumerate().map(polled).collect()),
        ("BODIES", branches.iter().enumerate().map(body).collect()),
        ("OTHERWISE", otherwise.map_or_else(none_is_left, |block| TokenTree::Group(block).into())),
    ];
    fill(&SELECT.replace("ROUND", ROUND).replace("START", start), &holes)
}

const SELECT: &str = "{
    enum __FilchSelected<TYPES> { VARIANTS None }
    match (MADE) {
        (NAMES) => match {
            PINS
            let selected = ::core::future::poll_fn(|cx| {
                ROUND
                if waiting {
                    ::core::task::Poll::Pending
                } else {
                    ::core::task::Poll::Ready(__FilchSelected::None)
                }
            }).await;
            selected
        } {
            BODIES
            __FilchSelected::None => OTHERWISE
            _ => ::core::unreachable!(),
        }
    }
}";

/// The future of a branch, or nothing.
fn made(branch: &Branch) -> TokenStream {
    let future = "::core::option::Option::Some(::core::future::IntoFuture::into_future(FUTURE))";
    let source = match &branch.condition {
        None => format!("{future},"),
        Some(_) => format!(
            r#"if {{
                #[allow(unused_parens, reason = "behind the `&&` of a chain they are needed")]
                let holds: bool = CONDITION;
                holds
            }} {{ {future} }} else {{ ::core::option::Option::None }},"#
        ),
    };
    let condition = branch.condition.clone().unwrap_or_default();
    fill(&source, &[("FUTURE", branch.future.clone()), ("CONDITION", condition)])
}

/// One branch's turn.
fn polled((n, branch): (usize, &Branch)) -> TokenStream {
    let source = r#"@ => {
        if let ::core::option::Option::Some(future) = future_@.as_mut().as_pin_mut() {
            match ::core::future::Future::poll(future, cx) {
                ::core::task::Poll::Pending => waiting = true,
                ::core::task::Poll::Ready(mut value) => {
                    future_@.set(::core::option::Option::None);
                    let mut matches = false;
                    #[allow(unused_variables, unused_mut, reason = "what is bound is used where the body stands")]
                    match value {
                        PATTERN if { matches = true; false } => ::core::unreachable!(),
                        _ => {}
                    }
                    if matches {
                        return ::core::task::Poll::Ready(__FilchSelected::Branch@(value));
                    }
                }
            }
        }
    }"#;
    fill(&source.replace('@', &n.to_string()), &[("PATTERN", branch.pattern.clone())])
}

fn body((n, branch): (usize, &Branch)) -> TokenStream {
    let body = TokenTree::Group(branch.body.clone()).into();
    let holes = [("PATTERN", branch.pattern.clone()), ("BODY", body)];
    fill(&format!("__FilchSelected::Branch{n}(PATTERN) => BODY"), &holes)
}

/// What happens without an `else`.
fn none_is_left() -> TokenStream {
    code("::core::panic!(\"no branch of this `select!` is left to wait for, and it has no `else`\"),")
}
