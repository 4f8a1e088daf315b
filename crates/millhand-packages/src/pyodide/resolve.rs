//! From what was asked for to what must be loaded, in an order in which it can be loaded.

use std::collections::{BTreeMap, BTreeSet};

use crate::pyodide::lock::{Lock, LockEntry};
use crate::specifier::{PackageName, PythonRequirement, VersionRange};

/// How alike two names must be for one to be offered in place of the other, from 0 to 1.
const NEAR: f64 = 0.85;
const MAX_SUGGESTIONS: usize = 3;

/// The packages that `requirements` need, each after those it depends on. The order depends on nothing but
/// the order of the requirements and of the lock's own `depends`.
///
/// # Errors
///
/// When a package is unknown, or the lock has another version of it.
pub(crate) fn resolve(
    lock: &Lock,
    requirements: &[PythonRequirement],
) -> Result<Vec<PackageName>, ResolveError> {
    let mut walk = Walk { lock, seen: BTreeSet::new(), order: Vec::new() };
    for requirement in requirements {
        let entry = lock.find(requirement.name()).ok_or_else(|| unknown(lock, requirement.name()))?;
        check_version(lock, requirement, entry)?;
        walk.visit(requirement.name())?;
    }
    Ok(walk.order)
}

/// # Errors
///
/// When one package is asked for twice.
pub(crate) fn check_for_repeats(requirements: &[PythonRequirement]) -> Result<(), ResolveError> {
    let mut first_by_name = BTreeMap::new();
    for requirement in requirements {
        if let Some(first) = first_by_name.insert(requirement.name(), requirement) {
            return Err(ResolveError::Repeated { first: first.to_string(), second: requirement.to_string() });
        }
    }
    Ok(())
}

fn check_version(
    lock: &Lock,
    requirement: &PythonRequirement,
    entry: &LockEntry,
) -> Result<(), ResolveError> {
    if requirement.versions().accept(&entry.version) {
        return Ok(());
    }
    Err(unmet(lock, requirement.name(), requirement.versions()))
}

/// Why `lock` alone does not do for `package` in one of `versions`.
pub(crate) fn unmet(lock: &Lock, package: &PackageName, versions: &VersionRange) -> ResolveError {
    match lock.find(package) {
        Some(entry) => ResolveError::OtherVersion {
            package: package.clone(),
            requested: versions.clone(),
            available: entry.version.clone(),
        },
        None => unknown(lock, package),
    }
}

fn unknown(lock: &Lock, package: &PackageName) -> ResolveError {
    ResolveError::UnknownPackage { package: package.clone(), suggestions: near_names(lock, package) }
}

/// Names in the lock that are nearly that of `package`, the nearest first.
pub(crate) fn near_names(lock: &Lock, package: &PackageName) -> Vec<String> {
    let mut near: Vec<(f64, &String)> = lock
        .packages
        .keys()
        .map(|name| (strsim::jaro_winkler(package.as_str(), name), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name.clone()).collect()
}

/// A depth-first walk with a stack of its own: how deep a lock goes is not ours to say.
struct Walk<'a> {
    lock: &'a Lock,
    seen: BTreeSet<PackageName>,
    order: Vec<PackageName>,
}

/// A package whose dependencies are being visited.
struct Open<'a> {
    package: PackageName,
    to_visit: std::slice::Iter<'a, String>,
}

impl<'a> Walk<'a> {
    /// Appends `package` after everything that it needs. Packages that need each other stay in the order in
    /// which they were met: Python allows it, and Pyodide loads both before anything is imported.
    fn visit(&mut self, package: &PackageName) -> Result<(), ResolveError> {
        let mut stack: Vec<Open<'a>> = self.open(package, None)?.into_iter().collect();
        while let Some(top) = stack.last_mut() {
            if let Some(dependency) = top.to_visit.next() {
                let (dependency, dependent) = (PackageName::normalised(dependency), top.package.clone());
                stack.extend(self.open(&dependency, Some(&dependent))?);
            } else if let Some(done) = stack.pop() {
                self.order.push(done.package);
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        package: &PackageName,
        dependent: Option<&PackageName>,
    ) -> Result<Option<Open<'a>>, ResolveError> {
        let Some(entry) = self.lock.find(package) else {
            return Err(match dependent {
                None => unknown(self.lock, package),
                Some(dependent) => ResolveError::MissingDependency {
                    package: dependent.clone(),
                    dependency: package.clone(),
                },
            });
        };
        let is_new = self.seen.insert(package.clone());
        Ok(is_new.then(|| Open { package: package.clone(), to_visit: entry.depends.iter() }))
    }
}

/// Why a request cannot be met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Neither the lock nor an overlay has it.
    #[error("there is no Python package `{package}` for this version of Pyodide")]
    UnknownPackage {
        /// What was asked for.
        package: PackageName,
        /// Names that are nearly the same, the nearest first.
        suggestions: Vec<String>,
    },
    /// There is one version per package, and it is not the one asked for.
    #[error("`{package}{requested}` was asked for, and this version of Pyodide has `{package}=={available}`")]
    OtherVersion {
        /// The package.
        package: PackageName,
        /// The versions asked for.
        requested: VersionRange,
        /// The version there is.
        available: String,
    },
    /// One package, asked for more than once.
    #[error("`{first}` and `{second}` ask for one package")]
    Repeated {
        /// The earlier requirement.
        first: String,
        /// The later requirement.
        second: String,
    },
    /// The lock contradicts itself.
    #[error("`{package}` needs `{dependency}`, which is not in `pyodide-lock.json`")]
    MissingDependency {
        /// The package that needs it.
        package: PackageName,
        /// What is missing.
        dependency: PackageName,
    },
}

impl ResolveError {
    /// The stable name of this failure.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownPackage { .. } => "unknown-python-package",
            Self::OtherVersion { .. } => "python-version-unavailable",
            Self::Repeated { .. } => "repeated-python-package",
            Self::MissingDependency { .. } => "bad-pyodide-lock",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownPackage { suggestions, .. } if suggestions.is_empty() => {
                Some("a wheel of your own can be added with `--overlay`".to_owned())
            }
            Self::UnknownPackage { suggestions, .. } => {
                let names: Vec<String> = suggestions.iter().map(|name| format!("`{name}`")).collect();
                Some(format!("did you mean {}?", names.join(" or ")))
            }
            Self::OtherVersion { package, available, .. } => Some(format!(
                "ask for `{package}=={available}`, use another version of Pyodide, or give a wheel with `--overlay`"
            )),
            Self::Repeated { .. } => Some("ask for each package once".to_owned()),
            Self::MissingDependency { .. } => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::digest::Sha256;

    /// A lock of packages with version 1.0: `("a", ["b"])` needs `b`.
    pub(crate) fn lock(packages: &[(&str, &[&str])]) -> Lock {
        let entries: serde_json::Map<_, _> = packages
            .iter()
            .map(|(name, depends)| {
                let key = PackageName::normalised(name).as_str().to_owned();
                let entry = serde_json::json!({
                    "name": name, "version": "1.0", "file_name": format!("{key}.whl"),
                    "sha256": Sha256::of(b""), "depends": depends,
                });
                (key, entry)
            })
            .collect();
        let info = serde_json::json!({"abi_version": "2025_0", "arch": "wasm32", "python": "3.13.2"});
        serde_json::from_value(serde_json::json!({"info": info, "packages": entries})).unwrap()
    }

    fn order(lock: &Lock, specifiers: &[&str]) -> Result<String, ResolveError> {
        let requirements: Vec<_> = specifiers.iter().map(|specifier| specifier.parse().unwrap()).collect();
        check_for_repeats(&requirements)?;
        let names = resolve(lock, &requirements)?;
        Ok(names.iter().map(PackageName::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn dependencies_come_before_what_needs_them() {
        let lock = lock(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[]), ("e", &[])]);
        assert_eq!(order(&lock, &["a"]).unwrap(), "d b c a");
        assert_eq!(order(&lock, &["c", "a"]).unwrap(), "d c b a");
        assert_eq!(order(&lock, &[]).unwrap(), "");
    }

    #[test]
    fn dependencies_are_found_by_any_spelling() {
        let lock = lock(&[("a", &["Ruamel.Yaml"]), ("ruamel.yaml", &[])]);
        assert_eq!(order(&lock, &["A"]).unwrap(), "ruamel-yaml a");
    }

    #[test]
    fn packages_that_need_each_other_are_each_loaded_once() {
        let lock = lock(&[("a", &["b"]), ("b", &["a"])]);
        assert_eq!(order(&lock, &["a"]).unwrap(), "b a");
    }

    #[test]
    fn a_very_long_chain_resolves() {
        let names: Vec<String> = (0..50_000).map(|index| format!("p{index}")).collect();
        let depends: Vec<[&str; 1]> = names.iter().skip(1).map(|name| [name.as_str()]).collect();
        let mut packages: Vec<(&str, &[&str])> =
            names.iter().zip(&depends).map(|(name, depends)| (name.as_str(), depends.as_slice())).collect();
        packages.push(("p49999", &[]));
        assert!(order(&lock(&packages), &["p0"]).unwrap().starts_with("p49999 p49998 "));
    }

    #[test]
    fn an_unknown_package_is_named_with_its_neighbours() {
        let lock = lock(&[("numpy", &[]), ("numcodecs", &[]), ("pandas", &[])]);
        let error = order(&lock, &["nunpy"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no Python package `nunpy` for this version of Pyodide");
        assert_eq!(error.hint().unwrap(), "did you mean `numpy`?");
        assert!(order(&lock, &["torch"]).unwrap_err().hint().unwrap().contains("--overlay"));
    }

    #[test]
    fn another_version_names_the_one_there_is() {
        let lock = lock(&[("a", &[])]);
        assert_eq!(order(&lock, &["a==1"]).unwrap(), "a");
        let error = order(&lock, &["a==2"]).unwrap_err();
        assert_eq!(error.to_string(), "`a==2` was asked for, and this version of Pyodide has `a==1.0`");
    }

    #[test]
    fn one_package_asked_for_twice_is_refused() {
        let lock = lock(&[("a", &[])]);
        for specifiers in [["a", "A"], ["a==1.0", "a==2.0"], ["a", "a==1.0"]] {
            assert_eq!(order(&lock, &specifiers).unwrap_err().code(), "repeated-python-package");
        }
    }

    #[test]
    fn a_lock_without_a_dependency_is_refused() {
        let error = order(&lock(&[("a", &["b"])]), &["a"]).unwrap_err();
        assert_eq!(error.to_string(), "`a` needs `b`, which is not in `pyodide-lock.json`");
    }
}
