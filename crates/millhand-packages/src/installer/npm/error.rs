//! Why an npm environment cannot be had.

use std::io;

use crate::digest::Integrity;
use crate::fetch::FetchError;
use crate::installer::error::{Fault, fault_of_fetch, fault_of_registry};
use crate::npm::{NpmId, NpmResolveError, TarballError};
use crate::registry::RegistryError;
use crate::specifier::FileMatchError;
use crate::store::StoreError;
use crate::transform::TransformError;

/// Why an npm environment cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NpmError {
    /// Something that a specifier needs. What is wrong with it is the source.
    #[error("`{specifier}` cannot be had")]
    Specifier {
        /// What was asked for.
        specifier: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// The request cannot be resolved.
    #[error(transparent)]
    Resolve(#[from] NpmResolveError),
    /// The registry is of no help.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Packages that are not in the store, while nothing may be downloaded.
    #[error("not in the cache, and downloads are off: `{packages}`")]
    Offline {
        /// Their names and versions, with spaces between.
        packages: String,
    },
    /// It did not arrive.
    #[error("cannot download `{id}`")]
    Fetch {
        /// The package.
        id: NpmId,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// It is not what was published, or what is locked.
    #[error("the tarball of `{id}` has the integrity {found}, it should be {expected}")]
    Changed {
        /// The package.
        id: NpmId,
        /// What it should be.
        expected: Box<Integrity>,
        /// What came.
        found: Box<Integrity>,
    },
    /// It cannot be unpacked.
    #[error("the tarball of `{id}` cannot be unpacked")]
    Tarball {
        /// The package.
        id: NpmId,
        /// Why.
        #[source]
        source: TarballError,
    },
    /// It has no build for browsers.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// A package has no such file, or several.
    #[error("in `{id}`")]
    File {
        /// The package.
        id: NpmId,
        /// Why.
        #[source]
        source: FileMatchError,
    },
    /// A package does not say which of its files is meant for pages.
    #[error("`{id}` does not say which of its files is meant")]
    NoUsualFile {
        /// The package.
        id: NpmId,
    },
    /// A file that has just been unpacked.
    #[error("cannot read `{path}` of `{id}`")]
    Unreadable {
        /// The package.
        id: NpmId,
        /// The path in it.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder in which packages are unpacked.
    #[error("cannot read unpacked packages")]
    Scratch {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A specifier that the resolution does not know: a lockfile that was edited by hand.
    #[error("`{specifier}` is not resolved")]
    NotResolved {
        /// The specifier.
        specifier: String,
    },
    /// A package that the resolution does not know.
    #[error("`{id}` is not resolved")]
    NotInGraph {
        /// The package.
        id: NpmId,
    },
    /// A build that lacks what it was made for.
    #[error("the build of `{id}` has no `{path}`")]
    NotBuilt {
        /// The package.
        id: NpmId,
        /// The path in its url folder.
        path: String,
    },
    /// This millhand was put together without a bundler.
    #[error("npm modules cannot be built here")]
    NoTransformer,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NpmError {
    /// The same failure, with the name of what the user has asked for.
    pub(super) fn asked_for_by(self, specifier: &str) -> Self {
        Self::Specifier { specifier: specifier.to_owned(), source: Box::new(self) }
    }

    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Specifier { source, .. } => source.code(),
            Self::Resolve(error) => error.code(),
            Self::Registry(error) => error.code(),
            Self::Offline { .. } => "offline",
            Self::Fetch { source, .. } => source.code(),
            Self::Changed { .. } => "hash-mismatch",
            Self::Tarball { source, .. } => source.code(),
            Self::Transform(error) => error.code(),
            Self::File { source, .. } => source.code(),
            Self::NoUsualFile { .. } => "npm-file-unnamed",
            Self::Unreadable { .. } | Self::Scratch { .. } => "store-unusable",
            Self::NotResolved { .. } | Self::NotInGraph { .. } => "lockfile-incomplete",
            Self::NotBuilt { .. } => "npm-package-broken",
            Self::NoTransformer => "npm-modules-unavailable",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Specifier { source, .. } => source.hint(),
            Self::Resolve(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::Offline { .. } => {
                Some("open the page once, or run `millhand lock`, while there is a network".to_owned())
            }
            Self::Fetch { .. } => {
                Some("check the network, or set `npm_config_registry` to another registry".to_owned())
            }
            Self::Changed { .. } => Some(
                "the package was changed on its way or at its source: do not use it before you know why".to_owned(),
            ),
            Self::Tarball { source, .. } => source.hint(),
            Self::Transform(error) => error.hint(),
            Self::File { source, .. } => source.hint(),
            Self::NoUsualFile { .. } => Some("name one with `name~path/of/file`".to_owned()),
            Self::Unreadable { .. } | Self::Scratch { .. } => {
                Some("choose another cache folder with `--cache-dir`".to_owned())
            }
            Self::NotResolved { .. } | Self::NotInGraph { .. } => {
                Some("make the lockfile anew with `millhand lock`".to_owned())
            }
            Self::NotBuilt { .. } | Self::NoTransformer => None,
            Self::Store(error) => error.hint(),
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Specifier { source, .. } => source.fault(),
            Self::Resolve(error) => error.fault(),
            Self::Registry(error) => fault_of_registry(error),
            Self::Offline { .. } => Fault::Offline,
            Self::Fetch { source, .. } => fault_of_fetch(source),
            Self::Changed { .. } | Self::Tarball { .. } => Fault::Source,
            Self::Transform(_) | Self::File { .. } | Self::NoUsualFile { .. } | Self::NotBuilt { .. } => {
                Fault::Unresolvable
            }
            Self::Unreadable { .. }
            | Self::Scratch { .. }
            | Self::NotResolved { .. }
            | Self::NotInGraph { .. }
            | Self::NoTransformer
            | Self::Store(_) => Fault::Local,
        }
    }
}
