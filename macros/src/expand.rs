//! What the function becomes.
//!
//! ```text
//! #[filch::main(workers = 4)]                    /// Documentation.
//! /// Documentation.                             pub fn main() -> R {
//! pub async fn main() -> R {              ⇒          async fn main() -> R {
//!     body                                               body
//! }                                                  }
//!                                                    ::filch::__private::run_main(
//!                                                        ::filch::__private::Options { .. },
//!                                                        main(),
//!                                                    )
//!                                                }
//! ```
//!
//! The function stands inside as the user wrote it, token by token: its return type guides inference, and what the
//! compiler has to say about it points at the user's code and speaks of it as of any `async fn`. Rejected: an async
//! block around the body, whose type is inferred from within, so that a wrong last line is told as a mismatch of the
//! attribute, and `?` may ask for types that the signature spells out. The one thing an inner function lacks, a `Self`
//! from outside, is documented.

use crate::error::Error;
use crate::function::{Function, Refused};
use crate::options::Options;
use crate::template::{code, group};
use proc_macro::{Delimiter, TokenStream, TokenTree};
use std::fmt;

/// Which attribute it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "`#[filch::main]`",
            Self::Test => "`#[filch::test]`",
        })
    }
}

/// The whole of an attribute's work.
pub(crate) fn expand(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Vec::new();
    let options = Options::read(kind, options, &mut errors);
    let expanded = match Function::read(kind, item) {
        Ok(function) => wrap(kind, options, function),
        Err(Refused { error, instead }) => {
            errors.push(error);
            instead
        }
    };
    errors.into_iter().map(Error::into_tokens).chain([expanded]).collect()
}

fn wrap(kind: Kind, options: Options, function: Function) -> TokenStream {
    let Function { before, asyncness, name, output, body } = function;
    let name = TokenStream::from(TokenTree::Ident(name));
    let root = options.root.clone().unwrap_or_else(|| code("::filch"));

    let mut inside = TokenStream::from(asyncness);
    inside.extend([code("fn"), name.clone(), code("()"), output.clone(), TokenTree::Group(body).into()]);
    let run = match kind {
        Kind::Main => "::__private::run_main",
        Kind::Test => "::__private::run_test",
    };
    let arguments = [settings(&root, options), code(","), name.clone(), code("()")];
    inside.extend([root, code(run), group(Delimiter::Parenthesis, arguments)]);

    let attribute = match kind {
        Kind::Main => TokenStream::new(),
        Kind::Test => code("#[::core::prelude::v1::test]"),
    };
    let outside =
        [attribute, before, code("fn"), name, code("()"), output, group(Delimiter::Brace, [inside])];
    outside.into_iter().collect()
}

/// The `Options` of the executor crate.
fn settings(root: &TokenStream, options: Options) -> TokenStream {
    let field = |name, value: Option<TokenStream>| {
        let value = match value {
            Some(value) => [code("::core::option::Option::Some"), group(Delimiter::Parenthesis, [value])]
                .into_iter()
                .collect(),
            None => code("::core::option::Option::None"),
        };
        [code(name), value, code(",")].into_iter().collect::<TokenStream>()
    };
    let literal = |literal| TokenStream::from(TokenTree::Literal(literal));
    let timeout = options.timeout.map(|timeout| {
        let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
        code(&format!("::core::time::Duration::new({seconds}, {nanos})"))
    });
    let fields = [
        field("workers:", options.workers.map(literal)),
        field("name:", options.name.map(literal)),
        field("timeout:", timeout),
    ];
    [root.clone(), code("::__private::Options"), group(Delimiter::Brace, fields)].into_iter().collect()
}
