//! Where things are: the repository, cargo's output, and the cache that millhand keeps for the user.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::process;

/// The folders that the chores work with, all absolute.
#[derive(Debug)]
pub(crate) struct Places {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// What millhand downloads; shared by all checkouts of a user.
    pub(crate) cache: PathBuf,
}

impl Places {
    /// Asks the environment and cargo.
    pub(crate) fn find() -> Result<Self> {
        let root = root()?;
        let metadata =
            process::read(process::cargo(&root).args(["metadata", "--no-deps", "--format-version=1"]))?;
        let target = target_directory(&metadata).context("cargo does not say where it builds")?;
        let cache = cache_dir(env::consts::OS, |name| env::var_os(name).filter(|value| !value.is_empty()))
            .context("there is no home folder for a cache: set MILLHAND_CACHE_DIR")?;
        let cache = std::path::absolute(cache).context("the cache's folder has no absolute path")?;
        Ok(Self { root, target, cache })
    }

    /// The npm package's output.
    pub(crate) fn js_dist(&self) -> PathBuf {
        self.root.join("js").join("dist")
    }

    /// What this program remembers between its calls.
    pub(crate) fn own(&self) -> PathBuf {
        self.target.join("xtask")
    }

    /// The program that `cargo build -p millhand` makes.
    pub(crate) fn millhand(&self) -> PathBuf {
        self.program_in("debug")
    }

    /// The program that `cargo build --release -p millhand` makes.
    pub(crate) fn millhand_release(&self) -> PathBuf {
        self.program_in("release")
    }

    fn program_in(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join(format!("millhand{}", env::consts::EXE_SUFFIX))
    }

    /// What the demo's pages get is written down here, and not beside them: it depends on where NumPy came from.
    pub(crate) fn demo_lockfile(&self) -> PathBuf {
        self.target.join("xtask").join("demo.lock")
    }

    /// Wheels that stand in for those of the public package index of Pyodide.
    pub(crate) fn wheels(&self) -> PathBuf {
        self.cache.join("wheels")
    }
}

/// The repository that cargo runs this program from; a target folder may be shared by several.
fn root() -> Result<PathBuf> {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&xtask).parent().context("xtask's own folder has no parent")?;
    Ok(root.to_owned())
}

fn target_directory(metadata: &str) -> Option<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    Some(metadata.get("target_directory")?.as_str()?.into())
}

fn cache_dir(system: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(chosen) = variable("MILLHAND_CACHE_DIR") {
        return Some(chosen.into());
    }
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = match system {
        "windows" => folder("LOCALAPPDATA")?,
        "macos" => folder("HOME")?.join("Library").join("Caches"),
        _ => folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?,
    };
    Some(caches.join("millhand"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_read_from_cargos_answer() {
        let answer = r#"{"packages":[],"target_directory":"C:\\work\\target","version":1}"#;
        assert_eq!(target_directory(answer), Some(PathBuf::from(r"C:\work\target")));
        assert_eq!(target_directory("{}"), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_cache_is_where_the_system_keeps_caches() {
        let check = |system, variables: &[(&str, &str)], expected: Option<&str>| {
            let variable =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
            assert_eq!(cache_dir(system, variable), expected.map(PathBuf::from), "{system} {variables:?}");
        };
        check("linux", &[("HOME", "/home/ada")], Some("/home/ada/.cache/millhand"));
        check("linux", &[("HOME", "/home/ada"), ("XDG_CACHE_HOME", "/c")], Some("/c/millhand"));
        check(
            "linux",
            &[("HOME", "/home/ada"), ("XDG_CACHE_HOME", "relative")],
            Some("/home/ada/.cache/millhand"),
        );
        check("macos", &[("HOME", "/Users/ada")], Some("/Users/ada/Library/Caches/millhand"));
        check("windows", &[("LOCALAPPDATA", "/local")], Some("/local/millhand"));
        check("linux", &[("HOME", "/home/ada"), ("MILLHAND_CACHE_DIR", "/elsewhere")], Some("/elsewhere"));
        check("linux", &[], None);
    }
}
