//! What can be wrong with a page or a cell. Lines and columns count from 1, columns in UTF-16 units, as browsers do.

use serde::Serialize;

/// A page that cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct PageError {
    /// The file's name.
    pub file: String,
    /// The line that is to be changed.
    pub line: u32,
    /// What is wrong there.
    pub problem: Problem,
}

impl PageError {
    /// The stable name of the failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.problem {
            Problem::Unclosed { .. } => "unclosed-tag",
            Problem::Unended { .. } => "unended-tag",
            Problem::Unopened { .. } => "unopened-tag",
            Problem::TooDeep { .. } => "notes-too-deep",
            Problem::TooLarge { .. } => "page-too-large",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            Problem::Unclosed { tag } => Some(format!("close it with `</{tag}>` at the end of a line")),
            Problem::Unended { .. } => Some("end it with `>`; values of attributes are quoted".to_owned()),
            Problem::Unopened { tag } => {
                Some(format!("remove it, or open it with `<{tag}>` at the start of a line"))
            }
            Problem::TooDeep { .. } => None,
            Problem::TooLarge { .. } => Some("split the page in several".to_owned()),
        }
    }
}

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No closing tag follows.
    #[error("`<{tag}>` is not closed")]
    Unclosed {
        /// Its name.
        tag: String,
    },
    /// The tag itself goes on to the end of the file.
    #[error("the tag `<{tag}` has no end")]
    Unended {
        /// Its name.
        tag: String,
    },
    /// A closing tag without its opening one.
    #[error("`</{tag}>` closes nothing")]
    Unopened {
        /// Its name.
        tag: String,
    },
    /// Notes in notes.
    #[error("notes are nested more than {limit} deep")]
    TooDeep {
        /// The most that is allowed.
        limit: usize,
    },
    /// A file that is no page.
    #[error("the page has more than {limit_bytes} bytes")]
    TooLarge {
        /// The most that is allowed.
        limit_bytes: usize,
    },
}

/// A cell that cannot be run: the parser's words, and where in the file they apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct CellError {
    /// The file's name.
    pub file: String,
    /// The line in the file.
    pub line: u32,
    /// The column in that line.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}
