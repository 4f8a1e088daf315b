//! Python environments: which files they are made of, and where each comes from.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::lockfile::python::{LockedError, LockedPackage, LockedPython, PythonFiles};
use crate::pypi::contents::WheelContents;
use crate::pypi::resolver::{self, Pick, Refusal};
use crate::pypi::solve::{Demand, PureWheel, SettledWheel, Solver, Step, Unsettled, Want};
use crate::pypi::{PypiError, ResolverError};
use crate::specifier::VersionRange;
use crate::wheel::WheelName;

const MAX_WHEEL_BYTES: u64 = 256 * 1024 * 1024;
/// How long an answer of the user's resolver is taken for the newest.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What was settled on for a request, as it is remembered.
#[derive(Serialize, Deserialize)]
struct RememberedWheel {
    file_name: String,
    sha256: Sha256,
    url: String,
}

/// The pure wheels of an environment.
#[derive(Default)]
struct PureWheels {
    settled: Vec<SettledWheel>,
    downloaded: BTreeSet<Sha256>,
}

/// A search for pure wheels that is under way.
struct Search<'a> {
    solver: Solver<'a>,
    lock: &'a Lock,
    request: &'a PythonRequest,
    picks: Vec<Pick>,
    downloaded: BTreeSet<Sha256>,
    /// What made it take back a choice for the first time: the failure that a user can do something about.
    first_failure: Option<InstallError>,
}

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

    /// Makes an environment again as it was written down. No resolver is asked for versions; one may be asked where
    /// a wheel is that the store lacks.
    ///
    /// # Errors
    ///
    /// When a file cannot be had, or is another one than was written down.
    pub async fn install_locked(
        &self,
        locked: &LockedPython,
        files: &PythonFiles,
    ) -> Result<PythonEnvironment, InstallError> {
        let version: PyodideVersion = locked.pyodide.parse().map_err(LockedError::from)?;
        let (runtime, origin) = self.runtime(&version).await?;
        check_runtime(&runtime, locked)?;
        let mut lock = Lock::read(&self.store.read(runtime.lock.sha256)?)?;
        let mut sources = Vec::new();
        for package in &locked.packages {
            sources.push(self.locked_source(&version, &mut lock, package, files).await?);
        }
        let packages: Vec<PackageName> =
            locked.packages.iter().map(|package| PackageName::normalised(&package.name)).collect();
        lock.prune(&packages);
        self.complete(&version, (runtime, origin), lock, packages, sources).await
    }

    /// Gets the files of `packages` from their sources.
    async fn complete(
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

/// Pure wheels, for what the lock and the overlays do not have.
impl Installer {
    async fn pure_wheels(&self, request: &PythonRequest, lock: &Lock) -> Result<PureWheels, InstallError> {
        let mut search = Search::new(request, lock)?;
        if let Step::Settled(_) = search.step()? {
            return Ok(PureWheels::default());
        }
        if matches!(self.index, PythonIndex::Off) {
            let Step::Find(wants) = search.step()? else { return Ok(PureWheels::default()) };
            return Err(not_in_lock(lock, &wants[0]));
        }
        let record = self.record_of(request, lock);
        let _flight = self.flights.board(&record).await;
        if let Some(found) = self.remembered(&record, request, lock).await? {
            return Ok(found);
        }
        loop {
            match search.step()? {
                Step::Settled(settled) => {
                    self.remember(&record, &settled, &search.picks)?;
                    return Ok(PureWheels { settled, downloaded: search.downloaded });
                }
                Step::Find(wants) => self.find(&mut search, &wants).await?,
            }
        }
    }

    /// Supplies wheels for `wants`, or takes back the choice that led to one of them.
    async fn find(&self, search: &mut Search<'_>, wants: &[Want]) -> Result<(), InstallError> {
        for want in wants {
            if let Some(wheel) = self.overlays.wheel_of(&want.package, &search.lock.info)? {
                let demands = want.demands.iter().map(ToString::to_string).collect();
                let (package, available) = (want.package.clone(), wheel.name.version().to_owned());
                return Err(PypiError::OverlayVersion { package, available, demands }.into());
            }
        }
        let Network::Online(fetcher) = &self.network else { return self.find_offline(search, wants) };
        let names = wants.iter().map(|want| want.package.as_str()).collect::<Vec<_>>().join(" ");
        tracing::info!("looking for `{names}` beyond Pyodide's own packages");
        let picks = match resolver::pick(&self.index, &search.lock.info, wants).await {
            Ok(picks) => picks,
            Err(ResolverError::Refused(refusal)) => return search.refused(wants, refusal),
            Err(source) => return Err(unasked(search.lock, wants, names, source)),
        };
        let wheels: Vec<(PureWheel, Origin)> = stream::iter(&picks)
            .map(|pick| self.pure_wheel(fetcher, pick))
            .buffered(MAX_CONCURRENT_DOWNLOADS)
            .try_collect()
            .await?;
        for (wheel, origin) in wheels {
            if origin == Origin::Download {
                search.downloaded.insert(wheel.sha256);
            }
            search.solver.supply(wheel);
        }
        search.picks.extend(picks);
        Ok(())
    }

    /// Without a network, the newest wheel that the store has will do.
    fn find_offline(&self, search: &mut Search<'_>, wants: &[Want]) -> Result<(), InstallError> {
        let mut missing = Vec::new();
        for want in wants {
            match self.stored_wheel(want, &search.lock.info)? {
                Some(wheel) => search.solver.supply(wheel),
                None => missing.push(want),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let list = |texts: Vec<String>| texts.join(" ");
        let requirements =
            list(missing.iter().map(|want| format!("{}{}", want.package, want.versions)).collect());
        let asked = list(search.request.requirements.iter().map(|one| format!("'{one}'")).collect());
        let fetch = format!("--pyodide {} {asked}", search.request.version);
        let suggestions = near_names(search.lock, &missing[0].package);
        Err(PypiError::Offline { requirements, fetch, suggestions }.into())
    }

    /// The wheel of `pick`, out of the store or downloaded now.
    async fn pure_wheel(&self, fetcher: &Fetcher, pick: &Pick) -> Result<(PureWheel, Origin), PypiError> {
        let _flight = self.flights.board(pick.name.file_name()).await;
        if let Some(wheel) = self.opened(&pick.name, pick.sha256).await? {
            return Ok((wheel, Origin::Cache));
        }
        let file_name = || pick.name.file_name().to_owned();
        let found = match pick.url.to_file_path() {
            Ok(path) if pick.url.scheme() == "file" => {
                let store = Arc::clone(&self.store);
                blocking(move || store.put_file(&path)).await?.sha256
            }
            _ => {
                tracing::info!("downloading `{}`", pick.name);
                let incoming = fetcher
                    .file(&pick.url, MAX_WHEEL_BYTES, &self.store)
                    .await
                    .map_err(|source| PypiError::Fetch { file_name: file_name(), source })?;
                let found = incoming.sha256();
                if found == pick.sha256 {
                    blocking(move || incoming.keep()).await?;
                }
                found
            }
        };
        if found != pick.sha256 {
            return Err(PypiError::HashMismatch { file_name: file_name(), expected: pick.sha256, found });
        }
        let wheel = self.opened(&pick.name, pick.sha256).await?;
        let missing = || StoreError::missing(&self.store, pick.sha256);
        let wheel = wheel.ok_or_else(missing)?;
        self.remember_wheel(&wheel)?;
        Ok((wheel, Origin::Download))
    }

    /// What the store has under `sha256`, read as the wheel `name`.
    async fn opened(&self, name: &WheelName, sha256: Sha256) -> Result<Option<PureWheel>, PypiError> {
        let (store, name) = (Arc::clone(&self.store), name.clone());
        blocking(move || open_wheel(&store, name, sha256)).await
    }

    /// The record of the wheels of one package that were downloaded: file name to hash.
    fn wheels_record(package: &PackageName) -> String {
        format!("pypi/{package}.json")
    }

    fn remember_wheel(&self, wheel: &PureWheel) -> Result<(), StoreError> {
        let record = Self::wheels_record(&wheel.name.package());
        let mut wheels: PythonFiles = self.store.record_json(&record)?.unwrap_or_default();
        wheels.insert(wheel.name.file_name().to_owned(), wheel.sha256);
        self.store.put_record_json(&record, &wheels)
    }

    /// The newest downloaded wheel that `want` can be met with.
    fn stored_wheel(&self, want: &Want, info: &LockInfo) -> Result<Option<PureWheel>, PypiError> {
        let wheels: PythonFiles =
            self.store.record_json(&Self::wheels_record(&want.package))?.unwrap_or_default();
        let mut fitting: Vec<(pep440_rs::Version, WheelName, Sha256)> = wheels
            .iter()
            .filter_map(|(file_name, sha256)| {
                let name: WheelName = file_name.parse().ok()?;
                let excluded = want.excluded.iter().any(|version| version == name.version());
                let fits =
                    name.is_pure() && name.runs_on(info) && want.versions.accept(name.version()) && !excluded;
                fits.then_some((name.version().parse().ok()?, name, *sha256))
            })
            .collect();
        fitting.sort_by(|one, other| other.0.cmp(&one.0));
        for (_, name, sha256) in fitting {
            if let Some(wheel) = open_wheel(&self.store, name, sha256)?
                && wheel.runs_on_python(&info.python)
            {
                return Ok(Some(wheel));
            }
        }
        Ok(None)
    }

    /// The name of the record of what was settled on for `request`.
    fn record_of(&self, request: &PythonRequest, lock: &Lock) -> String {
        let mut requirements: Vec<String> = request.requirements.iter().map(ToString::to_string).collect();
        requirements.sort_unstable();
        let packages: Vec<&str> = lock.packages.values().map(|entry| entry.file_name.as_str()).collect();
        let text = format!("{} {requirements:?} {:?} {packages:?}", request.version, self.index);
        format!("python/{}.json", &Sha256::of(text.as_bytes()).to_string()[..32])
    }

    fn remember(&self, record: &str, settled: &[SettledWheel], picks: &[Pick]) -> Result<(), StoreError> {
        let url_of = |wheel: &PureWheel| picks.iter().rev().find(|pick| pick.sha256 == wheel.sha256);
        let wheels: Vec<RememberedWheel> = settled
            .iter()
            .filter_map(|settled| Some((&settled.wheel, url_of(&settled.wheel)?)))
            .map(|(wheel, pick)| RememberedWheel {
                file_name: wheel.name.file_name().to_owned(),
                sha256: wheel.sha256,
                url: pick.url.to_string(),
            })
            .collect();
        if wheels.len() == settled.len() { self.store.put_record_json(record, &wheels) } else { Ok(()) }
    }

    /// What was settled on for this request before, when that is not long ago, or nobody can be asked.
    async fn remembered(
        &self,
        record: &str,
        request: &PythonRequest,
        lock: &Lock,
    ) -> Result<Option<PureWheels>, InstallError> {
        let is_fresh = self.store.record_age(record)?.is_some_and(|age| age < REMEMBERED_FOR);
        if !is_fresh && matches!(self.network, Network::Online(_)) {
            return Ok(None);
        }
        let wheels: Vec<RememberedWheel> = self.store.record_json(record)?.unwrap_or_default();
        let mut search = Search::new(request, lock)?;
        for RememberedWheel { file_name, sha256, url } in wheels {
            let (Ok(name), Ok(url)) = (file_name.parse(), Url::parse(&url)) else { return Ok(None) };
            let pick = Pick { name, url, sha256 };
            let wheel = match &self.network {
                Network::Online(fetcher) => self.pure_wheel(fetcher, &pick).await,
                Network::Off => match self.opened(&pick.name, sha256).await {
                    Ok(Some(wheel)) => Ok((wheel, Origin::Cache)),
                    Ok(None) => return Ok(None),
                    Err(error) => Err(error),
                },
            };
            match wheel {
                Ok((wheel, origin)) => {
                    if origin == Origin::Download {
                        search.downloaded.insert(sha256);
                    }
                    search.solver.supply(wheel);
                }
                Err(error @ PypiError::Store(StoreError::Tampered { .. })) => return Err(error.into()),
                // What is remembered is of no use any more: the resolver is asked anew.
                Err(_) => return Ok(None),
            }
        }
        Ok(match search.step()? {
            Step::Settled(settled) => Some(PureWheels { settled, downloaded: search.downloaded }),
            Step::Find(_) => None,
        })
    }
}

/// Environments that were written down.
impl Installer {
    /// Where a locked package comes from; its entry in `lock` becomes what was written down.
    async fn locked_source(
        &self,
        version: &PyodideVersion,
        lock: &mut Lock,
        package: &LockedPackage,
        files: &PythonFiles,
    ) -> Result<Source, InstallError> {
        let name = PackageName::normalised(&package.name);
        let no_hash = || LockedError::NoHash { file: package.file.clone() };
        let expected = *files.get(&package.file).ok_or_else(no_hash)?;
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
        Ok(self.pure_wheel(fetcher, &Pick { name: file, ..pick }).await?.0)
    }
}

impl<'a> Search<'a> {
    fn new(request: &'a PythonRequest, lock: &'a Lock) -> Result<Self, InstallError> {
        let solver = Solver::new(lock, &request.requirements)
            .map_err(|_| LockError::BadPython { python: lock.info.python.clone() })?;
        let (picks, downloaded) = (Vec::new(), BTreeSet::new());
        Ok(Self { solver, lock, request, picks, downloaded, first_failure: None })
    }

    fn step(&mut self) -> Result<Step, InstallError> {
        self.solver.step().map_err(|Unsettled| {
            let requirements: Vec<String> =
                self.request.requirements.iter().map(ToString::to_string).collect();
            self.first_failure
                .take()
                .unwrap_or_else(|| PypiError::Unsettled { requirements: requirements.join(" ") }.into())
        })
    }

    /// One of `wants` cannot be had. Perhaps what needs it can do without.
    fn refused(&mut self, wants: &[Want], refusal: Refusal) -> Result<(), InstallError> {
        let is_meant = |want: &&Want| Some(&want.package) == refusal.package.as_ref();
        let want = wants.iter().find(is_meant).unwrap_or(&wants[0]);
        let pyodide = self.lock.find(&want.package).map(|entry| entry.version.clone());
        let is_asked_for = want.demands.iter().all(|demand| demand.by.is_none());
        let failure = if is_asked_for && !refusal.is_known {
            not_in_lock(self.lock, want)
        } else {
            PypiError::refused(want, refusal, pyodide).into()
        };
        let failure = self.first_failure.take().unwrap_or(failure);
        if !self.solver.retreat(want) {
            return Err(failure);
        }
        self.first_failure = Some(failure);
        Ok(())
    }
}

/// The resolver could not be asked. For a name that is nearly one of the lock's, that name helps more.
fn unasked(lock: &Lock, wants: &[Want], packages: String, source: ResolverError) -> InstallError {
    let is_slip =
        |want: &&Want| lock.find(&want.package).is_some() || !near_names(lock, &want.package).is_empty();
    match (wants.iter().find(is_slip), source) {
        (Some(want), ResolverError::NotThere) => not_in_lock(lock, want),
        (_, source) => PypiError::Resolver { packages, source }.into(),
    }
}

fn not_in_lock(lock: &Lock, want: &Want) -> InstallError {
    unmet(lock, &want.package, &want.versions).into()
}

/// # Errors
///
/// When the content is not what its hash says, or no wheel.
fn open_wheel(store: &Store, name: WheelName, sha256: Sha256) -> Result<Option<PureWheel>, PypiError> {
    let Some(path) = store.verified_path(sha256)? else { return Ok(None) };
    let file = File::open(&path).map_err(|source| StoreError::unreadable(&path, source))?;
    let contents = WheelContents::read(file, &name)?;
    Ok(Some(PureWheel { name, sha256, contents }))
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
