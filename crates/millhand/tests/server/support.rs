//! A server with a folder of pages, an empty cache and sources of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use millhand::notebook::Notebook;
use millhand::routes::notebook::NotebookState;
use millhand::routes::pages::Pages;
use millhand::{AppState, app, notebook_app};
use millhand_fixture::{NpmPackage, Sources, VERSION};
use millhand_packages::{FetchLimits, Installer, InstallerSettings, NpmRegistry, PythonIndex};
use millhand_transform::Bundler;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) struct Server {
    pub(crate) sources: Sources,
    pub(crate) site: TempDir,
    cache: TempDir,
    installer: Arc<Installer>,
    notebook: Option<Arc<Notebook>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let (site, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(site.path().join("index.html"), "the start page").unwrap();
        let sources = Sources::start().await;
        let installer = Arc::new(Installer::open(settings(&sources, &site, &cache)).unwrap());
        Self { sources, site, cache, installer, notebook: None }
    }

    /// The same server, with the site's Markdown as pages; `path` is a file or folder of it.
    pub(crate) fn with_notebook(self, path: &str) -> Self {
        let notebook = Notebook::open(&self.site.path().join(path)).unwrap();
        Self { notebook: Some(Arc::new(notebook)), ..self }
    }

    /// A server whose registry has these npm packages.
    pub(crate) async fn with(packages: &[NpmPackage]) -> Self {
        let server = Self::start().await;
        server.sources.publish_npm_packages(packages);
        server
    }

    /// The same server after a restart, with settings changed.
    pub(crate) fn restarted(self, change: impl FnOnce(&mut InstallerSettings)) -> Self {
        let mut settings = settings(&self.sources, &self.site, &self.cache);
        change(&mut settings);
        Self { installer: Arc::new(Installer::open(settings).unwrap()), ..self }
    }

    /// The same server after a restart without a network.
    pub(crate) fn offline(self) -> Self {
        self.restarted(|settings| settings.offline = true)
    }

    /// The same server after a restart with `--locked`.
    pub(crate) fn locked(self) -> Self {
        self.restarted(|settings| settings.locked = true)
    }

    /// The same server after a restart with an empty cache.
    pub(crate) fn without_cache(self) -> Self {
        Self { cache: tempfile::tempdir().unwrap(), ..self }.restarted(|_| {})
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let pages = Arc::new(Pages::open(self.site.path()).unwrap());
        let state =
            AppState { installer: Arc::clone(&self.installer), pages, gateway: None, image_maker: None };
        let app = match &self.notebook {
            Some(notebook) => notebook_app(NotebookState { app: state, notebook: Arc::clone(notebook) }),
            None => app(state),
        };
        let Ok(response) = app.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path)).await
    }

    pub(crate) async fn post(&self, body: impl Into<Body>) -> Answer {
        self.send(post(body)).await
    }

    /// Asks for the manifest of these modules.
    pub(crate) async fn manifest(&self, modules: &[&str]) -> Answer {
        self.post(json!({"pyodide": {"version": VERSION, "modules": modules}}).to_string()).await
    }

    /// Asks for the manifest of these modules of npm packages.
    pub(crate) async fn esm(&self, modules: &[&str]) -> Answer {
        self.post(json!({"esm": {"modules": modules}}).to_string()).await
    }

    /// Asks for the manifest of these stylesheets.
    pub(crate) async fn css(&self, styles: &[&str]) -> Answer {
        self.post(json!({"css": styles}).to_string()).await
    }

    /// Where the store keeps the file with this hash.
    pub(crate) fn stored(&self, sha256: &str) -> PathBuf {
        self.cache.path().join("v1/files").join(&sha256[..2]).join(sha256)
    }

    /// The folder of the store's records.
    pub(crate) fn records(&self) -> PathBuf {
        self.cache.path().join("v1/records")
    }

    /// Where the lockfile is.
    pub(crate) fn lockfile(&self) -> PathBuf {
        self.site.path().join("millhand.lock")
    }

    /// What the lockfile says; nothing when there is none.
    pub(crate) fn locked_text(&self) -> String {
        std::fs::read_to_string(self.lockfile()).unwrap_or_default()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The message of a failure.
    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }

    /// The hint of a failure.
    pub(crate) fn hint(&self) -> String {
        self.json()["error"]["hint"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and code of a failure.
    pub(crate) fn failure(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert!(error["message"].is_string() && error.get("hint").is_some(), "{error}");
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned())
    }
}

/// Where a file of a manifest is: its url is relative to the manifest's own.
pub(crate) fn url_of(file: &Value) -> String {
    format!("/millhand/{}", file["url"].as_str().unwrap())
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, "localhost:8750").body(Body::empty()).unwrap()
}

pub(crate) fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/millhand/manifest").header(header::HOST, "localhost:8750").body(body.into()).unwrap()
}

/// As the binary has them, but with sources on loopback.
fn settings(sources: &Sources, site: &TempDir, cache: &TempDir) -> InstallerSettings {
    InstallerSettings {
        transform: Some(Arc::new(Bundler::new())),
        lockfile: Some(site.path().join("millhand.lock")),
        cdn: sources.cdn().parse().unwrap(),
        registry: NpmRegistry::At(sources.registry().parse().unwrap()),
        python_index: PythonIndex::Off,
        limits: FetchLimits { backoff: Duration::from_millis(1), ..FetchLimits::default() },
        ..InstallerSettings::in_folder(cache.path())
    }
}
