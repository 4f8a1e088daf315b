//! Why a lockfile is of no use.

use std::io;
use std::path::{Path, PathBuf};

use crate::npm::NpmId;

/// Why a lockfile cannot be read, written or changed.
#[derive(Debug, thiserror::Error)]
pub enum LockfileError {
    /// The disk said no.
    #[error("cannot {action} the lockfile `{}`", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The lockfile.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is not what millhand writes.
    #[error("the lockfile is wrong at {}: {reason}", place(path, *line))]
    Malformed {
        /// The lockfile.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
    },
    /// It is of another millhand.
    #[error("the lockfile has the version {version} at {}, which this millhand does not know", place(path, Some(*line)))]
    UnknownVersion {
        /// The lockfile.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The version.
        version: i64,
    },
    /// It names a package, but not what its tarball hashes to.
    #[error("the lockfile names `{id}` at {}, but has no integrity for it", place(path, Some(*line)))]
    MissingPackage {
        /// The lockfile.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The package.
        id: NpmId,
    },
    /// A package is not what it is in another environment.
    #[error("`{id}` has the integrity {found}, but is locked as {locked}")]
    Changed {
        /// The package.
        id: NpmId,
        /// What the lockfile says.
        locked: String,
        /// What was to be locked.
        found: String,
    },
}

impl LockfileError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "lockfile-unusable",
            Self::Malformed { .. } | Self::MissingPackage { .. } => "lockfile-malformed",
            Self::UnknownVersion { .. } => "lockfile-version-unknown",
            Self::Changed { .. } => "npm-package-changed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Malformed { .. } | Self::MissingPackage { .. } => {
                Some("restore it from version control, or delete it and lock the pages anew".to_owned())
            }
            Self::UnknownVersion { .. } => Some("use the millhand that wrote it, or a newer one".to_owned()),
            Self::Changed { .. } => Some(
                "no version is published twice: find out who changed it, and do not use it until then"
                    .to_owned(),
            ),
        }
    }
}

fn place(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("line {line} of `{}`", path.display()),
        None => format!("`{}`", path.display()),
    }
}
