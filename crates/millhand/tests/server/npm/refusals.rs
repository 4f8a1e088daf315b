//! What cannot be met is refused: with a status, a code, and a message that names what was asked for. Nothing of it is
//! written down.

use millhand_fixture::{NpmPackage, npm_document_path, npm_tarball_path};
use serde_json::json;

use super::{lib, shop, theme};
use crate::support::{Answer, Server};

/// A server that has locked one environment, which refusals must leave as it is.
async fn with_something_locked(packages: &[NpmPackage]) -> (Server, String) {
    let all: Vec<NpmPackage> = packages.iter().cloned().chain([lib("1.2.0")]).collect();
    let server = Server::with(&all).await;
    assert_eq!(server.esm(&["lib#1.2.0"]).await.status, 200);
    let locked = server.locked_text();
    assert!(locked.contains("lib@1.2.0"), "{locked}");
    (server, locked)
}

/// That an answer is this refusal; gives its message and its hint.
fn refused(answer: &Answer, status: u16, code: &str) -> (String, String) {
    assert_eq!(answer.failure(), (status, code.to_owned()), "{answer:?}");
    (answer.message(), answer.hint())
}

#[tokio::test]
async fn an_unknown_package_is_named_with_its_registry() {
    let (server, locked) = with_something_locked(&[]).await;
    let (message, hint) = refused(&server.esm(&["nowhere#^1"]).await, 422, "npm-package-unknown");
    assert!(message.contains("has no `nowhere`") && message.contains("nowhere#^1"), "{message}");
    assert!(hint.contains("npm_config_registry"), "{hint}");
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn an_unknown_dependency_is_named_with_the_way_to_it() {
    let app = NpmPackage::new("app@1.0.0", json!({"dependencies": {"gone": "^1"}}));
    let (server, locked) = with_something_locked(&[app]).await;
    let (message, _) = refused(&server.esm(&["app"]).await, 422, "npm-package-unknown");
    assert!(message.contains("`gone`") && message.contains("app"), "{message}");
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn for_an_unknown_version_the_nearest_are_named() {
    let (server, locked) = with_something_locked(&[lib("1.0.0"), lib("2.0.0")]).await;
    let (message, hint) = refused(&server.esm(&["lib#^3"]).await, 422, "npm-version-unknown");
    assert!(message.contains("`lib`") && message.contains("lib#^3"), "{message}");
    assert!(hint.contains("`2.0.0`"), "{hint}");
    let (message, hint) = refused(&server.esm(&["lib#beta"]).await, 422, "npm-version-unknown");
    assert!(message.contains("tagged `beta`"), "{message}");
    assert!(hint.contains("`latest`"), "{hint}");
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn a_file_that_is_not_meant_clearly_is_refused_with_its_candidates() {
    let (server, locked) = with_something_locked(&[theme()]).await;
    let script = |specifier: &str| json!({"esm": {"scripts": [specifier]}}).to_string();
    let answer = server.post(script("theme~theme.js")).await;
    let (message, hint) = refused(&answer, 422, "npm-file-ambiguous");
    assert!(message.contains("`theme~theme.js`") && message.contains("2 files"), "{message}");
    assert!(hint.contains("`dist/theme.js`, `dist/other/theme.js`"), "{hint}");

    let (message, hint) = refused(&server.css(&["theme~thema.css"]).await, 422, "npm-file-unknown");
    assert!(message.contains("`theme~thema.css`"), "{message}");
    assert!(hint.contains("`css/theme.css`"), "{hint}");

    let (message, hint) = refused(&server.css(&["lib#1.2.0"]).await, 422, "npm-file-unnamed");
    assert!(message.contains("`lib#1.2.0`") && hint.contains("name~path"), "{message} {hint}");
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn an_alias_is_given_once_even_to_what_is_locked() {
    let (server, locked) = with_something_locked(&[theme()]).await;
    for modules in [["lib#1.2.0 as x", "theme as x"], ["lib#1.2.0 as x", "lib#1.2.0 as x"]] {
        let answer = server.esm(&modules).await;
        if modules[0] == modules[1] {
            assert_eq!(answer.status, 200, "the same twice is once: {answer:?}");
            continue;
        }
        let (message, _) = refused(&answer, 422, "npm-alias-twice");
        for part in modules.iter().chain(&["`x`"]) {
            assert!(message.contains(part), "{message}");
        }
    }
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn versions_that_exclude_each_other_are_listed_with_who_asks() {
    let asks = |name: &str, range: &str| {
        NpmPackage::new(&format!("{name}@1.0.0"), json!({"peerDependencies": {"lib": range}}))
    };
    let (server, locked) =
        with_something_locked(&[asks("one", "1.0.x"), asks("two", "1.2.x"), lib("1.0.0")]).await;
    let (message, hint) = refused(&server.esm(&["one", "two"]).await, 422, "npm-version-conflict");
    for part in ["`lib`", "`one@1.0.0` for `1.0.x`", "`two@1.0.0` for `1.2.x`"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(hint.contains("usingDependencies"), "{hint}");
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn a_package_that_needs_node_is_refused_with_the_way_to_it() {
    let tool = NpmPackage::new("tool@1.0.0", json!({"type": "module"}))
        .file("index.js", "export * from './disk.js'\n")
        .file("disk.js", "import { readFileSync } from 'node:fs'\nexport const read = readFileSync\n");
    let app = NpmPackage::new("app@1.0.0", json!({"type": "module", "dependencies": {"tool": "1"}}))
        .file("index.js", "export * from 'tool'\n");
    let (server, locked) = with_something_locked(&[tool, app]).await;
    let (message, hint) = refused(&server.esm(&["app#^1 as app"]).await, 422, "npm-package-needs-node");
    for part in ["`app#^1 as app`", "`tool@1.0.0`", "`fs`", "disk.js"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(hint.contains("browsers"), "{hint}");
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn a_package_that_cannot_be_built_is_refused_by_name() {
    let broken =
        NpmPackage::new("broken@1.0.0", json!({"type": "module"})).file("index.js", "export const = 1\n");
    let lost = NpmPackage::new("lost@1.0.0", json!({"type": "module"}))
        .file("index.js", "export * from './elsewhere.js'\n");
    let parts = NpmPackage::new("parts@1.0.0", json!({"exports": {"./one": "./one.js"}})).file("one.js", "");
    let types = NpmPackage::new("types@1.0.0", json!({})).file("index.d.ts", "export type A = 1\n");
    let (server, locked) = with_something_locked(&[broken, lost, types, parts]).await;
    for (specifier, code, part) in [
        ("broken#1", "npm-package-broken", "index.js"),
        ("lost#1", "npm-import-unresolved", "./elsewhere.js"),
        ("types#1", "npm-package-without-module", "types@1.0.0"),
        ("parts#1", "npm-module-unknown", "`.`"),
        ("lib/nothing.js#1.2.0", "npm-module-unknown", "nothing.js"),
    ] {
        let (message, _) = refused(&server.esm(&[specifier]).await, 422, code);
        assert!(message.contains(&format!("`{specifier}`")) && message.contains(part), "{message}");
    }
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn a_specifier_that_is_none_is_refused_before_anyone_is_asked() {
    let server = Server::start().await;
    for specifier in ["", ".lib", "../lib", "lib#", "lib as 1", "https://localhost/lib"] {
        let (message, _) = refused(&server.esm(&[specifier]).await, 400, "bad-npm-specifier");
        assert!(message.contains(specifier), "{message}");
    }
    assert_eq!((server.sources.requests(), server.locked_text().as_str()), (0, ""));
}

#[tokio::test]
async fn a_registry_that_fails_is_told_from_a_package_that_is_unknown() {
    let server = Server::with(&shop()).await;
    let down = [millhand_fixture::Answer::Status(500)];
    server.sources.answer(&npm_document_path("lib"), &down);
    let (message, _) = refused(&server.esm(&["app"]).await, 502, "source-refused");
    assert!(message.contains("lib"), "{message}");

    let server = Server::with(&shop()).await;
    server.sources.answer(&npm_tarball_path("lib", "1.2.0"), &down);
    let (message, _) = refused(&server.esm(&["app"]).await, 502, "source-refused");
    assert!(message.contains("`app`") && message.contains("cannot download `lib@1.2.0`"), "{message}");
    assert_eq!(server.locked_text(), "");
}
