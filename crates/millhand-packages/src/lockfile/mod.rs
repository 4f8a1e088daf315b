//! The lockfile: what the pages of a folder use, to the byte, so that a second run is the same as the first.
//!
//! ```toml
//! version = 1
//!
//! [[environment]]
//! esm = ["rxjs#^7.8.1"]
//!
//! [environment.npm.roots]
//! "rxjs#^7.8.1" = "rxjs@7.8.2"
//!
//! [environment.npm.dependencies]
//! "rxjs@7.8.2" = ["tslib@2.8.1"]
//!
//! [npm]
//! "rxjs@7.8.2" = "sha512-…"
//! "tslib@2.8.1" = "sha512-…"
//! ```
//!
//! An environment is found by its request, which is written in one way only ([`LockedRequest`]). The file holds no
//! hosts, so it serves with any registry. It is sorted, a package a line, and the same content is always
//! the same bytes. `version` is that of this form.
//!
//! One file per part: what belongs to npm is in `npm.rs`. A part for another kind of package adds a field to
//! [`LockedEnvironment`] and to the two structs that are read here.

mod error;
mod npm;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::npm::NpmGraph;

pub use error::LockfileError;

/// The name of the lockfile, beside the pages.
pub const LOCKFILE_NAME: &str = "millhand.lock";
const VERSION: i64 = 1;
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Everything that is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lockfile {
    environments: BTreeMap<LockedRequest, LockedEnvironment>,
}

/// What was asked for: specifiers without their aliases, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockedRequest {
    /// Modules of npm.
    pub esm: BTreeSet<String>,
    /// Scripts of npm.
    pub scripts: BTreeSet<String>,
    /// Versions of dependencies.
    pub using_dependencies: BTreeSet<String>,
    /// Stylesheets of npm.
    pub css: BTreeSet<String>,
    /// Python.
    pub pyodide: Option<LockedPyodideRequest>,
}

/// The Python that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPyodideRequest {
    /// The version of Pyodide.
    pub version: String,
    /// Packages.
    #[serde(default)]
    pub modules: BTreeSet<String>,
}

/// What one request came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedEnvironment {
    /// The packages of npm, if there are any.
    pub npm: Option<NpmGraph>,
}

impl Lockfile {
    /// Reads the lockfile at `path`; one that is not there is empty.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not what millhand writes, see [`LockfileError`].
    pub fn read(path: &Path) -> Result<Self, LockfileError> {
        let failed = |source| LockfileError::Io { action: "read", path: path.to_owned(), source };
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() > MAX_BYTES => {
                return Err(failed(io::ErrorKind::FileTooLarge.into()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(failed(source)),
        }
        Self::parse(path, &fs::read_to_string(path).map_err(failed)?)
    }

    /// Reads `text`, which is the content of `path`.
    ///
    /// # Errors
    ///
    /// When it is not what millhand writes.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LockfileError> {
        let source = Source { path, text };
        let head: HeadToml = toml::from_str(text).map_err(|error| source.malformed(&error))?;
        if *head.version.get_ref() != VERSION {
            return Err(LockfileError::UnknownVersion {
                path: path.to_owned(),
                line: source.line_of(&head.version),
                version: *head.version.get_ref(),
            });
        }
        let file: FileToml = toml::from_str(text).map_err(|error| source.malformed(&error))?;
        let integrities = npm::integrities(&source, file.npm)?;
        let mut environments = BTreeMap::new();
        for spanned in file.environment {
            let line = source.line_of(&spanned);
            let environment = spanned.into_inner();
            let npm = environment.npm.map(|npm| npm::graph(&source, npm, &integrities)).transpose()?;
            let request = LockedRequest {
                esm: environment.esm,
                scripts: environment.scripts,
                using_dependencies: environment.using_dependencies,
                css: environment.css,
                pyodide: environment.pyodide,
            };
            if environments.insert(request, LockedEnvironment { npm }).is_some() {
                let reason = "this environment is there twice".to_owned();
                return Err(LockfileError::Malformed { path: path.to_owned(), line: Some(line), reason });
            }
        }
        Ok(Self { environments })
    }

    /// Writes the lockfile to `path`, all of it or nothing. A file that is the same already is not touched.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockfileError> {
        let failed = |source| LockfileError::Io { action: "write", path: path.to_owned(), source };
        let text = self.to_text();
        if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".millhand.lock");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // As any other file of the user's: it is to be read by others, and committed.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut file = builder.tempfile_in(folder).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// What `request` was locked to.
    #[must_use]
    pub fn find(&self, request: &LockedRequest) -> Option<&LockedEnvironment> {
        self.environments.get(request)
    }

    /// All that is locked, in order of the requests.
    pub fn environments(&self) -> impl Iterator<Item = (&LockedRequest, &LockedEnvironment)> {
        self.environments.iter()
    }

    /// Locks `request` to `environment`, in place of what it was locked to.
    ///
    /// # Errors
    ///
    /// When a package of it has another integrity than in another environment.
    pub fn set(
        &mut self,
        request: LockedRequest,
        environment: LockedEnvironment,
    ) -> Result<(), LockfileError> {
        let others = self.environments.iter().filter(|(other, _)| **other != request);
        npm::check_agreement(others.filter_map(|(_, other)| other.npm.as_ref()), environment.npm.as_ref())?;
        self.environments.insert(request, environment);
        Ok(())
    }

    /// Forgets what `request` was locked to.
    pub fn remove(&mut self, request: &LockedRequest) -> Option<LockedEnvironment> {
        self.environments.remove(request)
    }

    /// The packages of npm of all environments, for a resolver to prefer. Where environments have a specifier at
    /// different versions, the highest one is given.
    #[must_use]
    pub fn npm_packages(&self) -> NpmGraph {
        let mut all = NpmGraph::default();
        for graph in self.environments.values().filter_map(|environment| environment.npm.as_ref()) {
            for (specifier, id) in &graph.roots {
                let known = all.roots.entry(specifier.clone()).or_insert_with(|| id.clone());
                if id > known {
                    *known = id.clone();
                }
            }
            for (id, node) in &graph.packages {
                all.packages.entry(id.clone()).or_insert_with(|| node.clone());
            }
        }
        all
    }
}

/// A lockfile's text, and where it is.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn line_at(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }

    fn line_of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.line_at(spanned.span().start)
    }

    fn malformed(&self, error: &toml::de::Error) -> LockfileError {
        LockfileError::Malformed {
            path: self.path.to_owned(),
            line: error.span().map(|span| self.line_at(span.start)),
            reason: error.message().to_owned(),
        }
    }

    fn wrong<T>(&self, spanned: &Spanned<T>, reason: String) -> LockfileError {
        LockfileError::Malformed { path: self.path.to_owned(), line: Some(self.line_of(spanned)), reason }
    }
}

#[derive(Deserialize)]
struct HeadToml {
    version: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileToml {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    environment: Vec<Spanned<EnvironmentToml>>,
    #[serde(default)]
    npm: BTreeMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EnvironmentToml {
    #[serde(default)]
    esm: BTreeSet<String>,
    #[serde(default)]
    scripts: BTreeSet<String>,
    #[serde(default)]
    using_dependencies: BTreeSet<String>,
    #[serde(default)]
    css: BTreeSet<String>,
    pyodide: Option<LockedPyodideRequest>,
    npm: Option<npm::NpmToml>,
}

#[cfg(test)]
mod tests;
