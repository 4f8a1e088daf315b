//! The lockfile: what is in it is met as it says, what was edited is refused by name.

use serde_json::json;

use super::{lib, shop, theme};
use crate::support::Server;

#[tokio::test]
async fn a_second_run_is_the_same_without_a_network() {
    let packages: Vec<_> = shop().into_iter().chain([theme()]).collect();
    let server = Server::with(&packages).await;
    let body =
        json!({"esm": {"modules": ["app as shop", "lib/deep.js#2"], "scripts": ["theme"]}, "css": ["theme"]});
    let online = server.post(body.to_string()).await;
    assert_eq!(online.status, 200, "{online:?}");
    let (locked, requests) = (server.locked_text(), server.sources.requests());
    assert!(!locked.contains("http"), "{locked}");

    let server = server.offline();
    let offline = server.post(body.to_string()).await;
    assert_eq!(offline.text(), online.text());
    assert_eq!(server.locked_text(), locked);
    assert_eq!(server.sources.requests(), requests);
    assert_eq!(server.esm(&["lib#1.0.0"]).await.failure(), (503, "offline".to_owned()));
}

#[tokio::test]
async fn what_is_locked_stays_when_newer_versions_come() {
    let server = Server::with(&shop()).await;
    let before = server.esm(&["app"]).await.json();
    let newer: Vec<_> = shop().into_iter().chain([lib("1.3.0")]).collect();
    server.sources.publish_npm_packages(&newer);
    let requests = server.sources.requests();
    assert_eq!(server.esm(&["app as other"]).await.json()["esm"]["files"], before["esm"]["files"]);
    assert_eq!(server.sources.requests(), requests);
    // Another environment keeps what it can of what is locked.
    let with_more = server.esm(&["app", "lib#2.0.0"]).await.json();
    assert_eq!(with_more["esm"]["graph"]["app@1.0.0"], json!(["lib@1.2.0"]));
}

#[tokio::test]
async fn a_cache_that_was_lost_is_filled_as_the_lockfile_says() {
    let server = Server::with(&shop()).await;
    let (before, locked) = (server.esm(&["app"]).await.json(), server.locked_text());
    let newer: Vec<_> = shop().into_iter().chain([lib("1.3.0")]).collect();
    server.sources.publish_npm_packages(&newer);
    let server = server.without_cache();
    assert_eq!(server.esm(&["app"]).await.json(), before);
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn locked_serves_what_is_locked_and_refuses_everything_else() {
    let server = Server::with(&shop()).await;
    let before = server.esm(&["app", "lib#1.2.0"]).await.json();
    let (locked, requests) = (server.locked_text(), server.sources.requests());
    let server = server.locked();
    assert_eq!(server.esm(&["app", "lib#1.2.0"]).await.json(), before);
    assert_eq!(server.esm(&["app as x"]).await.status, 200, "a part of it, under another name");
    for modules in [&["app", "lib#2.0.0"][..], &["lib#1.0.0"]] {
        let answer = server.esm(modules).await;
        assert_eq!(answer.failure(), (422, "not-locked".to_owned()));
        assert!(answer.message().contains(modules.last().unwrap()), "{answer:?}");
        assert!(answer.hint().contains("millhand add"), "{answer:?}");
    }
    assert_eq!(server.sources.requests(), requests);
    assert_eq!(server.locked_text(), locked);
}

#[tokio::test]
async fn a_lockfile_that_was_edited_is_refused_by_name() {
    let server = Server::with(&shop()).await;
    assert_eq!(server.esm(&["app"]).await.status, 200);
    let whole = server.locked_text();
    let hash_of_lib = whole.lines().find(|line| line.starts_with("\"lib@1.2.0\" = ")).unwrap();
    // Other bits of the same length.
    let hash = hash_of_lib.split_once("sha512-").unwrap().1;
    let other: String = hash.chars().map(|letter| if letter == 'A' { 'B' } else { 'A' }).collect();
    for (what, edited, status, code, named) in [
        ("a hash is gone", whole.replace(hash_of_lib, ""), 500, "bad-lockfile", "lib@1.2.0"),
        ("a hash is none", whole.replace("sha512-", "sha512-!"), 500, "bad-lockfile", "millhand.lock"),
        ("a root is gone", whole.replace("app = \"app@1.0.0\"\n", ""), 500, "bad-lockfile", "root `app`"),
        (
            "a root leads elsewhere",
            whole.replace("app = \"app@1.0.0\"\n", "app = \"app@1.0.1\"\n"),
            500,
            "bad-lockfile",
            "app@1.0.1",
        ),
        ("an edge is gone", whole.replace("[\"lib@1.2.0\"]", "[]"), 422, "npm-import-unresolved", "`lib`"),
        ("cut off", whole[..whole.len() - 20].to_owned(), 500, "bad-lockfile", "millhand.lock"),
        ("another format", whole.replace("version = 1", "version = 9"), 500, "lockfile-other-version", "9"),
        ("another hash", whole.replace(&hash[..80], &other[..80]), 502, "integrity-mismatch", "lib@1.2.0"),
    ] {
        assert_ne!(edited, whole, "{what}");
        std::fs::write(server.lockfile(), &edited).unwrap();
        let answer = server.esm(&["app"]).await;
        assert_eq!(answer.failure(), (status, code.to_owned()), "{what}: {answer:?}");
        assert!(answer.message().contains(named), "{what}: {answer:?}");
        assert_eq!(server.locked_text(), edited, "{what}");
    }
}

#[tokio::test]
async fn an_environment_that_was_removed_is_resolved_anew_or_refused() {
    let server = Server::with(&shop()).await;
    assert_eq!(server.esm(&["app"]).await.status, 200);
    let whole = server.locked_text();
    std::fs::write(server.lockfile(), "version = 1\n").unwrap();
    let server = server.locked();
    assert_eq!(server.esm(&["app"]).await.failure(), (422, "not-locked".to_owned()));
    let server = server.restarted(|_| {});
    assert_eq!(server.esm(&["app"]).await.status, 200);
    assert_eq!(server.locked_text(), whole);
}

#[tokio::test]
async fn environments_of_several_pages_do_not_get_in_each_others_way() {
    let server = Server::with(&shop()).await;
    let (one, two, three) =
        tokio::join!(server.esm(&["app"]), server.esm(&["lib#2"]), server.manifest(&["six"]),);
    for answer in [&one, &two, &three] {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let locked = server.locked_text();
    assert_eq!(locked.matches("[[environment]]").count(), 3, "{locked}");
    let (server, requests) = {
        let requests = server.sources.requests();
        (server.offline(), requests)
    };
    assert_eq!(server.esm(&["app"]).await.json(), one.json());
    assert_eq!(server.esm(&["lib#2"]).await.json(), two.json());
    assert_eq!(server.manifest(&["six"]).await.json(), three.json());
    assert_eq!(server.sources.requests(), requests);
}
