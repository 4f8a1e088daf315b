//! What was changed is refused: at its source, in the lockfile, or in the cache. What was cut off is made anew.

use millhand_fixture::{Answer, integrity_of, npm_tarball_path, sha256_of};
use serde_json::json;

use super::{names_of, shop, theme};
use crate::support::{Server, url_of};

#[tokio::test]
async fn a_tarball_that_is_not_the_published_one_is_refused_with_both_hashes() {
    let server = Server::with(&shop()).await;
    let (path, evil) = (npm_tarball_path("lib", "1.2.0"), super::lib("1.2.0").file("evil.js", "").tarball());
    server.sources.answer(&path, &[Answer::Content(evil.clone())]);
    let answer = server.esm(&["app"]).await;
    assert_eq!(answer.failure(), (502, "integrity-mismatch".to_owned()));
    let published = integrity_of(&super::lib("1.2.0").tarball());
    for part in ["`app`", "`lib@1.2.0`", &published, &integrity_of(&evil)] {
        assert!(answer.message().contains(part), "{answer:?}");
    }
    assert_eq!(server.locked_text(), "");
}

#[tokio::test]
async fn a_version_that_was_published_anew_is_refused_where_it_is_locked() {
    let server = Server::with(&shop()).await;
    assert_eq!(server.esm(&["app"]).await.status, 200);
    let (server, locked) = (server.without_cache(), integrity_of(&super::lib("1.2.0").tarball()));
    let before = server.locked_text();
    let changed = super::lib("1.2.0").file("evil.js", "");
    let others = shop().into_iter().filter(|package| package.tarball_path() != changed.tarball_path());
    server.sources.publish_npm_packages(&others.chain([changed.clone()]).collect::<Vec<_>>());
    let answer = server.esm(&["app"]).await;
    assert_eq!(answer.failure(), (502, "integrity-mismatch".to_owned()));
    for part in ["`lib@1.2.0`", &locked, &integrity_of(&changed.tarball())] {
        assert!(answer.message().contains(part), "{answer:?}");
    }

    // Another request would resolve it anew, and is refused as well.
    let answer = server.esm(&["app", "lib#2.0.0"]).await;
    assert_eq!(answer.failure(), (422, "npm-package-changed".to_owned()), "{answer:?}");
    for part in ["`lib@1.2.0`", &locked, &integrity_of(&changed.tarball())] {
        assert!(answer.message().contains(part), "{answer:?}");
    }
    assert_eq!(server.locked_text(), before);
}

#[tokio::test]
async fn a_file_that_was_changed_in_the_cache_is_refused_with_both_hashes() {
    let packages: Vec<_> = shop().into_iter().chain([theme()]).collect();
    let server = Server::with(&packages).await;
    let body = json!({"esm": {"modules": ["app"]}, "css": ["theme"]}).to_string();
    let manifest = server.post(body).await.json();
    let (module, style) = (&manifest["esm"]["files"][0], &manifest["css"][0]);
    for file in [module, style, &style["files"][1]] {
        let (url, sha256) = (url_of(file), file["sha256"].as_str().unwrap());
        assert_eq!(server.get(&url).await.status, 200);
        std::fs::write(server.stored(sha256), "evil").unwrap();
        let answer = server.get(&url).await;
        assert_eq!(answer.failure(), (500, "store-file-tampered".to_owned()), "{url}");
        for part in [sha256, &sha256_of(b"evil")] {
            assert!(answer.message().contains(part), "{answer:?}");
        }
        assert!(answer.hint().contains("millhand cache verify --remove"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_kept_tarball_that_was_changed_is_refused_with_both_hashes() {
    let server = Server::with(&shop()).await;
    assert_eq!(server.esm(&["lib#1.2.0"]).await.status, 200);
    let kept = sha256_of(&super::lib("1.2.0").tarball());
    std::fs::write(server.stored(&kept), "evil").unwrap();
    // Its modules are built; one more takes the tarball again.
    let answer = server.esm(&["lib/late.js#1.2.0"]).await;
    assert_eq!(answer.failure(), (500, "store-file-tampered".to_owned()));
    for part in ["`lib/late.js#1.2.0`", &kept, &sha256_of(b"evil")] {
        assert!(answer.message().contains(part), "{answer:?}");
    }
}

#[tokio::test]
async fn a_build_that_was_cut_off_is_made_anew() {
    let mut server = Server::with(&shop()).await;
    let manifest = server.esm(&["app"]).await.json();
    let url = url_of(&manifest["esm"]["modules"][0]);
    let record = server.records().join("npm").join(url.split('/').nth(3).unwrap()).join("declared.json");
    let whole = std::fs::read_to_string(&record).unwrap();
    for cut in ["", "{", &whole[..whole.len() / 2], "[]", "null"] {
        std::fs::write(&record, cut).unwrap();
        server = server.restarted(|_| {});
        assert_eq!(server.get(&url).await.status, 404, "{cut}");
        assert_eq!(server.esm(&["app"]).await.json(), manifest, "{cut}");
        assert_eq!(server.get(&url).await.status, 200, "{cut}");
        assert_eq!(std::fs::read_to_string(&record).unwrap(), whole);
    }
}

#[tokio::test]
async fn a_built_file_that_is_gone_is_made_anew() {
    let server = Server::with(&shop()).await;
    let manifest = server.esm(&["app"]).await.json();
    for file in manifest["esm"]["files"].as_array().unwrap() {
        std::fs::remove_file(server.stored(file["sha256"].as_str().unwrap())).unwrap();
    }
    let server = server.offline();
    let again = server.esm(&["app"]).await.json();
    assert_eq!(again, manifest, "out of the kept tarballs, without a network");
    assert_eq!(names_of(&again).len(), 3);
    for file in again["esm"]["files"].as_array().unwrap() {
        assert_eq!(server.get(&url_of(file)).await.status, 200, "{file}");
    }
}
