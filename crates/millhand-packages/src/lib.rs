//! Environments of millhand's workers: from specifiers to verified files in a store.
//!
//! An [`Installer`] takes a [`PythonRequest`] and makes sure that the store has every file of that environment:
//! the Pyodide runtime from the user's npm registry, the packages of its lock from the user's overlays or
//! from the public CDN, and pure wheels beyond that lock from where the user's `uv` or `pip` finds them. Each file is checked against a hash before it is kept. What comes back, a
//! [`PythonEnvironment`], becomes the [`Manifest`] that a page reads.
//!
//! This crate serves nothing and prints nothing: the binary `millhand` does both. It never runs anything out of a
//! package; the only programs that it runs are the user's own `npm`, `uv` and `pip`, for where packages are. It asks no registry and no CDN that the user did not choose, or that is not named in one constant
//! ([`PyodideCdn::PUBLIC`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use millhand_packages::{Installer, InstallerSettings, PythonRequest};
//!
//! let installer = Installer::open(InstallerSettings::in_folder("cache"))?;
//! let request = PythonRequest { version: "0.29.5".parse()?, requirements: vec!["numpy".parse()?] };
//! let environment = installer.install(&request).await?;
//! assert_eq!(environment.packages[0].as_str(), "numpy");
//! # Ok(())
//! # }
//! ```

mod digest;
mod environment;
mod fetch;
mod flights;
mod image;
mod installer;
mod lockfile;
mod manifest;
pub mod npm;
mod pyodide;
mod pypi;
mod registry;
mod specifier;
mod store;
pub mod transform;
mod wheel;

pub use digest::{DigestError, Integrity, Sha256};
pub use environment::{Environment, EnvironmentRequest};
pub use fetch::{DownloadId, DownloadObserver, FetchError, FetchLimits};
pub use image::{ImageId, PythonImage};
pub use installer::{
    Fault, InstallError, InstalledFile, InstalledModule, InstalledRaw, Installer, InstallerSettings,
    NpmEnvironment, NpmFile, NpmInputs, NpmInstallError, OpenError, Origin, PackageError, PythonEnvironment,
    PythonRequest,
};
pub use lockfile::LockfileError;
pub use lockfile::python::{LockedError, LockedPackage, LockedPython, PythonFiles};
pub use manifest::{
    EsmJson, EsmManifest, ImageManifest, Manifest, ManifestFile, ModuleManifest, PyodideJson,
    PyodideManifest, RequestError, RequestJson, ScriptManifest, StyleManifest, read_request,
};
pub use pyodide::{
    CdnError, Lock, LockEntry, LockError, LockInfo, OverlayError, PyodideCdn, PyodideVersion,
    PyodideVersionError, ResolveError, RuntimeError,
};
pub use pypi::{PypiError, PythonIndex, ResolverError, WheelError};
pub use registry::{NpmRegistry, RegistryError};
/// The url type of [`NpmRegistry::At`].
pub use reqwest::Url;
pub use specifier::{
    NpmRange, NpmSpecifier, NpmSpecifierError, PackageName, PythonRequirement, Renames, SpecifierError,
    SyntaxError, VersionRange,
};
pub use store::{BadFile, Prune, Pruned, Store, StoreError, StoredFile, Verified};
pub use wheel::WheelNameError;
