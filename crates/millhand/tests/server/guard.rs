use axum::body::Body;
use axum::http::{Request, header};

use crate::support::{Server, get, post};

const ON_EVERY_ANSWER: [(&str, &str); 6] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "credentialless"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "base-uri 'self'; object-src 'none'; frame-ancestors 'self'"),
];

fn get_as(host: &str) -> Request<Body> {
    Request::get("/").header(header::HOST, host).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let server = Server::start().await;
    let requests = [
        get("/"),
        get("/nowhere"),
        get("/.env"),
        get("/millhand/nowhere.js"),
        get("/millhand/manifest"),
        get("/millhand/files/no/hash"),
        get("/millhand/%ff"),
        get_as("evil.test"),
        post("{}"),
        post(vec![b' '; 100_000]),
    ];
    for request in requests {
        let path = request.uri().to_string();
        let answer = server.send(request).await;
        for (name, value) in ON_EVERY_ANSWER {
            let values: Vec<_> = answer.headers.get_all(name).iter().collect();
            assert_eq!(values, [value], "{name} of {path}");
        }
    }
}

#[tokio::test]
async fn this_machine_goes_by_three_names() {
    let server = Server::start().await;
    for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8750", "[::1]", "[::1]:8750"] {
        assert_eq!(server.send(get_as(host)).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn another_name_is_refused_in_clear_text() {
    let server = Server::start().await;
    for host in [
        "evil.test",
        "evil.test:8750",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "192.168.0.1",
        "0.0.0.0",
        "localhost@evil.test",
        "evil.test@localhost",
        "localhost/evil.test",
        "",
    ] {
        let answer = server.send(get_as(host)).await;
        assert_eq!(answer.status, 421, "{host}");
        assert!(answer.text().contains("answers for `localhost`"), "{host}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_refused() {
    let server = Server::start().await;
    let request = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(server.send(request).await.status, 400);
    let mut request = get_as("localhost");
    request.headers_mut().append(header::HOST, "evil.test".parse().unwrap());
    assert_eq!(server.send(request).await.status, 421);
}

#[tokio::test]
async fn a_whole_url_as_target_must_name_this_machine_too() {
    let server = Server::start().await;
    for (target, status) in [("http://localhost:8750/", 200), ("http://evil.test/", 421)] {
        let request = Request::get(target).header(header::HOST, "localhost").body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, status, "{target}");
    }
}

#[tokio::test]
async fn only_own_pages_may_post() {
    let server = Server::start().await;
    for (origin, status) in [
        ("http://localhost:8750", 400),
        ("http://localhost:9999", 403),
        ("http://127.0.0.1:8750", 403),
        ("https://localhost:8750", 403),
        ("http://evil.test", 403),
        ("null", 403),
    ] {
        let mut request = post("[]");
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        // 400 comes from behind the guard: the body is no request.
        assert_eq!(server.send(request).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn no_other_origin_is_allowed_to_read() {
    let server = Server::start().await;
    let request = Request::options("/millhand/manifest")
        .header(header::HOST, "localhost:8750")
        .header(header::ORIGIN, "http://evil.test")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .body(Body::empty())
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}
