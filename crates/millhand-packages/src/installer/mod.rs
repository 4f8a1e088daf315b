//! The installer: makes sure that the store has every file of an environment.
//!
//! It is where the parts meet, and it holds the order of sources: the store, then the user's overlays, then the
//! network. The server calls it per request, commands call it once. Python is in [`python`]: [`pure`] finds wheels
//! beyond Pyodide's lock, [`locked`] makes environments again that were written down. npm packages are in [`npm`],
//! and [`lockfile`] is what a lockfile does to both.

mod error;
mod locked;
mod lockfile;
mod npm;
mod pure;
mod python;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::digest::Sha256;
use crate::fetch::{DownloadObserver, FetchError, FetchLimits, Fetcher};
use crate::flights::Flights;
use crate::pyodide::{
    CdnError, Lock, LockEntry, LockError, OverlayError, OverlayWheel, Overlays, PyodideCdn, PyodideVersion,
    ResolveError, RuntimeError,
};
use crate::pypi::PythonIndex;
use crate::registry::NpmRegistry;
use crate::specifier::{PackageName, PythonRequirement, Renames};
use crate::store::{Store, StoredFile};
use crate::transform::{Transform, TransformError};

pub use error::{Fault, InstallError, OpenError, PackageError};
pub use npm::{InstalledModule, InstalledRaw, NpmEnvironment, NpmFile, NpmInputs, NpmInstallError};

const MAX_PACKAGE_BYTES: u64 = 512 * 1024 * 1024;
const MAX_CONCURRENT_DOWNLOADS: usize = 4;
/// A build keeps a core busy for a while.
const MAX_CONCURRENT_BUILDS: usize = 4;
/// A tarball can be large, and is in memory while it is unpacked.
const MAX_CONCURRENT_UNPACKS: usize = 6;

/// What an installer works with.
#[derive(Clone, Debug)]
pub struct InstallerSettings {
    /// The folder of the store.
    pub cache_dir: PathBuf,
    /// The user's wheels, and folders of wheels.
    pub overlays: Vec<PathBuf>,
    /// Where the lock's packages come from.
    pub cdn: PyodideCdn,
    /// Where npm packages come from.
    pub registry: NpmRegistry,
    /// Where Python packages come from that are neither in Pyodide's lock nor an overlay.
    pub python_index: PythonIndex,
    /// Names by which npm packages may be asked for that are not theirs any more.
    pub renames: Renames,
    /// What makes modules of npm packages. Without it, only their files can be had.
    pub transform: Option<Arc<dyn Transform>>,
    /// Where it is written down what requests came to. Without it, each is resolved anew.
    pub lockfile: Option<PathBuf>,
    /// Whether what the lockfile does not have is refused.
    pub locked: bool,
    /// Whether nothing may be downloaded.
    pub offline: bool,
    /// The bounds of a download.
    pub limits: FetchLimits,
    /// Who hears how far downloads are.
    pub observer: Option<Arc<dyn DownloadObserver>>,
}

impl InstallerSettings {
    /// The usual settings, with the store in `cache_dir`.
    #[must_use]
    pub fn in_folder(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            overlays: Vec::new(),
            cdn: PyodideCdn::default(),
            registry: NpmRegistry::default(),
            python_index: PythonIndex::default(),
            renames: Renames::default(),
            transform: None,
            lockfile: None,
            locked: false,
            offline: false,
            limits: FetchLimits::default(),
            observer: None,
        }
    }
}

/// Makes environments complete.
#[derive(Debug)]
pub struct Installer {
    store: Arc<Store>,
    overlays: Overlays,
    cdn: PyodideCdn,
    registry: NpmRegistry,
    index: PythonIndex,
    network: Network,
    flights: Flights,
    transform: Option<Arc<dyn Transform>>,
    build_turns: Semaphore,
    unpack_turns: Semaphore,
    /// What cannot be built, by key and entries: for the life of this process.
    refused_builds: Mutex<HashMap<String, Arc<TransformError>>>,
    npm_folders: Mutex<npm::NpmFolders>,
    renames: Renames,
    lockfile: lockfile::LockfileAccess,
}

/// There is nothing to fetch with when downloads are off.
#[derive(Debug)]
enum Network {
    Online(Fetcher),
    Off,
}

/// The Python environment that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PythonRequest {
    /// Which Pyodide.
    pub version: PyodideVersion,
    /// Which packages.
    pub requirements: Vec<PythonRequirement>,
}

/// A Python environment with every file in the store.
#[derive(Clone, Debug, PartialEq)]
pub struct PythonEnvironment {
    /// Which Pyodide.
    pub version: PyodideVersion,
    /// The runtime's files, then one per package in load order.
    pub files: Vec<InstalledFile>,
    /// The packages in load order.
    pub packages: Vec<PackageName>,
    /// The lock, cut down to those packages.
    pub lock: Lock,
    /// The whole lock that came with the runtime.
    pub lock_file: StoredFile,
}

/// A file of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledFile {
    /// Its name in the environment.
    pub name: String,
    /// What the store knows of it.
    pub stored: StoredFile,
    /// Where it came from this time.
    pub origin: Origin,
}

impl InstalledFile {
    /// Where it is served, beside the manifest: `files/<sha256>/<name>`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("files/{}/{}", self.stored.sha256, self.name)
    }
}

/// Where a file came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The store had it.
    Cache,
    /// It is one of the user's wheels.
    Overlay,
    /// It was downloaded just now.
    Download,
}

impl Installer {
    /// An installer with these settings. Nothing is downloaded yet.
    ///
    /// # Errors
    ///
    /// When the store or an overlay cannot be read, or downloads cannot be set up.
    pub fn open(settings: InstallerSettings) -> Result<Self, OpenError> {
        let network = match settings.offline {
            true => Network::Off,
            false => Network::Online(Fetcher::new(settings.limits, settings.observer)?),
        };
        let lockfile = lockfile::LockfileAccess::new(settings.lockfile, settings.locked);
        // It is read anew for each request, but one that is broken now is told at once.
        lockfile.check()?;
        Ok(Self {
            store: Arc::new(Store::open(&settings.cache_dir)?),
            overlays: Overlays::find(&settings.overlays)?,
            cdn: settings.cdn,
            registry: settings.registry,
            index: settings.python_index,
            network,
            flights: Flights::default(),
            transform: settings.transform,
            build_turns: Semaphore::new(MAX_CONCURRENT_BUILDS),
            unpack_turns: Semaphore::new(MAX_CONCURRENT_UNPACKS),
            refused_builds: Mutex::default(),
            npm_folders: Mutex::default(),
            renames: settings.renames,
            lockfile,
        })
    }

    /// The store that it fills.
    #[must_use]
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

/// Where a package's file is to come from.
enum Source {
    Overlay(OverlayWheel),
    Lock(LockEntry),
}

/// Runs disk work where it does not hold up the server.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
