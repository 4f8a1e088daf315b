//! Why an npm environment cannot be had.

use std::io;
use std::sync::Arc;

use crate::installer::error::{Fault, fault_of_fetch, fault_of_registry};
use crate::npm::{FileMatchError, NpmError, NpmId, TarballError};
use crate::registry::RegistryError;
use crate::specifier::NpmSpecifier;
use crate::store::StoreError;
use crate::transform::TransformError;

/// Why an npm environment cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum NpmInstallError {
    /// Something that a specifier needs. What is wrong with it is the source.
    #[error("`{specifier}` cannot be had")]
    Specifier {
        /// What was asked for.
        specifier: String,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// The registry is of no help, the request cannot be resolved, or a tarball is not what it should be.
    #[error(transparent)]
    Npm(#[from] NpmError),
    /// What is not in the store, while nothing may be downloaded.
    #[error("not in the cache, and downloads are off: `{packages}`")]
    Offline {
        /// Packages or specifiers, with spaces between.
        packages: String,
    },
    /// It has no build for browsers.
    #[error(transparent)]
    Transform(Arc<TransformError>),
    /// A package has no such file, or several.
    #[error(transparent)]
    File(#[from] FileMatchError),
    /// A package does not say which of its files is meant.
    #[error("`{id}` does not say which of its files is meant")]
    NoUsualFile {
        /// The package.
        id: NpmId,
    },
    /// A file of another kind than is wanted.
    #[error("`{path}` of `{id}` is no {wanted}")]
    OtherKind {
        /// The package.
        id: NpmId,
        /// The path in it.
        path: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// A tarball that holds another package than it is locked for.
    #[error("the tarball that is locked for `{id}` holds `{found}`")]
    OtherPackage {
        /// What it should hold.
        id: NpmId,
        /// What it says that it is.
        found: String,
    },
    /// A stylesheet that refers to more than any does.
    #[error("`{path}` of `{id}` refers to more than {max} files")]
    TooManyReferences {
        /// The package.
        id: NpmId,
        /// The path in it.
        path: String,
        /// The bound.
        max: usize,
    },
    /// A file that has just been unpacked.
    #[error("cannot read `{path}` of `{id}`")]
    Unreadable {
        /// The package.
        id: NpmId,
        /// The path in it; empty for its folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A specifier or package that the lockfile lacks, though it has what needs it.
    #[error("the lockfile has no `{what}`, though it has what needs it")]
    Incomplete {
        /// A specifier, or a package.
        what: String,
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

impl NpmInstallError {
    /// Nothing is known of these specifiers, and nobody may be asked.
    pub(in crate::installer) fn offline(specifiers: &[NpmSpecifier]) -> Self {
        let specifiers: Vec<String> = specifiers.iter().map(NpmSpecifier::normalised).collect();
        Self::Offline { packages: specifiers.join(" ") }
    }

    /// The same failure, with the name of what the user has asked for.
    pub(super) fn asked_for_by(self, specifier: &str) -> Self {
        Self::Specifier { specifier: specifier.to_owned(), source: Box::new(self) }
    }

    /// The stable name of this failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Specifier { source, .. } => source.code(),
            Self::Npm(error) => error.code(),
            Self::Offline { .. } => "offline",
            Self::Transform(error) => error.code(),
            Self::File(error) => error.code(),
            Self::NoUsualFile { .. } => "npm-file-unnamed",
            Self::OtherKind { .. } => "npm-file-of-other-kind",
            Self::OtherPackage { .. } => "lockfile-mismatch",
            Self::TooManyReferences { .. } => "npm-package-broken",
            Self::Unreadable { .. } => "store-unusable",
            Self::Incomplete { .. } => "bad-lockfile",
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
            Self::Npm(error) => error.hint(),
            Self::Offline { .. } => {
                Some("open the page once, or run `millhand lock`, while there is a network".to_owned())
            }
            Self::Transform(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::NoUsualFile { .. } => Some("name one with `name~path/of/file`".to_owned()),
            Self::Unreadable { .. } => Some("choose another cache folder with `--cache-dir`".to_owned()),
            Self::Incomplete { .. } => {
                Some("make the lockfile anew with `millhand lock --upgrade`".to_owned())
            }
            Self::OtherKind { .. } => Some("name a file of that kind with `name~path/of/file`".to_owned()),
            Self::OtherPackage { .. } => {
                Some("the lockfile was edited: take an earlier version of it, or delete it".to_owned())
            }
            Self::TooManyReferences { .. } => None,
            Self::NotBuilt { .. } => {
                Some("empty the cache with `millhand cache prune --all`, and try again".to_owned())
            }
            Self::NoTransformer => {
                Some("use the program `millhand`, or give the installer a transformer".to_owned())
            }
            Self::Store(error) => error.hint(),
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Specifier { source, .. } => source.fault(),
            Self::Npm(error) => fault_of_npm(error),
            Self::Offline { .. } => Fault::Offline,
            Self::Transform(_)
            | Self::File(_)
            | Self::NoUsualFile { .. }
            | Self::OtherKind { .. }
            | Self::TooManyReferences { .. }
            | Self::NotBuilt { .. } => Fault::Unresolvable,
            Self::OtherPackage { .. }
            | Self::Unreadable { .. }
            | Self::Incomplete { .. }
            | Self::NoTransformer
            | Self::Store(_) => Fault::Local,
        }
    }
}

impl From<TarballError> for NpmInstallError {
    fn from(error: TarballError) -> Self {
        Self::Npm(error.into())
    }
}

impl From<RegistryError> for NpmInstallError {
    fn from(error: RegistryError) -> Self {
        Self::Npm(error.into())
    }
}

const fn fault_of_npm(error: &NpmError) -> Fault {
    match error {
        NpmError::Registry(error) => fault_of_registry(error),
        NpmError::Resolve(_) | NpmError::NoPlace { .. } => Fault::Unresolvable,
        NpmError::Fetch { source, .. } => fault_of_fetch(source),
        NpmError::Tarball(TarballError::Io { .. }) => Fault::Local,
        NpmError::Tarball(_) => Fault::Source,
    }
}
