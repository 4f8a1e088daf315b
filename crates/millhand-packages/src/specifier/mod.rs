//! What a user asks for, as text: a package of npm or of Python.
//!
//! Only the form is checked here. Whether there is such a package is the resolver's question. The manifest
//! request and the command line parse into these types, and nothing behind them sees unchecked text.

mod npm;
mod python;

pub use npm::{NpmRange, NpmSpecifier, NpmSpecifierError, Renames};
pub use python::{PackageName, PythonRequirement, SpecifierError, VersionRange};

/// Why a text does not have the form of a specifier. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// Nothing but space.
    #[error("an empty specifier names no package")]
    Empty,
    /// A character that cannot be where it is.
    #[error("unexpected `{found}` at character {position} of `{specifier}`: {expected} is expected")]
    UnexpectedCharacter {
        /// What was read.
        specifier: String,
        /// The offending character.
        found: char,
        /// Where it is.
        position: usize,
        /// What could have been there.
        expected: &'static str,
    },
    /// The text stops where something must follow.
    #[error("`{specifier}` ends too early: {expected} is expected")]
    UnexpectedEnd {
        /// What was read.
        specifier: String,
        /// What must follow.
        expected: &'static str,
    },
    /// Longer than any real specifier.
    #[error("the specifier that begins with `{start}` has more than {max_chars} characters")]
    TooLong {
        /// Its first characters.
        start: String,
        /// The bound.
        max_chars: usize,
    },
}

fn check_length(specifier: &str, max_chars: usize) -> Result<(), SyntaxError> {
    if specifier.chars().count() > max_chars {
        return Err(SyntaxError::TooLong { start: specifier.chars().take(40).collect(), max_chars });
    }
    Ok(())
}

/// A cursor over a specifier's characters.
#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    specifier: &'a str,
    /// Bytes read so far.
    at: usize,
}

impl<'a> Reader<'a> {
    const fn new(specifier: &'a str) -> Self {
        Self { specifier, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.specifier[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn step_back(&mut self) {
        self.at -= self.specifier[..self.at].chars().next_back().map_or(0, char::len_utf8);
    }

    /// Steps over `text` if it is next.
    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn skip_space(&mut self) -> bool {
        !self.take_while(is_space).is_empty()
    }

    fn expect(&self, wanted: impl Fn(char) -> bool, expected: &'static str) -> Result<(), SyntaxError> {
        match self.peek() {
            Some(c) if wanted(c) => Ok(()),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn unexpected(&self, expected: &'static str) -> SyntaxError {
        let specifier = self.specifier.to_owned();
        match self.peek() {
            Some(found) => {
                let position = self.specifier[..self.at].chars().count() + 1;
                SyntaxError::UnexpectedCharacter { specifier, found, position, expected }
            }
            None => SyntaxError::UnexpectedEnd { specifier, expected },
        }
    }
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}
