//! Which modules a package offers.

use millhand_packages::transform::TransformError;
use serde_json::json;

use crate::support::{World, paths, text};

#[test]
fn the_fields_of_a_package_without_exports_lead_to_its_module() {
    let world = World::new()
        .with("main@1.0.0", json!({"main": "./lib"}), &[("lib/index.js", "export const of = 'main'")])
        .with(
            "module@1.0.0",
            json!({"main": "./main.js", "module": "./module.js"}),
            &[("main.js", "throw 1"), ("module.js", "export const of = 'module'")],
        )
        .with(
            "browser@1.0.0",
            json!({"module": "./module.js", "browser": "./browser"}),
            &[("module.js", "throw 1"), ("browser.js", "export const of = 'browser'")],
        )
        .with("index@1.0.0", json!({}), &[("index.js", "export const of = 'index'")]);
    let ran = world.run(
        "for (const url of ['$main/entry.js', '$module/entry.js', '$browser/entry.js', '$index/entry.js'])
           console.log((await import(url)).of)",
    );
    assert_eq!(ran, "main\nmodule\nbrowser\nindex");
}

#[test]
fn declared_entries_are_modules_only_and_share_state() {
    let exports = json!({
        ".": {"types": "./index.d.ts", "node": "./node.js", "import": "./index.js"},
        "./more": {"worker": "./node.js", "default": "./more.js"},
        "./types": "./index.d.ts",
        "./style.css": "./style.css",
        "./package.json": "./package.json",
        "./data.json": "./data.json",
        "./parts/*": "./parts/*.js",
        "./absent": "./absent.js"
    });
    let files = [
        ("index.js", "export * from './state.js'"),
        ("more.js", "import { state } from './state.js'; export const add = () => ++state.count"),
        ("state.js", "export const state = { count: 0 }"),
        ("index.d.ts", "export {}"),
        ("style.css", "a {}"),
        ("node.js", "import 'fs'"),
        ("data.json", "{\"a\": 1}"),
        ("parts/a.js", "export default 1"),
    ];
    let world = World::new().with("a@1.0.0", json!({"exports": exports}), &files);
    let built = world.build("a").unwrap();
    let entries: Vec<&str> = paths(&built).into_iter().filter(|path| path.starts_with("entry")).collect();
    assert_eq!(entries, ["entry.js", "entry/data.json.js", "entry/more.js"]);
    let ran = world.run(
        "import { state } from '$a/entry.js'; import { add } from '$a/entry/more.js';
         import data from '$a/entry/data.json.js'; add(); add(); console.log(state.count, data.a)",
    );
    assert_eq!(ran, "2 1");
}

#[test]
fn an_entry_that_needs_node_is_left_out_and_says_why() {
    let exports = json!({".": "./index.js", "./node": "./node.js"});
    let files =
        [("index.js", "export const a = 1"), ("node.js", "import fs from 'node:fs'; export default fs")];
    let world = World::new().with("a@1.0.0", json!({"exports": exports}), &files);
    assert_eq!(paths(&world.build("a").unwrap()), ["entry.js"]);
    let error = world.deep("a", "node").unwrap_err();
    assert_eq!(error.code(), "npm-package-needs-node");
    assert_eq!(error.to_string(), "`a@1.0.0` needs `fs` of Node, which browsers do not have (node.js)");
}

#[test]
fn patterns_and_files_are_deep_entries() {
    let exports = json!({".": "./index.js", "./parts/*": "./parts/*.js", "./parts/secret/*": null});
    let files = [
        ("index.js", "export const state = { count: 0 }"),
        (
            "parts/a.js",
            "import { state } from '../index.js'; import { name } from './b.js'; export { state, name }",
        ),
        ("parts/b.js", "import { state } from 'a'; export const name = 'b' + state.count++"),
        ("parts/secret/c.js", "export {}"),
    ];
    let world = World::new().with("a@1.0.0", json!({"exports": exports}), &files);
    let built = world.deep("a", "parts/a").unwrap();
    assert_eq!(paths(&built), ["entry/parts/a.js"]);
    let imports = &built.files["entry/parts/a.js"].imports;
    assert_eq!(format!("{imports:?}").matches("subpath: None").count(), 1, "{imports:?}");
    world.place("a", &world.build("a").unwrap());
    world.place("a", &built);
    let ran = world.run_placed(
        "import { state } from '$a/entry.js'; import * as deep from '$a/entry/parts/a.js';
         console.log(deep.state === state, deep.name, state.count)",
    );
    assert_eq!(ran, "true b0 1");
    let error = world.deep("a", "parts/secret/c").unwrap_err();
    assert!(matches!(error, TransformError::UnknownEntry { .. }), "{error}");
}

#[test]
fn files_of_a_package_without_exports_can_be_had_in_all_notations() {
    let files = [
        ("index.js", "exports.whole = require('./part')"),
        ("part.js", "module.exports = function part() { return 'part' }"),
        ("other.mjs", "export default 'other'"),
        ("folder/index.js", "module.exports = 'folder'"),
        ("data.json", "[1]"),
    ];
    let world = World::new().with("a@1.0.0", json!({}), &files);
    for (subpath, value) in
        [("part", "part"), ("part.js", "part"), ("other", "other"), ("folder", "folder"), ("data", "1")]
    {
        world.place("a", &world.deep("a", subpath).unwrap());
        let ran = world.run_placed(&format!(
            "import value from '$a/entry/{subpath}.js'; console.log(String(value.call?.() ?? value))"
        ));
        assert_eq!(ran, value, "{subpath}");
    }
    // The main file is not built a second time.
    let same = world.deep("a", "index.js").unwrap();
    assert!(text(&same, "entry/index.js.js").contains("../entry.js"));
    world.place("a", &world.build("a").unwrap());
    world.place("a", &same);
    let ran = world.run_placed(
        "import a from '$a/entry.js'; import b from '$a/entry/index.js.js'; console.log(a === b, a.whole())",
    );
    assert_eq!(ran, "true part");
}

#[test]
fn unknown_modules_are_refused_with_the_nearest_names() {
    let exports = json!({".": "./index.js", "./operators": "./index.js", "./ajax": "./index.js"});
    let world = World::new().with("a@1.0.0", json!({"exports": exports}), &[("index.js", "export {}")]);
    let error = world.deep("a", "operator").unwrap_err();
    assert_eq!(error.to_string(), "`a@1.0.0` has no module `operator`");
    assert_eq!(error.hint().unwrap(), "it has `operators`, `ajax`");
    let error = world.deep("a", "../../secret").unwrap_err();
    assert_eq!(error.code(), "npm-module-unknown");
}

#[test]
fn packages_without_modules_are_refused() {
    let world = World::new()
        .with("types@1.0.0", json!({"types": "index.d.ts"}), &[("index.d.ts", "export {}")])
        .with("style@1.0.0", json!({"main": "a.css"}), &[("a.css", "a {}")]);
    for name in ["types", "style"] {
        assert_eq!(world.build(name).unwrap_err().code(), "npm-package-without-module", "{name}");
    }
}

#[test]
fn a_private_import_and_the_browser_field_choose_files() {
    let manifest = json!({
        "main": "index.js",
        "imports": {"#env": {"node": "./node.js", "default": "./web.js"}},
        "browser": {"./lib/fs.js": "./lib/none.js", "path": false, "./lib/gone.js": false, "dep": "./lib/none.js"}
    });
    let files = [
        (
            "index.js",
            "import env from '#env'; import kind from './lib/fs'; import path from 'path'; import gone from './lib/gone';
             import dep from 'dep'; export default [env, kind, JSON.stringify(path), JSON.stringify(gone), dep].join()",
        ),
        ("node.js", "import 'fs'"),
        ("web.js", "export default 'web'"),
        ("lib/fs.js", "import 'fs'"),
        ("lib/gone.js", "import 'fs'"),
        ("lib/none.js", "export default 'none'"),
    ];
    let world = World::new().with("a@1.0.0", manifest, &files);
    assert_eq!(world.run("import a from '$a/entry.js'; console.log(a)"), "web,none,{},{},none");
}

#[test]
fn data_of_another_package_is_taken_over_instead_of_built_alone() {
    let world = World::new()
        .with("icons@1.0.0", json!({}), &[("a.js", "var a = { icon: [1, 'x', { deep: null }], tone: function render(a, b) { return { a: a, b: [b] } } };\nexport default a;"), ("b.js", "export default Symbol('b')")])
        .with("user@1.0.0", json!({"type": "module", "dependencies": {"icons": "1"}}), &[("index.js", "import a from 'icons/a'; import b from 'icons/b'; export { a, b }")]);
    let built = world.build("user").unwrap();
    assert_eq!(built.files["entry.js"].imports.len(), 1, "{:?}", built.files["entry.js"].imports);
    world.place("user", &built);
    world.place("icons", &world.deep("icons", "b").unwrap());
    assert_eq!(world.run_placed("import { a } from '$user/entry.js'; console.log(a.icon[1])"), "x");
}
