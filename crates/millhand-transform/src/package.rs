//! A package on disk: its `package.json`, its files, and which file a name leads to.
//!
//! Files are named by their path in the package, with `/`, never by where the package is on disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::names::{self, Names};
use crate::scan::{self, Scan};

/// What browsers and bundlers match in `exports`; `import` before `require`, so that a package has one build.
const IMPORT_CONDITIONS: &[&str] = &["browser", "module", "import", "default", "production"];
const REQUIRE_CONDITIONS: &[&str] = &["browser", "module", "require", "default", "production"];

/// What may be left out of the name of a file.
const EXTENSIONS: &[&str] = &["js", "mjs", "cjs", "json", "jsx", "ts", "tsx"];

/// Files that can be modules of their own.
const MODULES: &[&str] = &["js", "mjs", "cjs", "json", "jsx", "ts", "tsx", "mts", "cts"];

/// How a module asks for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asks {
    Import,
    Require,
}

/// What the `browser` field, or an alias, makes of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Alias {
    /// An empty module.
    Empty,
    /// Another name: `./file` or a package.
    Other(String),
}

/// A package on disk.
#[derive(Debug)]
pub(crate) struct Package {
    root: PathBuf,
    manifest: Map<String, Value>,
    folders: Mutex<HashMap<String, Arc<Map<String, Value>>>>,
    scans: Mutex<HashMap<String, Arc<Result<Source, String>>>>,
    names: Mutex<HashMap<String, Arc<Names>>>,
}

/// A module of a package, read.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    pub(crate) scan: Scan,
}

impl Package {
    /// Reads `package.json`. One that is missing or malformed counts as empty: files can still be asked for.
    pub(crate) fn open(root: &Path) -> Self {
        let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let manifest = read_object(&root.join("package.json"));
        Self { root, manifest, folders: Mutex::default(), scans: Mutex::default(), names: Mutex::default() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file of the package is.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    fn is_file(&self, file: &str) -> bool {
        !file.is_empty() && self.path(file).is_file()
    }

    /// Whether imports that are not there are expected: `peerDependenciesMeta` says so.
    pub(crate) fn is_optional_peer(&self, name: &str) -> bool {
        let meta = self.manifest.get("peerDependenciesMeta").and_then(|meta| meta.get(name));
        meta.and_then(|meta| meta.get("optional")).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Whether the author lists a package among the dependencies.
    pub(crate) fn depends_on(&self, name: &str) -> bool {
        self.manifest.get("dependencies").is_some_and(|dependencies| dependencies.get(name).is_some())
    }

    /// The modules that the package offers by name: `None` is the package itself.
    pub(crate) fn declared(&self) -> Vec<(Option<String>, String)> {
        let mut declared = Vec::new();
        let subpaths = match self.manifest.get("exports") {
            Some(Value::Object(map)) if map.keys().any(|key| key.starts_with('.')) => {
                map.keys().filter(|key| !key.contains('*') && !key.ends_with('/')).cloned().collect()
            }
            _ => vec![".".to_owned()],
        };
        for key in subpaths {
            let subpath = key.strip_prefix("./").map(str::to_owned);
            if key != "." && subpath.is_none() {
                continue;
            }
            if let Some(file) = self.entry(subpath.as_deref()).filter(|file| is_module(file)) {
                declared.push((subpath, file));
            }
        }
        declared
    }

    /// The file of a module that others import by the package's name.
    pub(crate) fn entry(&self, subpath: Option<&str>) -> Option<String> {
        if let Some(exports) = self.manifest.get("exports").filter(|exports| !exports.is_null()) {
            let key = subpath.map_or_else(|| ".".to_owned(), |subpath| format!("./{subpath}"));
            let target = [IMPORT_CONDITIONS, REQUIRE_CONDITIONS]
                .iter()
                .find_map(|conditions| export_target(exports, &key, conditions))?;
            let file = normalize("", &target)?;
            let file = if self.is_file(&file) { file } else { self.complete(&file)? };
            return Some(self.browser_file(file));
        }
        match subpath {
            Some(subpath) => self.complete(&normalize("", subpath)?).map(|file| self.browser_file(file)),
            None => self.main(""),
        }
    }

    /// Whether `require` would give, in Node, a whole that the ES module for the same name has as its default.
    pub(crate) fn has_whole_for_require(&self, subpath: Option<&str>) -> bool {
        let key = subpath.map_or_else(|| ".".to_owned(), |subpath| format!("./{subpath}"));
        let target = match self.manifest.get("exports").filter(|exports| !exports.is_null()) {
            Some(exports) => export_target(exports, &key, REQUIRE_CONDITIONS),
            None if subpath.is_none() => self.manifest.get("main").and_then(Value::as_str).map(str::to_owned),
            None => None,
        };
        let file = target.and_then(|target| normalize("", &target)).and_then(|path| self.complete(&path));
        file.is_some_and(|file| {
            matches!(&*self.source(&file), Ok(source) if source.scan.is_common_js && source.scan.exports.is_whole)
        })
    }

    /// The main file of the package, or of a folder of it.
    fn main(&self, folder: &str) -> Option<String> {
        let manifest = match folder {
            "" => None,
            folder => Some(read_object(&self.path(folder).join("package.json"))),
        };
        let manifest = manifest.as_ref().unwrap_or(&self.manifest);
        for field in ["browser", "module", "main"] {
            let Some(target) = manifest.get(field).and_then(Value::as_str) else { continue };
            // A folder has its index: another `package.json` could lead back here.
            let found = normalize(folder, target)
                .and_then(|path| self.with_extension(&path).or_else(|| self.index(&path)))
                .filter(|file| is_module(file));
            if let Some(file) = found {
                return Some(self.browser_file(file));
            }
        }
        self.index(folder).map(|file| self.browser_file(file))
    }

    fn index(&self, folder: &str) -> Option<String> {
        let index = if folder.is_empty() { "index".to_owned() } else { format!("{folder}/index") };
        EXTENSIONS.iter().map(|extension| format!("{index}.{extension}")).find(|file| self.is_file(file))
    }

    /// The file that is meant by a path: itself, with an extension, or the main file of a folder.
    fn complete(&self, path: &str) -> Option<String> {
        self.with_extension(path).or_else(|| self.path(path).is_dir().then(|| self.main(path)).flatten())
    }

    fn with_extension(&self, path: &str) -> Option<String> {
        if path.is_empty() {
            return None;
        }
        // TypeScript writes `./a.js` for `./a.ts`.
        let typed = path
            .strip_suffix(".js")
            .into_iter()
            .flat_map(|stem| ["ts", "tsx"].map(|one| format!("{stem}.{one}")));
        [path.to_owned()]
            .into_iter()
            .chain(EXTENSIONS.iter().map(|extension| format!("{path}.{extension}")))
            .chain(typed)
            .find(|file| self.is_file(file))
    }

    /// A file that is named by a path from another file.
    pub(crate) fn relative(&self, from: &str, specifier: &str) -> Option<String> {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = match specifier.strip_prefix('/') {
            Some(absolute) => normalize("", absolute)?,
            None => normalize(folder, specifier)?,
        };
        match specifier.ends_with('/') || specifier.ends_with("/.") || matches!(specifier, "." | "..") {
            true => self.main(&path),
            false => self.complete(&path),
        }
    }

    /// What the `browser` field makes of a file of the package.
    pub(crate) fn browser_alias_of_file(&self, file: &str) -> Option<Alias> {
        let map = self.manifest.get("browser")?.as_object()?;
        let stem = MODULES.iter().find_map(|extension| file.strip_suffix(&format!(".{extension}")));
        let folder = stem.and_then(|stem| stem.strip_suffix("/index"));
        [Some(file), stem, folder]
            .into_iter()
            .flatten()
            .flat_map(|name| [format!("./{name}"), name.to_owned()])
            .find_map(|key| map.get(&key).and_then(alias))
            .filter(|alias| *alias != Alias::Other(format!("./{file}")))
    }

    /// What the `browser` field makes of the name of a package.
    pub(crate) fn browser_alias_of_name(&self, name: &str) -> Option<Alias> {
        let map = self.manifest.get("browser")?.as_object()?;
        alias(map.get(name)?).filter(|alias| *alias != Alias::Other(name.to_owned()))
    }

    fn browser_file(&self, file: String) -> String {
        match self.browser_alias_of_file(&file) {
            Some(Alias::Other(other)) => {
                normalize("", &other).and_then(|other| self.complete(&other)).unwrap_or(file)
            }
            _ => file,
        }
    }

    /// What `#name` leads to, by the `imports` field.
    pub(crate) fn private_import(&self, name: &str, asks: Asks) -> Option<String> {
        let conditions = match asks {
            Asks::Import => [IMPORT_CONDITIONS, REQUIRE_CONDITIONS],
            Asks::Require => [REQUIRE_CONDITIONS, IMPORT_CONDITIONS],
        };
        let imports = self.manifest.get("imports")?.as_object()?;
        conditions.iter().find_map(|conditions| match_pattern(imports, name, conditions))
    }

    /// The folder of the `package.json` that governs a file.
    pub(crate) fn type_folder(&self, file: &str) -> String {
        self.governing(file).0
    }

    fn governing(&self, file: &str) -> (String, Arc<Map<String, Value>>) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folder = file;
        while let Some((parent, _)) = folder.rsplit_once('/') {
            folder = parent;
            let found = folders
                .entry(folder.to_owned())
                .or_insert_with(|| Arc::new(read_object(&self.path(folder).join("package.json"))));
            if !found.is_empty() {
                return (folder.to_owned(), Arc::clone(found));
            }
        }
        let root = folders.entry(String::new()).or_insert_with(|| Arc::new(self.manifest.clone()));
        (String::new(), Arc::clone(root))
    }

    /// Whether `package.json` says that the file is an ES module.
    pub(crate) fn is_typed_module(&self, file: &str) -> bool {
        self.governing(file).1.get("type").and_then(Value::as_str) == Some("module")
    }

    /// Whether the author says that importing the file does nothing by itself.
    pub(crate) fn has_side_effects(&self, file: &str) -> Option<bool> {
        let matches = |pattern: &str| {
            let pattern = pattern.trim_start_matches("./");
            let pattern = match pattern.contains('/') {
                true => pattern.to_owned(),
                false => format!("**/{pattern}"),
            };
            fast_glob::glob_match(&pattern, file)
        };
        match self.manifest.get("sideEffects")? {
            Value::Bool(has) => Some(*has),
            Value::String(pattern) => Some(matches(pattern)),
            Value::Array(patterns) => Some(patterns.iter().filter_map(Value::as_str).any(matches)),
            _ => None,
        }
    }

    /// The module, read and looked over. The error says what is wrong with it, and where.
    pub(crate) fn source(&self, file: &str) -> Arc<Result<Source, String>> {
        if let Some(found) = self.scans.lock().unwrap_or_else(PoisonError::into_inner).get(file) {
            return Arc::clone(found);
        }
        let read = Arc::new(self.read(file));
        let mut scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(scans.entry(file.to_owned()).or_insert(read))
    }

    fn read(&self, file: &str) -> Result<Source, String> {
        let bytes = fs::read(self.path(file)).map_err(|error| format!("`{file}` cannot be read: {error}"))?;
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let scan = match extension(file) {
            "json" => scan::json(file, &text)?,
            _ => scan::script(file, &text, self.is_typed_module(file))?,
        };
        Ok(Source { text, scan })
    }

    /// What a CommonJS module exports, as far as it can be told without running it.
    pub(crate) fn names(&self, file: &str) -> Arc<Names> {
        if let Some(found) = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(file) {
            return Arc::clone(found);
        }
        let found = Arc::new(names::collect(self, file));
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(file.to_owned(), Arc::clone(&found));
        found
    }

    /// Whether others have to import the file as CommonJS.
    pub(crate) fn is_common_js(&self, file: &str) -> bool {
        matches!(extension(file), "js" | "cjs" | "mjs" | "jsx" | "ts" | "tsx")
            && matches!(&*self.source(file), Ok(source) if source.scan.is_common_js)
    }
}

fn read_object(path: &Path) -> Map<String, Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

fn alias(value: &Value) -> Option<Alias> {
    match value {
        Value::Bool(false) => Some(Alias::Empty),
        Value::String(other) => Some(Alias::Other(other.clone())),
        _ => None,
    }
}

/// The last extension of a file, without its dot.
pub(crate) fn extension(file: &str) -> &str {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn is_module(file: &str) -> bool {
    MODULES.contains(&extension(file)) && !is_declaration(file) && !file.ends_with("package.json")
}

fn is_declaration(file: &str) -> bool {
    [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| file.ends_with(ending))
}

/// A path from `folder`, without `.` and `..`; `None` if it leads out of the package.
pub(crate) fn normalize(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn export_target(exports: &Value, key: &str, conditions: &[&str]) -> Option<String> {
    match exports {
        Value::Object(map) if map.keys().any(|key| key.starts_with('.')) => {
            match_pattern(map, key, conditions)
        }
        whole if key == "." => pick(whole, conditions, None),
        _ => None,
    }
}

/// Node's rule: the key itself, else the pattern with the longest beginning.
fn match_pattern(map: &Map<String, Value>, key: &str, conditions: &[&str]) -> Option<String> {
    if let Some(value) = map.get(key).filter(|_| !key.contains('*')) {
        return pick(value, conditions, None);
    }
    let (pattern, star) = map
        .keys()
        .filter_map(|pattern| {
            let (before, after) = match pattern.split_once('*') {
                Some(parts) => parts,
                None if pattern.ends_with('/') => (pattern.as_str(), ""),
                None => return None,
            };
            let star = key.strip_prefix(before)?.strip_suffix(after)?;
            (!star.is_empty()).then_some((pattern, star))
        })
        .max_by_key(|(pattern, _)| (pattern.find('*').unwrap_or(pattern.len()), pattern.len()))?;
    let target = pick(map.get(pattern)?, conditions, Some(star))?;
    Some(if pattern.ends_with('/') { target + star } else { target })
}

fn pick(value: &Value, conditions: &[&str], star: Option<&str>) -> Option<String> {
    match value {
        Value::String(target) => Some(target.replace('*', star.unwrap_or("*"))),
        Value::Array(targets) => targets.iter().find_map(|target| pick(target, conditions, star)),
        Value::Object(map) => map
            .iter()
            .filter(|(condition, _)| conditions.contains(&condition.as_str()))
            .find_map(|(_, value)| pick(value, conditions, star)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exports(text: &str, key: &str) -> Option<String> {
        export_target(&serde_json::from_str(text).unwrap(), key, IMPORT_CONDITIONS)
    }

    #[test]
    fn paths_stay_in_the_package() {
        assert_eq!(normalize("a/b", "../c.js").as_deref(), Some("a/c.js"));
        assert_eq!(normalize("a", "./b//c").as_deref(), Some("a/b/c"));
        assert_eq!(normalize("a", "../../c"), None);
    }

    #[test]
    fn the_first_condition_in_the_order_of_the_author_wins() {
        let map = r#"{".": {"node": "./n.js", "worker": "./w.js", "import": "./i.js", "browser": "./b.js"}}"#;
        assert_eq!(exports(map, ".").as_deref(), Some("./i.js"));
        assert_eq!(exports(r#""./a.js""#, ".").as_deref(), Some("./a.js"));
        assert_eq!(exports(r#"{"types": "./a.d.ts"}"#, "."), None);
        assert_eq!(
            exports(r#"{"import": {"types": "./a.d.ts", "default": "./a.js"}}"#, ".").as_deref(),
            Some("./a.js")
        );
    }

    #[test]
    fn the_longest_pattern_wins() {
        let map =
            r#"{"./*": "./a/*.js", "./lib/*": "./b/*.js", "./lib/x": "./c.js", "./lib/internal/*": null}"#;
        assert_eq!(exports(map, "./q").as_deref(), Some("./a/q.js"));
        assert_eq!(exports(map, "./lib/q").as_deref(), Some("./b/q.js"));
        assert_eq!(exports(map, "./lib/x").as_deref(), Some("./c.js"));
        assert_eq!(exports(map, "./lib/internal/x"), None);
    }
}
