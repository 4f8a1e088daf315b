use std::fs;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use crate::support::{Answer, Server};

async fn notebook(path: &str) -> Server {
    let server = Server::start().await;
    let site = server.site.path();
    fs::create_dir_all(site.join("more")).unwrap();
    fs::write(site.join("page.md"), "# A page\n\n<js-cell>\nconst a = '</script>'\n</js-cell>\n").unwrap();
    fs::write(site.join("more/caf\u{e9} 1.md"), "# Caf\u{e9}").unwrap();
    fs::write(site.join("broken.md"), "\n<js-cell>\n").unwrap();
    fs::write(site.join(".hidden.md"), "secret").unwrap();
    fs::write(site.join("data.csv"), "1,2").unwrap();
    server.with_notebook(path)
}

async fn compile(server: &Server, body: String, origin: Option<&str>) -> Answer {
    let mut request = Request::post("/millhand/notebook/cell").header(header::HOST, "localhost:8750");
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    server.send(request.body(Body::from(body)).unwrap()).await
}

fn cell(source: &str) -> String {
    json!({"file": "page.md", "language": "javascript", "source": source, "firstLine": 4, "firstColumn": 1})
        .to_string()
}

#[tokio::test]
async fn a_folder_lists_its_pages_and_serves_them_with_what_is_beside() {
    let server = notebook("").await;
    let list = server.get("/").await;
    assert!(list.text().contains("<a href=\"/more/caf%C3%A9%201\">more/caf\u{e9} 1</a>"), "{}", list.text());
    assert!(!list.text().contains("hidden"));
    for path in ["/page", "/page.md", "/more/caf%C3%A9%201"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text().contains("<script type=\"module\" src=\"/millhand/notebook.js\">"), "{path}");
    }
    assert_eq!(server.get("/data.csv").await.text(), "1,2");
    for path in
        ["/nowhere", "/.hidden", "/.hidden.md", "/more/..%2f.hidden", "/millhand/notebook/page/.hidden"]
    {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_single_page_is_at_the_root() {
    let server = notebook("page.md").await;
    let page = server.get("/").await;
    assert!(page.text().contains("<title>A page</title>"), "{}", page.text());
    // Nothing of a cell ends the script that holds it.
    assert_eq!(page.text().matches("</script>").count(), 2, "{}", page.text());
}

#[tokio::test]
async fn a_page_with_a_mistake_says_where_it_is() {
    let server = notebook("").await;
    let page = server.get("/broken").await;
    assert_eq!(page.status, 422);
    assert!(page.text().contains("broken.md:2: `&lt;js-cell&gt;` is not closed"), "{}", page.text());
    let data = server.get("/millhand/notebook/page/broken").await;
    assert_eq!(data.failure(), (422, "unclosed-tag".to_owned()));
}

#[tokio::test]
async fn an_edited_cell_is_compiled_and_a_mistake_is_an_answer() {
    let server = notebook("").await;
    let answer = compile(&server, cell("const b = a + 1"), None).await.json();
    assert_eq!(answer["compiled"]["declares"][0]["name"], "b");
    assert_eq!(answer["compiled"]["uses"], json!(["a"]));
    let answer = compile(&server, cell("\nconst = 1"), None).await.json();
    assert_eq!((answer["error"]["line"].as_u64(), answer["error"]["column"].as_u64()), (Some(5), Some(7)));
}

#[tokio::test]
async fn foreign_pages_and_odd_bodies_compile_nothing() {
    let server = notebook("").await;
    assert_eq!(compile(&server, cell("1"), Some("http://evil.example")).await.status, 403);
    assert_eq!(compile(&server, "{".to_owned(), None).await.failure(), (400, "bad-cell-request".to_owned()));
    let large = "a".repeat(2 << 20);
    assert_eq!(compile(&server, large, None).await.failure(), (413, "bad-cell-request".to_owned()));
}

#[tokio::test]
async fn without_a_notebook_there_are_no_such_routes() {
    let server = Server::start().await;
    assert_eq!(compile(&server, cell("1"), None).await.status, 405);
    assert_eq!(server.get("/millhand/notebook/page/page").await.status, 404);
}
