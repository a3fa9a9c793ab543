//! A value that is made once, when it is first asked for: `OnceCell`.
