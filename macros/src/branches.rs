//! The chain of `if let` inside a `select!`, taken apart.
//!
//! It is an expression of the language, so rustfmt formats it; but only its joints need to be understood here. A branch ends
//! where an `else` stands outside of all brackets; its last group in braces is the body; the first `=` ends the pattern, and
//! the first `&&` behind an operand ends the future. What lies between the joints goes to the compiler as it is. One thing
//! cannot be told apart like this, an `if` in a future, and has to stand in parentheses.

use crate::error::Error;
use crate::options::is_punct;
use proc_macro::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};

/// The inside of a `select!`.
pub(crate) struct Branches {
    /// Poll in the order written, instead of from a place that changes.
    pub(crate) biased: bool,
    pub(crate) branches: Vec<Branch>,
    pub(crate) otherwise: Option<Group>,
}

/// `if let pattern = future && condition { body }`.
pub(crate) struct Branch {
    pub(crate) pattern: TokenStream,
    pub(crate) future: TokenStream,
    pub(crate) condition: Option<TokenStream>,
    pub(crate) body: Group,
}

impl Branches {
    /// Takes `tokens` apart.
    pub(crate) fn read(tokens: Vec<TokenTree>) -> Result<Self, Error> {
        let mut tokens = &unwrapped(tokens)[..];
        let biased = skip_biased(&mut tokens)?;
        if let Some((last, before)) = tokens.split_last()
            && is_punct(last, ',')
        {
            tokens = before;
        }
        match tokens.first() {
            None => {
                let message = "`select!` has nothing to wait for: write `if let pattern = future { body }`";
                return Err(Error::new(Span::call_site(), message));
            }
            Some(first) if !is_word(first, "if") => return Err(not_a_chain(first, tokens)),
            Some(_) => {}
        }
        let mut read = Self { biased, branches: Vec::new(), otherwise: None };
        let mut links = tokens.split(|token| is_word(token, "else"));
        let elses = tokens.iter().filter(|token| is_word(token, "else")).map(TokenTree::span);
        // Where each link begins; the first has no `else` before it.
        let mut places = [tokens[0].span()].into_iter().chain(elses);
        while let (Some(link), Some(at)) = (links.next(), places.next()) {
            if read.otherwise.is_some() {
                return Err(Error::new(at, "nothing can follow the last `else`: remove this one"));
            }
            match link.first() {
                Some(first) if is_word(first, "if") => read.branches.push(Branch::read(link)?),
                Some(first) => match (braces(first), link.get(1)) {
                    (Some(body), None) => read.otherwise = Some(body),
                    (Some(_), Some(more)) => {
                        let message = "nothing can follow the block of the last `else`: remove this";
                        return Err(Error::new(more.span(), message));
                    }
                    (None, _) => return Err(after_else(first.span())),
                },
                None => return Err(after_else(at)),
            }
        }
        Ok(read)
    }
}

fn after_else(at: Span) -> Error {
    Error::new(at, "`else` is followed by `if let pattern = future { body }`, or by a block in braces")
}

/// Takes `biased,` off the front.
fn skip_biased(tokens: &mut &[TokenTree]) -> Result<bool, Error> {
    let Some(word) = tokens.first().filter(|first| is_word(first, "biased")) else {
        return Ok(false);
    };
    match tokens.get(1) {
        Some(comma) if is_punct(comma, ',') => {
            *tokens = &tokens[2..];
            Ok(true)
        }
        other => {
            let at = other.map_or(word.span(), TokenTree::span);
            Err(Error::spanning(word.span(), at, "a comma goes behind `biased`: write `biased, if let ..`"))
        }
    }
}

/// Why what begins with `first` is no chain of `if let`.
fn not_a_chain(first: &TokenTree, tokens: &[TokenTree]) -> Error {
    if let Some((start, end)) = arrow(tokens) {
        let message = "there are no arrows in this `select!`: write `if let pattern = future { body }`, and the next \
                       branch behind an `else`";
        return Error::spanning(start, end, message);
    }
    Error::new(first.span(), "a branch is written `if let pattern = future { body }`")
}

/// Where an `=>` is.
fn arrow(tokens: &[TokenTree]) -> Option<(Span, Span)> {
    let pair = tokens.windows(2).find(|pair| is_joint(&pair[0], '=') && is_punct(&pair[1], '>'))?;
    Some((pair[0].span(), pair[1].span()))
}

impl Branch {
    /// Reads one, from its `if` on.
    fn read(link: &[TokenTree]) -> Result<Self, Error> {
        let (opening, end) = (link[0].span(), link[link.len() - 1].span());
        if !link.get(1).is_some_and(|token| is_word(token, "let")) {
            let at = link.get(1).map_or(opening, TokenTree::span);
            let message = "a branch waits for a future: write `if let pattern = future`, and a condition behind that, \
                           after `&&`";
            return Err(Error::new(at, message));
        }
        if let Some((start, end)) = arrow(link) {
            let message =
                "there are no arrows in this `select!`: write the body behind the future, in braces";
            return Err(Error::spanning(start, end, message));
        }
        if let Some(comma) =
            link.windows(2).find(|pair| braces(&pair[0]).is_some() && is_punct(&pair[1], ','))
        {
            let message = "no comma between branches: write `else` in its place";
            return Err(Error::new(comma[1].span(), message));
        }
        let inside = &link[2..];
        let Some(equals) = pattern_end(inside) else {
            return Err(Error::spanning(
                opening,
                end,
                "a future is missing here: write `if let pattern = future`",
            ));
        };
        let (pattern, rest) = (&inside[..equals], &inside[equals + 1..]);
        if pattern.is_empty() {
            return Err(Error::new(inside[equals].span(), "a pattern is missing before this `=`"));
        }
        if let Some(nested) = rest.iter().find(|token| is_word(token, "if")) {
            let message =
                "an `if` within a future stands in parentheses, and a further branch behind an `else`";
            return Err(Error::new(nested.span(), message));
        }
        let Some((body, rest)) = rest.split_last().and_then(|(last, rest)| Some((braces(last)?, rest)))
        else {
            return Err(Error::new(end, "the branch has no body: write it behind the future, in braces"));
        };
        let (future, condition) = match conjunction(rest) {
            Some(at) => (&rest[..at], Some(condition(&rest[at], &rest[at + 2..])?)),
            None => (rest, None),
        };
        if future.is_empty() {
            return Err(Error::new(inside[equals].span(), "a future is missing behind this `=`"));
        }
        let stream = |tokens: &[TokenTree]| tokens.iter().cloned().collect();
        Ok(Self { pattern: stream(pattern), future: stream(future), condition, body })
    }
}

/// Where the `=` behind the pattern is. The one in `..=` belongs to the pattern.
fn pattern_end(tokens: &[TokenTree]) -> Option<usize> {
    (0..tokens.len()).find(|&at| {
        is_punct(&tokens[at], '=') && !at.checked_sub(1).is_some_and(|at| is_joint(&tokens[at], '.'))
    })
}

/// Where the first `&&` is that stands between two operands.
fn conjunction(tokens: &[TokenTree]) -> Option<usize> {
    (1..tokens.len().saturating_sub(1)).find(|&at| {
        let operand_before = match &tokens[at - 1] {
            TokenTree::Punct(punct) => matches!(punct.as_char(), '?' | '>'),
            _ => true,
        };
        operand_before && is_joint(&tokens[at], '&') && is_punct(&tokens[at + 1], '&')
    })
}

/// What stands behind the `and`.
fn condition(and: &TokenTree, tokens: &[TokenTree]) -> Result<TokenStream, Error> {
    if tokens.is_empty() {
        return Err(Error::new(and.span(), "a condition is missing behind this `&&`"));
    }
    if let Some(binding) = tokens.iter().find(|token| is_word(token, "let")) {
        let message = "the condition of a branch binds nothing: it is asked before the future is made";
        return Err(Error::new(binding.span(), message));
    }
    if let Some(or) = tokens.windows(2).find(|pair| is_joint(&pair[0], '|') && is_punct(&pair[1], '|')) {
        let message = "conditions with `||` between them stand in parentheses, together";
        return Err(Error::spanning(or[0].span(), or[1].span(), message));
    }
    Ok(tokens.iter().cloned().collect())
}

/// The tokens, out of the invisible group that a macro's fragment arrives in.
fn unwrapped(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    match &tokens[..] {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::None => {
            unwrapped(group.stream().into_iter().collect())
        }
        _ => tokens,
    }
}

/// The group in braces that `token` is, perhaps as a macro's fragment.
fn braces(token: &TokenTree) -> Option<Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.clone()),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            let mut inside = group.stream().into_iter();
            inside.next().filter(|_| inside.next().is_none()).and_then(|only| braces(&only))
        }
        _ => None,
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == word)
}

fn is_joint(token: &TokenTree, c: char) -> bool {
    is_punct(token, c) && matches!(token, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint)
}
