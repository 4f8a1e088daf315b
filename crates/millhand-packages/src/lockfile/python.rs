//! The Python part of an environment in a lockfile.
//!
//! ```toml
//! [environment.python]
//! pyodide = "0.29.5"
//!
//! [environment.python.runtime]              # what the runtime's files must hash to
//! "pyodide.mjs" = "510c…"
//!
//! [[environment.python.packages]]           # in load order
//! name = "text-unidecode"
//! version = "1.3"
//! file = "text_unidecode-1.3-py2.py3-none-any.whl"
//! sha256 = "1311f…"                        # what the file must hash to
//!
//! [[environment.python.packages]]
//! name = "python-slugify"
//! version = "8.0.4"
//! file = "python_slugify-8.0.4-py2.py3-none-any.whl"
//! sha256 = "276540b…"
//! depends = ["text-unidecode"]
//! ```
//!
//! It names no hosts. [`LockedPython::of`] writes it down, `Installer::install_locked` makes the environment again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::installer::PythonEnvironment;
use crate::pyodide::{LOCK_FILE, PyodideVersionError};

/// What files must hash to, by name.
pub type PythonFiles = BTreeMap<String, Sha256>;

/// A Python environment, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPython {
    /// The version of Pyodide.
    pub pyodide: String,
    /// What the runtime's files must hash to, its own lock among them.
    pub runtime: PythonFiles,
    /// The packages in load order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<LockedPackage>,
}

/// A package of such an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its file.
    pub file: String,
    /// What the file must hash to.
    pub sha256: Sha256,
    /// The packages that it needs, by their normalised names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
}

impl LockedPython {
    /// Writes `environment` down.
    #[must_use]
    pub fn of(environment: &PythonEnvironment) -> Self {
        let boot_files = &environment.files[..environment.files.len() - environment.packages.len()];
        let mut runtime: PythonFiles =
            boot_files.iter().map(|file| (file.name.clone(), file.stored.sha256)).collect();
        runtime.insert(LOCK_FILE.to_owned(), environment.lock_file.sha256);
        let entries =
            environment.packages.iter().filter_map(|name| Some((name, environment.lock.find(name)?)));
        let packages = entries.map(|(name, entry)| LockedPackage {
            name: name.as_str().to_owned(),
            version: entry.version.clone(),
            file: entry.file_name.clone(),
            sha256: entry.sha256,
            depends: entry.depends.clone(),
        });
        Self { pyodide: environment.version.to_string(), runtime, packages: packages.collect() }
    }
}

/// Why an environment is not as it was written down.
#[derive(Debug, thiserror::Error)]
pub enum LockedError {
    /// A file is another one now.
    #[error("`{file}` has the sha256 {found}, the lockfile says {expected}")]
    Changed {
        /// The file.
        file: String,
        /// What the lockfile says.
        expected: Sha256,
        /// What it has now.
        found: Sha256,
    },
    /// A user's wheel takes the place of a package, and is not the one that was written down.
    #[error("the overlay of `{package}` is `{found}`, the lockfile has `{expected}`")]
    OtherOverlay {
        /// The package.
        package: String,
        /// The file that the lockfile names.
        expected: String,
        /// The overlay's file.
        found: String,
    },
    /// The lockfile lacks a hash.
    #[error("the lockfile has no sha256 for `{file}`")]
    NoHash {
        /// The file.
        file: String,
    },
    /// A name that no file of a package has.
    #[error(
        "the lockfile names the file `{file}` for `{package}`, which is no file of that package and version"
    )]
    WrongFile {
        /// The package.
        package: String,
        /// The file.
        file: String,
    },
    /// Not a version of Pyodide.
    #[error(transparent)]
    Version(#[from] PyodideVersionError),
}

impl LockedError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Changed { .. } | Self::OtherOverlay { .. } => "lockfile-mismatch",
            Self::NoHash { .. } | Self::WrongFile { .. } | Self::Version(_) => "bad-lockfile",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Changed { .. } | Self::OtherOverlay { .. } => Some(
                "if that change is wanted, lock the environment again; if not, do not use the file"
                    .to_owned(),
            ),
            Self::NoHash { .. } | Self::WrongFile { .. } | Self::Version(_) => {
                Some("the lockfile was edited or cut short: lock the environment again".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_and_read_back_as_toml() {
        let sha256 = Sha256::of(b"");
        let locked = LockedPython {
            pyodide: "0.29.5".to_owned(),
            runtime: PythonFiles::from([("pyodide.mjs".to_owned(), sha256)]),
            packages: vec![LockedPackage {
                name: "a".to_owned(),
                version: "1.0".to_owned(),
                file: "a-1.0-py3-none-any.whl".to_owned(),
                sha256,
                depends: Vec::new(),
            }],
        };
        let text = toml::to_string_pretty(&locked).unwrap();
        let expected = format!(
            "pyodide = \"0.29.5\"\n\n[runtime]\n\"pyodide.mjs\" = \"{sha256}\"\n\n[[packages]]\nname = \"a\"\nversion = \"1.0\"\nfile = \"a-1.0-py3-none-any.whl\"\nsha256 = \"{sha256}\"\n"
        );
        assert_eq!(text, expected);
        assert_eq!(toml::from_str::<LockedPython>(&text).unwrap(), locked);
        assert!(toml::from_str::<LockedPython>(&format!("hosts = 1\n{text}")).is_err());
    }
}
