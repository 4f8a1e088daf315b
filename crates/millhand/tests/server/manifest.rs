use axum::body::Body;
use axum::http::{Request, header};
use millhand_fixture::{
    Answer, DATEUTIL_WHEEL, SIX_WHEEL, TARBALL, VERSION, lock, sha256_of, wheel_content, wheel_path,
};
use serde_json::json;

use crate::support::{Server, url_of};

#[tokio::test]
async fn a_manifest_lists_what_a_page_loads() {
    let server = Server::start().await;
    let answer = server.manifest(&["python-dateutil"]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");

    let manifest = answer.json();
    let pyodide = &manifest["pyodide"];
    assert_eq!(pyodide["version"], VERSION);
    assert_eq!(pyodide["packages"], json!(["six", "python-dateutil"]));
    assert_eq!(pyodide["lock"]["info"], lock()["info"]);
    let packages = lock()["packages"].clone();
    assert_eq!(
        pyodide["lock"]["packages"],
        json!({"six": packages["six"], "python-dateutil": packages["python-dateutil"]})
    );

    let files = pyodide["files"].as_array().unwrap();
    let names: Vec<&str> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
    let runtime = ["pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip"];
    assert_eq!(names, [&runtime[..], &[SIX_WHEEL, DATEUTIL_WHEEL]].concat());
    let content = wheel_content(SIX_WHEEL);
    let sha256 = sha256_of(&content);
    let url = format!("files/{sha256}/{SIX_WHEEL}");
    assert_eq!(files[4], json!({"name": SIX_WHEEL, "url": url, "sha256": sha256, "bytes": content.len()}));
}

#[tokio::test]
async fn every_file_of_a_manifest_can_be_loaded() {
    let server = Server::start().await;
    let manifest = server.manifest(&["python-dateutil", "numpy"]).await.json();
    for file in manifest["pyodide"]["files"].as_array().unwrap() {
        let answer = server.get(&url_of(file)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(sha256_of(&answer.body), file["sha256"].as_str().unwrap());
        assert_eq!(answer.body.len() as u64, file["bytes"]);
    }
}

#[tokio::test]
async fn the_runtime_alone_can_be_asked_for() {
    let server = Server::start().await;
    let body = json!({"pyodide": {"version": VERSION}}).to_string();
    let manifest = server.post(body).await.json();
    assert_eq!(manifest["pyodide"]["packages"], json!([]));
    assert_eq!(manifest["pyodide"]["files"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn each_kind_of_failure_has_its_status() {
    let server = Server::start().await;
    for (modules, status, code) in [
        (&["nunpy"][..], 422, "unknown-python-package"),
        (&["numpy==1.0"], 422, "python-version-unavailable"),
        (&["numpy>>2"], 400, "bad-python-specifier"),
        (&["numpy", "NumPy"], 400, "repeated-python-package"),
    ] {
        assert_eq!(server.manifest(modules).await.failure(), (status, code.to_owned()));
    }
    let unpublished = json!({"pyodide": {"version": "1.2.3"}}).to_string();
    assert_eq!(server.post(unpublished).await.failure(), (422, "unknown-pyodide-version".to_owned()));
    let tag = json!({"pyodide": {"version": "latest"}}).to_string();
    assert_eq!(server.post(tag).await.failure(), (400, "bad-pyodide-version".to_owned()));
    server.sources.answer(&wheel_path(SIX_WHEEL), &[Answer::Status(500)]);
    assert_eq!(server.manifest(&["six"]).await.failure(), (502, "source-refused".to_owned()));
}

#[tokio::test]
async fn a_failure_says_what_to_do() {
    let server = Server::start().await;
    let error = server.manifest(&["nunpy"]).await.json();
    assert_eq!(
        error,
        json!({"error": {
            "code": "unknown-python-package",
            "message": "there is no Python package `nunpy` for this version of Pyodide",
            "hint": "did you mean `numpy`?",
        }})
    );
}

#[tokio::test]
async fn a_failed_source_is_named_with_its_cause() {
    let server = Server::start().await;
    server.sources.answer(&wheel_path(SIX_WHEEL), &[Answer::Status(404)]);
    let message = server.manifest(&["six"]).await.json()["error"]["message"].to_string();
    assert!(message.contains("cannot download `six`: there is no `http://127.0.0.1:"), "{message}");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_refused() {
    let server = Server::start().await;
    for body in ["", "[", "[]", "null", r#"{"pyodide": {"modules": "numpy"}}"#] {
        assert_eq!(server.post(body).await.failure(), (400, "bad-manifest-request".to_owned()), "{body}");
    }
    let answer = server.post(r#"{"pyodide": {}, "esms": []}"#).await;
    assert_eq!(answer.failure().0, 400);
    assert!(answer.text().contains("unknown field `esms`"), "{answer:?}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let server = Server::start().await;
    let answer = server.post(vec![b' '; 64 * 1024 + 1]).await;
    assert_eq!(answer.failure(), (413, "request-too-large".to_owned()));
}

#[tokio::test]
async fn offline_answers_come_from_the_cache_or_not_at_all() {
    let server = Server::start().await.offline();
    assert_eq!(server.manifest(&[]).await.failure(), (503, "offline".to_owned()));

    let server = Server::start().await;
    let online = server.manifest(&["six"]).await.json();
    let server = server.offline();
    assert_eq!(server.manifest(&["six"]).await.json(), online);
    assert_eq!(server.manifest(&["numpy"]).await.failure(), (503, "offline".to_owned()));
}

#[tokio::test]
async fn two_pages_at_once_cause_one_download() {
    let server = Server::start().await;
    let (one, two) = tokio::join!(server.manifest(&["six"]), server.manifest(&["six"]));
    assert_eq!(one.json(), two.json());
    assert_eq!(server.sources.hits(TARBALL), 1);
    assert_eq!(server.sources.hits(&wheel_path(SIX_WHEEL)), 1);
}

#[tokio::test]
async fn a_manifest_is_posted_for() {
    let server = Server::start().await;
    for method in ["GET", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri("/millhand/manifest");
        let request = request.header(header::HOST, "localhost").body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, 405, "{method}");
    }
}
