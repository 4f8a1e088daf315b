//! The store: every file once, under the SHA-256 of its content, in a folder that processes share.
//!
//! ```text
//! <cache>/CACHEDIR.TAG             backup tools skip the folder
//! <cache>/v1/files/ab/abcd…        a file's bytes, named by their hash
//! <cache>/v1/records/…             small texts with names of their own, such as the index of a runtime
//! <cache>/v1/incoming/…            files on their way in; whatever is a day old is swept away
//! ```
//!
//! `v1` is the version of this layout: another layout takes another number, so an old and a new millhand can
//! share one cache folder. A file appears under its hash by a rename, complete or not at all, and is never
//! changed after that. The store knows no network and no Python: the installer fills it, the server reads it.

mod upkeep;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::{NamedTempFile, TempDir};

use crate::digest::{Sha256, Sha256Hasher};

pub use upkeep::{BadFile, Prune, Pruned, Verified};

const LAYOUT: &str = "v1";
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const CACHE_TAG: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of millhand.\n";

/// Files by the hash of their content.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// What this process has hashed itself, and how the file looked then.
    verified: Mutex<HashMap<Sha256, Stamp>>,
}

/// A file of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoredFile {
    /// The hash of its content, which is its name.
    pub sha256: Sha256,
    /// Its size.
    pub bytes: u64,
}

impl Store {
    /// Opens the store under `cache_dir`, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written to.
    pub fn open(cache_dir: &Path) -> Result<Self, StoreError> {
        let store = Self { root: cache_dir.join(LAYOUT), verified: Mutex::default() };
        for folder in [store.files_dir(), store.records_dir(), store.incoming_dir()] {
            fs::create_dir_all(&folder).map_err(|source| StoreError::io("make", &folder, source))?;
        }
        let tag = cache_dir.join("CACHEDIR.TAG");
        if !tag.exists() {
            fs::write(&tag, CACHE_TAG).map_err(|source| StoreError::io("write", &tag, source))?;
        }
        store.sweep();
        Ok(store)
    }

    /// The file with this hash, if the store has it. Its content is not read.
    #[must_use]
    pub fn find(&self, sha256: Sha256) -> Option<StoredFile> {
        let path = self.path_of(sha256);
        let metadata = self.use_of(sha256, &path).ok().filter(fs::Metadata::is_file)?;
        Some(StoredFile { sha256, bytes: metadata.len() })
    }

    /// Where a file's bytes are, checked against their hash the first time that this process asks, and again
    /// when the file on disk has changed since. `None` when there is no such file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Tampered`] when the content is not what its name says.
    pub fn verified_path(&self, sha256: Sha256) -> Result<Option<PathBuf>, StoreError> {
        let path = self.path_of(sha256);
        let metadata = match self.use_of(sha256, &path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::io("read", &path, source)),
        };
        let stamp = Stamp::of(&metadata);
        let seen = self.verified.lock().unwrap_or_else(PoisonError::into_inner).get(&sha256).copied();
        if seen == Some(stamp) {
            return Ok(Some(path));
        }
        let found = hash_of_file(&path)?.sha256;
        if found != sha256 {
            return Err(StoreError::Tampered { path, expected: sha256, found });
        }
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256, stamp);
        Ok(Some(path))
    }

    /// How a file looks, when it is about to be used. That is written down; a file that was known to be good
    /// stays so.
    fn use_of(&self, sha256: Sha256, path: &Path) -> io::Result<fs::Metadata> {
        let before = fs::metadata(path)?;
        if !before.is_file() || !Self::touch(path, &before) {
            return Ok(before);
        }
        let after = fs::metadata(path)?;
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = verified.get_mut(&sha256)
            && *seen == Stamp::of(&before)
            && after.len() == before.len()
        {
            *seen = Stamp::of(&after);
        }
        Ok(after)
    }

    /// A file's content, checked against its hash.
    ///
    /// # Errors
    ///
    /// When the file is missing, unreadable or not what its name says.
    pub fn read(&self, sha256: Sha256) -> Result<Vec<u8>, StoreError> {
        let path = self.path_of(sha256);
        let content = fs::read(&path).map_err(|source| StoreError::io("read", &path, source))?;
        match Sha256::of(&content) {
            found if found == sha256 => Ok(content),
            found => Err(StoreError::Tampered { path, expected: sha256, found }),
        }
    }

    /// Keeps `content`.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn put(&self, content: &[u8]) -> Result<StoredFile, StoreError> {
        let mut incoming = self.incoming()?;
        incoming.write(content)?;
        incoming.keep()
    }

    /// Keeps a copy of the user's file at `path`; copies nothing when the store has its content.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or the copy cannot be written.
    pub fn put_file(&self, path: &Path) -> Result<StoredFile, StoreError> {
        let hashed = hash_of_file(path)?;
        if let Some(file) = self.find(hashed.sha256) {
            return Ok(file);
        }
        let mut incoming = self.incoming()?;
        for_each_chunk(path, |chunk| incoming.write(chunk))?;
        incoming.keep()
    }

    /// An empty file on its way in.
    pub(crate) fn incoming(&self) -> Result<Incoming, StoreError> {
        let folder = self.incoming_dir();
        let file =
            NamedTempFile::new_in(&folder).map_err(|source| StoreError::io("write", &folder, source))?;
        Ok(Incoming { files_dir: self.files_dir(), file, hasher: Sha256Hasher::default(), bytes: 0 })
    }

    /// Waits until no process works on what `name` names; it is the caller's until the guard is dropped. Blocks.
    pub(crate) fn alone_with(&self, name: &str) -> Result<fs::File, StoreError> {
        let path = self.root.join("locks").join(Sha256::of(name.as_bytes()).to_string());
        let failed = |source| StoreError::io("lock", &path, source);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = fs::File::create(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// A folder for work in progress, which goes with its guard.
    pub(crate) fn scratch(&self) -> Result<TempDir, StoreError> {
        let folder = self.incoming_dir();
        TempDir::new_in(&folder).map_err(|source| StoreError::io("write", &folder, source))
    }

    /// The small text kept under `name`, if any.
    pub(crate) fn record(&self, name: &str) -> Result<Option<String>, StoreError> {
        let path = self.records_dir().join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io("read", &path, source)),
        }
    }

    /// The value kept as JSON under `name`. One that cannot be read is as good as none: it is written anew.
    pub(crate) fn record_json<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.record(name)?.and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// How long ago the small text under `name` was written.
    pub(crate) fn record_age(&self, name: &str) -> Result<Option<Duration>, StoreError> {
        let path = self.records_dir().join(name);
        match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            // A clock that was set back makes it new.
            Ok(modified) => Ok(Some(modified.elapsed().unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::unreadable(&path, source)),
        }
    }

    /// The hash and size of the user's file at `path`.
    pub(crate) fn hash_of(path: &Path) -> Result<StoredFile, StoreError> {
        hash_of_file(path)
    }

    /// The names of the small texts that are kept directly under `folder`, sorted.
    pub(crate) fn records_in(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let path = self.records_dir().join(folder);
        let failed = |source| StoreError::io("read", &path, source);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(failed)?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Keeps a small text under `name`, which may begin with a folder, in place of the one before.
    pub(crate) fn put_record(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.records_dir().join(name);
        let failed = |source| StoreError::io("write", &path, source);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut file = NamedTempFile::new_in(self.incoming_dir()).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Keeps `value` as JSON under `name`.
    pub(crate) fn put_record_json(
        &self,
        name: &str,
        value: &impl serde::Serialize,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string_pretty(value)
            .map_err(|error| StoreError::io("write", &self.records_dir().join(name), error.into()))?;
        self.put_record(name, &json)
    }

    fn path_of(&self, sha256: Sha256) -> PathBuf {
        path_in(&self.files_dir(), sha256)
    }

    fn files_dir(&self) -> PathBuf {
        self.root.join("files")
    }

    fn records_dir(&self) -> PathBuf {
        self.root.join("records")
    }

    fn incoming_dir(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Removes what processes left behind that were killed while they wrote. Failures only cost space.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.incoming_dir()) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
            if matches!(age, Ok(Ok(age)) if age > ABANDONED_AFTER) {
                _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
            }
        }
    }
}

/// A file on its way into the store; dropped before it is kept, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Incoming {
    files_dir: PathBuf,
    file: NamedTempFile,
    hasher: Sha256Hasher,
    bytes: u64,
}

impl Incoming {
    /// Appends `chunk`.
    pub(crate) fn write(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        // The file itself: what is around it would put its path into the error once more.
        let written = self.file.as_file_mut().write_all(chunk);
        written.map_err(|source| StoreError::io("write", self.file.path(), source))?;
        self.hasher.update(chunk);
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// The hash of what was written so far.
    pub(crate) fn sha256(&self) -> Sha256 {
        self.hasher.clone().finish()
    }

    /// Puts the file under its hash.
    pub(crate) fn keep(self) -> Result<StoredFile, StoreError> {
        let stored = StoredFile { sha256: self.sha256(), bytes: self.bytes };
        let path = path_in(&self.files_dir, stored.sha256);
        let failed = |source| StoreError::io("write", &path, source);
        // Without this, a power cut after the rename could leave an empty file under a good name.
        self.file.as_file().sync_all().map_err(failed)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        self.file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(stored)
    }
}

/// Why the store cannot give or take a file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// `read`, `write`, `make` or `remove`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The content of a file is not what its name says.
    #[error("the cached file `{}` was changed: its sha256 is {found}, it should be {expected}", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
        /// The hash it is kept under.
        expected: Sha256,
        /// The hash of its content.
        found: Sha256,
    },
}

impl StoreError {
    fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// A file that could not be read.
    pub(crate) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::io("read", path, source)
    }

    /// A file that was there a moment ago.
    pub(crate) fn missing(store: &Store, sha256: Sha256) -> Self {
        Self::io("read", &store.path_of(sha256), io::ErrorKind::NotFound.into())
    }

    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "store-unusable",
            Self::Tampered { .. } => "store-file-tampered",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if is_full(source.kind()) => Some(
                "free some space, with `millhand cache prune` for one, or choose another cache folder with `--cache-dir`"
                    .to_owned(),
            ),
            Self::Io { .. } => Some("choose another cache folder with `--cache-dir`".to_owned()),
            Self::Tampered { .. } => {
                Some("`millhand cache verify --remove` removes it: it is fetched again when it is needed".to_owned())
            }
        }
    }
}

/// How a file looked when it was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

const fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

fn path_in(files_dir: &Path, sha256: Sha256) -> PathBuf {
    let name = sha256.to_string();
    files_dir.join(&name[..2]).join(name)
}

fn hash_of_file(path: &Path) -> Result<StoredFile, StoreError> {
    let mut hasher = Sha256Hasher::default();
    let mut bytes = 0;
    for_each_chunk(path, |chunk| {
        hasher.update(chunk);
        bytes += chunk.len() as u64;
        Ok(())
    })?;
    Ok(StoredFile { sha256: hasher.finish(), bytes })
}

fn for_each_chunk(
    path: &Path,
    mut with: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::io("read", path, source);
    let mut file = fs::File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(()),
            read => with(&buffer[..read])?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        (dir, store)
    }

    fn files_in(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_is_found_under_the_hash_of_its_content() {
        let (_dir, store) = store();
        let file = store.put(b"abc").unwrap();
        assert_eq!(file, StoredFile { sha256: Sha256::of(b"abc"), bytes: 3 });
        assert_eq!(store.find(file.sha256), Some(file));
        assert_eq!(store.read(file.sha256).unwrap(), b"abc");
        assert_eq!(store.find(Sha256::of(b"other")), None);
    }

    #[test]
    fn processes_share_one_store() {
        let (dir, first) = store();
        let file = first.put(b"abc").unwrap();
        let second = Store::open(dir.path()).unwrap();
        assert_eq!(second.put(b"abc").unwrap(), file);
        assert_eq!(second.read(file.sha256).unwrap(), b"abc");
        assert_eq!(files_in(&first.incoming_dir()), 0);
    }

    #[test]
    fn a_file_that_is_not_kept_leaves_nothing_behind() {
        let (_dir, store) = store();
        let mut incoming = store.incoming().unwrap();
        incoming.write(b"half").unwrap();
        assert_eq!(files_in(&store.incoming_dir()), 1);
        drop(incoming);
        assert_eq!(files_in(&store.incoming_dir()), 0);
        assert_eq!(store.find(Sha256::of(b"half")), None);
    }

    #[test]
    fn a_changed_file_is_refused_also_when_it_was_good_before() {
        let (_dir, store) = store();
        let sha256 = store.put(b"abc").unwrap().sha256;
        let path = store.verified_path(sha256).unwrap().unwrap();
        fs::write(&path, b"evil").unwrap();
        let error = store.verified_path(sha256).unwrap_err();
        assert_eq!(error.code(), "store-file-tampered");
        let message = error.to_string();
        for part in [path.to_str().unwrap(), &sha256.to_string(), &Sha256::of(b"evil").to_string()] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(store.read(sha256).unwrap_err().code(), "store-file-tampered");
    }

    #[test]
    fn a_missing_file_has_no_path() {
        let (_dir, store) = store();
        assert!(store.verified_path(Sha256::of(b"abc")).unwrap().is_none());
    }

    #[test]
    fn a_users_file_is_copied_once() {
        let (dir, store) = store();
        let wheel = dir.path().join("a.whl");
        fs::write(&wheel, b"wheel").unwrap();
        let file = store.put_file(&wheel).unwrap();
        assert_eq!(store.put_file(&wheel).unwrap(), file);
        assert_eq!(store.read(file.sha256).unwrap(), b"wheel");
        assert!(wheel.exists());
    }

    #[test]
    fn records_are_replaced_whole() {
        let (_dir, store) = store();
        assert_eq!(store.record("a.json").unwrap(), None);
        store.put_record("a.json", "one").unwrap();
        store.put_record("a.json", "two").unwrap();
        assert_eq!(store.record("a.json").unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn old_leftovers_are_swept_and_fresh_ones_stay() {
        let (dir, store) = store();
        let (old, fresh) = (store.incoming_dir().join("old"), store.incoming_dir().join("fresh"));
        fs::write(&fresh, b"").unwrap();
        let file = fs::File::create(&old).unwrap();
        file.set_modified(SystemTime::now() - 2 * ABANDONED_AFTER).unwrap();
        Store::open(dir.path()).unwrap();
        assert!(!old.exists() && fresh.exists());
    }

    #[test]
    fn a_cache_folder_that_is_a_file_is_an_error_with_its_name() {
        let file = NamedTempFile::new().unwrap();
        let error = Store::open(file.path()).unwrap_err();
        assert!(error.to_string().contains(file.path().to_str().unwrap()));
    }
}
