//! Upkeep of the store: is everything what its name says, and what can go.
//!
//! When a file was last used is kept as its modification time, which its first use of a day sets.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Store, StoreError, hash_of_file};
use crate::digest::Sha256;

/// Uses that follow sooner are not written down.
const TOUCHED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const SHA256_CHARS: usize = 64;
/// Larger files are not looked through for hashes: no lock has that size.
const MAX_LOCK_BYTES: u64 = 4 * 1024 * 1024;

/// What a look at every file found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many files there are.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// Those that should not be there as they are.
    pub bad: Vec<BadFile>,
}

/// A file that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// Where it is.
    pub path: PathBuf,
    /// What its name says; `None` when that is no hash.
    pub expected: Option<Sha256>,
    /// What its content says.
    pub found: Sha256,
}

/// Which files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    /// Those that nobody used for so long.
    UnusedFor(Duration),
    /// Those that nothing in the store refers to, such as copies of overlays.
    Unreferenced,
    /// All, and what is remembered too.
    Everything,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many files went.
    pub files: u64,
    /// Their size.
    pub bytes: u64,
    /// How many stayed.
    pub left_files: u64,
    /// The size of those.
    pub left_bytes: u64,
}

impl Store {
    /// Whether there is a store under `cache_dir`. Nothing is made.
    #[must_use]
    pub fn is_at(cache_dir: &Path) -> bool {
        cache_dir.join(super::LAYOUT).is_dir()
    }

    /// The folder of this store, within the cache folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Whether nothing was ever kept in it.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.entries()?.is_empty())
    }

    /// Hashes every file. `seen` hears of each before it is read, with its size.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn verify(&self, mut seen: impl FnMut(u64)) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        for (path, metadata) in self.entries()? {
            seen(metadata.len());
            let found = match hash_of_file(&path) {
                Ok(stored) => stored.sha256,
                // Another process pruned it meanwhile.
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            verified.files += 1;
            verified.bytes += metadata.len();
            let expected = name_of(&path);
            if expected != Some(found) || expected.map(|sha256| self.path_of(sha256)).as_ref() != Some(&path)
            {
                verified.bad.push(BadFile { path, expected, found });
            }
        }
        Ok(verified)
    }

    /// How many files it has, and their size.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn size(&self) -> Result<(u64, u64), StoreError> {
        let entries = self.entries()?;
        let bytes = entries.iter().map(|(_, metadata)| metadata.len()).sum();
        Ok((entries.len() as u64, bytes))
    }

    /// Removes files. What is needed again later is fetched again.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a file of it cannot be removed.
    pub fn prune(&self, which: Prune) -> Result<Pruned, StoreError> {
        let referenced = match which {
            Prune::Unreferenced => self.referenced()?,
            Prune::UnusedFor(_) | Prune::Everything => BTreeSet::new(),
        };
        let mut pruned = Pruned::default();
        for (path, metadata) in self.entries()? {
            let goes = match which {
                Prune::UnusedFor(age) => unused_for(&metadata) > age,
                Prune::Unreferenced => name_of(&path).is_none_or(|sha256| !referenced.contains(&sha256)),
                Prune::Everything => true,
            };
            if !goes {
                pruned.left_files += 1;
                pruned.left_bytes += metadata.len();
                continue;
            }
            remove(&path)?;
            pruned.files += 1;
            pruned.bytes += metadata.len();
            // It goes with its last file.
            _ = path.parent().map(fs::remove_dir);
        }
        if which == Prune::Everything {
            for folder in [self.records_dir(), self.incoming_dir()] {
                fs::remove_dir_all(&folder).map_err(|source| StoreError::io("remove", &folder, source))?;
                fs::create_dir_all(&folder).map_err(|source| StoreError::io("make", &folder, source))?;
            }
        }
        Ok(pruned)
    }

    /// Writes down that a file was used, when that was not done today. A store that cannot be written to is read
    /// all the same.
    pub(super) fn touch(path: &Path, metadata: &Metadata) -> bool {
        unused_for(metadata) > TOUCHED_AFTER
            && fs::File::options()
                .write(true)
                .open(path)
                .and_then(|file| file.set_modified(SystemTime::now()))
                .is_ok()
    }

    /// Every file, sorted by path.
    fn entries(&self) -> Result<Vec<(PathBuf, Metadata)>, StoreError> {
        let mut entries = Vec::new();
        for folder in read_dir(&self.files_dir())? {
            if !folder.path().is_dir() {
                continue;
            }
            for file in read_dir(&folder.path())? {
                match file.metadata() {
                    Ok(metadata) if metadata.is_file() => entries.push((file.path(), metadata)),
                    _ => {}
                }
            }
        }
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(entries)
    }

    /// The hashes that records name, and that the locks of Pyodide name which records name.
    fn referenced(&self) -> Result<BTreeSet<Sha256>, StoreError> {
        let mut referenced = BTreeSet::new();
        let mut folders = vec![self.records_dir()];
        while let Some(folder) = folders.pop() {
            for entry in read_dir(&folder)? {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = fs::read_to_string(&path) {
                    referenced.extend(hashes_in(&text));
                }
            }
        }
        let named: Vec<Sha256> = referenced.iter().copied().collect();
        for sha256 in named {
            if self.find(sha256).is_some_and(|file| file.bytes <= MAX_LOCK_BYTES)
                && let Ok(text) = fs::read_to_string(self.path_of(sha256))
                && text.starts_with('{')
            {
                referenced.extend(hashes_in(&text));
            }
        }
        Ok(referenced)
    }
}

fn unused_for(metadata: &Metadata) -> Duration {
    metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default()
}

fn name_of(path: &Path) -> Option<Sha256> {
    path.file_name()?.to_str()?.parse().ok()
}

fn hashes_in(text: &str) -> impl Iterator<Item = Sha256> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit());
    words.filter(|word| word.len() == SHA256_CHARS).filter_map(|word| word.parse().ok())
}

/// A folder that is gone by now has nothing in it.
fn read_dir(folder: &Path) -> Result<Vec<DirEntry>, StoreError> {
    let failed = |source| StoreError::io("read", folder, source);
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<_>>().map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(failed(source)),
    }
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    fn last_used(store: &Store, sha256: Sha256, ago: Duration) {
        let file = fs::File::options().write(true).open(store.path_of(sha256)).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    #[test]
    fn what_is_not_what_its_name_says_is_reported() {
        let (_dir, store) = store();
        let (good, bad) = (store.put(b"good").unwrap(), store.put(b"bad").unwrap());
        assert_eq!(store.verify(|_| ()).unwrap(), Verified { files: 2, bytes: 7, bad: Vec::new() });

        fs::write(store.path_of(bad.sha256), b"evil").unwrap();
        let stranger = store.path_of(good.sha256).with_file_name("notes.txt");
        fs::write(&stranger, b"x").unwrap();
        let mut verified = store.verify(|_| ()).unwrap().bad;
        verified.sort_by_key(|bad| bad.expected);
        let evil = BadFile {
            path: store.path_of(bad.sha256),
            expected: Some(bad.sha256),
            found: Sha256::of(b"evil"),
        };
        assert_eq!(verified, [BadFile { path: stranger, expected: None, found: Sha256::of(b"x") }, evil]);
    }

    #[test]
    fn what_was_not_used_for_long_goes() {
        let (_dir, store) = store();
        let day = Duration::from_secs(24 * 60 * 60);
        let (old, fresh, used) =
            (store.put(b"old").unwrap(), store.put(b"fresh").unwrap(), store.put(b"used").unwrap());
        last_used(&store, old.sha256, 40 * day);
        last_used(&store, used.sha256, 40 * day);
        assert!(store.find(used.sha256).is_some());

        let pruned = store.prune(Prune::UnusedFor(30 * day)).unwrap();
        assert_eq!(pruned, Pruned { files: 1, bytes: 3, left_files: 2, left_bytes: 9 });
        assert_eq!((store.find(old.sha256), store.find(fresh.sha256)), (None, Some(fresh)));
    }

    #[test]
    fn a_use_does_not_cost_another_look_at_the_content() {
        let (_dir, store) = store();
        let file = store.put(b"abc").unwrap();
        last_used(&store, file.sha256, Duration::from_secs(1_000_000));
        store.verified_path(file.sha256).unwrap();
        let seen = store.verified.lock().unwrap()[&file.sha256];
        let metadata = fs::metadata(store.path_of(file.sha256)).unwrap();
        assert_eq!(seen, super::super::Stamp::of(&metadata));
        assert!(unused_for(&metadata) < TOUCHED_AFTER);
    }

    #[test]
    fn what_nothing_refers_to_goes() {
        let (_dir, store) = store();
        let named_in_lock = store.put(b"a wheel").unwrap();
        let lock = store.put(format!("{{\"sha256\": \"{}\"}}", named_in_lock.sha256).as_bytes()).unwrap();
        store.put(b"an overlay of last year").unwrap();
        store.put_record("folder/a.json", &format!("{{\"lock\": \"{}\"}}", lock.sha256)).unwrap();

        assert_eq!(store.prune(Prune::Unreferenced).unwrap().files, 1);
        assert!(store.find(named_in_lock.sha256).is_some() && store.find(lock.sha256).is_some());
    }

    #[test]
    fn everything_means_records_too() {
        let (_dir, store) = store();
        let file = store.put(b"abc").unwrap();
        store.put_record("a.json", "{}").unwrap();
        assert!(!store.is_empty().unwrap());
        let pruned = store.prune(Prune::Everything).unwrap();
        assert_eq!((pruned.files, pruned.left_files), (1, 0));
        assert_eq!(store.record("a.json").unwrap(), None);
        assert!(store.is_empty().unwrap());
        assert_eq!(store.put(b"abc").unwrap(), file);
    }
}
