//! Overlays: wheels that a user puts in place of the lock's, or beside them.
//!
//! A wheel is known by its file name until an environment needs it; only then is it read and copied into the
//! store. So a folder with hundreds of wheels costs nothing at start, and a wheel that was built anew
//! is picked up by the next request.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::pyodide::lock::{Lock, LockInfo};
use crate::specifier::PackageName;
use crate::wheel::{WheelName, WheelNameError};

/// The user's wheels, by package.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlays {
    by_package: BTreeMap<PackageName, Vec<OverlayWheel>>,
}

/// A wheel of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OverlayWheel {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What its file name says.
    pub(crate) name: WheelName,
}

impl Overlays {
    /// Lists the wheels at `paths`, each a wheel or a folder of wheels.
    ///
    /// # Errors
    ///
    /// When a path is missing, is a file but no wheel, or is a folder without any.
    pub(crate) fn find(paths: &[PathBuf]) -> Result<Self, OverlayError> {
        let mut overlays = Self::default();
        for path in paths {
            for wheel in wheels_at(path)? {
                overlays.by_package.entry(wheel.name.package()).or_default().push(wheel);
            }
        }
        Ok(overlays)
    }

    /// The wheels that the runtime described by `info` would load, as a changed lock.
    ///
    /// No wheel is read yet: an entry carries the hash of nothing until [`Lock::set_sha256`] gives it the real one.
    pub(crate) fn announce_in(&self, lock: &mut Lock) {
        for wheels in self.by_package.values() {
            let fitting = wheels.iter().find(|wheel| wheel.name.runs_on(&lock.info));
            if let Some(wheel) = fitting.or(wheels.first()) {
                lock.put_wheel(&wheel.name, Sha256::of(b""));
            }
        }
    }

    /// The one wheel of `package` that runs on the runtime described by `info`; `None` when the user gave none
    /// for that package.
    ///
    /// # Errors
    ///
    /// When none of the user's wheels for it runs there, or several do.
    pub(crate) fn wheel_of(
        &self,
        package: &PackageName,
        info: &LockInfo,
    ) -> Result<Option<&OverlayWheel>, OverlayError> {
        let Some(wheels) = self.by_package.get(package) else { return Ok(None) };
        let mut fitting = wheels.iter().filter(|wheel| wheel.name.runs_on(info));
        match (fitting.next(), fitting.next()) {
            (Some(wheel), None) => Ok(Some(wheel)),
            (Some(first), Some(second)) => Err(OverlayError::Ambiguous {
                package: package.clone(),
                first: first.path.clone(),
                second: second.path.clone(),
            }),
            (None, _) => Err(incompatible(&wheels[0].name, info)),
        }
    }
}

fn wheels_at(path: &Path) -> Result<Vec<OverlayWheel>, OverlayError> {
    let unreadable = |source| OverlayError::Unreadable { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![wheel_at(path)?]);
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(OverlayError::NoWheels { path: path.to_owned() });
    }
    // The order of a folder differs between machines.
    paths.sort();
    paths.iter().map(|path| wheel_at(path)).collect()
}

fn wheel_at(path: &Path) -> Result<OverlayWheel, OverlayError> {
    let file_name = path.file_name().unwrap_or_default().to_string_lossy();
    let name =
        file_name.parse().map_err(|source| OverlayError::NotAWheel { path: path.to_owned(), source })?;
    Ok(OverlayWheel { path: path.to_owned(), name })
}

fn incompatible(wheel: &WheelName, info: &LockInfo) -> OverlayError {
    OverlayError::Incompatible {
        wheel: wheel.file_name().to_owned(),
        tags: wheel.tags(),
        abi: format!("pyodide_{}_{}", info.abi_version, info.arch),
        python: info.python.clone(),
    }
}

/// Why a user's wheel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// Missing, or not ours to read.
    #[error("cannot read the overlay `{}`", path.display())]
    Unreadable {
        /// The wheel or folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file with another kind of name.
    #[error("the overlay `{}` is neither a wheel nor a folder", path.display())]
    NotAWheel {
        /// The file.
        path: PathBuf,
        /// What is wrong with its name.
        #[source]
        source: WheelNameError,
    },
    /// A folder that adds nothing.
    #[error("the overlay folder `{}` has no wheels", path.display())]
    NoWheels {
        /// The folder.
        path: PathBuf,
    },
    /// Built for another runtime.
    #[error(
        "the overlay `{wheel}` is built for `{tags}` and cannot run on this runtime, which is `{abi}` with Python {python}"
    )]
    Incompatible {
        /// The wheel's file name.
        wheel: String,
        /// What it was built for.
        tags: String,
        /// What the runtime is.
        abi: String,
        /// The runtime's Python.
        python: String,
    },
    /// Two wheels for one place.
    #[error("two overlays hold `{package}`: `{}` and `{}`", first.display(), second.display())]
    Ambiguous {
        /// The package.
        package: PackageName,
        /// One wheel.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl OverlayError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "overlay-unreadable",
            Self::NotAWheel { .. } => "overlay-not-a-wheel",
            Self::NoWheels { .. } => "overlay-empty",
            Self::Incompatible { .. } => "overlay-incompatible",
            Self::Ambiguous { .. } => "overlay-ambiguous",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } | Self::NotAWheel { .. } | Self::NoWheels { .. } => {
                Some("give `--overlay` a `.whl` file or a folder that holds some".to_owned())
            }
            Self::Incompatible { abi, .. } => {
                Some(format!("find or build a wheel whose name ends in `{abi}.whl` or `none-any.whl`"))
            }
            Self::Ambiguous { .. } => Some("leave one of them out".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: &str = "numpy-2.2.5-cp313-cp313-pyodide_2025_0_wasm32.whl";
    const FOREIGN: &str = "numpy-2.2.5-cp312-cp312-pyodide_2024_0_wasm32.whl";

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        dir
    }

    fn overlays(dir: &tempfile::TempDir) -> Overlays {
        Overlays::find(&[dir.path().to_owned()]).unwrap()
    }

    fn numpy_in(names: &[&str]) -> Result<Option<OverlayWheel>, OverlayError> {
        let info = serde_json::json!({"abi_version": "2025_0", "arch": "wasm32", "python": "3.13.2"});
        let info = serde_json::from_value(info).unwrap();
        overlays(&folder(names)).wheel_of(&PackageName::normalised("numpy"), &info).map(Option::<&_>::cloned)
    }

    #[test]
    fn a_folder_gives_its_wheels_and_nothing_else() {
        let wheel = numpy_in(&[NATIVE, "README.md", "lxml-5.4.0-py3-none-any.whl"]).unwrap().unwrap();
        assert_eq!(wheel.name.file_name(), NATIVE);
        assert_eq!(numpy_in(&["lxml-5.4.0-py3-none-any.whl"]).unwrap(), None);
    }

    #[test]
    fn the_wheel_for_this_runtime_is_chosen() {
        assert_eq!(numpy_in(&[FOREIGN, NATIVE]).unwrap().unwrap().name.file_name(), NATIVE);
    }

    #[test]
    fn a_wheel_for_another_runtime_is_refused_and_both_are_named() {
        let message = numpy_in(&[FOREIGN]).unwrap_err().to_string();
        assert!(
            message.contains("pyodide_2024_0_wasm32") && message.contains("pyodide_2025_0_wasm32"),
            "{message}"
        );
    }

    #[test]
    fn two_wheels_for_one_package_are_refused() {
        let error = numpy_in(&[NATIVE, "numpy-2.2.6-cp313-cp313-pyodide_2025_0_wasm32.whl"]).unwrap_err();
        assert_eq!(error.code(), "overlay-ambiguous");
    }

    #[test]
    fn paths_without_wheels_are_refused() {
        let dir = folder(&["notes.txt"]);
        for (path, code) in [
            (dir.path().join("nowhere.whl"), "overlay-unreadable"),
            (dir.path().join("notes.txt"), "overlay-not-a-wheel"),
            (dir.path().to_owned(), "overlay-empty"),
        ] {
            assert_eq!(Overlays::find(&[path]).unwrap_err().code(), code);
        }
    }
}
