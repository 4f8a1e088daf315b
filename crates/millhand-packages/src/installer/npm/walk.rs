//! From the modules of a request, along their imports, to all that has to be built.
//!
//! What a page needs before it runs anything must be there. What it may load later, by `import()`, is built too;
//! if it cannot be, only that `import()` will fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::yard::Yard;
use super::{InstalledModule, NpmFile, NpmInstallError};
use crate::npm::NpmId;
use crate::npm::builds::Build;
use crate::specifier::NpmSpecifier;
use crate::transform::{Entries, ImportedModule, TransformError, entry_path};

const MAX_CONCURRENT_MODULES: usize = 16;

/// What a request has come to.
#[derive(Default)]
pub(super) struct Reached {
    /// In the order of the request.
    pub(super) modules: Vec<InstalledModule>,
    /// What they need before they run, each file once.
    pub(super) needed: Vec<NpmFile>,
}

/// A module of a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Module {
    id: NpmId,
    subpath: Option<String>,
}

/// A module that is built: which file of which build it is.
struct Place {
    build: Arc<Build>,
    path: String,
}

/// Builds all that `specifiers` reach.
pub(super) async fn from(yard: &Yard<'_>, specifiers: &[NpmSpecifier]) -> Result<Reached, NpmInstallError> {
    let mut walk = Walk::new(yard);
    let mut reached = Reached::default();
    for specifier in specifiers {
        let module = module_of(yard, specifier)?;
        let blame = |error: NpmInstallError| error.asked_for_by(&specifier.to_string());
        let place = place(yard, &module).await.map_err(blame)?;
        let file = &place.build.files[&place.path];
        reached.modules.push(InstalledModule {
            specifier: specifier.clone(),
            id: module.id.clone(),
            file: NpmFile::of(yard.key(&module.id), &module.id, &place.path, file),
            default_only: file.default_only,
        });
        walk.needed_by(module).await.map_err(blame)?;
    }
    walk.later().await;
    reached.needed = walk.needed.into_iter().collect();
    Ok(reached)
}

fn module_of(yard: &Yard<'_>, specifier: &NpmSpecifier) -> Result<Module, NpmInstallError> {
    let root = specifier.normalised();
    let id = yard.graph.roots.get(&root).ok_or(NpmInstallError::Incomplete { what: root })?;
    Ok(Module { id: id.clone(), subpath: specifier.subpath().map(str::to_owned) })
}

struct Walk<'a> {
    yard: &'a Yard<'a>,
    /// Modules whose imports have been followed.
    seen: BTreeSet<Module>,
    needed: BTreeSet<NpmFile>,
    /// Modules that something may import while it runs.
    later: BTreeSet<Module>,
}

impl<'a> Walk<'a> {
    const fn new(yard: &'a Yard<'a>) -> Self {
        Self { yard, seen: BTreeSet::new(), needed: BTreeSet::new(), later: BTreeSet::new() }
    }

    /// Builds what `module` needs before it runs, wave by wave.
    async fn needed_by(&mut self, module: Module) -> Result<(), NpmInstallError> {
        let mut wave = BTreeSet::from([module]);
        while !wave.is_empty() {
            let places = self.places(&wave).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            self.seen.append(&mut wave);
            for place in &places {
                let reached = imports_of(place);
                let id = &place.build.id;
                let file = |path: &str| NpmFile::of(self.yard.key(id), id, path, &place.build.files[path]);
                self.needed.extend(reached.needed_files.into_iter().map(file));
                self.later.extend(reached.later);
                wave.extend(reached.needed.into_iter().filter(|module| !self.seen.contains(module)));
            }
        }
        Ok(())
    }

    /// Builds what can be reached by `import()`, as far as it can be built: what cannot does not keep the others.
    async fn later(&mut self) {
        let mut wave = std::mem::take(&mut self.later);
        loop {
            wave.retain(|module| !self.seen.contains(module));
            if wave.is_empty() {
                return;
            }
            let places = self.places(&wave).await;
            self.seen.append(&mut wave);
            for place in places {
                match place {
                    Ok(place) => {
                        let reached = imports_of(&place);
                        wave.extend(reached.needed.into_iter().chain(reached.later));
                    }
                    Err(error) => tracing::debug!("cannot be loaded later: {error}"),
                }
            }
        }
    }

    async fn places(&self, wave: &BTreeSet<Module>) -> Vec<Result<Place, NpmInstallError>> {
        let places: Vec<_> = wave.iter().map(|module| place(self.yard, module)).collect();
        stream::iter(places).buffered(MAX_CONCURRENT_MODULES).collect().await
    }
}

/// Where the imports of a module lead.
#[derive(Default)]
struct Imports<'a> {
    /// Files of its own build that it needs before it runs, itself among them.
    needed_files: BTreeSet<&'a str>,
    /// Modules of other builds that it needs.
    needed: BTreeSet<Module>,
    /// Modules of other builds that may be imported while it runs.
    later: BTreeSet<Module>,
}

/// Follows the imports of a module within its build.
fn imports_of(place: &Place) -> Imports<'_> {
    let mut imports = Imports::default();
    let mut open = vec![(place.path.as_str(), true)];
    let mut visited = BTreeSet::new();
    while let Some((path, needed)) = open.pop() {
        let Some(file) = place.build.files.get(path).filter(|_| visited.insert((path, needed))) else {
            continue;
        };
        if needed {
            imports.needed_files.insert(path);
        }
        for import in &file.imports {
            let needed = needed && import.needed;
            match &import.from {
                ImportedModule::Own(path) => open.push((path, needed)),
                ImportedModule::Package { id, subpath } => {
                    let module = Module { id: id.clone(), subpath: subpath.clone() };
                    match needed {
                        true => imports.needed.insert(module),
                        false => imports.later.insert(module),
                    };
                }
            }
        }
    }
    imports
}

/// Builds what has the module: the declared entries, else the module by itself.
async fn place(yard: &Yard<'_>, module: &Module) -> Result<Place, NpmInstallError> {
    let path = entry_path(module.subpath.as_deref());
    let declared = yard.build(&module.id, &Entries::Declared).await?;
    if declared.files.contains_key(&path) {
        return Ok(Place { build: declared, path });
    }
    // Asked for by itself, an entry that was left out says why.
    let entries = Entries::Deep(module.subpath.clone().unwrap_or_else(|| ".".to_owned()));
    let build = yard.build(&module.id, &entries).await.map_err(|error| without_entry(module, error))?;
    match build.files.contains_key(&path) {
        true => Ok(Place { build, path }),
        false => Err(NpmInstallError::NotBuilt { id: module.id.clone(), path }),
    }
}

/// A package that cannot be imported by its name alone has no module of an empty name: it has none.
fn without_entry(module: &Module, error: NpmInstallError) -> NpmInstallError {
    let NpmInstallError::Transform(refusal) = &error else { return error };
    match &**refusal {
        TransformError::UnknownEntry { id, nearest, .. }
            if module.subpath.is_none() && nearest.is_empty() =>
        {
            NpmInstallError::Transform(Arc::new(TransformError::NoEntry { id: id.clone() }))
        }
        TransformError::UnknownEntry { id, nearest, .. } if module.subpath.is_none() => {
            let (id, nearest) = (id.clone(), nearest.clone());
            NpmInstallError::Transform(Arc::new(TransformError::UnknownEntry {
                id,
                subpath: ".".to_owned(),
                nearest,
            }))
        }
        _ => error,
    }
}
