use axum::body::Body;
use axum::http::{Request, header};
use millhand_fixture::sha256_of;
use serde_json::Value;

use crate::support::{Server, get, url_of};

/// A server with a runtime in its store, and the files of that runtime.
async fn installed() -> (Server, Vec<Value>) {
    let server = Server::start().await;
    let manifest = server.manifest(&["six"]).await.json();
    let files = manifest["pyodide"]["files"].as_array().unwrap().clone();
    (server, files)
}

#[tokio::test]
async fn files_have_their_type_and_may_be_kept_for_ever() {
    let (server, files) = installed().await;
    let types = [
        "text/javascript",
        "text/javascript",
        "application/wasm",
        "application/zip",
        "application/octet-stream",
    ];
    for (file, content_type) in files.iter().zip(types) {
        let answer = server.get(&url_of(file)).await;
        assert_eq!(answer.header(header::CONTENT_TYPE), content_type);
        assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert_eq!(answer.header(header::CONTENT_LENGTH), file["bytes"].to_string());
    }
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let (server, files) = installed().await;
    let request =
        Request::head(url_of(&files[0])).header(header::HOST, "localhost").body(Body::empty()).unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header(header::CONTENT_LENGTH), files[0]["bytes"].to_string());
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn only_what_the_store_knows_is_served() {
    let (server, files) = installed().await;
    let sha256 = files[0]["sha256"].as_str().unwrap();
    let unknown = sha256_of(b"nobody has this");
    for path in [
        format!("/millhand/files/{unknown}/pyodide.mjs"),
        format!("/millhand/files/{}/pyodide.mjs", sha256.to_uppercase()),
        format!("/millhand/files/{}/pyodide.mjs", &sha256[..63]),
        "/millhand/files/..%2f..%2frecords/pyodide-9.9.9.json".to_owned(),
        format!("/millhand/files/%2e%2e%2f{sha256}/pyodide.mjs"),
    ] {
        assert_eq!(server.get(&path).await.failure(), (404, "unknown-file".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_changed_file_is_refused_and_both_hashes_are_named() {
    let (server, files) = installed().await;
    let sha256 = files[0]["sha256"].as_str().unwrap();
    std::fs::write(server.stored(sha256), b"evil").unwrap();
    let answer = server.get(&url_of(&files[0])).await;
    assert_eq!(answer.failure(), (500, "store-file-tampered".to_owned()));
    let message = answer.json()["error"]["message"].to_string();
    for part in [sha256, &sha256_of(b"evil"), server.stored(sha256).to_str().unwrap()] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_deleted_file_comes_back_with_the_next_manifest() {
    let (server, files) = installed().await;
    std::fs::remove_file(server.stored(files[4]["sha256"].as_str().unwrap())).unwrap();
    assert_eq!(server.get(&url_of(&files[4])).await.failure().0, 404);
    assert_eq!(server.manifest(&["six"]).await.status, 200);
    assert_eq!(server.get(&url_of(&files[4])).await.status, 200);
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let (server, files) = installed().await;
    let etag = server.get(&url_of(&files[0])).await.headers[header::ETAG].clone();
    let mut request = get(&url_of(&files[0]));
    request.headers_mut().insert(header::IF_NONE_MATCH, etag);
    let answer = server.send(request).await;
    assert_eq!(answer.status, 304);
    assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
}
