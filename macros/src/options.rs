//! What stands in the attribute's parentheses: `name = literal`, separated by commas.

use crate::error::Error;
use crate::expand::Kind;
use crate::literal;
use proc_macro::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};
use std::time::Duration;

/// What the user asked for.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) workers: Option<Literal>,
    pub(crate) name: Option<Literal>,
    pub(crate) timeout: Option<Duration>,
    /// The path to the `filch` crate, its tokens at the place where it was given.
    pub(crate) root: Option<TokenStream>,
}

/// One `name = value`, not yet understood.
struct Entry {
    name: String,
    name_at: Span,
    value: Option<TokenTree>,
    /// Where the value is, or should be.
    value_at: Span,
}

impl Options {
    /// Reads them all; what is wrong is added to `errors`, and stays unset.
    pub(crate) fn read(kind: Kind, tokens: TokenStream, errors: &mut Vec<Error>) -> Self {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        let tokens: Vec<_> = tokens.into_iter().collect();
        for entry in tokens.split_inclusive(|token| is_punct(token, ',')) {
            let read = Entry::read(kind, entry).and_then(|entry| {
                if seen.contains(&entry.name) {
                    let message = format!("`{}` is given twice: remove one of the two", entry.name);
                    return Err(Error::new(entry.name_at, message));
                }
                seen.push(entry.name.clone());
                options.set(kind, &entry)
            });
            errors.extend(read.err());
        }
        options
    }

    fn set(&mut self, kind: Kind, entry: &Entry) -> Result<(), Error> {
        match (entry.name.as_str(), kind) {
            ("workers", _) => self.workers = Some(entry.workers()?),
            ("name", _) => self.name = Some(entry.thread_name()?),
            ("crate", _) => self.root = Some(entry.path()?),
            ("timeout", Kind::Test) => self.timeout = Some(entry.timeout()?),
            ("timeout", Kind::Main) => {
                let message = "`timeout` is an option of `#[filch::test]` only: for a limit within a program, use \
                               `filch::time::timeout`";
                return Err(Error::new(entry.name_at, message));
            }
            (unknown, _) => {
                let message = format!("`{unknown}` is not an option of {kind}: {}", known(kind));
                return Err(Error::new(entry.name_at, message));
            }
        }
        Ok(())
    }
}

fn known(kind: Kind) -> &'static str {
    match kind {
        Kind::Main => "it knows `workers`, `name` and `crate`",
        Kind::Test => "it knows `workers`, `name`, `timeout` and `crate`",
    }
}

impl Entry {
    /// Reads one, its comma included.
    fn read(kind: Kind, tokens: &[TokenTree]) -> Result<Self, Error> {
        let (tokens, comma) = match tokens.split_last() {
            Some((last, before)) if is_punct(last, ',') => (before, last.span()),
            _ => (tokens, Span::call_site()),
        };
        let Some(first) = tokens.first() else {
            return Err(Error::new(
                comma,
                format!("an option is missing before this comma: {}", known(kind)),
            ));
        };
        let TokenTree::Ident(name) = first else {
            let message = format!("an option is written `name = value`: {}", known(kind));
            return Err(Error::spanning(first.span(), tokens[tokens.len() - 1].span(), message));
        };
        let equals = tokens.get(1).filter(|token| is_punct(token, '='));
        let value = tokens.get(2).map(ungrouped);
        let entry = Self {
            name: name.to_string(),
            name_at: name.span(),
            value_at: value.as_ref().or(equals).unwrap_or(first).span(),
            value: value.filter(|_| equals.is_some() && tokens.len() == 3),
        };
        // An option that does not exist is told as such, whatever stands behind it.
        match (&entry.value, entry.takes()) {
            (None, Some(example)) => {
                let message = format!("`{name}` takes one literal: write `{name} = {example}`");
                Err(Error::spanning(name.span(), tokens[tokens.len() - 1].span(), message))
            }
            _ => Ok(entry),
        }
    }

    /// An example of the value, for options that exist.
    fn takes(&self) -> Option<&'static str> {
        match self.name.as_str() {
            "workers" => Some("4"),
            "name" => Some("\"ingest\""),
            "timeout" => Some("\"5s\""),
            "crate" => Some("\"::filch\""),
            _ => None,
        }
    }

    fn source(&self) -> String {
        match &self.value {
            Some(TokenTree::Literal(literal)) => literal.to_string(),
            _ => String::new(),
        }
    }

    fn workers(&self) -> Result<Literal, Error> {
        let refused = |message: &str| Err(Error::new(self.value_at, message));
        match literal::whole_number(&self.source()) {
            None => refused("`workers` takes a whole number: write `workers = 4`"),
            Some(0) => {
                refused("`workers` is 0, but a runtime needs at least one: leave it out for the default")
            }
            Some(workers) => {
                let mut literal = Literal::usize_unsuffixed(workers);
                literal.set_span(self.value_at);
                Ok(literal)
            }
        }
    }

    fn thread_name(&self) -> Result<Literal, Error> {
        match &self.value {
            Some(TokenTree::Literal(name)) if literal::is_string(&name.to_string()) => Ok(name.clone()),
            _ => Err(Error::new(self.value_at, "`name` takes a string: write `name = \"ingest\"`")),
        }
    }

    fn timeout(&self) -> Result<Duration, Error> {
        let source = self.source();
        let Some(text) = literal::plain_string(&source) else {
            let message = "`timeout` takes a string with its unit: write `timeout = \"5s\"`";
            return Err(Error::new(self.value_at, message));
        };
        literal::duration(text).map_err(|why| {
            let message =
                format!("`timeout = {source}` {why}: write it like \"500ms\", \"5s\", \"2m\" or \"1h\"");
            Error::new(self.value_at, message)
        })
    }

    fn path(&self) -> Result<TokenStream, Error> {
        let source = self.source();
        let path = literal::plain_string(&source).and_then(|text| text.parse().ok()).filter(is_path);
        match path {
            Some(path) => Ok(respan(path, self.value_at)),
            None => {
                let message =
                    "`crate` takes the path to the `filch` crate in a string: write `crate = \"::filch\"`";
                Err(Error::new(self.value_at, message))
            }
        }
    }
}

/// Names with `::` between them, and perhaps before them.
fn is_path(tokens: &TokenStream) -> bool {
    let mut name_next = true;
    let mut colons = 0;
    for (at, token) in tokens.clone().into_iter().enumerate() {
        match token {
            TokenTree::Ident(_) if name_next && colons % 2 == 0 => (name_next, colons) = (false, 0),
            TokenTree::Punct(punct) if punct.as_char() == ':' && (!name_next || colons == 1 || at == 0) => {
                (name_next, colons) = (true, colons + 1);
            }
            _ => return false,
        }
    }
    !name_next
}

fn respan(tokens: TokenStream, at: Span) -> TokenStream {
    let respanned = tokens.into_iter().map(|mut token| {
        token.set_span(at);
        token
    });
    respanned.collect()
}

pub(crate) fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

/// The token itself, out of the invisible group that a macro's fragment arrives in.
fn ungrouped(token: &TokenTree) -> TokenTree {
    let only = |group: &Group| {
        let mut inside = group.stream().into_iter();
        inside.next().filter(|_| inside.next().is_none())
    };
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            only(group).map_or_else(|| token.clone(), |inside| ungrouped(&inside))
        }
        _ => token.clone(),
    }
}
