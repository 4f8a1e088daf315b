//! Pure wheels, for what the lock and the overlays do not have: asking, downloading, and remembering both.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{InstallError, Installer, MAX_CONCURRENT_DOWNLOADS, Network, Origin, PythonRequest, blocking};
use crate::digest::Sha256;
use crate::fetch::Fetcher;
use crate::lockfile::python::PythonFiles;
use crate::pyodide::resolve::{near_names, unmet};
use crate::pyodide::{Lock, LockError, LockInfo};
use crate::pypi::contents::WheelContents;
use crate::pypi::resolver::{self, Pick, Refusal};
use crate::pypi::solve::{PureWheel, SettledWheel, Solver, Step, Unsettled, Want};
use crate::pypi::{PypiError, PythonIndex, ResolverError};
use crate::specifier::PackageName;
use crate::store::{Store, StoreError};
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
pub(super) struct PureWheels {
    pub(super) settled: Vec<SettledWheel>,
    pub(super) downloaded: BTreeSet<Sha256>,
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

/// Pure wheels, for what the lock and the overlays do not have.
impl Installer {
    pub(super) async fn pure_wheels(
        &self,
        request: &PythonRequest,
        lock: &Lock,
    ) -> Result<PureWheels, InstallError> {
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
        let wheels: Vec<(PureWheel, Origin)> = stream::iter(picks.clone())
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
    pub(super) async fn pure_wheel(
        &self,
        fetcher: &Fetcher,
        pick: Pick,
    ) -> Result<(PureWheel, Origin), PypiError> {
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
    pub(super) async fn opened(
        &self,
        name: &WheelName,
        sha256: Sha256,
    ) -> Result<Option<PureWheel>, PypiError> {
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
                Network::Online(fetcher) => self.pure_wheel(fetcher, pick).await,
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
                Err(
                    error @ (PypiError::HashMismatch { .. } | PypiError::Store(StoreError::Tampered { .. })),
                ) => return Err(error.into()),
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
