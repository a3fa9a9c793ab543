//! An `async fn`, taken apart.

use crate::error::Error;
use crate::expand::Kind;
use crate::options::is_punct;
use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// A function that can be started.
pub(crate) struct Function {
    /// Attributes (documentation among them) and visibility.
    pub(crate) before: TokenStream,
    /// `async`, as the user wrote it.
    pub(crate) asyncness: TokenTree,
    pub(crate) name: Ident,
    /// The arrow and the type, or nothing.
    pub(crate) output: TokenStream,
    pub(crate) body: Group,
}

/// A function that cannot.
pub(crate) struct Refused {
    pub(crate) error: Error,
    /// What to compile in its place, so that the one mistake is not followed by others.
    pub(crate) instead: TokenStream,
}

impl Function {
    /// Takes `item` apart.
    pub(crate) fn read(kind: Kind, item: TokenStream) -> Result<Self, Refused> {
        let mut reader = Reader::new(item.clone());
        reader.function(kind).map_err(|error| Refused { error, instead: reader.instead(item) })
    }
}

/// The tokens from left to right. Invisible groups, in which a macro's fragments arrive, are opened on the way.
struct Reader {
    /// The next token last.
    rest: Vec<TokenTree>,
    /// Where the last token taken stands.
    at: Span,
    asyncness: Option<TokenTree>,
    name: Option<Ident>,
    /// The first word that such a function cannot carry.
    qualifier: Option<Ident>,
}

impl Reader {
    fn new(item: TokenStream) -> Self {
        let mut rest: Vec<_> = item.into_iter().collect();
        rest.reverse();
        Self { rest, at: Span::call_site(), asyncness: None, name: None, qualifier: None }
    }

    fn function(&mut self, kind: Kind) -> Result<Function, Error> {
        let mut before = self.attributes(kind)?;
        before.extend(self.visibility());
        let fn_at = self.qualifiers(kind)?;
        let Some(TokenTree::Ident(name)) = self.take() else {
            return Err(Error::new(self.at, "a function's name is missing here"));
        };
        self.name = Some(name.clone());
        let Some(asyncness) = self.asyncness.clone() else {
            let message =
                format!("{kind} starts an `async fn`: write `async fn {name}`, or remove the attribute");
            return Err(Error::spanning(fn_at, name.span(), message));
        };
        self.no_qualifiers(kind)?;
        self.no_generics(kind, &name)?;
        self.no_arguments(kind, &name)?;
        let (output, body) = self.output_and_body(&name)?;
        Ok(Function { before, asyncness, name, output, body })
    }

    fn peek(&mut self) -> Option<&TokenTree> {
        while let Some(TokenTree::Group(group)) = self.rest.last()
            && group.delimiter() == Delimiter::None
        {
            let inside = group.stream();
            self.rest.pop();
            let at = self.rest.len();
            self.rest.extend(inside);
            self.rest[at..].reverse();
        }
        self.rest.last()
    }

    fn take(&mut self) -> Option<TokenTree> {
        self.peek()?;
        let token = self.rest.pop()?;
        self.at = token.span();
        Some(token)
    }

    /// The word that comes next, if it is one.
    fn word(&mut self) -> Option<String> {
        match self.peek() {
            Some(TokenTree::Ident(word)) => Some(word.to_string()),
            _ => None,
        }
    }

    fn attributes(&mut self, kind: Kind) -> Result<TokenStream, Error> {
        let mut attributes = TokenStream::new();
        while self.peek().is_some_and(|token| is_punct(token, '#')) {
            let hash = self.take();
            let attribute = self.take();
            if let Some(TokenTree::Group(group)) = &attribute
                && kind == Kind::Test
                && group.stream().to_string() == "test"
            {
                let message = "`#[filch::test]` makes this a test already: remove `#[test]`";
                return Err(Error::new(group.span(), message));
            }
            attributes.extend(hash.into_iter().chain(attribute));
        }
        Ok(attributes)
    }

    fn visibility(&mut self) -> TokenStream {
        let mut visibility = TokenStream::new();
        if self.word().as_deref() == Some("pub") {
            visibility.extend(self.take());
            if let Some(TokenTree::Group(_)) = self.peek() {
                visibility.extend(self.take());
            }
        }
        visibility
    }

    /// All up to `fn`, whose place this is.
    fn qualifiers(&mut self, kind: Kind) -> Result<Span, Error> {
        let mut first = None;
        loop {
            let word = match self.take() {
                Some(TokenTree::Ident(word)) => word,
                _ => {
                    return Err(Error::new(
                        self.at,
                        format!("{kind} goes on an `async fn`, which this is not"),
                    ));
                }
            };
            match word.to_string().as_str() {
                "fn" => return Ok(word.span()),
                "async" => self.asyncness = Some(word.clone().into()),
                "const" | "unsafe" | "safe" | "extern" => {
                    self.qualifier.get_or_insert(word.clone());
                    if let Some(TokenTree::Literal(_)) = self.peek() {
                        // The ABI.
                        self.take();
                    }
                }
                other => {
                    // `const X: u8`, `unsafe impl`, `extern crate` are known by their first word.
                    let (item, at) = first.unwrap_or_else(|| (other.to_owned(), word.span()));
                    let message =
                        format!("{kind} goes on an `async fn`, but this item is a different one: `{item}`");
                    return Err(Error::new(at, message));
                }
            }
            first.get_or_insert((word.to_string(), word.span()));
        }
    }

    fn no_qualifiers(&self, kind: Kind) -> Result<(), Error> {
        self.qualifier.as_ref().map_or(Ok(()), |word| {
            let message = format!("a function that {kind} starts cannot be `{word}`: remove that word");
            Err(Error::new(word.span(), message))
        })
    }

    fn no_generics(&mut self, kind: Kind, name: &Ident) -> Result<(), Error> {
        if self.peek().is_some_and(|token| is_punct(token, '<')) {
            let message =
                format!("`{name}` has generic parameters, and {kind} has nothing to put in: remove them");
            self.take();
            return Err(Error::new(self.at, message));
        }
        Ok(())
    }

    fn no_arguments(&mut self, kind: Kind, name: &Ident) -> Result<(), Error> {
        let Some(TokenTree::Group(arguments)) = self.take() else {
            return Err(Error::new(self.at, "a function's parentheses are missing here"));
        };
        if arguments.stream().is_empty() {
            return Ok(());
        }
        let has_self = arguments
            .stream()
            .into_iter()
            .take_while(|token| !is_punct(token, ',') && !is_punct(token, ':'))
            .any(|token| matches!(token, TokenTree::Ident(word) if word.to_string() == "self"));
        let message = if has_self {
            format!("`{name}` takes `self`, and {kind} has none to give: move it out of its `impl` block")
        } else {
            format!("`{name}` takes arguments, and {kind} has none to give: remove them")
        };
        Err(Error::new(arguments.span(), message))
    }

    fn output_and_body(&mut self, name: &Ident) -> Result<(TokenStream, Group), Error> {
        let mut output = TokenStream::new();
        while let Some(token) = self.rest.pop() {
            if self.rest.is_empty() {
                // The body comes last; it too may be a macro's fragment.
                self.rest.push(token);
                return match self.take() {
                    Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
                        Ok((output, body))
                    }
                    _ => Err(Error::new(self.at, format!("`{name}` has no body to run: write it in braces"))),
                };
            }
            if matches!(&token, TokenTree::Ident(word) if word.to_string() == "where") {
                let message = format!("`{name}` has a `where` clause, but no generic parameters: remove it");
                return Err(Error::new(token.span(), message));
            }
            self.at = token.span();
            output.extend([token]);
        }
        Err(Error::new(self.at, format!("`{name}` has no body to run: write it in braces")))
    }

    /// What stands in for a refused `item`. A function that is merely not async, or not one at all, stays. An async one
    /// goes, or the compiler would complain about it too; but a program needs its `main`.
    fn instead(&self, item: TokenStream) -> TokenStream {
        match (&self.asyncness, &self.name) {
            (None, _) => item,
            (Some(_), Some(name)) if name.to_string() == "main" => "fn main() {}".parse().unwrap_or_default(),
            (Some(_), _) => TokenStream::new(),
        }
    }
}
