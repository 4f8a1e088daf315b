//! What builds look like, and what is wrong with packages that have none.

use std::time::Duration;

use millhand_packages::transform::{BuiltPackage, Entries, ImportedModule, Transform as _};
use millhand_transform::Bundler;
use serde_json::{Value, json};

use crate::support::{World, paths, text};

fn sample() -> World {
    let exports = json!({".": "./src/index.js", "./two": "./src/two.js"});
    let files = [
        (
            "src/index.js",
            "import dep from 'dep'; export * from './shared.js'; export const env = process.env.X;\nexport const later = () => import('./later.js'); export { dep }",
        ),
        ("src/two.js", "import { shared } from './shared.js';\nexport function two() {\n  return shared\n}"),
        ("src/shared.js", "export const shared = { url: new URL('./data.bin', import.meta.url) }"),
        ("src/later.js", "import cjs from './cjs.cjs'; export default cjs"),
        ("src/cjs.cjs", "exports.a = require('dep')"),
        ("src/data.bin", "data"),
    ];
    World::new().with("dep@1.0.0", json!({}), &[("index.js", "exports.a = 1")]).with(
        "a@1.0.0",
        json!({"type": "module", "exports": exports, "dependencies": {"dep": "1"}}),
        &files,
    )
}

#[test]
fn builds_are_the_same_wherever_the_package_is() {
    let (one, two) = (sample(), sample());
    let first: BuiltPackage = one.build("a").unwrap();
    for _ in 0..5 {
        assert!(one.build("a").unwrap() == first);
        assert!(two.build("a").unwrap() == first);
    }
    let root = one.source("a").root.display().to_string();
    let folder = root.split("/in/").next().unwrap();
    for (path, file) in &first.files {
        let content = String::from_utf8_lossy(&file.content);
        assert!(!content.contains(folder), "{path}: {content}");
        assert!(path.ends_with(".map") || !content.contains("/millhand/"), "{path}: {content}");
    }
}

#[test]
fn imports_are_listed() {
    let built = sample().build("a").unwrap();
    let entry = &built.files["entry.js"];
    let own: Vec<bool> = entry
        .imports
        .iter()
        .filter(|import| matches!(&import.from, ImportedModule::Own(path) if built.files.contains_key(path)))
        .map(|import| import.needed)
        .collect();
    assert!(own.contains(&true) && own.contains(&false), "{:?}", entry.imports);
    let reached = built.files.values().flat_map(|file| &file.imports);
    assert!(reached.filter(|import| matches!(&import.from, ImportedModule::Package { id, .. } if id.to_string() == "dep@1.0.0")).count() >= 1);
    assert!(built.files["src/data.bin"].imports.is_empty());
}

#[test]
fn source_maps_name_the_files_of_the_package() {
    let built = sample().build("a").unwrap();
    let mut sources = Vec::new();
    for (path, file) in built.files.iter().filter(|(path, _)| path.ends_with(".js")) {
        let name = path.rsplit('/').next().unwrap();
        let code = String::from_utf8_lossy(&file.content);
        assert!(code.trim_end().ends_with(&format!("sourceMappingURL={name}.map")), "{path}: {code}");
        let map: Value = serde_json::from_str(text(&built, &format!("{path}.map"))).unwrap();
        let contents = map["sourcesContent"].as_array().unwrap().iter();
        for (source, content) in map["sources"].as_array().unwrap().iter().zip(contents) {
            assert!(!content.as_str().unwrap().is_empty());
            sources.push(source.as_str().unwrap().trim_start_matches("../").to_owned());
        }
    }
    assert!(sources.contains(&"src/two.js".to_owned()), "{sources:?}");
    assert!(sources.contains(&"src/index.js".to_owned()), "{sources:?}");
    assert!(sources.iter().all(|source| !source.starts_with('/')), "{sources:?}");
}

#[test]
fn chunks_of_deep_builds_have_names_of_their_own() {
    let files = [
        ("index.js", "exports.later = function () { return import('./later.mjs') }"),
        ("other.js", "exports.later = function () { return import('./later.mjs') }"),
        ("later.mjs", "export default 1"),
    ];
    let world = World::new().with("a@1.0.0", json!({}), &files);
    let (declared, deep) = (world.build("a").unwrap(), world.deep("a", "other").unwrap());
    for path in deep.files.keys() {
        assert!(!declared.files.contains_key(path), "{path}");
    }
    assert!(paths(&deep).iter().any(|path| path.starts_with("chunk/deep/other/")), "{:?}", paths(&deep));
}

#[test]
fn a_syntax_error_names_file_line_and_column() {
    let world = World::new().with(
        "a@1.0.0",
        json!({}),
        &[("index.js", "import './b.js'"), ("b.js", "let a = 1\nlet é = = 2")],
    );
    let error = world.build("a").unwrap_err();
    assert_eq!(error.code(), "npm-package-broken");
    assert!(
        error.to_string().starts_with("`a@1.0.0` cannot be built: `b.js`, line 2, column 9: "),
        "{error}"
    );
    assert!(error.to_string().ends_with("(index.js → b.js)"), "{error}");
    let world = World::new().with(
        "a@1.0.0",
        json!({}),
        &[("index.js", "module.exports = require('./b.json')"), ("b.json", "{\n nope}")],
    );
    let error = world.build("a").unwrap_err().to_string();
    assert!(error.contains("`b.json`, line 2"), "{error}");
}

#[test]
fn a_broken_file_that_is_not_needed_at_once_throws_when_it_is() {
    let files = [
        ("index.js", "exports.a = 1; exports.b = function () { return require('./b') }"),
        ("b.js", "let = ="),
    ];
    let world = World::new().with("a@1.0.0", json!({}), &files);
    let ran = world.run("import { a, b } from '$a/entry.js'; console.log(a); try { b() } catch (error) { console.log(error.message.slice(0, 6)) }");
    assert_eq!(ran, "1\n`b.js`");
}

#[test]
fn odd_packages_are_no_panic() {
    let deep = format!("module.exports = {}1{}", "(".repeat(3000), ")".repeat(3000));
    let cases: &[(Value, &[(&str, &str)])] = &[
        (json!({"main": 5, "exports": [], "browser": [1]}), &[]),
        (json!({"main": "../../../etc/passwd"}), &[("index.js", "module.exports = 1")]),
        (json!({"exports": {".": {"import": {"import": null}}}}), &[]),
        (json!({"main": "."}), &[("index.js", "module.exports = 1")]),
        (
            json!({"main": "./lib", "exports": null}),
            &[("lib/package.json", "{\"main\": \"..\"}"), ("index.js", "")],
        ),
        (json!({"main": "a"}), &[("a/package.json", "nonsense"), ("a/index.json", "1")]),
        (json!({}), &[("index.js", "#!/usr/bin/env node\n'use strict'; module.exports = process.env.A")]),
        (json!({}), &[("index.js", "import './index.js'; export * from './index.js'")]),
        (json!({}), &[("index.js", "\u{0}\u{1}")]),
        (json!({}), &[("index.js", deep.as_str())]),
        (json!({"exports": {"./a b/ü": "./index.js"}}), &[("index.js", "export {}")]),
    ];
    for (manifest, files) in cases {
        let world = World::new().with("a@1.0.0", manifest.clone(), files);
        let _ = world.build("a");
        let _ = world.deep("a", "x/../y");
        let _ = world.deep("a", "");
    }
}

#[test]
fn a_build_that_takes_too_long_is_given_up() {
    let world = sample();
    let error = Bundler::new()
        .with_timeout(Duration::ZERO)
        .build(&world.source("a"), &Entries::Declared)
        .unwrap_err();
    assert_eq!(error.code(), "npm-package-broken");
}
