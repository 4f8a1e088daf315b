//! Builds packages of an unpacked `node_modules` folder, with all that they depend on, and says how that went.
//!
//! `cargo run --release -p millhand-transform --example build -- <folder> <out> <name[/subpath]>…`

#![expect(clippy::print_stdout, reason = "a tool for developers")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use millhand_packages::npm::NpmId;
use millhand_packages::transform::{
    Dependency, Entries, Import, ImportedModule, SourcePackage, Transform as _, entry_path,
};
use millhand_transform::Bundler;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "build <folder> <out> <name>…";
    let modules = fs::canonicalize(arguments.next().ok_or(usage)?)?.join("node_modules");
    let mut builds = Builds {
        out: arguments.next().ok_or(usage)?.into(),
        modules,
        done: BTreeMap::new(),
        imports: BTreeMap::new(),
        asked: BTreeSet::new(),
    };
    for name in arguments {
        let (package, subpath) = split(&name);
        let Some(root) = find(&builds.modules.clone(), &builds.modules, package) else {
            println!("{name}: not there");
            continue;
        };
        builds.make(&root, subpath.map(str::to_owned))?;
        println!("url {name} {}", builds.url(&root, subpath)?);
    }
    Ok(())
}

/// A module: the folder of its package, and its subpath.
type Wanted = (PathBuf, Option<String>);

/// What is built, by folder.
struct Builds {
    modules: PathBuf,
    out: PathBuf,
    done: BTreeMap<PathBuf, BTreeSet<String>>,
    imports: BTreeMap<PathBuf, BTreeMap<String, Vec<Import>>>,
    asked: BTreeSet<Wanted>,
}

impl Builds {
    fn make(&mut self, root: &Path, subpath: Option<String>) -> Result<(), Box<dyn Error>> {
        let mut rest = vec![(root.to_owned(), subpath)];
        while let Some((root, subpath)) = rest.pop() {
            if !self.asked.insert((root.clone(), subpath.clone())) {
                continue;
            }
            if !self.done.contains_key(&root) {
                self.build(&root, &Entries::Declared)?;
            }
            let entry = entry_path(subpath.as_deref());
            if !self.done.get(&root).is_some_and(|files| files.contains(&entry)) {
                let subpath = subpath.unwrap_or_else(|| ".".to_owned());
                self.build(&root, &Entries::Deep(subpath))?;
            }
            rest.extend(self.needed(&root, &entry)?);
        }
        Ok(())
    }

    fn build(&mut self, root: &Path, entries: &Entries) -> Result<(), Box<dyn Error>> {
        let package = self.source(root)?;
        let start = Instant::now();
        let built = Bundler::new().build(&package, entries);
        let elapsed = start.elapsed().as_millis();
        let files = self.done.entry(root.to_owned()).or_default();
        let built = match built {
            Ok(built) => built,
            Err(error) => {
                println!("FAILED {} {entries:?} {elapsed} ms [{}] {error}", package.id, error.code());
                return Ok(());
            }
        };
        let bytes: usize = built.files.values().map(|file| file.content.len()).sum();
        let default_only = built.files.values().filter(|file| file.default_only).count();
        println!(
            "built {} {entries:?} {elapsed} ms, {} files, {bytes} bytes, {default_only} default only",
            package.id,
            built.files.len(),
        );
        let folder = self.out.join(key(&package.id)).join(package.id.to_string());
        let mut imports = BTreeMap::new();
        for (path, file) in built.files {
            let target = folder.join(&path);
            fs::create_dir_all(target.parent().ok_or("no folder")?)?;
            fs::write(target, &file.content)?;
            files.insert(path.clone());
            imports.insert(path, file.imports);
        }
        self.imports.entry(root.to_owned()).or_default().extend(imports);
        fs::write(self.out.join("package.json"), "{\"type\":\"module\"}")?;
        Ok(())
    }

    /// The modules of other packages that an entry leads to.
    fn needed(&self, root: &Path, entry: &str) -> Result<Vec<Wanted>, Box<dyn Error>> {
        let package = self.source(root)?;
        let Some(imports) = self.imports.get(root) else { return Ok(Vec::new()) };
        let (mut seen, mut rest) = (BTreeSet::from([entry.to_owned()]), vec![entry.to_owned()]);
        let mut needed = Vec::new();
        while let Some(path) = rest.pop() {
            for import in imports.get(&path).into_iter().flatten() {
                match &import.from {
                    ImportedModule::Own(own) => rest.extend(seen.insert(own.clone()).then(|| own.clone())),
                    ImportedModule::Package { id, subpath } => {
                        let other = package.dependencies.values().find(|one| one.id == *id);
                        let root = other.map_or_else(|| root.to_owned(), |one| one.root.clone());
                        needed.push((root, subpath.clone()));
                    }
                }
            }
        }
        Ok(needed)
    }

    fn source(&self, root: &Path) -> Result<SourcePackage, Box<dyn Error>> {
        let manifest = manifest(root)?;
        let mut dependencies = BTreeMap::new();
        for field in ["dependencies", "peerDependencies", "optionalDependencies"] {
            for name in manifest.get(field).and_then(Value::as_object).into_iter().flat_map(|map| map.keys())
            {
                let Some(found) = find(root, &self.modules, name) else { continue };
                let id = id(&found)?;
                dependencies.insert(name.clone(), Dependency { key: key(&id), id, root: found });
            }
        }
        Ok(SourcePackage { id: id(root)?, root: root.to_owned(), dependencies })
    }

    fn url(&self, root: &Path, subpath: Option<&str>) -> Result<String, Box<dyn Error>> {
        let id = id(root)?;
        let file = self.out.join(key(&id)).join(id.to_string()).join(entry_path(subpath));
        Ok(file.display().to_string())
    }
}

fn split(name: &str) -> (&str, Option<&str>) {
    let slash = if name.starts_with('@') { 1 } else { 0 };
    match name.match_indices('/').nth(slash) {
        Some((at, _)) => (&name[..at], Some(&name[at + 1..])),
        None => (name, None),
    }
}

fn manifest(root: &Path) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(root.join("package.json"))?)?)
}

fn id(root: &Path) -> Result<NpmId, Box<dyn Error>> {
    let manifest = manifest(root)?;
    let part = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(format!("{}@{}", part("name"), part("version")).parse()?)
}

/// A stand-in for the key of the installer.
fn key(id: &NpmId) -> String {
    format!(
        "{:016x}",
        id.to_string().bytes().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
    )
}

/// As Node does it: the nearest `node_modules` folder that has it.
fn find(from: &Path, modules: &Path, name: &str) -> Option<PathBuf> {
    let top = modules.parent()?;
    from.ancestors()
        .take_while(|folder| folder.starts_with(top))
        .filter(|folder| !folder.ends_with("node_modules"))
        .map(|folder| folder.join("node_modules").join(name))
        .find(|folder| folder.join("package.json").is_file())
}
