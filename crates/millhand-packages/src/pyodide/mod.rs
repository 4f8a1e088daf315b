//! Pyodide: which versions there are to ask for, the lock that comes with one, and the files that start it.
//!
//! [`Lock`] reads and cuts the lock, `resolve` finds what a request needs, `Overlays` holds the
//! wheels that a user put in place of the lock's, `runtime` gets the runtime itself out of its npm package, and
//! [`PyodideCdn`] says where the lock's packages are.

pub(crate) mod cdn;
pub(crate) mod lock;
pub(crate) mod overlay;
pub(crate) mod resolve;
pub(crate) mod runtime;

use std::fmt;
use std::str::FromStr;

pub use cdn::{CdnError, PyodideCdn};
pub use lock::{Lock, LockEntry, LockError, LockInfo};
pub use overlay::OverlayError;
pub(crate) use overlay::{OverlayWheel, Overlays};
pub use resolve::ResolveError;
pub(crate) use runtime::LOCK_FILE;
pub use runtime::RuntimeError;

/// A version of Pyodide, such as `0.29.5`. Ranges and tags are not resolved: a page asks for what it was tried with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PyodideVersion(String);

impl PyodideVersion {
    /// What is used when nothing else is asked for.
    pub const DEFAULT: &str = "0.29.5";

    /// The version as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PyodideVersion {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

impl fmt::Display for PyodideVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for PyodideVersion {
    type Err = PyodideVersionError;

    /// Takes three numbers and, after a hyphen, a pre-release. The text ends up in urls and file names.
    fn from_str(text: &str) -> Result<Self, PyodideVersionError> {
        let (numbers, pre_release) = text.split_once('-').unwrap_or((text, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let is_pre_release =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let good = text.len() <= 40
            && numbers.split('.').count() == 3
            && numbers.split('.').all(is_number)
            && pre_release.split('.').all(is_pre_release);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(PyodideVersionError { text: text.chars().take(40).collect() })
        }
    }
}

/// A text that is no version of Pyodide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no version of Pyodide: three numbers are expected, such as `{}`",
    PyodideVersion::DEFAULT
)]
pub struct PyodideVersionError {
    /// What was read, cut short.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_three_numbers_and_a_pre_release() {
        for text in ["0.29.5", "314.0.0", "0.28.0-alpha.3"] {
            assert_eq!(text.parse::<PyodideVersion>().unwrap().to_string(), text);
        }
        for text in ["", "0.29", "latest", "^0.29.5", "0.29.5/../x", "0.29.5-", "0..5", "0.29.5-a b"] {
            assert!(text.parse::<PyodideVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_is_a_version() {
        assert_eq!(PyodideVersion::DEFAULT.parse(), Ok(PyodideVersion::default()));
    }
}
