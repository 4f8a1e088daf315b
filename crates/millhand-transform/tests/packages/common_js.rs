//! CommonJS, and how it mixes with ES modules.

use serde_json::json;

use crate::support::{World, text};

#[test]
fn names_are_found_through_switches_and_modules() {
    let files = [
        (
            "index.js",
            "if (process.env.NODE_ENV === 'production') module.exports = require('./prod'); else module.exports = require('./dev')",
        ),
        (
            "prod.js",
            "'use strict'; exports.a = 1; Object.defineProperty(exports, 'b', { get: () => 2 }); require('./more'); exports['default'] = 3; exports.delete = 4",
        ),
        ("dev.js", "exports.dev = require('fs')"),
        ("more.js", ""),
    ];
    let world = World::new().with("a@1.0.0", json!({}), &files);
    let ran = world.run(
        "import * as a from '$a/entry.js'; console.log(Object.keys(a).join(), a.a, a.b, a.default.default, a.default === a['module.exports'])",
    );
    assert_eq!(ran, "a,b,default,delete,module.exports 1 2 3 true");
    assert!(!world.build("a").unwrap().files["entry.js"].default_only);
}

#[test]
fn names_of_compilers_are_found() {
    let files = [
        ("index.js", "var __exportStar = (m, e) => Object.assign(e, m); Object.defineProperty(exports, '__esModule', { value: true });
          __exportStar(require('./typescript'), exports);
          var _babel = require('./babel'); Object.keys(_babel).forEach(function (key) { exports[key] = _babel[key] })"),
        ("typescript.js", "exports.typescript = void 0; exports.typescript = 1"),
        ("babel.js", "exports.babel = 2"),
    ];
    let esbuild = "var __defProp = Object.defineProperty; var __export = (t, all) => { for (var n in all) __defProp(t, n, { get: all[n], enumerable: true }) };
        var src = {}; __export(src, { built: () => 3 }); module.exports = src; 0 && (module.exports = { built })";
    let world =
        World::new().with("a@1.0.0", json!({}), &files).with("b@1.0.0", json!({}), &[("index.js", esbuild)]);
    let ran = world.run(
        "import { typescript, babel } from '$a/entry.js'; import { built } from '$b/entry.js'; console.log(typescript, babel, built)",
    );
    assert_eq!(ran, "1 2 3");
}

#[test]
fn a_whole_that_tells_nothing_is_default_only() {
    let umd = "(function (root, factory) { typeof exports === 'object' && typeof module !== 'undefined' ? module.exports = factory()
        : typeof define === 'function' && define.amd ? define(factory) : root.dayjs = factory() })(this, function () { function f() { return 'called' } f.extra = 1; return f })";
    let world = World::new()
        .with("umd@1.0.0", json!({}), &[("index.js", umd)])
        .with("esm@1.0.0", json!({"type": "module"}), &[("index.js", "export default 1")])
        .with(
            "both@1.0.0",
            json!({"type": "module"}),
            &[("index.js", "export default 1; export const a = 2")],
        );
    assert!(world.build("umd").unwrap().files["entry.js"].default_only);
    assert!(world.build("esm").unwrap().files["entry.js"].default_only);
    assert!(!world.build("both").unwrap().files["entry.js"].default_only);
    assert_eq!(world.run("import f from '$umd/entry.js'; console.log(f(), f.extra)"), "called 1");
}

#[test]
fn names_are_imported_from_a_whole_that_tells_nothing() {
    let whole = "var all = {}; ['debounce', 'chunk'].forEach(function (name) { all[name] = function () { return name } }); module.exports = all";
    let user = "import all, { debounce } from 'whole'; import * as space from 'whole'; export { chunk } from 'whole';
        export default [all.chunk(), debounce(), space.debounce(), (await import('whole')).chunk()].join()";
    let world = World::new().with("whole@1.0.0", json!({}), &[("index.js", whole)]).with(
        "user@1.0.0",
        json!({"type": "module", "dependencies": {"whole": "1"}}),
        &[("index.js", user)],
    );
    let ran = world.run("import text, { chunk } from '$user/entry.js'; console.log(text, chunk())");
    assert_eq!(ran, "chunk,debounce,debounce,chunk chunk");
}

#[test]
fn the_default_of_compiled_modules_depends_on_who_imports() {
    let compiled = "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = 'inner'; exports.other = 1";
    let user = "import it from 'compiled'; export default typeof it";
    let world = World::new()
        .with("compiled@1.0.0", json!({}), &[("index.js", compiled)])
        .with(
            "bundled@1.0.0",
            json!({"module": "index.js", "dependencies": {"compiled": "1"}}),
            &[("index.js", user)],
        )
        .with(
            "node@1.0.0",
            json!({"type": "module", "dependencies": {"compiled": "1"}}),
            &[("index.js", user)],
        );
    let ran =
        world.run("import a from '$bundled/entry.js'; import b from '$node/entry.js'; console.log(a, b)");
    assert_eq!(ran, "string object");
}

#[test]
fn requiring_other_packages_gives_what_their_authors_export() {
    let user = "var f = require('whole'); var esm = require('esm'); var json = require('whole/data.json');
        exports.all = [f(), esm.named, esm.default, esm.__esModule, json.a, require('./lazy')()].join()";
    let world = World::new()
        .with(
            "whole@1.0.0",
            json!({}),
            &[("index.js", "module.exports = () => 'called'"), ("data.json", "{\"a\": 5}")],
        )
        .with(
            "esm@1.0.0",
            json!({"type": "module"}),
            &[("index.js", "export const named = 'n'; export default 'd'")],
        )
        .with(
            "user@1.0.0",
            json!({"dependencies": {"whole": "1", "esm": "1"}}),
            &[("index.js", user), ("lazy.js", "module.exports = () => require('esm').named")],
        );
    for name in ["whole", "esm", "user"] {
        world.place(name, &world.build(name).unwrap());
    }
    world.place("whole", &world.deep("whole", "data.json").unwrap());
    let ran = world.run_placed("import { all } from '$user/entry.js'; console.log(all)");
    assert_eq!(ran, "called,n,d,true,5,n");
}

#[test]
fn packages_that_pass_on_common_js_pass_on_its_names() {
    let world =
        World::new().with("cjs@1.0.0", json!({}), &[("index.js", "exports.a = 1; exports.b = 2")]).with(
            "user@1.0.0",
            json!({"module": "index.js", "dependencies": {"cjs": "1"}}),
            &[
                ("index.js", "export * from 'cjs'; export * from './own'; export const c = 3"),
                ("own.js", "exports.own = 4"),
            ],
        );
    let ran = world.run("import * as all from '$user/entry.js'; console.log(JSON.stringify(all))");
    assert_eq!(ran, r#"{"a":1,"b":2,"c":3,"own":4}"#);
}

#[test]
fn packages_may_import_each_other() {
    let world = World::new()
        .with(
            "a@1.0.0",
            json!({"type": "module", "dependencies": {"b": "1"}}),
            &[("index.js", "import { b } from 'b'; export let count = 0; export const add = () => ++count; export const a = () => 'a'; export const both = () => a() + b()")],
        )
        .with(
            "b@1.0.0",
            json!({"type": "module", "dependencies": {"a": "1"}}),
            &[("index.js", "import { a, count, add } from 'a'; export const b = () => 'b'; export const both = () => (add(), a() + b() + count)")],
        )
        .with(
            "c@1.0.0",
            json!({"dependencies": {"d": "1"}}),
            &[("index.js", "var d = require('d'); exports.name = 'c'; exports.both = function () { return exports.name + d.name }")],
        )
        .with(
            "d@1.0.0",
            json!({"dependencies": {"c": "1"}}),
            &[("index.js", "var c = require('c'); exports.name = 'd'; exports.both = function () { return exports.name + c.name }")],
        );
    let ran = world.run(
        "import * as a from '$a/entry.js'; import * as b from '$b/entry.js'; import * as c from '$c/entry.js'; import * as d from '$d/entry.js';
         console.log(a.both(), b.both(), a.count, c.both(), d.both())",
    );
    assert_eq!(ran, "ab ab1 1 cd dc");
}

#[test]
fn imports_of_other_packages_are_relative() {
    let world = World::new()
        .with(
            "@scope/a@1.0.0",
            json!({"type": "module", "dependencies": {"b": "1"}}),
            &[("index.js", "export * from 'b'")],
        )
        .with(
            "b@1.0.0",
            json!({"type": "module", "exports": {".": "./index.js", "./sub": "./sub.js"}}),
            &[("index.js", "export const b = 1"), ("sub.js", "export const sub = 2")],
        )
        .with(
            "c@1.0.0",
            json!({"exports": {"./deep/er": "./index.js"}, "type": "module", "dependencies": {"b": "1"}}),
            &[("index.js", "export * from 'b/sub'; export const later = () => import('b')")],
        );
    let built = world.build("@scope/a").unwrap();
    assert!(text(&built, "entry.js").contains("\"../../../"), "{}", text(&built, "entry.js"));
    let built = world.build("c").unwrap();
    let imports: Vec<String> = built.files["entry/deep/er.js"]
        .imports
        .iter()
        .map(|import| format!("{:?} {}", import.from, import.needed))
        .collect();
    assert_eq!(imports.len(), 2);
    assert!(imports[0].contains("subpath: None") && imports[0].ends_with("false"), "{imports:?}");
    assert!(imports[1].contains("subpath: Some(\"sub\")") && imports[1].ends_with("true"), "{imports:?}");
    let ran = world.run("import { b } from '$@scope/a/entry.js'; import { sub, later } from '$c/entry/deep/er.js'; console.log(b, sub, (await later()).b)");
    assert_eq!(ran, "1 2 1");
}

#[test]
fn a_getter_that_throws_does_not_keep_the_rest_from_loading() {
    let code = "Object.defineProperty(exports, 'old', { enumerable: true, get() { throw new Error('gone') } }); exports.fine = 1";
    let world = World::new().with("a@1.0.0", json!({}), &[("index.js", code)]);
    assert_eq!(world.run("import { fine, old } from '$a/entry.js'; console.log(fine, old)"), "1 undefined");
}

#[test]
fn names_are_found_in_other_packages_that_are_passed_on() {
    let world =
        World::new().with("inner@1.0.0", json!({}), &[("index.js", "exports.a = 1; exports.b = 2")]).with(
            "outer@1.0.0",
            json!({"dependencies": {"inner": "1"}}),
            &[("index.js", "module.exports = require('inner')")],
        );
    assert_eq!(world.run("import { a, b } from '$outer/entry.js'; console.log(a, b)"), "1 2");
}

#[test]
fn requiring_a_function_gives_it_though_there_is_an_es_module_of_it() {
    let exports = json!({".": {"import": "./esm.js", "require": "./cjs.js"}});
    let helper = "function help() { return 'helped' } module.exports = help, module.exports.__esModule = true, module.exports.default = help";
    let world = World::new()
        .with(
            "helper@1.0.0",
            json!({"exports": exports}),
            &[("esm.js", "export default function help() { return 'helped' }"), ("cjs.js", helper)],
        )
        .with(
            "user@1.0.0",
            json!({"dependencies": {"helper": "1"}}),
            &[("index.js", "var help = require('helper'); exports.text = help()")],
        );
    assert_eq!(world.run("import { text } from '$user/entry.js'; console.log(text)"), "helped");
}
