//! Packages in a folder, their builds in another one, and Node to run them: a real engine, without Node's resolver.

#![expect(clippy::unwrap_used, reason = "a test fails where it is")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use millhand_packages::npm::NpmId;
use millhand_packages::transform::{
    BuiltPackage, Dependency, Entries, SourcePackage, Transform as _, TransformError,
};
use millhand_transform::Bundler;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A world of packages that know each other by name.
pub(crate) struct World {
    folder: TempDir,
    ids: BTreeMap<String, NpmId>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), ids: BTreeMap::new() }
    }

    /// Adds a package. `manifest` is its `package.json` without name and version.
    pub(crate) fn with(mut self, id: &str, mut manifest: Value, files: &[(&str, &str)]) -> Self {
        let id: NpmId = id.parse().unwrap();
        let root = self.root(&id);
        manifest["name"] = json!(id.name.as_str());
        manifest["version"] = json!(id.version.to_string());
        write(&root.join("package.json"), manifest.to_string().as_bytes());
        for (path, content) in files {
            write(&root.join(path), content.as_bytes());
        }
        self.ids.insert(id.name.as_str().to_owned(), id);
        self
    }

    fn root(&self, id: &NpmId) -> PathBuf {
        self.folder.path().join("in").join(id.to_string())
    }

    pub(crate) fn source(&self, name: &str) -> SourcePackage {
        let id = self.ids[name].clone();
        let root = self.root(&id);
        let manifest: Value = serde_json::from_slice(&fs::read(root.join("package.json")).unwrap()).unwrap();
        let mut dependencies = BTreeMap::new();
        for field in ["dependencies", "peerDependencies"] {
            for name in manifest[field].as_object().into_iter().flat_map(|map| map.keys()) {
                let Some(id) = self.ids.get(name) else { continue };
                let dependency = Dependency { id: id.clone(), key: key(id), root: self.root(id) };
                dependencies.insert(name.clone(), dependency);
            }
        }
        SourcePackage { id, root, dependencies }
    }

    pub(crate) fn build(&self, name: &str) -> Result<BuiltPackage, TransformError> {
        Bundler::new().build(&self.source(name), &Entries::Declared)
    }

    pub(crate) fn deep(&self, name: &str, subpath: &str) -> Result<BuiltPackage, TransformError> {
        Bundler::new().build(&self.source(name), &Entries::Deep(subpath.to_owned()))
    }

    /// Writes a build to where its url is.
    pub(crate) fn place(&self, name: &str, built: &BuiltPackage) {
        for (path, file) in &built.files {
            write(&self.place_of(name).join(path), &file.content);
        }
    }

    pub(crate) fn place_of(&self, name: &str) -> PathBuf {
        let id = &self.ids[name];
        self.folder.path().join("out").join(key(id)).join(id.to_string())
    }

    /// Builds all packages, and runs code that imports them: `$name/entry.js` is the url of `name`.
    pub(crate) fn run(&self, code: &str) -> String {
        for name in self.ids.keys() {
            self.place(name, &self.build(name).unwrap());
        }
        self.run_placed(code)
    }

    /// Runs code with what is placed already.
    pub(crate) fn run_placed(&self, code: &str) -> String {
        let out = self.folder.path().join("out");
        write(&out.join("package.json"), br#"{"type": "module"}"#);
        let mut code = code.to_owned();
        for name in self.ids.keys().rev() {
            code = code.replace(&format!("${name}/"), &format!("{}/", self.place_of(name).display()));
        }
        let output = Command::new("node").args(["--input-type=module", "-e", &code]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{}", self.listing());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// All modules, for the message of a failed test.
    fn listing(&self) -> String {
        let mut text = String::new();
        for name in self.ids.keys() {
            let Ok(built) = self.build(name) else { continue };
            for (path, file) in built.files.iter().filter(|(path, _)| path.ends_with(".js")) {
                text += &format!("--- {name} {path}\n{}\n", String::from_utf8_lossy(&file.content));
            }
        }
        text
    }
}

pub(crate) fn text<'a>(built: &'a BuiltPackage, path: &str) -> &'a str {
    let file = built.files.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", paths(built)));
    std::str::from_utf8(&file.content).unwrap()
}

pub(crate) fn paths(built: &BuiltPackage) -> Vec<&str> {
    built.files.keys().map(String::as_str).filter(|path| !path.ends_with(".map")).collect()
}

fn key(id: &NpmId) -> String {
    format!(
        "{:016x}",
        id.to_string().bytes().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
    )
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
