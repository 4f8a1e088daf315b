//! The installer: makes sure that the store has every file of an environment.
//!
//! It is where the parts meet, and it holds the order of sources: the store, then the user's overlays, then the
//! network. The server calls it per request, commands call it once. Python is installed here, npm packages are in
//! [`npm`], and [`locked`] is what a lockfile does to both.

mod error;
mod locked;
mod npm;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::Semaphore;

use crate::digest::Sha256;
use crate::fetch::{FetchError, FetchLimits, Fetcher};
use crate::flights::Flights;
use crate::pyodide::resolve::resolve;
use crate::pyodide::runtime::{self, Runtime};
use crate::pyodide::{
    CdnError, Lock, LockEntry, LockError, OverlayError, OverlayWheel, Overlays, PyodideCdn, PyodideVersion,
    ResolveError, RuntimeError,
};
use crate::registry::NpmRegistry;
use crate::specifier::{PackageName, PythonRequirement};
use crate::store::{Store, StoredFile};
use crate::transform::Transform;

pub use error::{Fault, InstallError, OpenError, PackageError};
pub use locked::OutdatedPackage;
pub use npm::{InstalledModule, InstalledRaw, NpmEnvironment, NpmError, NpmFile, NpmRequest};

const MAX_PACKAGE_BYTES: u64 = 512 * 1024 * 1024;
const MAX_CONCURRENT_DOWNLOADS: usize = 4;
/// A build keeps a core busy for a while.
const MAX_CONCURRENT_BUILDS: usize = 4;

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
            transform: None,
            lockfile: None,
            locked: false,
            offline: false,
            limits: FetchLimits::default(),
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
    network: Network,
    flights: Flights,
    transform: Option<Arc<dyn Transform>>,
    build_turns: Semaphore,
    npm_folders: Mutex<npm::NpmFolders>,
    lockfile: locked::LockfileAccess,
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
            false => Network::Online(Fetcher::new(settings.limits)?),
        };
        Ok(Self {
            store: Arc::new(Store::open(&settings.cache_dir)?),
            overlays: Overlays::find(&settings.overlays)?,
            cdn: settings.cdn,
            registry: settings.registry,
            network,
            flights: Flights::default(),
            transform: settings.transform,
            build_turns: Semaphore::new(MAX_CONCURRENT_BUILDS),
            npm_folders: Mutex::default(),
            lockfile: locked::LockfileAccess::new(settings.lockfile, settings.locked),
        })
    }

    /// The store that it fills.
    #[must_use]
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Resolves `request` and gets whatever the store lacks.
    ///
    /// # Errors
    ///
    /// When the request cannot be met, or a file of it cannot be had.
    pub async fn install_python(&self, request: &PythonRequest) -> Result<PythonEnvironment, InstallError> {
        let (runtime, origin) = self.runtime(&request.version).await?;
        let mut lock = Lock::read(&self.store.read(runtime.lock.sha256)?)?;
        self.overlays.announce_in(&mut lock);
        let packages = resolve(&lock, &request.requirements)?;
        lock.prune(&packages);

        let sources = self.sources(&request.version, &lock, &packages)?;
        let package_files: Vec<InstalledFile> = stream::iter(sources)
            .map(|source| self.package_file(&request.version, source))
            .buffered(MAX_CONCURRENT_DOWNLOADS)
            .try_collect()
            .await?;
        for (name, file) in packages.iter().zip(&package_files) {
            // The lock knows the hash of its own files, and learns those of overlays here.
            lock.set_sha256(name, file.stored.sha256);
        }
        let boot_files = runtime.boot_files.iter().map(|file| InstalledFile {
            name: file.name.to_owned(),
            stored: file.stored,
            origin,
        });
        let files = boot_files.chain(package_files).collect();
        Ok(PythonEnvironment { version: request.version.clone(), files, packages, lock })
    }

    async fn runtime(&self, version: &PyodideVersion) -> Result<(Runtime, Origin), RuntimeError> {
        if let Some(runtime) = Runtime::find(&self.store, version)? {
            return Ok((runtime, Origin::Cache));
        }
        let Network::Online(fetcher) = &self.network else {
            return Err(RuntimeError::Offline { version: version.clone() });
        };
        let _flight = self.flights.board(&format!("pyodide {version}")).await;
        if let Some(runtime) = Runtime::find(&self.store, version)? {
            return Ok((runtime, Origin::Cache));
        }
        let tarball = runtime::download(fetcher, &self.registry, &self.store, version).await?;
        let (store, of) = (Arc::clone(&self.store), version.clone());
        let runtime = blocking(move || runtime::unpack(&store, &of, &tarball)).await?;
        Ok((runtime, Origin::Download))
    }

    /// Where each package comes from. Each is looked up before the first is fetched, so that a request that
    /// cannot be met costs no download.
    fn sources(
        &self,
        version: &PyodideVersion,
        lock: &Lock,
        packages: &[PackageName],
    ) -> Result<Vec<Source>, InstallError> {
        let mut sources = Vec::new();
        let mut missing = Vec::new();
        for name in packages {
            if let Some(wheel) = self.overlays.wheel_of(name, &lock.info)? {
                sources.push(Source::Overlay(wheel.clone()));
            } else if let Some(entry) = lock.find(name) {
                if self.store.find(entry.sha256).is_none() {
                    missing.push(name.as_str());
                }
                sources.push(Source::Lock(entry.clone()));
            }
        }
        match self.network {
            Network::Off if !missing.is_empty() => {
                Err(PackageError::Offline { packages: missing.join(" "), version: version.clone() }.into())
            }
            Network::Off | Network::Online(_) => Ok(sources),
        }
    }

    async fn package_file(
        &self,
        version: &PyodideVersion,
        source: Source,
    ) -> Result<InstalledFile, InstallError> {
        match source {
            Source::Overlay(wheel) => {
                let (store, path) = (Arc::clone(&self.store), wheel.path);
                let stored = blocking(move || store.put_file(&path)).await?;
                let name = wheel.name.file_name().to_owned();
                Ok(InstalledFile { name, stored, origin: Origin::Overlay })
            }
            Source::Lock(entry) => {
                let (stored, origin) = self.locked_file(version, &entry).await?;
                Ok(InstalledFile { name: entry.file_name, stored, origin })
            }
        }
    }

    async fn locked_file(
        &self,
        version: &PyodideVersion,
        entry: &LockEntry,
    ) -> Result<(StoredFile, Origin), PackageError> {
        if let Some(stored) = self.store.find(entry.sha256) {
            return Ok((stored, Origin::Cache));
        }
        let Network::Online(fetcher) = &self.network else {
            return Err(PackageError::Offline { packages: entry.name.clone(), version: version.clone() });
        };
        let _flight = self.flights.board(&entry.file_name).await;
        if let Some(stored) = self.store.find(entry.sha256) {
            return Ok((stored, Origin::Cache));
        }
        let stored = self.download(fetcher, version, entry).await?;
        Ok((stored, Origin::Download))
    }

    async fn download(
        &self,
        fetcher: &Fetcher,
        version: &PyodideVersion,
        entry: &LockEntry,
    ) -> Result<StoredFile, PackageError> {
        let url = self.cdn.url_of(version, entry)?;
        tracing::info!("downloading `{}`", entry.file_name);
        let incoming = fetcher
            .file(&url, MAX_PACKAGE_BYTES, &self.store)
            .await
            .map_err(|source| PackageError::Fetch { package: entry.name.clone(), source })?;
        let found = incoming.sha256();
        if found != entry.sha256 {
            return Err(PackageError::HashMismatch {
                file_name: entry.file_name.clone(),
                expected: entry.sha256,
                found,
            });
        }
        Ok(blocking(move || incoming.keep()).await?)
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
