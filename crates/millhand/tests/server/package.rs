use axum::http::header;

use crate::support::{Server, get};

/// The package may or may not have been built before the binary was; the build knows, and which answer is right.
#[tokio::test]
async fn the_package_is_served_or_the_way_to_get_it_is_told() {
    let server = Server::start().await;
    let answer = server.get("/millhand/index.js").await;
    if env!("MILLHAND_PACKAGE") == "missing" {
        assert_eq!(answer.status, 404);
        assert_eq!(answer.failure().1, "package-not-built");
        assert!(answer.text().contains("cargo xtask build"));
        return;
    }
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header(header::CONTENT_TYPE), "text/javascript");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-cache");

    let mut request = get("/millhand/index.js");
    request.headers_mut().insert(header::IF_NONE_MATCH, answer.headers[header::ETAG].clone());
    let again = server.send(request).await;
    assert_eq!(again.status, 304);
    assert!(again.body.is_empty());
}

#[tokio::test]
async fn a_file_that_the_package_does_not_have_is_an_error() {
    let server = Server::start().await;
    for path in ["/millhand/nowhere.js", "/millhand/../Cargo.toml", "/millhand/%2e%2e/%2e%2e/package.json"] {
        assert_eq!(server.get(path).await.failure().0, 404, "{path}");
    }
}
