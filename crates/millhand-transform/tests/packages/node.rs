//! What packages expect of Node.

use millhand_packages::transform::TransformError;
use serde_json::json;

use crate::support::World;

#[test]
fn a_module_that_is_needed_at_once_is_refused_with_the_way_to_it() {
    for code in [
        "import { readFileSync } from 'node:fs'",
        "const fs = require('fs'); exports.a = fs",
        "(function () { require('fs/promises') }())",
    ] {
        let files =
            [("index.js", "import './lib/a.js'"), ("lib/a.js", "export * from './b.js'"), ("lib/b.js", code)];
        let world = World::new().with("a@1.0.0", json!({}), &files);
        let error = world.build("a").unwrap_err();
        let TransformError::NeedsNode { builtin, chain, .. } = error else { panic!("{error}") };
        assert!(builtin.starts_with("fs"));
        assert_eq!(chain, ["index.js", "lib/a.js", "lib/b.js"]);
    }
}

#[test]
fn what_is_only_tried_throws_when_it_is_used() {
    let code = "
        exports.tried = 'fallback'; try { exports.tried = require('fs') } catch (error) { exports.code = error.code }
        exports.inside = function () { return require('child_process') };
        exports.missing = function () { return require('not-there') };
        exports.later = function () { return import('fs') };
        if (typeof window === 'undefined' && globalThis.never) exports.never = require('path');
        exports.lazy = function () { return require('./lazy') }";
    let files = [("index.js", code), ("lazy.js", "var os = require('os'); module.exports = os")];
    let world = World::new().with("a@1.0.0", json!({}), &files);
    let ran = world.run(
        "import a from '$a/entry.js';
         const message = async (run) => { try { return await run() } catch (error) { return error.message } };
         console.log(a.tried, a.code);
         for (const name of ['inside', 'missing', 'later', 'lazy']) console.log(await message(a[name]))",
    );
    assert_eq!(
        ran,
        "fallback MODULE_NOT_FOUND
`a@1.0.0` needs `child_process` of Node, which browsers do not have (index.js)
`a@1.0.0` needs `not-there`, which is not installed (index.js)
`a@1.0.0` needs `fs` of Node, which browsers do not have (index.js)
`a@1.0.0` needs `os` of Node, which browsers do not have (lazy.js)"
    );
}

#[test]
fn static_imports_behind_a_dynamic_one_throw_when_they_are_used() {
    let files = [
        ("index.js", "export const load = () => import('./node.js')"),
        (
            "node.js",
            "import fs, { readFile } from 'fs'; import * as all from 'os'; export const read = () => readFile('a'); export const write = () => fs.writeFile('a')",
        ),
    ];
    let world = World::new().with("a@1.0.0", json!({"type": "module"}), &files);
    let ran = world.run(
        "import { load } from '$a/entry.js'; const { read, write } = await load();
         for (const use of [read, write]) try { use() } catch (error) { console.log(error.message) }",
    );
    let line = "`a@1.0.0` needs `fs` of Node, which browsers do not have (node.js)";
    assert_eq!(ran, format!("{line}\n{line}"));
}

#[test]
fn a_polyfill_among_the_dependencies_is_used() {
    let world = World::new()
        .with("events@3.0.0", json!({}), &[("events.js", "exports.EventEmitter = class { on() { return 'polyfill' } }"), ("index.js", "module.exports = require('./events')")])
        .with("buffer@6.0.0", json!({}), &[("index.js", "exports.Buffer = { from: (text) => 'buffer ' + text }")])
        .with(
            "a@1.0.0",
            json!({"dependencies": {"events": "3", "buffer": "6"}}),
            &[("index.js", "const { EventEmitter } = require('node:events'); exports.a = new EventEmitter().on(); exports.b = Buffer.from('x')")],
        );
    assert_eq!(world.run("import { a, b } from '$a/entry.js'; console.log(a, b)"), "polyfill buffer x");
}

#[test]
fn globals_of_node_are_there_where_code_counts_on_them() {
    let code = "
        exports.env = process.env.NODE_ENV + process.env.SOMETHING;
        exports.global = global === globalThis;
        exports.browser = process.browser;
        exports.asked = typeof process !== 'undefined' && process.versions && process.versions.node ? 'node' : 'web';
        exports.pair = { process }.process.platform;
        exports.dirname = __dirname;
        exports.dev = process.env.NODE_ENV !== 'production' ? require('./dev') : 'none'";
    let world = World::new().with("a@1.0.0", json!({}), &[("index.js", code), ("dev.js", "require('fs')")]);
    let ran = world.run(
        "delete globalThis.process; const { default: a } = await import('$a/entry.js');
         console.log(a.env, a.global, a.browser, a.asked, a.pair, a.dirname, a.dev)",
    );
    assert_eq!(ran, "productionundefined true true web browser / none");
}

#[test]
fn a_module_that_is_nowhere_is_refused_unless_it_is_optional() {
    let world = World::new()
        .with(
            "a@1.0.0",
            json!({}),
            &[("index.js", "import './b.js'"), ("b.js", "import { x } from 'absent/sub'; export { x }")],
        )
        .with("b@1.0.0", json!({}), &[("index.js", "require('./absent')")])
        .with(
            "c@1.0.0",
            json!({"peerDependencies": {"peer": "1"}, "peerDependenciesMeta": {"peer": {"optional": true}}}),
            &[(
                "index.js",
                "import peer, { x } from 'peer'; export const use = () => x(); export const a = 1",
            )],
        );
    let error = world.build("a").unwrap_err();
    assert_eq!(error.to_string(), "`a@1.0.0` imports `absent/sub`, which cannot be found (index.js → b.js)");
    assert_eq!(world.build("b").unwrap_err().code(), "npm-import-unresolved");
    world.place("c", &world.build("c").unwrap());
    let ran = world.run_placed(
        "import { use, a } from '$c/entry.js'; console.log(a); try { use() } catch (error) { console.log(error.message) }",
    );
    assert_eq!(ran, "1\n`c@1.0.0` needs `peer`, which is not installed (index.js)");
}

#[test]
fn a_native_addon_is_refused() {
    let world = World::new().with(
        "a@1.0.0",
        json!({}),
        &[("index.js", "module.exports = require('./a.node')"), ("a.node", "")],
    );
    assert_eq!(world.build("a").unwrap_err().code(), "npm-package-needs-node");
}

#[test]
fn an_optional_package_that_needs_node_is_not_imported() {
    let world = World::new()
        .with("native@1.0.0", json!({}), &[("index.js", "module.exports = require('./lib')"), ("lib.js", "require('fs')")])
        .with(
            "a@1.0.0",
            json!({"dependencies": {"native": "1"}}),
            &[("index.js", "exports.a = 'fallback'; try { exports.a = require('native') } catch {}; exports.b = () => import('native')")],
        );
    let built = world.build("a").unwrap();
    assert!(built.files.values().all(|file| file.imports.is_empty()));
    world.place("a", &built);
    let ran = world.run_placed("import { a, b } from '$a/entry.js'; console.log(a); await b().catch((error) => console.log(error.message))");
    assert_eq!(ran, "fallback\n`a@1.0.0` uses `native`, which needs `fs` of Node (index.js)");
}

#[test]
fn globals_are_defined_behind_the_first_line_of_a_script() {
    let files = [("index.js", "#!/usr/bin/env node\nmodule.exports = process.env.A")];
    let world = World::new().with("a@1.0.0", json!({}), &files);
    assert_eq!(
        world.run("delete globalThis.process; const a = await import('$a/entry.js'); console.log(a.default)"),
        "undefined"
    );
}
