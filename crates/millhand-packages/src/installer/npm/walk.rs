//! From the modules of a request, along their imports, to all that has to be built.
//!
//! What a page needs before it runs anything must be there. What it may load later, by `import()`, is built too;
//! if it cannot be, only that `import()` will fail.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::yard::Yard;
use super::{InstalledModule, NpmFile, NpmInstallError};
use crate::npm::NpmId;
use crate::npm::builds::Build;
use crate::specifier::NpmSpecifier;
use crate::transform::{Entries, ImportedModule, entry_path};

const MAX_CONCURRENT_MODULES: usize = 16;

/// What a request has come to.
#[derive(Default)]
pub(super) struct Reached {
    /// In the order of the request.
    pub(super) modules: Vec<InstalledModule>,
    /// What they need before they run, each file once.
    pub(super) needed: Vec<NpmFile>,
}

/// A module of a package, and on whose behalf it is wanted.
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
    let mut walk = Walk { yard, seen: BTreeSet::new(), needed: BTreeSet::new(), later: BTreeSet::new() };
    let mut reached = Reached::default();
    for specifier in specifiers {
        let module = module_of(yard, specifier)?;
        let blame = |error: NpmInstallError| error.asked_for_by(&specifier.to_string());
        let place = walk.place(&module).await.map_err(blame)?;
        let file = &place.build.files[&place.path];
        reached.modules.push(InstalledModule {
            specifier: specifier.clone(),
            id: module.id.clone(),
            file: NpmFile::of(yard.key(&module.id), &module.id, &place.path, file),
            default_only: file.default_only,
        });
        walk.needed_by(module).await.map_err(blame)?;
    }
    walk.what_comes_later().await;
    reached.needed = walk.needed.into_iter().collect();
    Ok(reached)
}

fn module_of(yard: &Yard<'_>, specifier: &NpmSpecifier) -> Result<Module, NpmInstallError> {
    let root = specifier.normalised();
    let id = yard.graph.roots.get(&root).ok_or(NpmInstallError::Incomplete { what: root })?;
    let subpath = specifier.subpath().or(specifier.file()).map(str::to_owned);
    Ok(Module { id: id.clone(), subpath })
}

struct Walk<'a> {
    yard: &'a Yard<'a>,
    seen: BTreeSet<Module>,
    needed: BTreeSet<NpmFile>,
    /// Modules that something may import while it runs.
    later: BTreeSet<Module>,
}

impl Walk<'_> {
    /// Builds what `module` needs before it runs, wave by wave.
    async fn needed_by(&mut self, module: Module) -> Result<(), NpmInstallError> {
        let mut wave = BTreeSet::from([module]);
        while !wave.is_empty() {
            wave.retain(|module| !self.seen.contains(module));
            self.seen.extend(wave.iter().cloned());
            let places: Vec<_> = wave.iter().map(|module| place(self.yard, module)).collect();
            let places: Vec<Place> =
                stream::iter(places).buffered(MAX_CONCURRENT_MODULES).try_collect().await?;
            wave = places.iter().flat_map(|place| self.imports_of(place)).collect();
        }
        Ok(())
    }

    /// Builds what can be reached by `import()`, as far as it can be built.
    async fn what_comes_later(&mut self) {
        while let Some(module) = self.later.pop_first() {
            if self.seen.contains(&module) {
                continue;
            }
            let needed = self.needed.clone();
            if let Err(error) = self.needed_by(module.clone()).await {
                tracing::debug!("`{}` cannot be loaded later: {error}", module.id);
            }
            self.needed = needed;
        }
    }

    async fn place(&self, module: &Module) -> Result<Place, NpmInstallError> {
        place(self.yard, module).await
    }

    /// Follows the imports of a module within its build; those of other modules are given back.
    fn imports_of(&mut self, place: &Place) -> BTreeSet<Module> {
        let mut leaving = BTreeSet::new();
        let mut own = vec![(place.path.as_str(), true)];
        let mut visited = BTreeSet::new();
        while let Some((path, needed)) = own.pop() {
            let Some(file) = place.build.files.get(path) else { continue };
            if !visited.insert((path, needed)) {
                continue;
            }
            if needed {
                let id = &place.build.id;
                self.needed.insert(NpmFile::of(self.yard.key(id), id, path, file));
            }
            for import in &file.imports {
                let needed = needed && import.needed;
                match &import.from {
                    ImportedModule::Own(path) => own.push((path, needed)),
                    ImportedModule::Package { id, subpath } => {
                        let module = Module { id: id.clone(), subpath: subpath.clone() };
                        match needed {
                            true => leaving.insert(module),
                            false => self.later.insert(module),
                        };
                    }
                }
            }
        }
        leaving
    }
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
    let build = yard.build(&module.id, &entries).await?;
    match build.files.contains_key(&path) {
        true => Ok(Place { build, path }),
        false => Err(NpmInstallError::NotBuilt { id: module.id.clone(), path }),
    }
}
