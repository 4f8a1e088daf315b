//! Python environments that were written down, made again.

use super::{InstallError, Installer, Network, OverlayWheel, PythonEnvironment, Source, blocking};
use crate::digest::Sha256;
use crate::lockfile::python::{LockedError, LockedPackage, LockedPython};
use crate::pyodide::runtime::Runtime;
use crate::pyodide::{LOCK_FILE, Lock, LockInfo, PyodideVersion};
use crate::pypi::resolver::{self, Pick};
use crate::pypi::solve::{Demand, PureWheel, SettledWheel, Want};
use crate::pypi::{PypiError, ResolverError};
use crate::specifier::{PackageName, VersionRange};
use crate::store::Store;
use crate::wheel::WheelName;

/// Environments that were written down.
impl Installer {
    /// Makes an environment again as it was written down. No resolver is asked for versions; one may be asked where
    /// a wheel is that the store lacks.
    ///
    /// # Errors
    ///
    /// When a file cannot be had, or is another one than was written down.
    pub async fn install_locked(&self, locked: &LockedPython) -> Result<PythonEnvironment, InstallError> {
        let version: PyodideVersion = locked.pyodide.parse().map_err(LockedError::from)?;
        let (runtime, origin) = self.runtime(&version).await?;
        check_runtime(&runtime, locked)?;
        let mut lock = Lock::read(&self.store.read(runtime.lock.sha256)?)?;
        let mut sources = Vec::new();
        for package in &locked.packages {
            sources.push(self.locked_source(&version, &mut lock, package).await?);
        }
        let packages: Vec<PackageName> =
            locked.packages.iter().map(|package| PackageName::normalised(&package.name)).collect();
        lock.prune(&packages);
        self.complete(&version, (runtime, origin), lock, packages, sources).await
    }

    /// Where a locked package comes from; its entry in `lock` becomes what was written down.
    async fn locked_source(
        &self,
        version: &PyodideVersion,
        lock: &mut Lock,
        package: &LockedPackage,
    ) -> Result<Source, InstallError> {
        let name = PackageName::normalised(&package.name);
        let no_hash = || LockedError::NoHash { file: package.file.clone() };
        let expected = package.sha256;
        if let Some(overlay) = self.overlays.wheel_of(&name, &lock.info)? {
            self.check_overlay(overlay, package, expected).await?;
            lock.put_wheel(&overlay.name, expected);
            lock.set_depends(&name, &package.depends);
            return Ok(Source::Overlay(overlay.clone()));
        }
        match lock.find(&name) {
            Some(entry) if entry.file_name == package.file => {
                check_hash(&package.file, expected, entry.sha256)?
            }
            _ => {
                let wheel = self.locked_wheel(version, &lock.info, package, &name, expected).await?;
                let depends = package.depends.iter().map(|name| PackageName::normalised(name)).collect();
                lock.put_settled(&SettledWheel { wheel, depends });
            }
        }
        lock.set_depends(&name, &package.depends);
        let entry = lock.find(&name).ok_or_else(no_hash)?;
        Ok(Source::Lock(entry.clone()))
    }

    async fn check_overlay(
        &self,
        overlay: &OverlayWheel,
        package: &LockedPackage,
        expected: Sha256,
    ) -> Result<(), InstallError> {
        let found = overlay.name.file_name();
        if found != package.file {
            let (package, expected) = (package.name.clone(), package.file.clone());
            return Err(LockedError::OtherOverlay { package, expected, found: found.to_owned() }.into());
        }
        let path = overlay.path.clone();
        let stored = blocking(move || Store::hash_of(&path)).await?;
        Ok(check_hash(found, expected, stored.sha256)?)
    }

    /// A wheel that is neither the lock's nor an overlay: out of the store, or from the index.
    async fn locked_wheel(
        &self,
        version: &PyodideVersion,
        info: &LockInfo,
        package: &LockedPackage,
        name: &PackageName,
        expected: Sha256,
    ) -> Result<PureWheel, InstallError> {
        let wrong = || LockedError::WrongFile { package: package.name.clone(), file: package.file.clone() };
        let file: WheelName = package.file.parse().map_err(|_| wrong())?;
        if file.package() != *name || file.version() != package.version {
            return Err(wrong().into());
        }
        if let Some(wheel) = self.opened(&file, expected).await? {
            return Ok(wheel);
        }
        let requirement = format!("{name}=={}", package.version);
        let Network::Online(fetcher) = &self.network else {
            let fetch = format!("--pyodide {version} '{requirement}'");
            return Err(
                PypiError::Offline { requirements: requirement, fetch, suggestions: Vec::new() }.into()
            );
        };
        let versions = VersionRange::exactly(&package.version);
        let demands = vec![Demand { by: None, versions: versions.clone() }];
        let want = Want { package: name.clone(), versions, excluded: Vec::new(), demands };
        let picks = resolver::pick(&self.index, info, std::slice::from_ref(&want)).await;
        let mut picks = picks.map_err(|error| match error {
            ResolverError::Refused(refusal) => PypiError::refused(&want, refusal, None),
            source => PypiError::Resolver { packages: requirement.clone(), source },
        })?;
        let pick = picks.pop().ok_or_else(wrong)?;
        check_hash(&package.file, expected, pick.sha256)?;
        Ok(self.pure_wheel(fetcher, Pick { name: file, ..pick }).await?.0)
    }
}

fn check_runtime(runtime: &Runtime, locked: &LockedPython) -> Result<(), LockedError> {
    let boot_files = runtime.boot_files.iter().map(|file| (file.name, file.stored.sha256));
    for (name, found) in boot_files.chain([(LOCK_FILE, runtime.lock.sha256)]) {
        let no_hash = || LockedError::NoHash { file: name.to_owned() };
        check_hash(name, *locked.runtime.get(name).ok_or_else(no_hash)?, found)?;
    }
    Ok(())
}

fn check_hash(file: &str, expected: Sha256, found: Sha256) -> Result<(), LockedError> {
    if found == expected {
        return Ok(());
    }
    Err(LockedError::Changed { file: file.to_owned(), expected, found })
}
