//! Files that are not modules.

use serde_json::json;

use crate::support::{World, paths, text};

#[test]
fn files_named_by_url_come_along_at_their_path() {
    let files = [
        (
            "lib/index.js",
            "export const url = new URL('../data/a.bin', import.meta.url); export { other } from './sub/b.js'",
        ),
        (
            "lib/sub/b.js",
            "export const other = new URL(`./b.css`, import.meta.url).href; export const none = () => new URL('./none', import.meta.url)",
        ),
        ("data/a.bin", "raw"),
        ("lib/sub/b.css", "a { background: url('../../data/image.png?x#y') }"),
        ("data/image.png", "image"),
    ];
    let exports = json!({".": "./lib/index.js", "./deep/entry": "./lib/sub/b.js"});
    let world = World::new().with("a@1.0.0", json!({"exports": exports, "type": "module"}), &files);
    let built = world.build("a").unwrap();
    for path in ["data/a.bin", "lib/sub/b.css", "data/image.png"] {
        assert!(built.files.contains_key(path), "{:?}", paths(&built));
    }
    let ran = world.run(
        "import { url, other } from '$a/entry.js'; import * as deep from '$a/entry/deep/entry.js'; import fs from 'node:fs';
         console.log(fs.readFileSync(url, 'utf8'), fs.existsSync(new URL(other)), deep.other === other)",
    );
    assert_eq!(ran, "raw true true");
}

#[test]
fn workers_are_modules_of_their_own() {
    let files = [
        (
            "index.js",
            "import { name } from './shared.js'; export const start = (options) => new Worker(new URL('./worker.js', import.meta.url), options); export const plain = () => new Worker(new URL('./worker.js', import.meta.url)); export { name }",
        ),
        ("worker.js", "import { name } from './shared.js'; globalThis.ran = name"),
        ("shared.js", "export const name = 'shared'"),
    ];
    let world = World::new().with("a@1.0.0", json!({"type": "module"}), &files);
    let built = world.build("a").unwrap();
    assert!(paths(&built).contains(&"chunk/worker/worker.js"), "{:?}", paths(&built));
    let ran = world.run(
        "globalThis.Worker = class { constructor(url, options) { this.url = url; this.options = options } };
         const { start, plain } = await import('$a/entry.js'); const worker = start({ name: 'w' });
         console.log(JSON.stringify(worker.options), JSON.stringify(plain().options)); await import(worker.url); console.log(ran)",
    );
    assert_eq!(ran, "{\"name\":\"w\",\"type\":\"module\"} {\"type\":\"module\"}\nshared");
}

#[test]
fn styles_images_and_data_can_be_imported() {
    let files = [
        (
            "index.js",
            "import './style/a.css'; import image from './image.png'; import data, { list } from './data.json'; export { image, data, list }",
        ),
        ("style/a.css", "@import './b.css'; a { background: url(../image.png) }"),
        ("style/b.css", "b {}"),
        ("image.png", "image"),
        ("data.json", "\u{feff}{\"list\": [1, 2]}"),
    ];
    let manifest = json!({"module": "index.js", "sideEffects": ["*.css"]});
    let world = World::new().with("a@1.0.0", manifest, &files);
    let built = world.build("a").unwrap();
    assert!(built.files.contains_key("style/b.css"));
    let ran = world.run(
        "const styles = []; import fs from 'node:fs';
         const first = await import('$a/entry.js'); console.log(first.list.join(), first.data.list.length, fs.readFileSync(new URL(first.image), 'utf8'));
         globalThis.document = { createElement: () => ({}), head: { append: (style) => styles.push(style.textContent) } };
         await import('$a/entry.js?again'); console.log(styles[0].replaceAll(/file:[^)'\"]*a@1.0.0/g, 'here'))",
    );
    assert_eq!(ran, "1,2 2 image\n@import 'here/style/b.css'; a { background: url(here/image.png) }");
}

#[test]
fn a_file_does_not_take_the_place_of_an_entry() {
    let files =
        [("index.js", "export const url = new URL('./entry.js', import.meta.url)"), ("entry.js", "raw")];
    let world = World::new().with("a@1.0.0", json!({"type": "module"}), &files);
    let built = world.build("a").unwrap();
    assert_eq!(text(&built, "raw/entry.js"), "raw");
}

#[test]
fn web_assembly_can_be_imported_as_a_module_or_as_a_url() {
    let files = [
        ("index.js", "import { run } from './a.wasm'; export { run }; export { url } from './url.js'"),
        ("url.js", "import url from './a.wasm'; export { url }"),
        ("env.js", "export const f = () => 42"),
    ];
    let wasm = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x02\x0e\x01\x08./env.js\x01f\0\0\x03\x02\x01\0\x07\x07\x01\x03run\0\x01\x0a\x06\x01\x04\0\x10\0\x0b";
    let world = World::new().with("a@1.0.0", json!({"type": "module"}), &files);
    std::fs::write(world.source("a").root.join("a.wasm"), wasm).unwrap();
    let ran = world.run(
        "import fs from 'node:fs'; globalThis.fetch = async (url) => new Response(fs.readFileSync(new URL(url)));
         const { run, url } = await import('$a/entry.js'); console.log(run(), url.endsWith('/a.wasm'))",
    );
    assert_eq!(ran, "42 true");
}
