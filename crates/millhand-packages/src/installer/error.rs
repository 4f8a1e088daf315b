//! Why an environment cannot be had, and whose fault that is.

use super::NpmInstallError;
use super::{
    CdnError, FetchError, LockError, OverlayError, PyodideVersion, ResolveError, RuntimeError, Sha256,
};
use crate::lockfile::LockfileError;
use crate::lockfile::python::LockedError;
use crate::pypi::{PypiError, ResolverError};
use crate::registry::RegistryError;
use crate::store::StoreError;

/// Why an installer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store.
    #[error("cannot use the cache folder")]
    Store(#[from] StoreError),
    /// An overlay.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// The network.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The lockfile.
    #[error(transparent)]
    Lockfile(#[from] LockfileError),
}

impl OpenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Overlay(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::Lockfile(error) => error.hint(),
        }
    }
}

/// Why an environment cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The runtime's lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The request.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A wheel of the user's.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    /// A package of the lock.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The npm packages.
    #[error(transparent)]
    Npm(#[from] NpmInstallError),
    /// A package beyond the lock.
    #[error(transparent)]
    Pypi(#[from] PypiError),
    /// The lockfile.
    #[error(transparent)]
    Lockfile(#[from] LockfileError),
    /// An environment that was written down.
    #[error(transparent)]
    Locked(#[from] LockedError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whose fault a failure is. A server answers each with another status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request contradicts itself.
    Request,
    /// The request is in order and cannot be met.
    Unresolvable,
    /// A registry or CDN does not answer, or answers with something else.
    Source,
    /// It would take a download, and downloads are off.
    Offline,
    /// This machine: its disk or its configuration.
    Local,
}

impl InstallError {
    /// The stable name of this failure.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Runtime(error) => error.code(),
            Self::Lock(error) => error.code(),
            Self::Resolve(error) => error.code(),
            Self::Overlay(error) => error.code(),
            Self::Package(error) => error.code(),
            Self::Npm(error) => error.code(),
            Self::Pypi(error) => error.code(),
            Self::Lockfile(error) => error.code(),
            Self::Locked(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Runtime(error) => error.hint(),
            Self::Lock(_) => None,
            Self::Resolve(error) => error.hint(),
            Self::Overlay(error) => error.hint(),
            Self::Package(error) => error.hint(),
            Self::Npm(error) => error.hint(),
            Self::Pypi(error) => error.hint(),
            Self::Lockfile(error) => error.hint(),
            Self::Locked(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Runtime(error) => fault_of_runtime(error),
            Self::Lock(_) => Fault::Source,
            Self::Resolve(ResolveError::Repeated { .. }) => Fault::Request,
            Self::Resolve(
                ResolveError::UnknownPackage { .. }
                | ResolveError::OtherVersion { .. }
                | ResolveError::MissingDependency { .. },
            )
            | Self::Overlay(_) => Fault::Unresolvable,
            Self::Package(error) => fault_of_package(error),
            Self::Npm(error) => error.fault(),
            Self::Pypi(error) => fault_of_pypi(error),
            Self::Locked(LockedError::Changed { .. } | LockedError::OtherOverlay { .. }) => {
                Fault::Unresolvable
            }
            Self::Lockfile(LockfileError::NotLocked { .. }) => Fault::Unresolvable,
            Self::Locked(_) | Self::Lockfile(_) | Self::Store(_) => Fault::Local,
        }
    }
}

const fn fault_of_runtime(error: &RuntimeError) -> Fault {
    match error {
        RuntimeError::Offline { .. } => Fault::Offline,
        RuntimeError::Registry(error) => fault_of_registry(error),
        RuntimeError::Fetch(error) => fault_of_fetch(error),
        RuntimeError::IntegrityMismatch { .. }
        | RuntimeError::Archive { .. }
        | RuntimeError::MissingFiles { .. } => Fault::Source,
        RuntimeError::Store(_) => Fault::Local,
    }
}

pub(super) const fn fault_of_registry(error: &RegistryError) -> Fault {
    match error {
        RegistryError::Unknown { .. } => Fault::Unresolvable,
        RegistryError::NotConfigured { .. } | RegistryError::BadUrl { .. } | RegistryError::Store(_) => {
            Fault::Local
        }
        RegistryError::Malformed { .. } | RegistryError::NoIntegrity { .. } | RegistryError::Fetch { .. } => {
            Fault::Source
        }
    }
}

const fn fault_of_package(error: &PackageError) -> Fault {
    match error {
        PackageError::Offline { .. } => Fault::Offline,
        PackageError::Fetch { source, .. } => fault_of_fetch(source),
        PackageError::HashMismatch { .. } => Fault::Source,
        PackageError::Cdn(_) | PackageError::Store(_) => Fault::Local,
    }
}

const fn fault_of_pypi(error: &PypiError) -> Fault {
    match error {
        PypiError::NoPureWheel { .. }
        | PypiError::Conflict { .. }
        | PypiError::NoSuchDependency { .. }
        | PypiError::Unsettled { .. }
        | PypiError::OverlayVersion { .. } => Fault::Unresolvable,
        PypiError::Offline { .. } => Fault::Offline,
        PypiError::Fetch { source, .. } => fault_of_fetch(source),
        PypiError::Resolver { source: ResolverError::NotThere, .. } | PypiError::Store(_) => Fault::Local,
        PypiError::Resolver { .. } | PypiError::HashMismatch { .. } | PypiError::Wheel(_) => Fault::Source,
    }
}

pub(super) const fn fault_of_fetch(error: &FetchError) -> Fault {
    match error {
        FetchError::SetUp { .. } | FetchError::Store(_) => Fault::Local,
        FetchError::Unreachable { .. }
        | FetchError::TimedOut { .. }
        | FetchError::GivenUp { .. }
        | FetchError::Redirected { .. }
        | FetchError::Interrupted { .. }
        | FetchError::Garbled { .. }
        | FetchError::NotFound { .. }
        | FetchError::Refused { .. }
        | FetchError::TooLarge { .. } => Fault::Source,
    }
}

/// Why a package of the lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Packages that are not in the store, while nothing may be downloaded.
    #[error("not in the cache, and downloads are off: `{packages}`")]
    Offline {
        /// Their names, with spaces between.
        packages: String,
        /// The version of Pyodide that it is for.
        version: PyodideVersion,
    },
    /// It did not arrive.
    #[error("cannot download `{package}`")]
    Fetch {
        /// The package.
        package: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// It is not the file that the lock names.
    #[error("`{file_name}` came with the sha256 {found}, it should be {expected}")]
    HashMismatch {
        /// The file.
        file_name: String,
        /// What the lock says.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// The CDN's url is none.
    #[error(transparent)]
    Cdn(#[from] CdnError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PackageError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Offline { .. } => "offline",
            Self::Fetch { source, .. } => source.code(),
            Self::HashMismatch { .. } => "hash-mismatch",
            Self::Cdn(_) => "bad-pyodide-cdn",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Offline { packages, version } => Some(format!(
                "run `millhand fetch --pyodide {version} {packages}` while there is a network, or give a wheel with `--overlay`"
            )),
            Self::Fetch { source: source @ (FetchError::SetUp { .. } | FetchError::Store(_)), .. } => source.hint(),
            Self::Fetch { .. } => Some(
                "check the network, name a mirror with `--pyodide-cdn`, or give a wheel with `--overlay`".to_owned(),
            ),
            Self::HashMismatch { .. } => {
                Some("the file was changed on its way or at its source: give a wheel that you trust with `--overlay`".to_owned())
            }
            Self::Cdn(_) => None,
            Self::Store(error) => error.hint(),
        }
    }
}
