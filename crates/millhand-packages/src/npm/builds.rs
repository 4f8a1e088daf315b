//! What the store has of packages' url folders: which path is which file.
//!
//! A record per build: the declared entries of a package are one, each further module is one, and so is each file
//! that is served as it was published, with what it refers to. A record whose files are not all there counts as
//! none: it is made anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NpmId;
use crate::digest::Sha256;
use crate::store::{Store, StoreError, StoredFile};
use crate::transform::{BuiltPackage, Entries, Import};

/// Files of one url folder, by their path in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Build {
    /// Whose folder it is.
    pub(crate) id: NpmId,
    /// Of files as they were published: the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) main: Option<String>,
    pub(crate) files: BTreeMap<String, PlacedFile>,
}

/// A file in a url folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacedFile {
    pub(crate) sha256: Sha256,
    pub(crate) bytes: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) imports: Vec<Import>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) default_only: bool,
}

impl PlacedFile {
    /// A file that is not a module.
    pub(crate) const fn plain(stored: StoredFile) -> Self {
        Self { sha256: stored.sha256, bytes: stored.bytes, imports: Vec::new(), default_only: false }
    }

    /// What the store knows of it.
    pub(crate) const fn stored(&self) -> StoredFile {
        StoredFile { sha256: self.sha256, bytes: self.bytes }
    }
}

impl Build {
    /// The build of `id` that is kept as `name` under `key`, if the store has all of it.
    pub(crate) fn find(store: &Store, key: &str, name: &str, id: &NpmId) -> Result<Option<Self>, StoreError> {
        Ok(Self::read(store, key, name)?.filter(|build| build.id == *id))
    }

    fn read(store: &Store, key: &str, name: &str) -> Result<Option<Self>, StoreError> {
        let Some(json) = store.record(&record_name(key, name))? else { return Ok(None) };
        let build = serde_json::from_str::<Self>(&json).ok();
        let is_there =
            |(path, file): (&String, &PlacedFile)| is_plain(path) && store.find(file.sha256).is_some();
        Ok(build.filter(|build| build.files.iter().all(is_there)))
    }

    /// Keeps what a transformer has made.
    pub(crate) fn keep(
        store: &Store,
        key: &str,
        name: &str,
        id: &NpmId,
        built: BuiltPackage,
    ) -> Result<Self, StoreError> {
        let mut files = BTreeMap::new();
        for (path, file) in built.files {
            let stored = store.put(&file.content)?;
            let placed = PlacedFile {
                imports: file.imports,
                default_only: file.default_only,
                ..PlacedFile::plain(stored)
            };
            files.insert(path, placed);
        }
        Self { id: id.clone(), main: None, files }.record(store, key, name)
    }

    /// Writes the record, after all of its files are in the store.
    pub(crate) fn record(self, store: &Store, key: &str, name: &str) -> Result<Self, StoreError> {
        store.put_record_json(&record_name(key, name), &self)?;
        Ok(self)
    }

    /// All files that the store has in the folder of `key`, by their path below it: `<name>@<version>/<path>`.
    pub(crate) fn files_of(store: &Store, key: &str) -> Result<BTreeMap<String, StoredFile>, StoreError> {
        let mut files = BTreeMap::new();
        for name in store.records_in(&format!("{FOLDER}/{key}"))? {
            let Some(build) = Self::read(store, key, name.trim_end_matches(".json"))? else { continue };
            let paths =
                build.files.iter().map(|(path, file)| (format!("{}/{path}", build.id), file.stored()));
            files.extend(paths);
        }
        Ok(files)
    }
}

/// Whether a path leads down, and to one place: it becomes one of an export.
fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']))
}

const FOLDER: &str = "npm";

/// The name of a build's record.
pub(crate) fn build_name(entries: &Entries) -> String {
    match entries {
        Entries::Declared => "declared".to_owned(),
        Entries::Deep(subpath) => format!("deep-{}", hashed(subpath)),
    }
}

/// The name of the record of a file as it was published, by what a specifier calls it.
pub(crate) fn raw_name(file: &str) -> String {
    format!("raw-{}", hashed(file))
}

fn record_name(key: &str, name: &str) -> String {
    format!("{FOLDER}/{key}/{name}.json")
}

/// Whatever characters a path has, a record's name has plain ones.
fn hashed(text: &str) -> String {
    Sha256::of(text.as_bytes()).to_string()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::{BuiltFile, ImportedModule};

    const KEY: &str = "0123456789abcdef";

    fn built() -> BuiltPackage {
        let import = Import {
            from: ImportedModule::Package { id: "b@1.0.0".parse().unwrap(), subpath: Some("x".to_owned()) },
            needed: true,
        };
        let entry = BuiltFile { content: b"export {}".to_vec(), imports: vec![import], default_only: true };
        BuiltPackage { files: BTreeMap::from([("entry.js".to_owned(), entry)]) }
    }

    #[test]
    fn a_build_is_found_again_with_all_that_is_known_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = "@a/b@1.0.0".parse().unwrap();
        let kept = Build::keep(&store, KEY, "declared", &id, built()).unwrap();
        assert_eq!(Build::find(&store, KEY, "declared", &id).unwrap(), Some(kept));
        assert_eq!(Build::find(&store, KEY, "other", &id).unwrap(), None);
        assert_eq!(Build::find(&store, KEY, "declared", &"c@1.0.0".parse().unwrap()).unwrap(), None);
        let files = Build::files_of(&store, KEY).unwrap();
        assert_eq!(files["@a/b@1.0.0/entry.js"].sha256, Sha256::of(b"export {}"));
    }

    #[test]
    fn a_record_with_a_path_that_leads_out_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = "b@1.0.0".parse().unwrap();
        for path in ["../x.js", "/x.js", "a//x.js", "a/./x.js", "a\\x.js"] {
            let files = BTreeMap::from([(path.to_owned(), PlacedFile::plain(store.put(b"x").unwrap()))]);
            Build { id: NpmId::clone(&id), main: None, files }.record(&store, KEY, "declared").unwrap();
            assert_eq!(Build::find(&store, KEY, "declared", &id).unwrap(), None, "{path}");
        }
    }

    #[test]
    fn a_build_that_lost_a_file_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = "b@1.0.0".parse().unwrap();
        let kept = Build::keep(&store, KEY, "declared", &id, built()).unwrap();
        let path = store.verified_path(kept.files["entry.js"].sha256).unwrap().unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(Build::find(&store, KEY, "declared", &id).unwrap(), None);
        assert!(Build::files_of(&store, KEY).unwrap().is_empty());
    }
}
