use std::fs;

use axum::http::header;

use crate::support::{Server, get};

/// A server with a folder, a hidden file, a hidden folder, and a secret beside the site.
async fn site() -> Server {
    let server = Server::start().await;
    let site = server.site.path();
    fs::create_dir_all(site.join("docs")).unwrap();
    fs::write(site.join("docs/index.html"), "the documents").unwrap();
    fs::write(site.join("docs/app.mjs"), "export {}").unwrap();
    fs::write(site.join("data.wasm"), "wasm").unwrap();
    fs::write(site.join("app.ts"), "let a: number").unwrap();
    fs::write(site.join(".env"), "SECRET=1").unwrap();
    fs::create_dir_all(site.join(".git")).unwrap();
    fs::write(site.join(".git/config"), "secret").unwrap();
    server
}

#[tokio::test]
async fn files_and_folders_are_served() {
    let server = site().await;
    for (path, content_type, body) in [
        ("/", "text/html; charset=utf-8", "the start page"),
        ("/index.html", "text/html; charset=utf-8", "the start page"),
        ("/docs/", "text/html; charset=utf-8", "the documents"),
        ("/docs/app.mjs", "application/javascript", "export {}"),
        ("/docs/app.mjs?v=1", "application/javascript", "export {}"),
        ("/data.wasm", "application/wasm", "wasm"),
        ("/app.ts", "text/plain; charset=utf-8", "let a: number"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, body), "{path}");
        assert_eq!(answer.header(header::CONTENT_TYPE), content_type, "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-cache", "{path}");
        assert!(answer.headers.contains_key(header::LAST_MODIFIED), "{path}");
    }
    let answer = server.get("/docs").await;
    assert_eq!(answer.header(header::LOCATION), "/docs/");
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let server = site().await;
    let etag = server.get("/").await.headers[header::ETAG].clone();
    let mut request = get("/");
    request.headers_mut().insert(header::IF_NONE_MATCH, etag);
    assert_eq!(server.send(request).await.status, 304);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = site().await;
    for path in ["/nowhere", "/docs/nowhere/", "/index.html/x", "/millhand", "/millhand/"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (404, "there is no such page\n"), "{path}");
    }
}

#[tokio::test]
async fn a_site_without_an_icon_is_in_order() {
    let server = site().await;
    let answer = server.get("/favicon.ico").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (204, ""));
    fs::write(server.site.path().join("favicon.ico"), "icon").unwrap();
    assert_eq!(server.get("/favicon.ico").await.text(), "icon");
}

#[tokio::test]
async fn hidden_files_are_not_served() {
    let server = site().await;
    for path in
        ["/.env", "/%2eenv", "/.git/config", "/.git/", "/docs/../.env", "/docs/..%2f.env", "/%2E%67it/config"]
    {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_served() {
    let server = site().await;
    let name = "beside-the-site.txt";
    let beside = server.site.path().parent().unwrap().join(name);
    fs::write(&beside, "secret").unwrap();
    for up in [
        "../",
        "%2e%2e/",
        "..%2f",
        "%2e%2e%2f",
        "..%5c",
        "..\\",
        "docs/../../",
        "%252e%252e%252f",
        "./../",
        "/../",
    ] {
        let answer = server.get(&format!("/{up}{name}")).await;
        assert_eq!(answer.status, 404, "{up}");
    }
    let absolute = server.get(&format!("/{}", beside.display())).await;
    fs::remove_file(beside).unwrap();
    assert_eq!(absolute.status, 404);
}
