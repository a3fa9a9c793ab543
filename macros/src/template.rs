//! Code of our own, with the user's put in.

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

/// A turn of each of COUNT futures, from a place that changes: their code is at POLLS, by number, and says `waiting = true` for one
/// that is to be asked again.
pub(crate) const ROUND: &str = "
    let mut at = match START {
        ::core::task::Poll::Ready(start) => start,
        ::core::task::Poll::Pending => return ::core::task::Poll::Pending,
    };
    let mut waiting = false;
    let mut turn = 0;
    while turn < COUNT {
        match at {
            POLLS
            _ => {}
        }
        at = if at + 1 == COUNT { 0 } else { at + 1 };
        turn += 1;
    }
";

/// Tokens of our own, which belong to the macro: their local names meet none of the user's.
pub(crate) fn code(source: &str) -> TokenStream {
    fill(source, &[])
}

/// Tokens of our own, where each word that is the name of a `hole` gives its place to what stands beside that name.
pub(crate) fn fill(source: &str, holes: &[(&str, TokenStream)]) -> TokenStream {
    fn put(tokens: TokenStream, holes: &[(&str, TokenStream)]) -> TokenStream {
        let put = tokens.into_iter().flat_map(|token| {
            let mut token = match token {
                TokenTree::Group(group) => {
                    TokenTree::Group(Group::new(group.delimiter(), put(group.stream(), holes)))
                }
                TokenTree::Ident(word) => {
                    let name = word.to_string();
                    match holes.iter().find(|(hole, _)| *hole == name) {
                        Some((_, filling)) => return filling.clone(),
                        None => TokenTree::Ident(word),
                    }
                }
                other => other,
            };
            token.set_span(Span::mixed_site());
            token.into()
        });
        put.collect()
    }
    // What stands in these files is well formed; were it not, no expansion would compile, and every test would say so.
    put(source.parse().unwrap_or_default(), holes)
}

/// A group around `parts`.
pub(crate) fn group(delimiter: Delimiter, parts: impl IntoIterator<Item = TokenStream>) -> TokenStream {
    let mut group = Group::new(delimiter, parts.into_iter().collect());
    group.set_span(Span::mixed_site());
    TokenTree::Group(group).into()
}

/// What `each` makes of the numbers below `count`, one after another.
pub(crate) fn repeat(count: usize, each: impl FnMut(usize) -> TokenStream) -> TokenStream {
    (0..count).map(each).collect()
}

/// Takes the path to the `filch` crate off the front of `input`, where it stands in parentheses of its own.
pub(crate) fn split_root(input: TokenStream) -> (TokenStream, Vec<TokenTree>) {
    let mut tokens = input.into_iter();
    let root = match tokens.next() {
        Some(TokenTree::Group(root)) => root.stream(),
        _ => TokenStream::new(),
    };
    (root, tokens.collect())
}
