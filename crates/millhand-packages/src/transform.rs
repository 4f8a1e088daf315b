//! The seam to the bundler: from one package, as its author published it, to modules that browsers import.
//!
//! Only the trait is here, so that this crate builds without a bundler. `millhand-transform` implements it, the
//! installer calls it. One build is of one package, never of an application: what other packages offer stays an
//! import of their urls, so that a page has one copy of each.
//!
//! # Urls
//!
//! A built package is a folder `<key>/<name>@<version>/`, next to the folders of all other packages. In it,
//! the module of the package itself is `entry.js`, that of `name/sub/path` is `entry/sub/path.js`, and what they
//! share is under `chunk/`. So the url of any import of a dependency is known without looking at it, and imports
//! between packages are relative: `../../<key>/<name>@<version>/entry.js`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::npm::NpmId;

/// Turns a package into ES modules.
pub trait Transform: Send + Sync + fmt::Debug {
    /// Names the transformer and its version. It is part of every key, so that what another one makes gets other
    /// urls.
    fn identity(&self) -> &str;

    /// Builds `entries` of `package`. Takes a while, and blocks.
    ///
    /// # Errors
    ///
    /// When the package cannot be made to run in a browser, see [`TransformError`].
    fn build(&self, package: &SourcePackage, entries: &Entries) -> Result<BuiltPackage, TransformError>;
}

/// A package to build, unpacked on disk.
#[derive(Clone, Debug)]
pub struct SourcePackage {
    /// Which one.
    pub id: NpmId,
    /// The folder with its `package.json`; absolute.
    pub root: PathBuf,
    /// What it may import, by the name in its imports. Its own name is not among them.
    pub dependencies: BTreeMap<String, Dependency>,
}

/// Another package, as the one that is built sees it.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Which one.
    pub id: NpmId,
    /// The folder of its url.
    pub key: String,
    /// The folder with its `package.json`; absolute. It is looked at to tell how it has to be imported. Nothing of
    /// it goes into the build, but for further modules that hold nothing but written-out constants.
    pub root: PathBuf,
}

/// Which modules a build offers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Entries {
    /// The package itself, and all subpaths that its `exports` name in full. They are built together, so that
    /// they share state. What cannot be built is left out: asked for by itself, it says why.
    Declared,
    /// One further module, such as `debounce` for `lodash/debounce`: a subpath that `exports` allows by a
    /// pattern, or any file of a package without `exports`; `.` is the package itself. Declared entries stay imports.
    Deep(String),
}

/// What came out of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuiltPackage {
    /// By path in the package's url folder: `entry.js`, `entry/operators.js`, `chunk/1a2b.js`, source maps, and
    /// files that modules refer to by url.
    pub files: BTreeMap<String, BuiltFile>,
}

/// A file of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuiltFile {
    /// Its content.
    pub content: Vec<u8>,
    /// Of a module: what it imports.
    pub imports: Vec<Import>,
    /// Of an entry: whether it has a default export and nothing else that a user would name.
    pub default_only: bool,
}

/// An import of a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Import {
    /// What is imported.
    pub from: ImportedModule,
    /// Whether the module needs it before it runs. A dynamic `import()` is not needed.
    pub needed: bool,
}

/// Where an import leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportedModule {
    /// To a file of the same package, by its path in the package's url folder.
    Own(String),
    /// To a module of another package, or to another entry of the same one.
    Package {
        /// The package.
        id: NpmId,
        /// `None` for the package itself, `jsx-runtime` for `react/jsx-runtime`.
        subpath: Option<String>,
    },
}

/// The file of an entry, by the rule above.
#[must_use]
pub fn entry_path(subpath: Option<&str>) -> String {
    match subpath {
        None => "entry.js".to_owned(),
        Some(subpath) => format!("entry/{subpath}.js"),
    }
}

/// Why a package has no build for browsers.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// It does not offer that module.
    #[error("`{id}` has no module `{subpath}`")]
    UnknownEntry {
        /// The package.
        id: NpmId,
        /// What was asked for.
        subpath: String,
        /// The modules whose names come nearest.
        nearest: Vec<String>,
    },
    /// Nothing in it can be imported, as in a package of types, styles or commands.
    #[error("`{id}` has no module that can be imported")]
    NoEntry {
        /// The package.
        id: NpmId,
    },
    /// It needs a module of Node's.
    #[error("`{id}` needs `{builtin}` of Node, which browsers do not have ({})", chain.join(" → "))]
    NeedsNode {
        /// The package.
        id: NpmId,
        /// Such as `fs`.
        builtin: String,
        /// The files that lead to it, from the entry on.
        chain: Vec<String>,
    },
    /// It imports something that is not there.
    #[error("`{id}` imports `{import}`, which cannot be found ({})", chain.join(" → "))]
    Unresolved {
        /// The package.
        id: NpmId,
        /// What it imports.
        import: String,
        /// The files that lead to it, from the entry on.
        chain: Vec<String>,
    },
    /// A file of it cannot be read as what it should be.
    #[error("`{id}` cannot be built: {}", messages.join("; "))]
    Broken {
        /// The package.
        id: NpmId,
        /// What the bundler says, a problem each.
        messages: Vec<String>,
    },
}

impl TransformError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownEntry { .. } => "npm-module-unknown",
            Self::NoEntry { .. } => "npm-package-without-module",
            Self::NeedsNode { .. } => "npm-package-needs-node",
            Self::Unresolved { .. } => "npm-import-unresolved",
            Self::Broken { .. } => "npm-package-broken",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownEntry { nearest, .. } if !nearest.is_empty() => {
                Some(format!("it has `{}`", nearest.join("`, `")))
            }
            Self::UnknownEntry { .. } => None,
            Self::NoEntry { .. } => {
                Some("a file of it can be had with `name~path/of/file`, a stylesheet with `css`".to_owned())
            }
            Self::NeedsNode { .. } => {
                Some("look for a package, or a version, that is made for browsers".to_owned())
            }
            Self::Unresolved { .. } | Self::Broken { .. } => {
                Some("another version of the package may do: name one with `#version`".to_owned())
            }
        }
    }
}
