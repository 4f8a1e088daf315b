//! `pyodide-lock.json`: the packages that were built for one version of Pyodide.
//!
//! Fields that millhand does not use are kept as they are, so that a page gets the entries that Pyodide wrote.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Sha256;
use crate::pypi::solve::SettledWheel;
use crate::specifier::PackageName;
use crate::wheel::{WheelName, is_safe_file_name};

/// A lock, whole or cut down to what one environment needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    /// What the packages were built for.
    pub info: LockInfo,
    /// The packages by their normalised names.
    pub packages: BTreeMap<String, LockEntry>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What the packages of a lock were built for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockInfo {
    /// The binary interface, such as `2025_0`.
    pub abi_version: String,
    /// The machine, such as `wasm32`.
    pub arch: String,
    /// The version of Python, such as `3.13.2`.
    pub python: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A package of a lock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockEntry {
    /// The name as its authors spell it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The archive: a wheel for most packages, a zip for shared libraries.
    pub file_name: String,
    /// The archive's hash.
    pub sha256: Sha256,
    /// Packages that must be loaded before.
    #[serde(default)]
    pub depends: Vec<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Lock {
    /// Reads a `pyodide-lock.json`.
    ///
    /// # Errors
    ///
    /// When it is not of the expected shape, or names a file that could not be a file beside it.
    pub fn read(json: &[u8]) -> Result<Self, LockError> {
        let lock: Self = serde_json::from_slice(json).map_err(|source| LockError::Malformed { source })?;
        for (name, entry) in &lock.packages {
            if !is_safe_file_name(&entry.file_name) {
                let (package, file_name) = (name.clone(), entry.file_name.clone());
                return Err(LockError::UnsafeFileName { package, file_name });
            }
        }
        Ok(lock)
    }

    /// The entry of a package, by any spelling of its name.
    #[must_use]
    pub fn find(&self, name: &PackageName) -> Option<&LockEntry> {
        self.packages.get(name.as_str())
    }

    /// Puts a wheel in place of the lock's own for that package, or adds an entry without dependencies when
    /// there is none.
    pub(crate) fn put_wheel(&mut self, wheel: &WheelName, sha256: Sha256) {
        let name = wheel.package().as_str().to_owned();
        let entry = self.packages.entry(name.clone()).or_insert_with(|| LockEntry::bare(name, wheel, sha256));
        wheel.version().clone_into(&mut entry.version);
        wheel.file_name().clone_into(&mut entry.file_name);
        entry.sha256 = sha256;
    }

    /// Puts a wheel that was settled on in place of the lock's own, or beside it.
    pub(crate) fn put_settled(&mut self, settled: &SettledWheel) {
        let SettledWheel { wheel, depends } = settled;
        let name = wheel.name.package().as_str().to_owned();
        let mut entry = LockEntry::bare(name.clone(), &wheel.name, wheel.sha256);
        entry.depends = depends.iter().map(ToString::to_string).collect();
        if !wheel.contents.imports.is_empty() {
            entry.others.insert("imports".to_owned(), Value::from(wheel.contents.imports.clone()));
        }
        self.packages.insert(name, entry);
    }

    /// Corrects what a package needs.
    pub(crate) fn set_depends(&mut self, name: &PackageName, depends: &[String]) {
        if let Some(entry) = self.packages.get_mut(name.as_str()) {
            entry.depends = depends.to_vec();
        }
    }

    /// Corrects the hash of a package's file.
    pub(crate) fn set_sha256(&mut self, name: &PackageName, sha256: Sha256) {
        if let Some(entry) = self.packages.get_mut(name.as_str()) {
            entry.sha256 = sha256;
        }
    }

    /// Leaves only the packages named.
    pub(crate) fn prune(&mut self, names: &[PackageName]) {
        let kept: BTreeSet<&str> = names.iter().map(PackageName::as_str).collect();
        self.packages.retain(|name, _| kept.contains(name.as_str()));
    }
}

impl LockEntry {
    fn bare(name: String, wheel: &WheelName, sha256: Sha256) -> Self {
        let others = [
            ("imports", Value::from(vec![wheel.top_level_module()])),
            ("install_dir", Value::from("site")),
            ("package_type", Value::from("package")),
            ("unvendored_tests", Value::from(false)),
        ];
        Self {
            name,
            version: wheel.version().to_owned(),
            file_name: wheel.file_name().to_owned(),
            sha256,
            depends: Vec::new(),
            others: others.map(|(field, value)| (field.to_owned(), value)).into_iter().collect(),
        }
    }
}

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not the JSON that is expected.
    #[error("`pyodide-lock.json` is not of the expected shape")]
    Malformed {
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// The version of Python in it is none.
    #[error("`pyodide-lock.json` is for Python `{python}`, which is no version")]
    BadPython {
        /// What was read.
        python: String,
    },
    /// A file name with a path or characters that no archive has.
    #[error("`pyodide-lock.json` names the file `{file_name}` for `{package}`, which is no plain file name")]
    UnsafeFileName {
        /// The entry.
        package: String,
        /// Its file name.
        file_name: String,
    },
}

impl LockError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "bad-pyodide-lock"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"{
        "info": {"abi_version": "2025_0", "arch": "wasm32", "platform": "emscripten_4_0_9", "python": "3.13.2"},
        "packages": {
            "numpy": {"depends": [], "file_name": "numpy-2.2.5-cp313-cp313-pyemscripten_2025_0_wasm32.whl",
                "imports": ["numpy"], "install_dir": "site", "name": "numpy", "package_type": "package",
                "sha256": "800c98edc0c864dfa49f07005680c699b4b42b84eae1f8cb19d35b3634e7f05c",
                "unvendored_tests": false, "version": "2.2.5"}
        }
    }"#;

    fn json(lock: &Lock) -> Value {
        serde_json::to_value(lock).unwrap()
    }

    #[test]
    fn a_lock_is_written_as_it_was_read() {
        let lock = Lock::read(LOCK.as_bytes()).unwrap();
        assert_eq!(json(&lock), serde_json::from_str::<Value>(LOCK).unwrap());
    }

    #[test]
    fn a_wheel_takes_the_place_of_the_locks_own() {
        let mut lock = Lock::read(LOCK.as_bytes()).unwrap();
        let wheel = "numpy-2.3.0-cp313-cp313-pyodide_2025_0_wasm32.whl".parse().unwrap();
        lock.put_wheel(&wheel, Sha256::of(b"mine"));
        let entry = &json(&lock)["packages"]["numpy"];
        assert_eq!(entry["version"], "2.3.0");
        assert_eq!(entry["file_name"], wheel.file_name());
        assert_eq!(entry["sha256"], Sha256::of(b"mine").to_string());
        assert_eq!(entry["install_dir"], "site");
    }

    #[test]
    fn a_wheel_that_the_lock_does_not_know_is_added() {
        let mut lock = Lock::read(LOCK.as_bytes()).unwrap();
        lock.put_wheel(&"My_Tool-1.0-py3-none-any.whl".parse().unwrap(), Sha256::of(b"mine"));
        let entry = &json(&lock)["packages"]["my-tool"];
        assert_eq!(entry["imports"], serde_json::json!(["my_tool"]));
        assert_eq!(entry["depends"], serde_json::json!([]));
    }

    #[test]
    fn pruning_leaves_what_is_named() {
        let mut lock = Lock::read(LOCK.as_bytes()).unwrap();
        lock.prune(&[PackageName::normalised("numpy")]);
        assert_eq!(lock.packages.len(), 1);
        lock.prune(&[]);
        assert!(lock.packages.is_empty());
    }

    #[test]
    fn a_lock_of_another_shape_is_refused() {
        assert!(matches!(Lock::read(b"{}"), Err(LockError::Malformed { .. })));
        let sneaky = LOCK.replace("numpy-2.2.5", "../../numpy-2.2.5");
        assert!(matches!(Lock::read(sneaky.as_bytes()), Err(LockError::UnsafeFileName { .. })));
    }
}
