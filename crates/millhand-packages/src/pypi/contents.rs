//! What a wheel says of itself: what it needs, and which modules it holds.
//!
//! A wheel is a zip of someone else's making. Its list of files and one file of it, `METADATA`, are read;
//! nothing of it is unpacked or run here. Lists that no wheel has (paths that lead elsewhere, links, sizes
//! beyond all bounds) are refused, because a worker would unpack them.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek};

use pep440_rs::VersionSpecifiers;
use pep508_rs::{Requirement, VerbatimUrl};
use zip::ZipArchive;
use zip::result::ZipError;

use crate::specifier::PackageName;
use crate::wheel::WheelName;

const MAX_FILES: usize = 50_000;
const MAX_UNPACKED_BYTES: u64 = 1024 * 1024 * 1024;
const MAX_METADATA_BYTES: u64 = 4 * 1024 * 1024;

/// What is read out of a wheel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WheelContents {
    /// What it needs, and under which conditions.
    pub(crate) requires: Vec<Requirement<VerbatimUrl>>,
    /// The versions of Python that it runs on, where it says so.
    pub(crate) requires_python: Option<VersionSpecifiers>,
    /// The modules that can be imported, sorted.
    pub(crate) imports: Vec<String>,
}

impl WheelContents {
    /// Reads the wheel that is called `name`.
    ///
    /// # Errors
    ///
    /// When it is no zip, no wheel of that package and version, or one that must not be unpacked.
    pub(crate) fn read(wheel: impl Read + Seek, name: &WheelName) -> Result<Self, WheelError> {
        let file_name = || name.file_name().to_owned();
        let broken = |error: ZipError| WheelError::Broken { file_name: file_name(), source: error.into() };
        let mut archive = ZipArchive::new(wheel).map_err(broken)?;
        let paths = checked_paths(&mut archive, name)?;
        let text = match metadata_path(&paths, name) {
            Some(path) => text_of(&mut archive, path).map_err(broken)?,
            None => return Err(WheelError::NoMetadata { file_name: file_name() }),
        };
        let metadata = Metadata::read(&text);
        let is_named =
            |value: Option<&str>| value.is_some_and(|value| PackageName::normalised(value) == name.package());
        if !is_named(metadata.name) {
            let found = metadata.name.unwrap_or_default().to_owned();
            return Err(WheelError::OtherPackage { file_name: file_name(), found });
        }
        Ok(Self {
            requires: metadata.requires(name)?,
            requires_python: metadata.requires_python.and_then(|text| text.parse().ok()),
            imports: imports(&paths),
        })
    }
}

/// The paths of a wheel's files, when all of them are ones that a wheel can have.
fn checked_paths<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    name: &WheelName,
) -> Result<Vec<String>, WheelError> {
    let file_name = || name.file_name().to_owned();
    let broken = |error: ZipError| WheelError::Broken { file_name: file_name(), source: error.into() };
    let refused = |path: &str, why| WheelError::Unsafe { file_name: file_name(), path: path.to_owned(), why };
    if archive.len() > MAX_FILES {
        return Err(WheelError::TooLarge { file_name: file_name() });
    }
    let mut paths = Vec::with_capacity(archive.len());
    let mut unpacked_bytes: u64 = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        let path = entry.name().map_err(broken)?.into_owned();
        if !is_plain_path(&path) {
            return Err(refused(&path, "leads out of the wheel"));
        }
        if entry.is_symlink() {
            return Err(refused(&path, "is a link"));
        }
        unpacked_bytes = unpacked_bytes.saturating_add(entry.size());
        if unpacked_bytes > MAX_UNPACKED_BYTES {
            return Err(WheelError::TooLarge { file_name: file_name() });
        }
        if !path.ends_with('/') {
            paths.push(path);
        }
    }
    // Files that share bytes are how a small zip unpacks to a huge one.
    if archive.has_overlapping_files().map_err(broken)? {
        return Err(WheelError::TooLarge { file_name: file_name() });
    }
    Ok(paths)
}

/// Whether `path` stays where it is unpacked, on any system.
fn is_plain_path(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.split('/').all(plain) && !path.contains(['\\', ':']) && !path.contains(char::is_control)
}

/// `METADATA` in the one folder whose name says that it is of this wheel.
fn metadata_path<'a>(paths: &'a [String], name: &WheelName) -> Option<&'a str> {
    paths.iter().map(String::as_str).find(|path| {
        let Some((folder, "METADATA")) = path.split_once('/') else { return false };
        let Some((package, version)) =
            folder.strip_suffix(".dist-info").and_then(|stem| stem.rsplit_once('-'))
        else {
            return false;
        };
        PackageName::normalised(package) == name.package() && version_is(version, name.version())
    })
}

fn version_is(one: &str, other: &str) -> bool {
    match (one.parse::<pep440_rs::Version>(), other.parse::<pep440_rs::Version>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn text_of<R: Read + Seek>(archive: &mut ZipArchive<R>, path: &str) -> Result<String, ZipError> {
    let mut bytes = Vec::new();
    archive.by_name(path)?.take(MAX_METADATA_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_METADATA_BYTES {
        return Err(io::Error::other(format!("`{path}` has more than {MAX_METADATA_BYTES} bytes")).into());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The headers of `METADATA` that matter.
#[derive(Default)]
struct Metadata<'a> {
    name: Option<&'a str>,
    requires_python: Option<&'a str>,
    requires: Vec<&'a str>,
}

impl<'a> Metadata<'a> {
    /// Reads headers up to the first empty line. Continued lines occur in none of those that matter.
    fn read(text: &'a str) -> Self {
        let mut metadata = Self::default();
        for line in text.lines().take_while(|line| !line.trim().is_empty()) {
            let Some((field, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match field.to_ascii_lowercase().as_str() {
                "name" => metadata.name = Some(value),
                "requires-python" => metadata.requires_python = Some(value),
                "requires-dist" => metadata.requires.push(value),
                _ => {}
            }
        }
        metadata
    }

    fn requires(&self, wheel: &WheelName) -> Result<Vec<Requirement<VerbatimUrl>>, WheelError> {
        let read = |text: &&str| {
            text.parse().map_err(|error: pep508_rs::Pep508Error| WheelError::BadRequirement {
                file_name: wheel.file_name().to_owned(),
                requirement: (*text).to_owned(),
                message: error.message.to_string(),
            })
        };
        self.requires.iter().map(read).collect()
    }
}

/// The top-level modules and packages among `paths`.
fn imports(paths: &[String]) -> Vec<String> {
    let is_module = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c == '_' || c.is_alphanumeric())
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let modules = paths.iter().filter_map(|path| {
        let path = inner_path(path);
        match path.split_once('/') {
            Some((folder, rest)) => rest.ends_with(".py").then_some(folder),
            None => path.strip_suffix(".py"),
        }
    });
    let modules: BTreeSet<&str> = modules.filter(|name| is_module(name)).collect();
    modules.into_iter().map(str::to_owned).collect()
}

/// Where a file ends up: what lies in `name-1.0.data/purelib` is moved to the top.
fn inner_path(path: &str) -> &str {
    let mut parts = path.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(data), Some("purelib" | "platlib"), Some(rest)) if data.ends_with(".data") => rest,
        _ => path,
    }
}

/// Why a wheel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// Not a zip, or a damaged one.
    #[error("the wheel `{file_name}` cannot be read")]
    Broken {
        /// The wheel.
        file_name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not say what it is.
    #[error("the wheel `{file_name}` has no `METADATA` of its own")]
    NoMetadata {
        /// The wheel.
        file_name: String,
    },
    /// It is something else than its file name says.
    #[error("the wheel `{file_name}` says that it is `{found}`")]
    OtherPackage {
        /// The wheel.
        file_name: String,
        /// The name inside.
        found: String,
    },
    /// What it needs cannot be read.
    #[error("the wheel `{file_name}` needs `{requirement}`, which is no requirement: {message}")]
    BadRequirement {
        /// The wheel.
        file_name: String,
        /// What it needs.
        requirement: String,
        /// What is wrong with that.
        message: String,
    },
    /// A path that must not be unpacked.
    #[error("the wheel `{file_name}` has a file `{path}` that {why}")]
    Unsafe {
        /// The wheel.
        file_name: String,
        /// The path in it.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It unpacks to more than any wheel does.
    #[error("the wheel `{file_name}` unpacks to more than {MAX_UNPACKED_BYTES} bytes or {MAX_FILES} files")]
    TooLarge {
        /// The wheel.
        file_name: String,
    },
}

impl WheelError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Broken { .. }
            | Self::NoMetadata { .. }
            | Self::OtherPackage { .. }
            | Self::BadRequirement { .. } => "bad-wheel",
            Self::Unsafe { .. } | Self::TooLarge { .. } => "unsafe-wheel",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsafe { .. } | Self::TooLarge { .. } => {
                Some("do not use it: no tool that builds wheels makes such a one".to_owned())
            }
            _ => Some(
                "ask for another version of the package, or give a wheel that you trust with `--overlay`"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    const NAME: &str = "My_Tool-1.0-py3-none-any.whl";
    const METADATA: &str = "Metadata-Version: 2.1\nName: my.tool\nVersion: 1.0\n";

    fn wheel(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in files {
            writer.start_file(*path, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn read(bytes: Vec<u8>) -> Result<WheelContents, WheelError> {
        WheelContents::read(Cursor::new(bytes), &NAME.parse().unwrap())
    }

    fn with_metadata(more: &str) -> Result<WheelContents, WheelError> {
        read(wheel(&[("my_tool-1.0.dist-info/METADATA", &format!("{METADATA}{more}"))]))
    }

    #[test]
    fn requirements_are_read_with_their_conditions() {
        let contents = with_metadata(
            "Requires-Python: >=3.8\nRequires-Dist: six (>=1.16)\nrequires-dist: tomli>=2 ; python_version < \"3.11\"\n\nRequires-Dist: a description\n",
        );
        let contents = contents.unwrap();
        let texts: Vec<String> = contents.requires.iter().map(ToString::to_string).collect();
        assert_eq!(texts[0], "six>=1.16");
        assert_eq!(contents.requires.len(), 2);
        assert_eq!(contents.requires_python.unwrap().to_string(), ">=3.8");
    }

    #[test]
    fn modules_are_the_top_level_names() {
        let contents = read(wheel(&[
            ("my_tool-1.0.dist-info/METADATA", METADATA),
            ("my_tool/__init__.py", ""),
            ("my_tool/deep/er.py", ""),
            ("single.py", ""),
            ("space/inner/a.py", ""),
            ("my_tool-1.0.data/purelib/moved/__init__.py", ""),
            ("my_tool-1.0.data/scripts/run.py", ""),
            ("docs/readme.txt", ""),
            ("README.md", ""),
        ]));
        assert_eq!(contents.unwrap().imports, ["moved", "my_tool", "single", "space"]);
    }

    #[test]
    fn what_is_no_wheel_of_that_name_is_refused() {
        for (bytes, code) in [
            (b"no zip".to_vec(), "bad-wheel"),
            (wheel(&[]), "bad-wheel"),
            (wheel(&[("my_tool-2.0.dist-info/METADATA", METADATA)]), "bad-wheel"),
            (wheel(&[("my_tool-1.0.dist-info/METADATA", "Name: other\n")]), "bad-wheel"),
        ] {
            assert_eq!(read(bytes).unwrap_err().code(), code);
        }
        let error = with_metadata("Requires-Dist: =\n").unwrap_err();
        assert!(error.to_string().contains("needs `=`, which is no requirement"), "{error}");
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in ["../evil.py", "/evil.py", "a/../../evil.py", "a//b.py", "c:/evil.py", "a\\b.py"] {
            let error = read(wheel(&[("my_tool-1.0.dist-info/METADATA", METADATA), (path, "")])).unwrap_err();
            assert_eq!(error.code(), "unsafe-wheel", "{path}");
            assert!(error.to_string().contains(path), "{error}");
        }
    }

    #[test]
    fn links_are_refused() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_symlink("passwords", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let error = read(writer.finish().unwrap().into_inner()).unwrap_err();
        assert!(error.to_string().ends_with("has a file `passwords` that is a link"), "{error}");
    }

    /// Three files of 512 MB each, in a wheel of some kilobytes, without writing them: the list is edited.
    #[test]
    fn a_wheel_that_unpacks_to_gigabytes_is_refused_unread() {
        let mut bytes =
            wheel(&[("a.py", ""), ("b.py", ""), ("c.py", ""), ("my_tool-1.0.dist-info/METADATA", METADATA)]);
        let entry = b"PK\x01\x02";
        let starts: Vec<usize> = (0..bytes.len() - 4).filter(|at| &bytes[*at..at + 4] == entry).collect();
        for start in &starts[..3] {
            bytes[start + 24..start + 28].copy_from_slice(&(512_u32 << 20).to_le_bytes());
        }
        assert!(matches!(read(bytes), Err(WheelError::TooLarge { .. })));
    }

    #[test]
    fn metadata_without_end_is_refused() {
        let error = with_metadata(&"X: y\n".repeat(1_000_000)).unwrap_err();
        assert_eq!(error.code(), "bad-wheel");
    }

    /// Damaged wheels: never a panic.
    #[test]
    fn any_bytes_are_refused_or_read() {
        let good = wheel(&[("my_tool-1.0.dist-info/METADATA", METADATA), ("my_tool.py", "pass")]);
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(0..bytes.len());
                bytes[at] = random.u8(..);
            }
            bytes.truncate(random.usize(0..=bytes.len()));
            _ = read(bytes);
        }
    }
}
