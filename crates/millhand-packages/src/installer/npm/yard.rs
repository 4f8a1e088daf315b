//! Where the packages of one request are unpacked and built, each once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{try_join, try_join_all};
use nodejs_semver::Version;
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
use crate::transform::{BuiltPackage, Dependency, Entries, SourcePackage, TransformError};

type Slot<T> = Arc<OnceCell<T>>;
type Slots<K, T> = Mutex<HashMap<K, Slot<T>>>;

pub(super) struct Yard<'a> {
    pub(super) installer: &'a Installer,
    pub(super) graph: &'a NpmGraph,
    /// Where the tarballs are, as far as that is known.
    tarballs: &'a BTreeMap<NpmId, Url>,
    keys: BTreeMap<NpmId, String>,
    /// Made when the first package is unpacked: most requests find everything built.
    scratch: OnceCell<TempDir>,
    unpacked: Slots<NpmId, Unpacked>,
    builds: Slots<(NpmId, Entries), Arc<Build>>,
}

impl<'a> Yard<'a> {
    pub(super) fn new(installer: &'a Installer, resolution: &'a Resolution) -> Self {
        let Resolution { graph, tarballs, .. } = resolution;
        let identity = installer.transform.as_ref().map_or("", |transform| transform.identity());
        Self {
            installer,
            graph,
            tarballs,
            keys: build_keys(graph, identity),
            scratch: OnceCell::new(),
            unpacked: Mutex::default(),
            builds: Mutex::default(),
        }
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
        let (key, name) = (self.key(id), build_name(entries));
        if let Some(build) = self.kept_build(id, key, &name).await? {
            return Ok(build);
        }
        let Installer { store, flights, transform, build_turns, refused_builds, .. } = self.installer;
        let transform = Arc::clone(transform.as_ref().ok_or(NpmInstallError::NoTransformer)?);
        // Another request may be building the same.
        let flight = format!("{key} {name}");
        let _flight = flights.board(&flight).await;
        if let Some(refusal) = refused_builds.lock().unwrap_or_else(PoisonError::into_inner).get(&flight) {
            return Err(NpmInstallError::Transform(Arc::clone(refusal)));
        }
        if let Some(build) = self.kept_build(id, key, &name).await? {
            return Ok(build);
        }
        let source = self.source(id).await?;
        let _turn = build_turns.acquire().await;
        let (store, key, entries) = (Arc::clone(store), key.to_owned(), entries.clone());
        let built = blocking(move || match transform.build(&source, &entries) {
            // A package may have nothing but modules that are asked for by their path.
            Err(TransformError::NoEntry { .. }) if entries == Entries::Declared => {
                Ok(Build::keep(&store, &key, &name, &source.id, BuiltPackage::default())?)
            }
            Ok(built) => Ok(Build::keep(&store, &key, &name, &source.id, built)?),
            Err(error) => Err(NpmInstallError::Transform(Arc::new(error))),
        })
        .await;
        if let Err(NpmInstallError::Transform(refusal)) = &built {
            // The same would be refused again, and may have taken long.
            let mut refused = refused_builds.lock().unwrap_or_else(PoisonError::into_inner);
            refused.insert(flight, Arc::clone(refusal));
        }
        built
    }

    async fn kept_build(&self, id: &NpmId, key: &str, name: &str) -> Result<Option<Build>, NpmInstallError> {
        let store = Arc::clone(&self.installer.store);
        let (id, key, name) = (id.clone(), key.to_owned(), name.to_owned());
        Ok(blocking(move || Build::find(&store, &key, &name, &id)).await?)
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
            // Tarballs are held in memory while they are unpacked.
            let _turn = self.installer.unpack_turns.acquire().await;
            let tarball = self.tarball(id, &integrity).await?;
            let name = format!("{}-{}", id.name.as_str().replace('/', "+"), id.version);
            let scratch = self.scratch.get_or_try_init(|| async { self.installer.store.scratch() }).await?;
            let (root, id) = (scratch.path().join(name), id.clone());
            blocking(move || {
                let files = unpack(&id, &tarball, &integrity, &root, &UnpackLimits::default())?;
                check_identity(&id, &root)?;
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
        let _flight = flights.board(&record).await;
        if let Some(tarball) = kept_tarball(store, &record, integrity).await? {
            return Ok(tarball);
        }
        let Some(client) = self.installer.npm_client().await? else {
            return Err(NpmInstallError::Offline { packages: id.to_string() });
        };
        tracing::info!("downloading `{id}`");
        let tarball = client.tarball(id, integrity, self.tarballs.get(id)).await?;
        let store = Arc::clone(store);
        blocking(move || {
            let stored = store.put(&tarball)?;
            store.put_record(&record, &stored.sha256.to_string())?;
            Ok(tarball)
        })
        .await
    }
}

impl Drop for Yard<'_> {
    /// A package can have many files, and to delete them takes a while.
    fn drop(&mut self) {
        if let (Some(scratch), Ok(runtime)) = (self.scratch.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(scratch));
        }
    }
}

/// A package on disk.
#[derive(Clone, Debug)]
pub(super) struct Unpacked {
    pub(super) root: PathBuf,
    pub(super) files: Arc<[UnpackedFile]>,
}

/// A hash that is locked for one version may be another's: then somebody has edited the lockfile.
fn check_identity(id: &NpmId, root: &Path) -> Result<(), NpmInstallError> {
    #[derive(serde::Deserialize)]
    struct Identity {
        version: String,
    }
    // Some packages have a version there that is none: they cannot be told.
    let json = std::fs::read(root.join("package.json")).unwrap_or_default();
    let identity = serde_json::from_slice::<Identity>(&json).ok();
    match identity.and_then(|identity| identity.version.parse::<Version>().ok()) {
        Some(version) if version != id.version => {
            Err(NpmInstallError::OtherPackage { id: id.clone(), found: format!("{}@{version}", id.name) })
        }
        _ => Ok(()),
    }
}

/// A record that leads to something else counts as none.
async fn kept_tarball(
    store: &Arc<Store>,
    record: &str,
    integrity: &Integrity,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (store, record, integrity) = (Arc::clone(store), record.to_owned(), *integrity);
    blocking(move || {
        let sha256 = store.record(&record)?.and_then(|text| text.trim().parse().ok());
        let Some(file) = sha256.and_then(|sha256| store.find(sha256)) else { return Ok(None) };
        Ok(Some(store.read(file.sha256)?).filter(|tarball| Integrity::of(tarball) == integrity))
    })
    .await
}

/// A record's name can hold no `/` of base64.
fn tarball_record(integrity: &Integrity) -> String {
    format!("npm-tarballs/{}", Sha256::of(integrity.to_string().as_bytes()))
}

fn slot<K: Clone + Eq + std::hash::Hash, T>(slots: &Slots<K, T>, key: &K) -> Slot<T> {
    let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(slots.entry(key.clone()).or_default())
}
