//! npm packages: manifests, and the files that they name.

mod lockfile;
mod refusals;
mod trust;

use axum::http::header;
use millhand_fixture::{NpmPackage, npm_tarball_path, sha256_of};
use serde_json::{Value, json};

use crate::support::{Server, url_of};

/// `app` imports `lib` and a file of it, and later another one.
pub(crate) fn shop() -> Vec<NpmPackage> {
    let app = NpmPackage::new("app@1.0.0", json!({"type": "module", "dependencies": {"lib": "^1.0.0"}}))
        .file(
            "index.js",
            "import { version } from 'lib'\nimport { deepVersion } from 'lib/deep.js'\n\
         export const versions = [version, deepVersion]\nexport const later = () => import('lib/late.js')\n",
        );
    vec![lib("1.0.0"), lib("1.2.0"), lib("2.0.0"), app]
}

pub(crate) fn lib(version: &str) -> NpmPackage {
    NpmPackage::new(&format!("lib@{version}"), json!({"type": "module"}))
        .file("index.js", &format!("export const version = '{version}'\n"))
        .file("deep.js", "export { version as deepVersion } from './index.js'\n")
        .file("late.js", "export const late = 'late'\n")
}

/// Stylesheets that refer to each other and to a font, and a script.
pub(crate) fn theme() -> NpmPackage {
    NpmPackage::new("theme@1.0.0", json!({"style": "css/theme.css", "unpkg": "dist/theme.js"}))
        .file("css/theme.css", "@import 'base.css';\nb { background: url('/elsewhere.png') }\n")
        .file("css/base.css", "@font-face { src: url('../fonts/a.woff2?v=1') }\na { mask: url(gone.svg) }\n")
        .file("fonts/a.woff2", "a font")
        .file("dist/theme.js", "var theme = 'a script'\n")
        .file("dist/other/theme.js", "var theme = 'another'\n")
}

/// The files of a manifest's npm part, by name.
pub(crate) fn names_of(manifest: &Value) -> Vec<&str> {
    manifest["esm"]["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect()
}

/// Where the relative imports of a module at `url` lead.
fn imports_of(url: &str, source: &str) -> Vec<String> {
    let quoted = source.split('"').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with('.')).map(|reference| resolved(url, reference)).collect()
}

fn resolved(url: &str, reference: &str) -> String {
    let mut parts: Vec<&str> = url.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// That a file is served as a manifest says; gives its content.
async fn fetched(server: &Server, file: &Value, content_type: &str) -> String {
    let answer = server.get(&url_of(file)).await;
    assert_eq!(answer.status, 200, "{file}");
    assert_eq!(answer.header(header::CONTENT_TYPE), content_type, "{file}");
    assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(sha256_of(&answer.body), file["sha256"], "{file}");
    assert_eq!(answer.body.len() as u64, file["bytes"], "{file}");
    answer.text().to_owned()
}

#[tokio::test]
async fn a_module_comes_with_all_that_it_needs() {
    let server = Server::with(&shop()).await;
    let answer = server.esm(&["app as shop"]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let manifest = answer.json();
    let module = &manifest["esm"]["modules"][0];
    let url = module["url"].as_str().unwrap();
    assert!(url.starts_with("npm/") && url.ends_with("/app@1.0.0/entry.js"), "{url}");
    assert_eq!(
        *module,
        json!({
            "specifier": "app as shop", "name": "app", "version": "1.0.0", "subpath": null, "alias": "shop",
            "url": url, "defaultOnly": false,
        })
    );
    assert_eq!(manifest["esm"]["graph"], json!({"app@1.0.0": ["lib@1.2.0"], "lib@1.2.0": []}));
    let mut names = names_of(&manifest);
    names.sort_unstable();
    assert_eq!(names, ["app@1.0.0/entry.js", "lib@1.2.0/entry.js", "lib@1.2.0/entry/deep.js.js"]);
}

#[tokio::test]
async fn every_import_of_a_module_is_served_whether_it_is_needed_at_once_or_later() {
    let server = Server::with(&shop()).await;
    let manifest = server.esm(&["app"]).await.json();
    let mut imports = Vec::new();
    for file in manifest["esm"]["files"].as_array().unwrap() {
        let source = fetched(&server, file, "text/javascript").await;
        imports.extend(imports_of(&url_of(file), &source));
    }
    imports.sort_unstable();
    imports.dedup();
    let ends: Vec<&str> = imports.iter().map(|import| import.split_once('@').unwrap().1).collect();
    assert_eq!(ends, ["1.2.0/entry.js", "1.2.0/entry/deep.js.js", "1.2.0/entry/late.js.js"]);
    for import in &imports {
        assert_eq!(server.get(import).await.status, 200, "{import}");
        let map = server.get(&format!("{import}.map")).await;
        assert!(map.status == 404 || map.header(header::CONTENT_TYPE) == "application/json", "{map:?}");
    }
}

#[tokio::test]
async fn modules_share_one_copy_of_what_they_import() {
    let server = Server::with(&shop()).await;
    let manifest = server.esm(&["app", "lib#^1"]).await.json();
    let names = names_of(&manifest);
    assert_eq!(names.iter().filter(|name| name.ends_with("lib@1.2.0/entry.js")).count(), 1, "{names:?}");
    let alone = server.esm(&["lib#^1"]).await.json();
    assert_eq!(alone["esm"]["modules"][0]["url"], manifest["esm"]["modules"][1]["url"]);
}

#[tokio::test]
async fn two_versions_of_a_package_have_urls_of_their_own() {
    let server = Server::with(&shop()).await;
    let manifest = server.esm(&["lib#1 as one", "lib#2 as two", "lib/deep.js#1.0.0 as deep"]).await.json();
    let seen: Vec<_> = manifest["esm"]["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| {
            (
                module["alias"].as_str().unwrap(),
                module["version"].as_str().unwrap(),
                module["subpath"].as_str(),
            )
        })
        .collect();
    assert_eq!(seen[1..], [("two", "2.0.0", None), ("deep", "1.0.0", Some("deep.js"))]);
    let urls: std::collections::BTreeSet<&str> = manifest["esm"]["modules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|module| module["url"].as_str().unwrap())
        .collect();
    assert_eq!(urls.len(), 3);
}

#[tokio::test]
async fn a_package_of_common_js_has_a_default_only() {
    let common = NpmPackage::new("common@1.0.0", json!({})).file("index.js", "module.exports = () => 42\n");
    let server = Server::with(&[common]).await;
    let manifest = server.esm(&["common"]).await.json();
    assert_eq!(manifest["esm"]["modules"][0]["defaultOnly"], true);
}

#[tokio::test]
async fn packages_that_import_each_other_in_a_circle_are_served() {
    let circle = |name: &str, other: &str| {
        NpmPackage::new(&format!("{name}@1.0.0"), json!({"type": "module", "dependencies": {other: "1"}}))
            .file(
                "index.js",
                &format!("import {{ {other} }} from '{other}'\nexport const {name} = () => typeof {other}\n"),
            )
    };
    let server = Server::with(&[circle("left", "right"), circle("right", "left")]).await;
    let manifest = server.esm(&["left"]).await.json();
    assert_eq!(
        manifest["esm"]["graph"],
        json!({"left@1.0.0": ["right@1.0.0"], "right@1.0.0": ["left@1.0.0"]})
    );
    let mut urls: Vec<String> = Vec::new();
    let mut imports = Vec::new();
    for file in manifest["esm"]["files"].as_array().unwrap() {
        let source = fetched(&server, file, "text/javascript").await;
        urls.push(url_of(file));
        imports.extend(imports_of(&url_of(file), &source));
    }
    urls.sort_unstable();
    imports.sort_unstable();
    assert_eq!(imports, urls, "each is the other's import");
}

#[tokio::test]
async fn a_stylesheet_comes_with_what_it_refers_to() {
    let server = Server::with(&[theme()]).await;
    for specifier in ["theme#^1~css/theme.css", "theme"] {
        let manifest = server.css(&[specifier]).await.json();
        assert!(manifest.get("esm").is_none(), "{manifest}");
        let style = &manifest["css"][0];
        assert_eq!(
            [&style["specifier"], &style["name"], &style["version"]],
            [&json!(specifier), &json!("theme"), &json!("1.0.0")]
        );
        let css = fetched(&server, style, "text/css").await;
        assert!(css.starts_with("@import 'base.css'"), "as it was published: {css}");
        let files = style["files"].as_array().unwrap();
        let names: Vec<&str> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["theme@1.0.0/css/base.css", "theme@1.0.0/fonts/a.woff2"]);
        fetched(&server, &files[0], "text/css").await;
        assert_eq!(fetched(&server, &files[1], "font/woff2").await, "a font");
        // The browser finds them by the urls in the stylesheets.
        let base = resolved(&url_of(style), "base.css");
        assert_eq!(base, url_of(&files[0]));
        assert_eq!(resolved(&base, "../fonts/a.woff2"), url_of(&files[1]));
    }
}

#[tokio::test]
async fn a_script_is_served_as_it_was_published() {
    let server = Server::with(&[theme()]).await;
    for specifier in ["theme~dist/theme.js", "theme#1 as themed"] {
        let body = json!({"esm": {"scripts": [specifier]}}).to_string();
        let manifest = server.post(body).await.json();
        let script = &manifest["esm"]["scripts"][0];
        assert_eq!(script["specifier"], specifier);
        assert_eq!(fetched(&server, script, "text/javascript").await, "var theme = 'a script'\n");
        assert_eq!(manifest["esm"]["modules"], json!([]));
    }
}

#[tokio::test]
async fn versions_can_be_chosen_for_dependencies() {
    let server = Server::with(&shop()).await;
    let body = json!({"esm": {"modules": ["app"], "usingDependencies": ["lib#1.0.0"]}}).to_string();
    let manifest = server.post(body).await.json();
    assert_eq!(manifest["esm"]["graph"]["app@1.0.0"], json!(["lib@1.0.0"]));
}

#[tokio::test]
async fn pages_at_once_cause_one_download_of_each_tarball() {
    let server = Server::with(&shop()).await;
    let (one, two, three) = tokio::join!(server.esm(&["app"]), server.esm(&["app"]), server.esm(&["lib#^1"]));
    assert_eq!(one.json(), two.json());
    assert_eq!(three.status, 200, "{three:?}");
    for (name, version, hits) in [("app", "1.0.0", 1), ("lib", "1.2.0", 1), ("lib", "1.0.0", 0)] {
        assert_eq!(server.sources.hits(&npm_tarball_path(name, version)), hits, "{name}@{version}");
    }
}

#[tokio::test]
async fn only_paths_of_builds_are_served() {
    let server = Server::with(&shop()).await;
    let manifest = server.esm(&["app"]).await.json();
    let url = url_of(&manifest["esm"]["modules"][0]);
    let key = url.split('/').nth(3).unwrap();
    let secret = server.records().join("secret.json");
    std::fs::write(&secret, "{}").unwrap();
    for path in [
        format!("/millhand/npm/{key}/app@1.0.0/nothing.js"),
        format!("/millhand/npm/{key}/app@1.0.0/"),
        format!("/millhand/npm/{key}/app@1.0.0/x/../entry.js"),
        format!("/millhand/npm/{key}/app@1.0.0/%2e%2e/%2e%2e/secret.json"),
        format!("/millhand/npm/{key}/..%2f..%2fsecret.json"),
        format!("/millhand/npm/{key}/declared.json"),
        format!("/millhand/npm/{}/app@1.0.0/entry.js", key.to_uppercase().replace(char::is_numeric, "A")),
        "/millhand/npm/0000000000000000/app@1.0.0/entry.js".to_owned(),
        "/millhand/npm/..%2f..%2frecords/secret.json".to_owned(),
        "/millhand/npm/%2e%2e/secret.json".to_owned(),
        "/millhand/npm/../../records/secret.json".to_owned(),
        "/millhand/npm/..%5c..%5crecords/secret.json".to_owned(),
        "/millhand/npm/%00/secret.json".to_owned(),
    ] {
        let answer = server.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_ne!(answer.text(), "{}", "{path}");
    }
}
