//! Where the packages of one request are unpacked and built, each once.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{try_join, try_join_all};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{NpmError, NpmFile};
use crate::digest::{Integrity, Sha256};
use crate::installer::{Installer, Network, blocking};
use crate::npm::builds::{Build, build_name};
use crate::npm::keys::build_keys;
use crate::npm::{NpmGraph, NpmId, NpmNode, tarball};
use crate::transform::{Dependency, Entries, SourcePackage, TransformError};

const MAX_TARBALL_BYTES: u64 = 256 * 1024 * 1024;

type Slot<T> = Arc<OnceCell<T>>;

pub(super) struct Yard<'a> {
    pub(super) installer: &'a Installer,
    pub(super) graph: &'a NpmGraph,
    keys: BTreeMap<NpmId, String>,
    scratch: TempDir,
    unpacked: Mutex<HashMap<NpmId, Slot<PathBuf>>>,
    builds: Mutex<HashMap<(NpmId, Entries), Slot<Arc<Build>>>>,
}

impl<'a> Yard<'a> {
    pub(super) fn new(installer: &'a Installer, graph: &'a NpmGraph) -> Result<Self, NpmError> {
        let identity = installer.transform.as_ref().map_or("", |transform| transform.identity());
        Ok(Self {
            installer,
            graph,
            keys: build_keys(graph, identity),
            scratch: installer.store.scratch()?,
            unpacked: Mutex::default(),
            builds: Mutex::default(),
        })
    }

    pub(super) fn key(&self, id: &NpmId) -> &str {
        self.keys.get(id).map_or("", String::as_str)
    }

    pub(super) fn node(&self, id: &NpmId) -> Result<&'a NpmNode, NpmError> {
        self.graph.packages.get(id).ok_or_else(|| NpmError::NotInGraph { id: id.clone() })
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
    pub(super) async fn build(&self, id: &NpmId, entries: &Entries) -> Result<Arc<Build>, NpmError> {
        let slot = slot(&self.builds, &(id.clone(), entries.clone()));
        slot.get_or_try_init(|| async { Ok(Arc::new(self.find_or_build(id, entries).await?)) }).await.cloned()
    }

    async fn find_or_build(&self, id: &NpmId, entries: &Entries) -> Result<Build, NpmError> {
        let (store, key, name) = (&self.installer.store, self.key(id), build_name(entries));
        if let Some(build) = Build::find(store, key, &name)? {
            return Ok(build);
        }
        let transform = Arc::clone(self.installer.transform.as_ref().ok_or(NpmError::NoTransformer)?);
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
    async fn source(&self, id: &NpmId) -> Result<SourcePackage, NpmError> {
        let node = self.node(id)?;
        let roots = node.dependencies.values().map(|dependency| self.unpacked(dependency));
        let (root, roots) = try_join(self.unpacked(id), try_join_all(roots)).await?;
        let dependencies = node.dependencies.iter().zip(roots).map(|((name, id), root)| {
            (name.clone(), Dependency { id: id.clone(), key: self.key(id).to_owned(), root })
        });
        Ok(SourcePackage { id: id.clone(), root, dependencies: dependencies.collect() })
    }

    /// The folder of a package, unpacked when it is asked for the first time.
    pub(super) async fn unpacked(&self, id: &NpmId) -> Result<PathBuf, NpmError> {
        let slot = slot(&self.unpacked, id);
        slot.get_or_try_init(|| async {
            let tarball = self.tarball(id, self.node(id)?).await?;
            let folder = self.scratch.path().join(id.to_string());
            let (into, of) = (folder.clone(), id.clone());
            blocking(move || tarball::unpack(&tarball, &into))
                .await
                .map_err(|source| NpmError::Tarball { id: of, source })?;
            Ok(folder)
        })
        .await
        .cloned()
    }

    /// The verified tarball of a package: out of the store, or from the registry.
    async fn tarball(&self, id: &NpmId, node: &NpmNode) -> Result<Vec<u8>, NpmError> {
        let record = tarball_record(&node.integrity);
        if let Some(tarball) = self.kept_tarball(&record)? {
            return Ok(tarball);
        }
        let Network::Online(fetcher) = &self.installer.network else {
            return Err(NpmError::Offline { packages: id.to_string() });
        };
        let _flight = self.installer.flights.board(&record).await;
        if let Some(tarball) = self.kept_tarball(&record)? {
            return Ok(tarball);
        }
        let url = self.installer.npm_tarball_url(id).await?;
        tracing::info!("downloading `{id}`");
        let fetched = fetcher.bytes(&url, "*/*", MAX_TARBALL_BYTES).await;
        let tarball = fetched.map_err(|source| NpmError::Fetch { id: id.clone(), source })?;
        let found = Integrity::of(&tarball);
        if found != node.integrity {
            return Err(NpmError::Changed { id: id.clone(), expected: Box::new(node.integrity), found: Box::new(found) });
        }
        let stored = self.installer.store.put(&tarball)?;
        self.installer.store.put_record(&record, &stored.sha256.to_string())?;
        Ok(tarball)
    }

    fn kept_tarball(&self, record: &str) -> Result<Option<Vec<u8>>, NpmError> {
        let store = &self.installer.store;
        let sha256 = store.record(record)?.and_then(|text| text.trim().parse().ok());
        match sha256.and_then(|sha256| store.find(sha256)) {
            Some(file) => Ok(Some(store.read(file.sha256)?)),
            None => Ok(None),
        }
    }
}

/// A record's name can hold no `/` of base64.
fn tarball_record(integrity: &Integrity) -> String {
    format!("npm-tarballs/{}", Sha256::of(integrity.to_string().as_bytes()))
}

fn slot<K: Clone + Eq + std::hash::Hash, T>(slots: &Mutex<HashMap<K, Slot<T>>>, key: &K) -> Slot<T> {
    let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(slots.entry(key.clone()).or_default())
}
