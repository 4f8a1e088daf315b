//! Why a lockfile is of no use.

use std::io;
use std::path::PathBuf;

use crate::manifest::{RequestError, RequestJson};

/// Why a lockfile is of no use.
#[derive(Debug, thiserror::Error)]
pub enum LockfileError {
    /// It cannot be read.
    #[error("cannot read the lockfile `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("cannot write the lockfile `{}`", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is no lockfile.
    #[error("the lockfile `{}` cannot be understood", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Another millhand wrote it.
    #[error("the lockfile `{}` has the format {version}, which this millhand does not know", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u32,
    },
    /// It lacks something that it refers to.
    #[error("the lockfile `{}` has no {what}", path.display())]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        what: String,
    },
    /// It has a request that is none.
    #[error("a request in the lockfile is none")]
    Request(#[from] RequestError),
    /// A request that it does not have, while nothing else may be used.
    #[error("not in the lockfile, and `--locked` allows nothing else: `{specifiers}`")]
    NotLocked {
        /// What was asked for, with spaces between.
        specifiers: String,
    },
}

impl LockfileError {
    pub(crate) fn not_locked(request: &RequestJson) -> Self {
        let python = request.pyodide.iter().flat_map(|pyodide| &pyodide.modules);
        let specifiers: Vec<String> = request.npm_roots().iter().chain(python).cloned().collect();
        Self::NotLocked { specifiers: specifiers.join("` `") }
    }

    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::Unwritable { .. } => "lockfile-unusable",
            Self::Malformed { .. } | Self::Incomplete { .. } | Self::Request(_) => "bad-lockfile",
            Self::OtherVersion { .. } => "lockfile-other-version",
            Self::NotLocked { .. } => "not-locked",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } | Self::Unwritable { .. } => "name another file with `--lockfile`",
            Self::Malformed { .. } | Self::Incomplete { .. } | Self::Request(_) => {
                "it was edited or cut short: take an earlier version of it, or delete it, and everything is resolved anew"
            }
            Self::OtherVersion { .. } => {
                "use the millhand that wrote it, or delete it, and everything is resolved anew"
            }
            Self::NotLocked { .. } => "run without `--locked` once, or lock it with `millhand add`",
        };
        Some(hint.to_owned())
    }
}
