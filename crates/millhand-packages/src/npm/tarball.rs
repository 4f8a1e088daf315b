//! Unpacks the tarball of a package into a folder of its own.
//!
//! Nothing of a tarball is trusted. Its hash is checked before anything is read from it, and then each entry must be a
//! plain file, or a folder, whose path leads down. No link is ever made, so no path can lead out of the folder. What
//! npm's own tools would write is written, with two exceptions: links are refused, and so are names that
//! some file systems take for the same.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::NpmId;
use crate::digest::Integrity;

const MAX_PATH_BYTES: usize = 1_024;
const MAX_NAME_BYTES: usize = 255;

/// How much may come out of a tarball.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Files and folders.
    pub max_entries: usize,
    /// Bytes of one file.
    pub max_file_bytes: u64,
    /// Bytes of all files together.
    pub max_total_bytes: u64,
    /// Bytes that come out for each byte that goes in, above the first [`UnpackLimits::free_bytes`].
    pub max_ratio: u64,
    /// So many bytes may come out of any tarball.
    pub free_bytes: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            max_file_bytes: 256 * 1024 * 1024,
            max_total_bytes: 1024 * 1024 * 1024,
            max_ratio: 150,
            free_bytes: 16 * 1024 * 1024,
        }
    }
}

impl UnpackLimits {
    fn total_for(&self, packed_bytes: usize) -> u64 {
        let by_ratio = (packed_bytes as u64).saturating_mul(self.max_ratio).saturating_add(self.free_bytes);
        by_ratio.min(self.max_total_bytes)
    }
}

/// A file that was unpacked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnpackedFile {
    /// Its path within the package, with `/` between.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// Unpacks the tarball of `id` into `folder`, which is made, and says which files are in it, in order of their paths.
/// Blocks. When it fails, there is no such folder afterwards.
///
/// # Errors
///
/// When the tarball does not hash to `integrity`, is damaged, or has an entry that could do harm; when `folder` is
/// there already or cannot be written.
pub fn unpack(
    id: &NpmId,
    tarball: &[u8],
    integrity: &Integrity,
    folder: &Path,
    limits: &UnpackLimits,
) -> Result<Vec<UnpackedFile>, TarballError> {
    let found = Integrity::of(tarball);
    if found != *integrity {
        return Err(TarballError::mismatch(id, integrity, &found));
    }
    fs::create_dir(folder).map_err(|source| TarballError::io(id, folder, source))?;
    let unpacked =
        Unpacking { id, folder, limits, names: BTreeMap::new(), entries: 0, files: Vec::new() }.run(tarball);
    if unpacked.is_err() {
        // A folder that stays all the same is one that nobody will look for.
        _ = fs::remove_dir_all(folder);
    }
    unpacked
}

struct Unpacking<'a> {
    id: &'a NpmId,
    folder: &'a Path,
    limits: &'a UnpackLimits,
    /// What is there, by how a file system without cases would see it.
    names: BTreeMap<String, Taken>,
    entries: usize,
    files: Vec<UnpackedFile>,
}

struct Taken {
    path: String,
    is_folder: bool,
}

impl Unpacking<'_> {
    fn run(mut self, tarball: &[u8]) -> Result<Vec<UnpackedFile>, TarballError> {
        let unzipped = MultiGzDecoder::new(tarball);
        let limit = Bounded { reader: unzipped, left: self.limits.total_for(tarball.len()) };
        let mut archive = tar::Archive::new(limit);
        for entry in archive.entries().map_err(|source| self.damaged(source))? {
            let mut entry = entry.map_err(|source| self.damaged(source))?;
            self.entries += 1;
            if self.entries > self.limits.max_entries {
                return Err(TarballError::TooManyEntries {
                    id: self.id.clone(),
                    max_entries: self.limits.max_entries,
                });
            }
            self.unpack_entry(&mut entry)?;
        }
        if self.files.is_empty() {
            return Err(TarballError::Empty { id: self.id.clone() });
        }
        self.files.sort_unstable();
        Ok(self.files)
    }

    fn unpack_entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), TarballError> {
        let is_folder = match entry.header().entry_type() {
            EntryType::Regular => false,
            EntryType::Directory => true,
            // Notes for the whole archive, such as a commit's id.
            EntryType::XGlobalHeader => return Ok(()),
            kind => return Err(self.bad_entry(&entry.path_bytes(), kind_of(kind))),
        };
        let bytes = entry.path_bytes().into_owned();
        let path = inner_path(&bytes).map_err(|reason| self.bad_entry(&bytes, reason))?;
        if path.is_empty() {
            // The top folder itself.
            return if is_folder { Ok(()) } else { Err(self.bad_entry(&bytes, "is not in a folder")) };
        }
        self.take_names(&path, is_folder).map_err(|reason| self.bad_entry(&bytes, reason))?;
        match is_folder {
            true => self.make_folder(&path),
            false => self.write_file(path, entry),
        }
    }

    /// Notes `path` and its folders, unless something is in their place.
    fn take_names(&mut self, path: &str, is_folder: bool) -> Result<(), &'static str> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends.collect::<Vec<_>>() {
            let (part, is_folder) = (&path[..end], end < path.len() || is_folder);
            match self.names.get(&folded(part)) {
                None => _ = self.names.insert(folded(part), Taken { path: part.to_owned(), is_folder }),
                Some(taken) if taken.path != part => {
                    return Err("differs from another name in its case only");
                }
                Some(taken) if taken.is_folder != is_folder => return Err("is a file and a folder"),
                Some(_) if is_folder => {}
                Some(_) => return Err("is there twice"),
            }
        }
        Ok(())
    }

    fn make_folder(&self, path: &str) -> Result<(), TarballError> {
        let folder = self.folder.join(path);
        fs::create_dir_all(&folder).map_err(|source| TarballError::io(self.id, &folder, source))
    }

    fn write_file<R: Read>(
        &mut self,
        path: String,
        entry: &mut tar::Entry<'_, R>,
    ) -> Result<(), TarballError> {
        let place = self.folder.join(&path);
        let failed = |source| TarballError::io(self.id, &place, source);
        if entry.size() > self.limits.max_file_bytes {
            return Err(self.bad_entry(path.as_bytes(), "is too large"));
        }
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.make_folder(folder)?;
        }
        let mut file = File::create_new(&place).map_err(failed)?;
        let mut written = 0;
        let mut buffer = [0; 32 * 1024];
        loop {
            match entry.read(&mut buffer).map_err(|source| self.damaged(source))? {
                0 => break,
                read => {
                    file.write_all(&buffer[..read]).map_err(failed)?;
                    written += read as u64;
                }
            }
        }
        if written != entry.size() {
            return Err(self.damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        self.files.push(UnpackedFile { path, bytes: written });
        Ok(())
    }

    fn damaged(&self, source: io::Error) -> TarballError {
        match source.get_ref().is_some_and(|inner| inner.is::<TooMuch>()) {
            true => TarballError::TooLarge { id: self.id.clone() },
            false => TarballError::Damaged { id: self.id.clone(), source },
        }
    }

    fn bad_entry(&self, path: &[u8], reason: &'static str) -> TarballError {
        let entry = String::from_utf8_lossy(path).chars().take(MAX_NAME_BYTES).collect();
        TarballError::BadEntry { id: self.id.clone(), entry, reason }
    }
}

/// How names look to file systems that do not tell cases apart.
fn folded(path: &str) -> String {
    path.to_lowercase()
}

const fn kind_of(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink | EntryType::Link => "is a link",
        EntryType::Char | EntryType::Block | EntryType::Fifo => "is a device",
        _ => "is no plain file",
    }
}

/// An entry's path below the top folder, whatever that is called: most call it `package`.
fn inner_path(bytes: &[u8]) -> Result<String, &'static str> {
    let path = std::str::from_utf8(bytes).map_err(|_| "has a name that is not UTF-8")?;
    if path.len() > MAX_PATH_BYTES {
        return Err("has a path that is too long");
    }
    if path.starts_with('/') {
        return Err("has an absolute path");
    }
    if path.contains('\\') {
        return Err("has a backslash in its path");
    }
    if path.chars().any(char::is_control) {
        return Err("has a control character in its path");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err("has a path that leads out of the package");
    }
    if parts.iter().any(|part| part.len() > MAX_NAME_BYTES) {
        return Err("has a name that is too long");
    }
    if parts.iter().any(|part| is_special(part)) {
        return Err("has a name that means something else on some systems");
    }
    Ok(parts.into_iter().skip(1).collect::<Vec<_>>().join("/"))
}

/// Drives, streams and devices of Windows, and names that it would shorten.
fn is_special(part: &str) -> bool {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let is_drive = part.len() == 2 && part.ends_with(':');
    let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
    is_drive
        || (cfg!(windows) && (part.contains(':') || part.ends_with([' ', '.']) || DEVICES.contains(&&*stem)))
}

/// Ends with an error, and not with the end, where too much comes out.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(TooMuch))?;
        Ok(read)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("more comes out of it than any package has")]
struct TooMuch;

/// Why a tarball cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// It is not the one that was published.
    #[error("the tarball of `{id}` has the integrity {found}, it should be {expected}")]
    IntegrityMismatch {
        /// The package.
        id: NpmId,
        /// What the registry or a lockfile says.
        expected: String,
        /// What came.
        found: String,
    },
    /// It cannot be read to its end.
    #[error("the tarball of `{id}` is damaged")]
    Damaged {
        /// The package.
        id: NpmId,
        /// Where and why.
        #[source]
        source: io::Error,
    },
    /// There is no file in it.
    #[error("the tarball of `{id}` is empty")]
    Empty {
        /// The package.
        id: NpmId,
    },
    /// Something in it could do harm.
    #[error("the entry `{entry}` of the tarball of `{id}` {reason}")]
    BadEntry {
        /// The package.
        id: NpmId,
        /// The path that it says.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There are too many things in it.
    #[error("the tarball of `{id}` has more than {max_entries} entries")]
    TooManyEntries {
        /// The package.
        id: NpmId,
        /// The bound.
        max_entries: usize,
    },
    /// There is too much in it, or too much for its size.
    #[error("the tarball of `{id}` unpacks to more than its size allows")]
    TooLarge {
        /// The package.
        id: NpmId,
    },
    /// The disk said no.
    #[error("cannot write `{}` of `{id}`", path.display())]
    Io {
        /// The package.
        id: NpmId,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl TarballError {
    pub(crate) fn mismatch(id: &NpmId, expected: &Integrity, found: &Integrity) -> Self {
        Self::IntegrityMismatch { id: id.clone(), expected: expected.to_string(), found: found.to_string() }
    }

    fn io(id: &NpmId, path: &Path, source: io::Error) -> Self {
        Self::Io { id: id.clone(), path: path.to_owned(), source }
    }

    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::IntegrityMismatch { .. } => "integrity-mismatch",
            Self::Io { .. } => "store-unusable",
            Self::Damaged { .. }
            | Self::Empty { .. }
            | Self::BadEntry { .. }
            | Self::TooManyEntries { .. }
            | Self::TooLarge { .. } => "npm-tarball-bad",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::IntegrityMismatch { .. } => {
                "the registry, a proxy or the lockfile was changed: do not use the package before you know which"
            }
            Self::Io { .. } => "choose another cache folder with `--cache-dir`",
            _ => "another version of the package may do: name one with `#version`",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Entry(Vec<u8>, EntryType, Vec<u8>);

    fn file(path: &str, content: &str) -> Entry {
        Entry(path.into(), EntryType::Regular, content.into())
    }

    fn of_kind(path: &str, kind: EntryType) -> Entry {
        Entry(path.into(), kind, Vec::new())
    }

    /// Headers are written by hand, because `tar` itself refuses to write what must be refused here.
    fn tarball(entries: &[Entry]) -> Vec<u8> {
        let mut builder =
            tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()));
        for Entry(path, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o777);
            header.set_entry_type(*kind);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_link_name("../../outside").unwrap();
            }
            header.as_old_mut().name[..path.len()].copy_from_slice(path);
            header.set_cksum();
            builder.append(&header, content.as_slice()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn id() -> NpmId {
        "a@1.0.0".parse().unwrap()
    }

    /// What is unpacked, and all paths below the folder around it.
    fn unpacked_within(
        tarball: &[u8],
        limits: &UnpackLimits,
    ) -> (Result<Vec<UnpackedFile>, TarballError>, Vec<String>) {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("in");
        let files = unpack(&id(), tarball, &Integrity::of(tarball), &folder, limits);
        let mut paths = Vec::new();
        let mut folders = vec![around.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                paths.push(path.strip_prefix(around.path()).unwrap().to_str().unwrap().replace('\\', "/"));
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                }
            }
        }
        paths.sort();
        (files, paths)
    }

    fn unpacked(entries: &[Entry]) -> Result<Vec<String>, TarballError> {
        let (files, paths) = unpacked_within(&tarball(entries), &UnpackLimits::default());
        if files.is_err() {
            assert!(paths.is_empty(), "a failure leaves nothing behind: {paths:?}");
        }
        files?;
        Ok(paths)
    }

    fn refusal(entries: &[Entry]) -> String {
        let error = unpacked(entries).unwrap_err();
        assert_eq!(error.code(), "npm-tarball-bad");
        error.to_string()
    }

    #[test]
    fn files_are_written_below_the_folder() {
        let tarball = tarball(&[
            of_kind("package/", EntryType::Directory),
            file("package/package.json", "{}"),
            file("package/dist/css/a.css", "a{}"),
            of_kind("package/empty/", EntryType::Directory),
        ]);
        let (files, paths) = unpacked_within(&tarball, &UnpackLimits::default());
        let expected = [("dist/css/a.css", 3), ("package.json", 2)];
        assert_eq!(
            files.unwrap(),
            expected.map(|(path, bytes)| UnpackedFile { path: path.to_owned(), bytes })
        );
        let expected = ["in", "in/dist", "in/dist/css", "in/dist/css/a.css", "in/empty", "in/package.json"];
        assert_eq!(paths, expected);
    }

    #[test]
    fn the_top_folder_may_have_any_name() {
        let entries = [file("node/a.js", ""), file("./package/b.js", ""), file("other//c.js", "")];
        assert_eq!(unpacked(&entries).unwrap(), ["in", "in/a.js", "in/b.js", "in/c.js"]);
        let global = of_kind("pax_global_header", EntryType::XGlobalHeader);
        assert_eq!(unpacked(&[global, file("repo-abc/a.js", "")]).unwrap(), ["in", "in/a.js"]);
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for (path, reason) in [
            ("package/../../evil", "has a path that leads out of the package"),
            ("../evil", "has a path that leads out of the package"),
            ("package/a/../../../evil", "has a path that leads out of the package"),
            ("/evil", "has an absolute path"),
            ("package/..\\evil", "has a backslash in its path"),
            ("package/C:/evil", "has a name that means something else on some systems"),
            ("package/a\nb", "has a control character in its path"),
            ("evil", "is not in a folder"),
        ] {
            let expected = format!("the entry `{path}` of the tarball of `a@1.0.0` {reason}");
            assert_eq!(refusal(&[file("package/ok", ""), file(path, "")]), expected);
        }
        let not_utf8 = Entry(b"package/\xff".to_vec(), EntryType::Regular, Vec::new());
        assert!(refusal(&[not_utf8]).contains("is not UTF-8"));
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        for (kind, reason) in [
            (EntryType::Symlink, "is a link"),
            (EntryType::Link, "is a link"),
            (EntryType::Char, "is a device"),
            (EntryType::Block, "is a device"),
            (EntryType::Fifo, "is a device"),
            (EntryType::Continuous, "is no plain file"),
        ] {
            let message = refusal(&[file("package/ok", ""), of_kind("package/x", kind)]);
            assert_eq!(message, format!("the entry `package/x` of the tarball of `a@1.0.0` {reason}"));
        }
    }

    #[test]
    fn a_name_is_taken_once() {
        for (first, second, reason) in [
            ("package/a", "package/a", "is there twice"),
            ("package/a", "other/a", "is there twice"),
            ("package/readme", "package/README", "differs from another name in its case only"),
            ("package/Dist/a", "package/dist/b", "differs from another name in its case only"),
            ("package/a", "package/a/b", "is a file and a folder"),
            ("package/a/b", "package/a", "is a file and a folder"),
        ] {
            assert!(refusal(&[file(first, "1"), file(second, "2")]).ends_with(reason), "{first} {second}");
        }
    }

    #[test]
    fn too_much_is_refused() {
        let zeros = "\0".repeat(1_000_000);
        let limits = UnpackLimits { free_bytes: 100_000, ..UnpackLimits::default() };
        let bomb = tarball(&[file("package/a", &zeros)]);
        assert!(bomb.len() < 3_000);
        let (files, paths) = unpacked_within(&bomb, &limits);
        assert_eq!(
            files.unwrap_err().to_string(),
            "the tarball of `a@1.0.0` unpacks to more than its size allows"
        );
        assert!(paths.is_empty());

        let limits = UnpackLimits { max_file_bytes: 999_999, ..UnpackLimits::default() };
        assert!(unpacked_within(&bomb, &limits).0.unwrap_err().to_string().ends_with("is too large"));

        let limits = UnpackLimits { max_entries: 2, ..UnpackLimits::default() };
        let many = tarball(&[file("package/a", ""), file("package/b", ""), file("package/c", "")]);
        let error = unpacked_within(&many, &limits).0.unwrap_err();
        assert_eq!(error.to_string(), "the tarball of `a@1.0.0` has more than 2 entries");
        assert!(refusal(&[]).ends_with("is empty"));
    }

    #[test]
    fn the_hash_is_checked_before_anything_is_written() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("in");
        let (good, evil) = (tarball(&[file("package/a", "good")]), tarball(&[file("package/a", "evil")]));
        let expected = Integrity::of(&good);
        let error = unpack(&id(), &evil, &expected, &folder, &UnpackLimits::default()).unwrap_err();
        assert_eq!(error.code(), "integrity-mismatch");
        for hash in [expected, Integrity::of(&evil)] {
            assert!(error.to_string().contains(&hash.to_string()));
        }
        assert!(!folder.exists());
    }

    #[test]
    fn a_damaged_tarball_is_refused_wherever_it_is_cut() {
        let content: String = (0..5_000).map(|number| number.to_string()).collect();
        let whole = tarball(&[file("package/a", &content), file("package/b", "b")]);
        for end in [0, 1, 20, whole.len() / 4, whole.len() / 2] {
            let (files, paths) = unpacked_within(&whole[..end], &UnpackLimits::default());
            assert_eq!(files.unwrap_err().code(), "npm-tarball-bad", "cut at {end}");
            assert!(paths.is_empty());
        }
    }

    #[test]
    fn what_is_there_is_not_touched() {
        let around = tempfile::tempdir().unwrap();
        fs::write(around.path().join("mine"), "mine").unwrap();
        let good = tarball(&[file("package/a", "good")]);
        let error =
            unpack(&id(), &good, &Integrity::of(&good), around.path(), &UnpackLimits::default()).unwrap_err();
        assert_eq!(error.code(), "store-unusable");
        assert_eq!(fs::read_to_string(around.path().join("mine")).unwrap(), "mine");
    }
}
