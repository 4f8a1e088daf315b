//! Where the packages of one request are unpacked and built, each once.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{try_join, try_join_all};
use reqwest::Url;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{NpmFile, NpmInstallError};
use crate::digest::{Integrity, Sha256};
use crate::installer::{Installer, blocking};
use crate::npm::builds::{Build, build_name};
use crate::npm::keys::build_keys;
use crate::npm::{NpmGraph, NpmId, NpmNode, Resolution, UnpackLimits, UnpackedFile, unpack};
use crate::store::{Store, StoreError};
use crate::transform::{Dependency, Entries, SourcePackage, TransformError};

type Slot<T> = Arc<OnceCell<T>>;
type Slots<K, T> = Mutex<HashMap<K, Slot<T>>>;

pub(super) struct Yard<'a> {
    pub(super) installer: &'a Installer,
    pub(super) graph: &'a NpmGraph,
    /// Where the tarballs are, as far as that is known.
    tarballs: &'a BTreeMap<NpmId, Url>,
    keys: BTreeMap<NpmId, String>,
    scratch: TempDir,
    unpacked: Slots<NpmId, Unpacked>,
    builds: Slots<(NpmId, Entries), Arc<Build>>,
}

impl<'a> Yard<'a> {
    pub(super) fn new(installer: &'a Installer, resolution: &'a Resolution) -> Result<Self, NpmInstallError> {
        let Resolution { graph, tarballs, .. } = resolution;
        let identity = installer.transform.as_ref().map_or("", |transform| transform.identity());
        Ok(Self {
            installer,
            graph,
            tarballs,
            keys: build_keys(graph, identity),
            scratch: installer.store.scratch()?,
            unpacked: Mutex::default(),
            builds: Mutex::default(),
        })
    }

    pub(super) fn key(&self, id: &NpmId) -> &str {
        self.keys.get(id).map_or("", String::as_str)
    }

    pub(super) fn node(&self, id: &NpmId) -> Result<&'a NpmNode, NpmInstallError> {
        self.graph.packages.get(id).ok_or_else(|| NpmInstallError::Incomplete { what: id.to_string() })
    }

    /// All files of what was built or found built.
    pub(super) fn built_files(&self) -> impl Iterator<Item = NpmFile> {
        let builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
        let builds: Vec<Arc<Build>> = builds.values().filter_map(|slot| slot.get().cloned()).collect();
        builds.into_iter().flat_map(|build| {
            let (key, id) = (self.key(&build.id), &build.id);
            build.files.iter().map(|(path, file)| NpmFile::of(key, id, path, file)).collect::<Vec<_>>()
        })
    }

    /// The build of `entries` of a package: out of the store, or made now.
    pub(super) async fn build(&self, id: &NpmId, entries: &Entries) -> Result<Arc<Build>, NpmInstallError> {
        let slot = slot(&self.builds, &(id.clone(), entries.clone()));
        slot.get_or_try_init(|| async { Ok(Arc::new(self.find_or_build(id, entries).await?)) }).await.cloned()
    }

    async fn find_or_build(&self, id: &NpmId, entries: &Entries) -> Result<Build, NpmInstallError> {
        let (store, key, name) = (&self.installer.store, self.key(id), build_name(entries));
        if let Some(build) = Build::find(store, key, &name)? {
            return Ok(build);
        }
        let transform = Arc::clone(self.installer.transform.as_ref().ok_or(NpmInstallError::NoTransformer)?);
        // Another request may be building the same.
        let _flight = self.installer.flights.board(&format!("{key} {name}")).await;
        if let Some(build) = Build::find(store, key, &name)? {
            return Ok(build);
        }
        let source = self.source(id).await?;
        let _turn = self.installer.build_turns.acquire().await;
        let (store, key, entries) = (Arc::clone(store), key.to_owned(), entries.clone());
        blocking(move || {
            let built = match transform.build(&source, &entries) {
                // A package may have nothing but modules that are asked for by their path.
                Err(TransformError::NoEntry { .. }) if entries == Entries::Declared => Default::default(),
                built => built?,
            };
            Ok(Build::keep(&store, &key, &name, &source.id, built)?)
        })
        .await
    }

    /// A package with its dependencies, all unpacked.
    async fn source(&self, id: &NpmId) -> Result<SourcePackage, NpmInstallError> {
        let node = self.node(id)?;
        let unpacked = node.dependencies.values().map(|dependency| self.unpacked(dependency));
        let (package, unpacked) = try_join(self.unpacked(id), try_join_all(unpacked)).await?;
        let dependencies = node.dependencies.iter().zip(unpacked).map(|((name, id), unpacked)| {
            (name.clone(), Dependency { id: id.clone(), key: self.key(id).to_owned(), root: unpacked.root })
        });
        Ok(SourcePackage { id: id.clone(), root: package.root, dependencies: dependencies.collect() })
    }

    /// A package, unpacked when it is asked for the first time.
    pub(super) async fn unpacked(&self, id: &NpmId) -> Result<Unpacked, NpmInstallError> {
        let slot = slot(&self.unpacked, id);
        slot.get_or_try_init(|| async {
            let integrity = self.node(id)?.integrity;
            let tarball = self.tarball(id, &integrity).await?;
            let name = format!("{}-{}", id.name.as_str().replace('/', "+"), id.version);
            let (root, id) = (self.scratch.path().join(name), id.clone());
            blocking(move || {
                let files = unpack(&id, &tarball, &integrity, &root, &UnpackLimits::default())?;
                Ok(Unpacked { root, files: files.into() })
            })
            .await
        })
        .await
        .cloned()
    }

    /// The verified tarball of a package: out of the store, or from a registry.
    async fn tarball(&self, id: &NpmId, integrity: &Integrity) -> Result<Vec<u8>, NpmInstallError> {
        let Installer { store, flights, .. } = self.installer;
        let record = tarball_record(integrity);
        if let Some(tarball) = kept_tarball(store, &record)? {
            return Ok(tarball);
        }
        let _flight = flights.board(&record).await;
        if let Some(tarball) = kept_tarball(store, &record)? {
            return Ok(tarball);
        }
        let Some(client) = self.installer.npm_client().await? else {
            return Err(NpmInstallError::Offline { packages: id.to_string() });
        };
        let tarball = client.tarball(id, integrity, self.tarballs.get(id)).await?;
        let stored = store.put(&tarball)?;
        store.put_record(&record, &stored.sha256.to_string())?;
        Ok(tarball)
    }
}

/// A package on disk.
#[derive(Clone, Debug)]
pub(super) struct Unpacked {
    pub(super) root: PathBuf,
    pub(super) files: Arc<[UnpackedFile]>,
}

fn kept_tarball(store: &Store, record: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sha256 = store.record(record)?.and_then(|text| text.trim().parse().ok());
    match sha256.and_then(|sha256| store.find(sha256)) {
        Some(file) => store.read(file.sha256).map(Some),
        None => Ok(None),
    }
}

/// A record's name can hold no `/` of base64.
fn tarball_record(integrity: &Integrity) -> String {
    format!("npm-tarballs/{}", Sha256::of(integrity.to_string().as_bytes()))
}

fn slot<K: Clone + Eq + std::hash::Hash, T>(slots: &Slots<K, T>, key: &K) -> Slot<T> {
    let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(slots.entry(key.clone()).or_default())
}
