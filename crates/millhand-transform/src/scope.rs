//! Where the names lead that a package imports.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use millhand_packages::npm::NpmId;
use millhand_packages::transform::{SourcePackage, entry_path};

use crate::builtins;
use crate::package::{Alias, Asks, Package, extension};
use crate::plan;

/// The folder that stands for the one of all keys. Outputs have paths relative to it, never where a package is
/// on disk.
const HOME: &str = "/millhand";

/// Where a name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To a file of the package.
    File(String),
    /// To nothing: the author says so.
    Empty,
    /// To a module that is built elsewhere.
    External(External),
    /// To an address of its own, such as `https:` or `data:`.
    Address,
    /// To a module of Node's.
    Builtin(String),
    /// To nothing that is there.
    Missing,
}

/// A module that is built elsewhere: of another package, or another entry of this one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct External {
    /// The name that the package imports it by; `None` for the package itself.
    pub(crate) package: Option<String>,
    pub(crate) subpath: Option<String>,
}

/// A package, and what it may import.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) id: NpmId,
    pub(crate) package: Arc<Package>,
    others: Arc<BTreeMap<String, Other>>,
    elsewhere: Option<Elsewhere>,
    found: Mutex<HashMap<(String, String, Asks), Target>>,
}

/// The files that another build makes entries of.
#[derive(Debug)]
struct Elsewhere {
    entries: BTreeMap<String, Option<String>>,
    /// How that build sees the package.
    scope: Box<Scope>,
    /// Whether it makes them indeed: that takes a while to tell, so only those are looked at that matter.
    judged: Mutex<HashMap<String, bool>>,
}

#[derive(Debug)]
struct Other {
    id: NpmId,
    key: String,
    package: Package,
    declared: Vec<(Option<String>, String)>,
}

impl Scope {
    pub(crate) fn new(source: &SourcePackage) -> Self {
        let others = source
            .dependencies
            .iter()
            .map(|(name, dependency)| {
                let package = Package::open(&dependency.root);
                let declared = package.declared();
                let (id, key) = (dependency.id.clone(), dependency.key.clone());
                (name.clone(), Other { id, key, package, declared })
            })
            .collect();
        Self {
            id: source.id.clone(),
            package: Arc::new(Package::open(&source.root)),
            others: Arc::new(others),
            elsewhere: None,
            found: Mutex::default(),
        }
    }

    /// The same package, with these entries built elsewhere.
    pub(crate) fn without(self, declared: &[(Option<String>, String)]) -> Self {
        // A file with several names has the url of the first.
        let entries = declared.iter().rev().map(|(subpath, file)| (file.clone(), subpath.clone())).collect();
        Self {
            id: self.id.clone(),
            package: Arc::clone(&self.package),
            others: Arc::clone(&self.others),
            elsewhere: Some(Elsewhere { entries, scope: Box::new(self), judged: Mutex::default() }),
            found: Mutex::default(),
        }
    }

    /// The entry that a file is elsewhere.
    pub(crate) fn entry_elsewhere(&self, file: &str) -> Option<External> {
        let elsewhere = self.elsewhere.as_ref()?;
        let subpath = elsewhere.entries.get(file)?;
        let mut judged = elsewhere.judged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_built =
            *judged.entry(file.to_owned()).or_insert_with(|| plan::judge(&elsewhere.scope, file).is_ok());
        is_built.then(|| External { package: None, subpath: subpath.clone() })
    }

    /// The folder of this package, as the bundler sees it.
    pub(crate) fn base(&self) -> String {
        format!("{HOME}/own/{}", self.id)
    }

    /// Where a name in a file leads.
    pub(crate) fn resolve(&self, from: &str, specifier: &str, asks: Asks) -> Target {
        let key = (from.to_owned(), specifier.to_owned(), asks);
        if let Some(found) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return found.clone();
        }
        let target = self.look_up(from, specifier, asks);
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key, target.clone());
        target
    }

    fn look_up(&self, from: &str, specifier: &str, asks: Asks) -> Target {
        let bare = specifier.split('?').next().unwrap_or_default();
        if bare.starts_with('#') {
            return match self.package.private_import(bare, asks) {
                Some(target) => self.follow(&target),
                None => Target::Missing,
            };
        }
        if bare.starts_with('.') || bare.starts_with('/') {
            return self.package.relative(from, bare).map_or(Target::Missing, |file| self.own(file));
        }
        if is_address(bare) {
            return Target::Address;
        }
        match self.package.browser_alias_of_name(bare) {
            Some(Alias::Empty) => Target::Empty,
            Some(Alias::Other(other)) => self.follow(&other),
            None => self.named(bare),
        }
    }

    /// A name that an author put in place of another one.
    fn follow(&self, target: &str) -> Target {
        match target.starts_with('.') {
            true => self.package.relative("", target).map_or(Target::Missing, |file| self.own(file)),
            false => self.named(target),
        }
    }

    fn own(&self, file: String) -> Target {
        match self.package.browser_alias_of_file(&file) {
            Some(Alias::Empty) => return Target::Empty,
            Some(Alias::Other(other)) if other.starts_with('.') => {
                if let Some(file) = self.package.relative("", &other) {
                    return self.built(file);
                }
            }
            Some(Alias::Other(other)) => {
                return match self.package.relative("", &format!("./{other}")) {
                    Some(file) => self.built(file),
                    None => self.named(&other),
                };
            }
            None => {}
        }
        self.built(file)
    }

    fn built(&self, file: String) -> Target {
        match self.entry_elsewhere(&file) {
            Some(external) => Target::External(external),
            None => Target::File(file),
        }
    }

    /// The name of a package, of a module of one, or of a module of Node's.
    fn named(&self, name: &str) -> Target {
        if let Some(builtin) = builtins::name(name) {
            let polyfill = builtins::polyfills(builtin).find(|polyfill| self.others.contains_key(*polyfill));
            return match polyfill {
                Some(polyfill) => {
                    Target::External(External { package: Some(polyfill.to_owned()), subpath: None })
                }
                None => Target::Builtin(builtin.to_owned()),
            };
        }
        let (package, subpath) = split(name.trim_end_matches('/'));
        if package == self.id.name.as_str() {
            return self.package.entry(subpath).map_or(Target::Missing, |file| self.built(file));
        }
        match self.others.get(package) {
            Some(other) => match other.canonical(subpath) {
                Some(subpath) => Target::External(External { package: Some(package.to_owned()), subpath }),
                None => Target::Missing,
            },
            None => Target::Missing,
        }
    }

    /// Whether a name that leads nowhere may do so.
    pub(crate) fn may_be_missing(&self, specifier: &str) -> bool {
        self.package.is_optional_peer(split(specifier).0)
    }

    /// The path of a module that is built elsewhere, as the bundler sees it.
    pub(crate) fn external_path(&self, external: &External) -> String {
        let entry = entry_path(external.subpath.as_deref());
        match self.other(external) {
            Some(other) => format!("{HOME}/{}/{}/{entry}", other.key, other.id),
            None => format!("{}/{entry}", self.base()),
        }
    }

    fn other(&self, external: &External) -> Option<&Other> {
        self.others.get(external.package.as_deref()?)
    }

    /// The text of a module of another package that is nothing but data, and no entry that its author declares:
    /// a copy of it does no harm, and a build of its own costs more.
    pub(crate) fn data(&self, external: &External) -> Option<String> {
        let other = self.other(external)?;
        if other.declared.iter().any(|(subpath, _)| *subpath == external.subpath) {
            return None;
        }
        let file = other.package.entry(external.subpath.as_deref())?;
        match &*other.package.source(&file) {
            Ok(source) if source.scan.is_data && !source.scan.is_common_js => Some(source.text.clone()),
            _ => None,
        }
    }

    fn external_file(&self, external: &External) -> Option<(&Package, String)> {
        let package: &Package = self.other(external).map_or(&self.package, |other| &other.package);
        Some((package, package.entry(external.subpath.as_deref())?))
    }

    /// Whether a module that is built elsewhere comes from CommonJS.
    pub(crate) fn is_external_common_js(&self, external: &External) -> bool {
        self.external_file(external)
            .is_some_and(|(package, file)| extension(&file) == "json" || package.is_common_js(&file))
    }

    /// Whether `require` of a module that is built elsewhere, as an ES module, means its default export.
    pub(crate) fn is_default_required(&self, external: &External) -> bool {
        let Some((package, file)) = self.external_file(external) else { return false };
        matches!(&*package.source(&file), Ok(source) if source.scan.has_default && !source.scan.is_common_js)
            && package.has_whole_for_require(external.subpath.as_deref())
    }

    /// What a target exports, if it is CommonJS: then it cannot be told from its syntax.
    pub(crate) fn common_js_names(&self, target: &Target) -> Option<BTreeSet<String>> {
        match target {
            Target::File(file) if self.package.is_common_js(file) => Some(self.names(file)),
            Target::External(external) if self.is_external_common_js(external) => {
                let (package, file) = self.external_file(external)?;
                Some(package.names(&file).own.clone())
            }
            _ => None,
        }
    }

    /// What a CommonJS file of the package exports, with what it passes on of other packages.
    pub(crate) fn names(&self, file: &str) -> BTreeSet<String> {
        let names = self.package.names(file);
        let passed_on = names.passed_on.iter().filter_map(|(from, specifier)| {
            let target = self.resolve(from, specifier, Asks::Require);
            matches!(target, Target::External(_)).then(|| self.common_js_names(&target)).flatten()
        });
        passed_on.flatten().chain(names.own.iter().cloned()).collect()
    }

    /// Whether a module that is built elsewhere has no build, as far as its own package shows.
    pub(crate) fn needs_node(&self, external: &External) -> Option<String> {
        let (package, file) = self.external_file(external)?;
        let mut seen = BTreeSet::from([file.clone()]);
        let mut rest = vec![file];
        while let Some(file) = rest.pop() {
            let source = package.source(&file);
            let Ok(source) = &*source else { continue };
            for request in source.scan.requests.iter().filter(|request| request.is_needed) {
                let specifier = &request.specifier;
                if specifier.starts_with('.') {
                    let needed = package.relative(&file, specifier);
                    let needed = needed.filter(|needed| package.browser_alias_of_file(needed).is_none());
                    rest.extend(needed.filter(|needed| seen.insert(needed.clone())));
                } else if let Some(builtin) = builtins::name(specifier)
                    && package.browser_alias_of_name(specifier).is_none()
                    && !builtins::polyfills(builtin).any(|polyfill| package.depends_on(polyfill))
                {
                    return Some(builtin.to_owned());
                }
            }
        }
        None
    }
}

impl Other {
    /// The one url of a module: a file that is an entry is not built again for its path.
    /// `None` if the package does not offer it.
    fn canonical(&self, subpath: Option<&str>) -> Option<Option<String>> {
        let subpath = subpath.map(str::to_owned);
        if self.declared.iter().any(|(declared, _)| *declared == subpath) {
            return Some(subpath);
        }
        let file = self.package.entry(subpath.as_deref())?;
        let declared = self.declared.iter().find(|(_, declared)| *declared == file);
        Some(declared.map_or(subpath, |(declared, _)| declared.clone()))
    }
}

/// The package of a name, and what is named of it.
fn split(name: &str) -> (&str, Option<&str>) {
    let from = match name.starts_with('@') {
        true => name.find('/').map_or(name.len(), |slash| slash + 1),
        false => 0,
    };
    match name.get(from..).and_then(|rest| rest.find('/')) {
        Some(slash) => (&name[..from + slash], Some(&name[from + slash + 1..])),
        None => (name, None),
    }
}

fn is_address(specifier: &str) -> bool {
    ["http:", "https:", "data:", "blob:"].iter().any(|scheme| specifier.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_behind_the_scope() {
        assert_eq!(split("a"), ("a", None));
        assert_eq!(split("a/b/c"), ("a", Some("b/c")));
        assert_eq!(split("@s/a"), ("@s/a", None));
        assert_eq!(split("@s/a/b"), ("@s/a", Some("b")));
        assert_eq!(split("@s"), ("@s", None));
    }
}
