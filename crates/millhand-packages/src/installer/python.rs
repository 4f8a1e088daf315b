//! Python environments: which files they are made of, and where each comes from.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    InstallError, InstalledFile, Installer, MAX_CONCURRENT_DOWNLOADS, MAX_PACKAGE_BYTES, Network, Origin,
    PackageError, PythonEnvironment, PythonRequest, Source, blocking,
};
use crate::fetch::Fetcher;
use crate::pyodide::resolve::{check_for_repeats, resolve};
use crate::pyodide::runtime::{self, Runtime};
use crate::pyodide::{Lock, LockEntry, PyodideVersion, RuntimeError};
use crate::specifier::PackageName;
use crate::store::StoredFile;

impl Installer {
    /// Resolves `request` and gets whatever the store lacks.
    ///
    /// # Errors
    ///
    /// When the request cannot be met, or a file of it cannot be had.
    pub async fn install(&self, request: &PythonRequest) -> Result<PythonEnvironment, InstallError> {
        let (runtime, origin) = self.runtime(&request.version).await?;
        let mut lock = Lock::read(&self.store.read(runtime.lock.sha256)?)?;
        self.overlays.announce_in(&mut lock);
        check_for_repeats(&request.requirements)?;
        let pure = self.pure_wheels(request, &lock).await?;
        for wheel in &pure.settled {
            lock.put_settled(wheel);
        }
        let packages = resolve(&lock, &request.requirements)?;
        lock.prune(&packages);
        let sources = self.sources(&request.version, &lock, &packages)?;
        let mut environment =
            self.complete(&request.version, (runtime, origin), lock, packages, sources).await?;
        for file in environment.files.iter_mut().filter(|file| pure.downloaded.contains(&file.stored.sha256))
        {
            file.origin = Origin::Download;
        }
        Ok(environment)
    }

    /// Gets the files of `packages` from their sources.
    pub(super) async fn complete(
        &self,
        version: &PyodideVersion,
        (runtime, origin): (Runtime, Origin),
        mut lock: Lock,
        packages: Vec<PackageName>,
        sources: Vec<Source>,
    ) -> Result<PythonEnvironment, InstallError> {
        let package_files: Vec<InstalledFile> = stream::iter(sources)
            .map(|source| self.package_file(version, source))
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
        Ok(PythonEnvironment { version: version.clone(), files, packages, lock, lock_file: runtime.lock })
    }

    pub(super) async fn runtime(&self, version: &PyodideVersion) -> Result<(Runtime, Origin), RuntimeError> {
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
