//! The files that start Pyodide, out of its npm package and into the store.
//!
//! An index beside the files records which file of which version has which hash. Nothing of the npm package is
//! ever run: it is a verified archive, and five files of it are wanted.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::GzDecoder;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::digest::{Integrity, Sha256};
use crate::fetch::{FetchError, Fetcher};
use crate::pyodide::PyodideVersion;
use crate::registry::{NpmRegistry, RegistryError, find_release};
use crate::store::{Store, StoreError, StoredFile};

/// The files that a page loads, in the order in which a manifest lists them. Pyodide 314 gave its glue another
/// name, so a file can have two: the first that the package has is taken.
const BOOT_FILES: [&[&str]; 4] =
    [&["pyodide.mjs"], &["pyodide.asm.js", "pyodide.asm.mjs"], &["pyodide.asm.wasm"], &["python_stdlib.zip"]];
/// The lock, which the server reads.
pub(crate) const LOCK_FILE: &str = "pyodide-lock.json";

const NPM_PACKAGE: &str = "pyodide";
/// What the default version must be, whatever a registry says.
const DEFAULT_INTEGRITY: &str =
    "sha512-TkYrUv9m8QmfImADKRmpwZulL48E0uUaBSO+dvRQKyAJc0qh9gu7jn8btyHPh3NZm1r2IH2YrJhIr7Q2B9urAw==";

const MAX_TARBALL_BYTES: u64 = 64 * 1024 * 1024;
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
const MAX_UNPACKED_BYTES: u64 = 256 * 1024 * 1024;

/// A runtime with all of its files in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Runtime {
    pub(crate) boot_files: Vec<BootFile>,
    pub(crate) lock: StoredFile,
}

/// A file that a page loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BootFile {
    pub(crate) name: &'static str,
    pub(crate) stored: StoredFile,
}

/// The record of a version: which of its files has which hash.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Index {
    files: BTreeMap<String, Sha256>,
}

impl Runtime {
    /// The runtime of `version`, if the store has all of it.
    pub(crate) fn find(store: &Store, version: &PyodideVersion) -> Result<Option<Self>, StoreError> {
        let Some(json) = store.record(&index_name(version))? else { return Ok(None) };
        // An index that cannot be read is as good as none: it is written anew.
        let Ok(index) = serde_json::from_str::<Index>(&json) else { return Ok(None) };
        Ok(Self::complete(&index, store).ok())
    }

    /// The runtime that `index` describes, or the names that are missing.
    fn complete(index: &Index, store: &Store) -> Result<Self, Vec<&'static str>> {
        let find = |name: &str| store.find(*index.files.get(name)?);
        let mut missing = Vec::new();
        let mut boot_files = Vec::new();
        for names in BOOT_FILES {
            match names.iter().find_map(|name| Some(BootFile { name, stored: find(name)? })) {
                Some(file) => boot_files.push(file),
                None => missing.extend(names.first()),
            }
        }
        match find(LOCK_FILE) {
            Some(lock) if missing.is_empty() => return Ok(Self { boot_files, lock }),
            Some(_) => {}
            None => missing.push(LOCK_FILE),
        }
        Err(missing)
    }
}

/// The verified npm tarball of `version`.
pub(crate) async fn download(
    fetcher: &Fetcher,
    registry: &NpmRegistry,
    store: &Store,
    version: &PyodideVersion,
) -> Result<Vec<u8>, RuntimeError> {
    let registry: Url = registry.url(store).await?;
    let release = find_release(fetcher, &registry, NPM_PACKAGE, version.as_str()).await?;
    tracing::info!("downloading Pyodide {version} from the npm registry");
    let tarball = fetcher.bytes(&release.tarball, "*/*", MAX_TARBALL_BYTES).await?;
    check_integrity(&tarball, &release.integrity.to_string(), version)?;
    if version.as_str() == PyodideVersion::DEFAULT {
        check_integrity(&tarball, DEFAULT_INTEGRITY, version)?;
    }
    Ok(tarball)
}

fn check_integrity(tarball: &[u8], expected: &str, version: &PyodideVersion) -> Result<(), RuntimeError> {
    match Integrity::of(tarball).to_string() {
        found if found == expected => Ok(()),
        found => Err(RuntimeError::IntegrityMismatch {
            version: version.clone(),
            expected: expected.to_owned(),
            found,
        }),
    }
}

/// Puts the wanted files of `tarball` into the store, and then the index that names them.
pub(crate) fn unpack(
    store: &Store,
    version: &PyodideVersion,
    tarball: &[u8],
) -> Result<Runtime, RuntimeError> {
    let mut index = Index::default();
    for (name, content) in wanted_files(tarball, version)? {
        index.files.insert(name.to_owned(), store.put(&content)?.sha256);
    }
    let runtime = Runtime::complete(&index, store).map_err(|missing| RuntimeError::MissingFiles {
        version: version.clone(),
        files: missing.join("`, `"),
    })?;
    let json = serde_json::to_string_pretty(&index)
        .map_err(|source| RuntimeError::Archive { version: version.clone(), source: source.into() })?;
    store.put_record(&index_name(version), &json)?;
    Ok(runtime)
}

/// Only plain files directly in the package's folder count, and only by the names that are wanted: no path of
/// the archive is ever used as a path.
fn wanted_files(
    tarball: &[u8],
    version: &PyodideVersion,
) -> Result<BTreeMap<&'static str, Vec<u8>>, RuntimeError> {
    let broken = |source| RuntimeError::Archive { version: version.clone(), source };
    let mut files = BTreeMap::new();
    let unpacked = GzDecoder::new(tarball).take(MAX_UNPACKED_BYTES);
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let Some(name) = wanted_name(&entry) else { continue };
        let mut content = Vec::new();
        entry.take(MAX_FILE_BYTES + 1).read_to_end(&mut content).map_err(broken)?;
        if content.len() as u64 > MAX_FILE_BYTES {
            return Err(broken(io::Error::other(format!("`{name}` has more than {MAX_FILE_BYTES} bytes"))));
        }
        if files.insert(name, content).is_some() {
            return Err(broken(io::Error::other(format!("`{name}` is in it twice"))));
        }
    }
    Ok(files)
}

fn wanted_name<R: Read>(entry: &tar::Entry<'_, R>) -> Option<&'static str> {
    let path = entry.path_bytes();
    let (_package, name) = std::str::from_utf8(&path).ok()?.split_once('/')?;
    wanted().find(|wanted| *wanted == name && entry.header().entry_type().is_file())
}

fn wanted() -> impl Iterator<Item = &'static str> {
    BOOT_FILES.into_iter().flatten().copied().chain([LOCK_FILE])
}

fn index_name(version: &PyodideVersion) -> String {
    format!("pyodide-{version}.json")
}

/// Why a runtime cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Not in the store, and nothing may be downloaded.
    #[error("Pyodide {version} is not in the cache, and downloads are off")]
    Offline {
        /// The version.
        version: PyodideVersion,
    },
    /// The registry is of no help.
    #[error("cannot find Pyodide in an npm registry")]
    Registry(#[from] RegistryError),
    /// The tarball did not arrive.
    #[error("cannot download Pyodide")]
    Fetch(#[from] FetchError),
    /// The tarball is not the one that was published.
    #[error("the npm package of Pyodide {version} has the integrity {found}, it should be {expected}")]
    IntegrityMismatch {
        /// The version.
        version: PyodideVersion,
        /// What the registry or millhand says.
        expected: String,
        /// What came.
        found: String,
    },
    /// The tarball cannot be unpacked.
    #[error("the npm package of Pyodide {version} cannot be unpacked")]
    Archive {
        /// The version.
        version: PyodideVersion,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The tarball lacks files.
    #[error("the npm package of Pyodide {version} has no `{files}`")]
    MissingFiles {
        /// The version.
        version: PyodideVersion,
        /// Their names.
        files: String,
    },
    /// The files cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RuntimeError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Offline { .. } => "offline",
            Self::Registry(RegistryError::Unknown { version: Some(_), .. }) => "unknown-pyodide-version",
            Self::Registry(error) => error.code(),
            Self::Fetch(error) => error.code(),
            Self::IntegrityMismatch { .. } => "integrity-mismatch",
            Self::Archive { .. } | Self::MissingFiles { .. } => "bad-pyodide-package",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Offline { version } => {
                Some(format!("run `millhand fetch --pyodide {version}` while there is a network"))
            }
            Self::Registry(RegistryError::Unknown { version: Some(_), .. }) => {
                Some(format!("ask for a published version, such as {}", PyodideVersion::DEFAULT))
            }
            Self::Registry(error) => error.hint(),
            Self::Fetch(error) => error.hint(),
            Self::IntegrityMismatch { .. } => {
                Some("a registry or proxy changed the package: do not use it".to_owned())
            }
            Self::Archive { .. } | Self::MissingFiles { .. } => None,
            Self::Store(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gzipped tarball of files with these paths and contents.
    fn tarball(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            // Written by hand, because `tar` itself refuses to write `..`.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn complete() -> Vec<(&'static str, &'static [u8])> {
        vec![
            ("package/pyodide.mjs", b"mjs"),
            ("package/pyodide.asm.js", b"js"),
            ("package/pyodide.asm.wasm", b"wasm"),
            ("package/python_stdlib.zip", b"zip"),
            ("package/pyodide-lock.json", b"lock"),
        ]
    }

    fn unpacked(entries: &[(&str, &[u8])]) -> Result<(tempfile::TempDir, Store, Runtime), RuntimeError> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let runtime = unpack(&store, &PyodideVersion::default(), &tarball(entries))?;
        Ok((dir, store, runtime))
    }

    #[test]
    fn the_pinned_integrity_is_one() {
        assert_eq!(DEFAULT_INTEGRITY.parse::<Integrity>().unwrap().to_string(), DEFAULT_INTEGRITY);
    }

    #[test]
    fn wanted_files_are_stored_and_indexed() {
        let mut entries = complete();
        entries.push(("package/README.md", b"read me"));
        let (_dir, store, runtime) = unpacked(&entries).unwrap();
        let names: Vec<&str> = runtime.boot_files.iter().map(|file| file.name).collect();
        assert_eq!(names, ["pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip"]);
        assert_eq!(runtime.boot_files[0].stored.sha256, Sha256::of(b"mjs"));
        assert_eq!(runtime.lock.sha256, Sha256::of(b"lock"));
        assert_eq!(store.find(Sha256::of(b"read me")), None);
        assert_eq!(Runtime::find(&store, &PyodideVersion::default()).unwrap(), Some(runtime));
        assert_eq!(Runtime::find(&store, &"0.28.3".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn the_glue_may_have_its_newer_name() {
        let mut entries = complete();
        entries[1].0 = "package/pyodide.asm.mjs";
        let (_dir, _store, runtime) = unpacked(&entries).unwrap();
        assert_eq!(runtime.boot_files[1].name, "pyodide.asm.mjs");
    }

    #[test]
    fn a_runtime_with_a_lost_file_is_no_runtime() {
        let (_dir, store, _) = unpacked(&complete()).unwrap();
        let path = store.verified_path(Sha256::of(b"zip")).unwrap().unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(Runtime::find(&store, &PyodideVersion::default()).unwrap(), None);
    }

    #[test]
    fn paths_that_lead_elsewhere_are_ignored() {
        let mut entries = complete();
        entries[0].0 = "package/../pyodide.mjs";
        let error = unpacked(&entries).unwrap_err();
        assert_eq!(error.to_string(), "the npm package of Pyodide 0.29.5 has no `pyodide.mjs`");
    }

    #[test]
    fn a_file_that_comes_twice_is_refused() {
        let mut entries = complete();
        entries.push(("package/pyodide.mjs", b"other"));
        assert_eq!(unpacked(&entries).unwrap_err().code(), "bad-pyodide-package");
    }

    #[test]
    fn a_cut_off_or_foreign_archive_is_refused() {
        let version = PyodideVersion::default();
        let whole = tarball(&complete());
        for bytes in [&whole[..whole.len() / 2], b"no gzip", b""] {
            assert!(wanted_files(bytes, &version).is_err());
        }
    }
}
