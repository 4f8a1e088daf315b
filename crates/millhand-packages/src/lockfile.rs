//! The lockfile: what requests came to, so that they come to the same again, without asking anyone.
//!
//! ```toml
//! version = 1
//!
//! [[environment]]
//!
//! [environment.request.esm]
//! modules = ["rxjs#^7.8.1"]
//!
//! [environment.npm.roots]
//! "rxjs#^7.8.1" = "rxjs@7.8.2"
//!
//! [environment.npm.dependencies]
//! "rxjs@7.8.2" = ["tslib@2.8.1"]
//!
//! [npm]
//! "rxjs@7.8.2" = "sha512-dhKf9…"
//! "tslib@2.8.1" = "sha512-oJFu9…"
//! ```
//!
//! It is sorted and names no hosts. An edge is written `other=name@version` where a package is imported by another
//! name than its own. Its Python part is described in [`python`].

mod environments;
mod error;
mod npm;
pub(crate) mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use environments::LockedEnvironment;
pub use error::LockfileError;

use crate::digest::Integrity;
use crate::manifest::RequestJson;
use crate::npm::{NpmGraph, NpmId};
use python::LockedPython;

/// The version of the format.
const VERSION: u32 = 1;

/// The content of a lockfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lockfile {
    version: u32,
    #[serde(default, rename = "environment", skip_serializing_if = "Vec::is_empty")]
    environments: Vec<LockedEnvironment>,
    /// What the tarball of each package must hash to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    npm: BTreeMap<NpmId, Integrity>,
}

impl Default for Lockfile {
    fn default() -> Self {
        Self { version: VERSION, environments: Vec::new(), npm: BTreeMap::new() }
    }
}

impl Lockfile {
    /// The lockfile at `path`; an empty one where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or contradicts itself.
    pub(crate) fn read(path: &Path) -> Result<Self, LockfileError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LockfileError::Unreadable { path: path.to_owned(), source }),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, LockfileError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let malformed = |source| LockfileError::Malformed { path: path.to_owned(), source: Box::new(source) };
        let Version { version } = toml::from_str(text).map_err(malformed)?;
        if version != VERSION {
            return Err(LockfileError::OtherVersion { path: path.to_owned(), version });
        }
        let lockfile: Self = toml::from_str(text).map_err(malformed)?;
        for environment in &lockfile.environments {
            environment
                .graph(&lockfile.npm)
                .map_err(|what| LockfileError::Incomplete { path: path.to_owned(), what })?;
        }
        Ok(lockfile)
    }

    /// Writes it to `path`, whole or not at all; leaves a file alone that has this content.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<(), LockfileError> {
        let unwritable = |source| LockfileError::Unwritable { path: path.to_owned(), source };
        let text = self.text().map_err(unwritable)?;
        if fs::read_to_string(path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        // Where a link is, the file that it leads to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = readable_by_all().tempfile_in(folder).map_err(unwritable)?;
        file.write_all(text.as_bytes()).map_err(unwritable)?;
        file.as_file().sync_all().map_err(unwritable)?;
        file.persist(&target).map_err(|error| unwritable(error.error))?;
        Ok(())
    }

    fn text(&self) -> io::Result<String> {
        let toml = toml::to_string_pretty(self).map_err(io::Error::other)?;
        Ok(format!(
            "# Written by millhand: which versions the pages beside it get. Belongs into version control.\n{toml}"
        ))
    }

    /// The requests that are locked.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &RequestJson> {
        self.environments.iter().map(|environment| &environment.request)
    }

    /// What the npm part of `request` came to: out of its own environment, else of others that have what it asks
    /// for, as long as they agree about the packages that it needs.
    pub(crate) fn npm_for(&self, request: &RequestJson) -> Option<NpmGraph> {
        let (own, others): (Vec<_>, Vec<_>) =
            self.environments.iter().partition(|environment| environment.request == *request);
        let mut missing = request.npm_roots();
        let mut found = NpmGraph::default();
        for environment in own.into_iter().chain(others) {
            let roots = environment.roots_for(request, &missing);
            if !roots.is_empty() {
                found.join(environment.graph(&self.npm).ok()?.restricted_to(&roots))?;
                missing.retain(|root| !roots.contains(root));
            }
        }
        missing.is_empty().then_some(found)
    }

    /// What the Python part of `request` came to.
    pub(crate) fn python_for(&self, request: &RequestJson) -> Option<&LockedPython> {
        let same = |environment: &&LockedEnvironment| environment.request.pyodide == request.pyodide;
        self.environments.iter().filter(same).find_map(|environment| environment.python.as_ref())
    }

    /// All npm packages that are locked, and all roots: what a new resolution keeps to where it can.
    pub(crate) fn known_npm(&self) -> NpmGraph {
        let mut known = NpmGraph::default();
        for graph in self.environments.iter().filter_map(|environment| environment.graph(&self.npm).ok()) {
            known.roots.extend(graph.roots);
            known.packages.extend(graph.packages);
        }
        known
    }

    /// Puts an environment in, in place of an earlier one of the same request.
    pub(crate) fn insert(
        &mut self,
        request: RequestJson,
        npm: Option<&NpmGraph>,
        python: Option<LockedPython>,
    ) {
        self.environments.retain(|environment| environment.request != request);
        if let Some(graph) = npm {
            self.npm.extend(graph.packages.iter().map(|(id, node)| (id.clone(), node.integrity)));
        }
        self.environments.push(LockedEnvironment { request, npm: npm.map(npm::LockedNpm::of), python });
        self.environments.sort_by(|a, b| a.request.cmp(&b.request));
        self.forget_unused();
    }

    fn forget_unused(&mut self) {
        let packages: BTreeSet<NpmId> = self
            .environments
            .iter()
            .filter_map(|environment| environment.npm.as_ref())
            .flat_map(npm::LockedNpm::ids)
            .collect();
        self.npm.retain(|id, _| packages.contains(id));
    }
}

/// It goes into version control, and to servers of other users: not for its writer's eyes alone, as temporary files are.
fn readable_by_all() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::expect;

    use super::*;
    use crate::manifest::read_request;
    use crate::npm::NpmNode;

    fn request(json: &str) -> RequestJson {
        RequestJson::normalised(&read_request(json.as_bytes()).unwrap())
    }

    fn graph(roots: &[(&str, &str)], edges: &[(&str, &[(&str, &str)])]) -> NpmGraph {
        let node = |id: &str, needs: &[(&str, &str)]| NpmNode {
            integrity: Integrity::of(id.as_bytes()),
            dependencies: needs.iter().map(|(name, id)| ((*name).to_owned(), id.parse().unwrap())).collect(),
        };
        NpmGraph {
            roots: roots.iter().map(|(root, id)| ((*root).to_owned(), id.parse().unwrap())).collect(),
            packages: edges.iter().map(|(id, needs)| (id.parse().unwrap(), node(id, needs))).collect(),
        }
    }

    fn sample() -> (RequestJson, NpmGraph) {
        let request = request(r#"{"esm": {"modules": ["b#^2", "a#^1 as x"]}, "css": ["a#^1~a.css"]}"#);
        let roots = [("a#^1", "a@1.2.0"), ("a#^1~a.css", "a@1.2.0"), ("b#^2", "b@2.0.0")];
        let edges: [(&str, &[(&str, &str)]); 3] =
            [("a@1.2.0", &[("c", "c@3.0.0"), ("other", "b@2.0.0")]), ("b@2.0.0", &[]), ("c@3.0.0", &[])];
        (request, graph(&roots, &edges))
    }

    fn locked() -> Lockfile {
        let mut lockfile = Lockfile::default();
        let (request, graph) = sample();
        lockfile.insert(request, Some(&graph), None);
        lockfile
    }

    #[test]
    fn it_reads_like_this() {
        let text = locked().text().unwrap();
        let short = text.lines().map(|line| line.split("sha512-").next().unwrap_or_default().trim_end());
        expect![[r#"
            # Written by millhand: which versions the pages beside it get. Belongs into version control.
            version = 1

            [[environment]]

            [environment.request]
            css = ["a#^1~a.css"]

            [environment.request.esm]
            modules = [
                "a#^1",
                "b#^2",
            ]

            [environment.npm.roots]
            "a#^1" = "a@1.2.0"
            "a#^1~a.css" = "a@1.2.0"
            "b#^2" = "b@2.0.0"

            [environment.npm.dependencies]
            "a@1.2.0" = [
                "c@3.0.0",
                "other=b@2.0.0",
            ]

            [npm]
            "a@1.2.0" = "
            "b@2.0.0" = "
            "c@3.0.0" = "
        "#]]
        .assert_eq(&(short.collect::<Vec<_>>().join("\n") + "\n"));
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("millhand.lock");
        assert_eq!(Lockfile::read(&path).unwrap(), Lockfile::default());
        locked().write(&path).unwrap();
        let read = Lockfile::read(&path).unwrap();
        assert_eq!(read, locked());
        let (request, graph) = sample();
        assert_eq!(read.npm_for(&request), Some(graph));
    }

    #[test]
    fn the_same_content_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("millhand.lock");
        locked().write(&path).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        locked().write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn environments_that_agree_answer_together() {
        let mut lockfile = locked();
        let other = request(r#"{"esm": {"modules": ["e#^1"]}}"#);
        let mut second = graph(&[("e#^1", "e@1.0.0")], &[("e@1.0.0", &[("c", "c@3.0.0")]), ("c@3.0.0", &[])]);
        lockfile.insert(other.clone(), Some(&second), None);
        let both = request(r#"{"esm": {"modules": ["b#^2", "e#^1"]}, "css": ["a#^1~a.css"]}"#);
        let joined = lockfile.npm_for(&both).unwrap();
        assert_eq!(joined.roots.len(), 3);
        assert_eq!(joined.packages.len(), 4);
        let needs_more = [("c".to_owned(), "b@2.0.0".parse().unwrap())].into();
        second.packages.get_mut(&"c@3.0.0".parse().unwrap()).unwrap().dependencies = needs_more;
        second.packages.insert(
            "b@2.0.0".parse().unwrap(),
            lockfile.known_npm().packages[&"b@2.0.0".parse().unwrap()].clone(),
        );
        lockfile.insert(other, Some(&second), None);
        assert_eq!(lockfile.npm_for(&both), None, "they do not agree about c");
    }

    #[cfg(unix)]
    #[test]
    fn all_may_read_it_and_a_link_stays_one() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real.lock"), folder.path().join("millhand.lock"));
        fs::write(&path, Lockfile::default().text().unwrap()).unwrap();
        symlink(&path, &link).unwrap();
        locked().write(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Lockfile::read(&path).unwrap(), locked());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o444, 0o444);
    }

    #[test]
    fn a_part_of_what_is_locked_is_locked_and_more_is_not() {
        let lockfile = locked();
        let part = lockfile.npm_for(&request(r#"{"esm": {"modules": ["b#^2 as bee"]}}"#)).unwrap();
        assert_eq!(part.roots.len(), 1);
        assert_eq!(part.packages.keys().map(ToString::to_string).collect::<Vec<_>>(), ["b@2.0.0"]);
        for other in [
            r#"{"esm": {"modules": ["b#^2", "d"]}}"#,
            r#"{"esm": {"modules": ["b#^3"]}}"#,
            r#"{"esm": {"modules": ["b#^2"], "usingDependencies": ["c#3"]}}"#,
        ] {
            assert_eq!(lockfile.npm_for(&request(other)), None, "{other}");
        }
    }

    #[test]
    fn what_no_environment_needs_any_more_is_forgotten() {
        let mut lockfile = locked();
        let (request, _) = sample();
        let upgraded = graph(
            &[("a#^1", "a@1.3.0"), ("a#^1~a.css", "a@1.3.0"), ("b#^2", "b@2.0.0")],
            &[("a@1.3.0", &[]), ("b@2.0.0", &[])],
        );
        lockfile.insert(request, Some(&upgraded), None);
        assert_eq!(lockfile.npm.keys().map(ToString::to_string).collect::<Vec<_>>(), ["a@1.3.0", "b@2.0.0"]);
    }

    #[test]
    fn a_lockfile_that_was_tampered_with_is_refused_and_named() {
        let path = PathBuf::from("site/millhand.lock");
        let text = locked().text().unwrap();
        let cut = |from: &str, to: &str| text.replace(from, to);
        for (text, code) in [
            (cut("version = 1", "version = 2"), "lockfile-other-version"),
            (cut("[npm]", "[npms]"), "bad-lockfile"),
            (cut("\"c@3.0.0\" = \"sha512-", "\"d@3.0.0\" = \"sha512-"), "bad-lockfile"),
            (cut("\"b#^2\" = \"b@2.0.0\"", "\"b#^2\" = \"b@9.0.0\""), "bad-lockfile"),
            (cut("\"b#^2\" = \"b@2.0.0\"", "\"b#^2\" = \"../b\""), "bad-lockfile"),
            (cut("\"b#^2\" = \"b@2.0.0\"", "\"b#^2\" = \"a@1.2.0\""), "bad-lockfile"),
            (cut("sha512-", "sha1-"), "bad-lockfile"),
            (cut("[[environment]]", "[[environment"), "bad-lockfile"),
        ] {
            let error = Lockfile::parse(&text, &path).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(error.to_string().contains("site/millhand.lock"), "{error}");
        }
    }
}
