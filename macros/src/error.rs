//! A sentence at a place in the user's code.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// What is wrong, and what to do about it.
pub(crate) struct Error {
    start: Span,
    end: Span,
    message: String,
}

impl Error {
    /// An error at `at`.
    pub(crate) fn new(at: Span, message: impl Into<String>) -> Self {
        Self { start: at, end: at, message: message.into() }
    }

    /// An error at what stands from `start` to `end`.
    pub(crate) fn spanning(start: Span, end: Span, message: impl Into<String>) -> Self {
        Self { start, end, message: message.into() }
    }

    /// The call of `compile_error!` that makes the compiler say it. The compiler points at what lies between the
    /// first token and the last, so these carry the two ends.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let punct = |c, spacing| TokenTree::Punct(Punct::new(c, spacing));
        let mut group =
            Group::new(Delimiter::Brace, TokenTree::Literal(Literal::string(&self.message)).into());
        group.set_span(self.end);
        let mut tokens = [
            punct(':', Spacing::Joint),
            punct(':', Spacing::Alone),
            TokenTree::Ident(Ident::new("core", self.start)),
            punct(':', Spacing::Joint),
            punct(':', Spacing::Alone),
            TokenTree::Ident(Ident::new("compile_error", self.start)),
            punct('!', Spacing::Alone),
            TokenTree::Group(group),
        ];
        tokens[..7].iter_mut().for_each(|token| token.set_span(self.start));
        tokens.into_iter().collect()
    }
}
