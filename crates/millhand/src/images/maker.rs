//! Makes an image: a server on loopback with one page, a browser that opens it, and the answer that comes back.
//!
//! The server gives out what the image is of, and takes one answer of bounded size, within a bounded time, from whoever shows the
//! token that only the page's url has.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use millhand_gateway::{Token, TokenError};
use millhand_packages::{ImageId, Manifest, PythonImage, RequestJson, Sha256, Store, StoreError};
use serde::Serialize;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::time::timeout;

use super::ImageSubject;
use super::browser::{Browser, BrowserError, Words};
use super::file::{ImageFile, ImageFileError};
use crate::error::with_causes;
use crate::routes::files::{FileError, stored_file};
use crate::{app, routes, serve};

/// The page gives up after two minutes itself.
const MADE_WITHIN: Duration = Duration::from_secs(180);
/// How long a browser may take to show the page.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);
/// Of an image, not yet compressed: browsers keep no larger ones.
const MAX_IMAGE_BYTES: usize = 260 * 1024 * 1024;
/// An answer, and that the page was shown.
const MAX_NEWS: usize = 4;
/// What urls of files are relative to.
const BASE: &str = "/millhand/manifest";
const PAGE: &str = "<!doctype html><meta charset=\"utf-8\"><title>millhand image</title>\
    <link rel=\"icon\" href=\"data:,\"><script type=\"module\" src=\"/millhand/image-maker.js\"></script>\n";

/// Has images made, one at a time.
#[derive(Debug)]
pub struct ImageMaker {
    store: Arc<Store>,
    browser: Browser,
    turn: AsyncMutex<()>,
    /// What [`Self::make_later`] need not try again.
    tried: Mutex<HashSet<ImageId>>,
}

impl ImageMaker {
    /// One that puts what `browser` makes into `store`.
    #[must_use]
    pub fn new(store: Arc<Store>, browser: Browser) -> Self {
        Self { store, browser, turn: AsyncMutex::default(), tried: Mutex::default() }
    }

    /// The image of `subject`, which is made if the store does not have it.
    ///
    /// # Errors
    ///
    /// When there is none to be had. Dropped before, it ends the browser.
    pub async fn make(&self, subject: &ImageSubject) -> Result<PythonImage, ImageError> {
        let _turn = self.turn.lock().await;
        if let Some(image) = self.store.image(subject.id)? {
            return Ok(image);
        }
        tracing::info!("making an image of {subject}");
        let content = self.have_made(subject).await?;
        let (store, id, name) = (Arc::clone(&self.store), subject.id, subject.to_string());
        let kept = tokio::task::spawn_blocking(move || keep(&store, id, &name, &content)).await;
        kept.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Makes the image on a task of its own, once; what fails is logged.
    pub fn make_later(self: &Arc<Self>, subject: ImageSubject) {
        if !self.tried.lock().unwrap_or_else(PoisonError::into_inner).insert(subject.id) {
            return;
        }
        let maker = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = maker.make(&subject).await {
                tracing::warn!("no image of {subject}: {}", with_causes(&error));
            }
        });
    }

    async fn have_made(&self, subject: &ImageSubject) -> Result<Bytes, ImageError> {
        let token = Token::random()?;
        let listener = serve::bind(0).await.map_err(|source| ImageError::Serve(source.into()))?;
        let address = listener.local_addr().map_err(|source| ImageError::Serve(source.into()))?;
        let mut browser = self.browser.open(&format!("http://{address}/#{}", token.reveal()))?;
        let words = browser.words();
        let (news, heard) = mpsc::channel(MAX_NEWS);
        let session = Session {
            token,
            order: Order {
                request: RequestJson { pyodide: Some(subject.request.clone()), ..RequestJson::default() },
                manifest: subject.manifest.clone(),
                base: BASE,
            },
            store: Arc::clone(&self.store),
            news,
        };
        let serving = serve::run(listener, session.app(), std::future::pending());
        let made = tokio::select! {
            made = answer(heard, words) => made,
            error = browser.ended() => Err(error.into()),
            served = serving => Err(ImageError::Serve(served.err().map_or_else(|| "it ended".into(), Into::into))),
        };
        browser.close().await;
        made
    }
}

/// Waits for what the page says.
async fn answer(mut heard: mpsc::Receiver<News>, words: Words) -> Result<Bytes, ImageError> {
    let mut within = SHOWN_WITHIN;
    loop {
        match timeout(within, heard.recv()).await {
            Ok(Some(News::Shown)) => within = MADE_WITHIN,
            Ok(Some(News::Made(content))) => return Ok(content),
            Ok(Some(News::Failed(reason))) => return Err(ImageError::NotMade { reason }),
            Ok(None) | Err(_) => {
                return Err(ImageError::Late { seconds: within.as_secs(), words: words.last() });
            }
        }
    }
}

/// Compresses an image and puts it into the store.
fn keep(store: &Store, id: ImageId, name: &str, content: &[u8]) -> Result<PythonImage, ImageError> {
    let image = ImageFile::read(content)?;
    if let Some(reason) = &image.pack_because {
        tracing::warn!("the image of {name} is but a pack: {reason}");
    }
    let compressed = image.compress().map_err(|source| ImageError::Serve(source.into()))?;
    Ok(store.keep_image(id, image.key.clone(), &compressed)?)
}

/// What the page tells.
#[derive(Debug)]
enum News {
    Shown,
    Made(Bytes),
    Failed(String),
}

/// What the page is told.
#[derive(Clone, Debug, Serialize)]
struct Order {
    request: RequestJson,
    manifest: Manifest,
    base: &'static str,
}

/// The making of one image.
#[derive(Debug)]
struct Session {
    token: Token,
    order: Order,
    store: Arc<Store>,
    news: mpsc::Sender<News>,
}

impl Session {
    fn app(self) -> Router {
        let routes = Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/order", get(order))
            .route("/image", post(take_image).layer(DefaultBodyLimit::max(MAX_IMAGE_BYTES)))
            .route("/failure", post(take_failure))
            .route("/millhand/files/{sha256}/{name}", get(file))
            .route("/millhand/{*path}", get(routes::package::serve));
        app::guarded(routes.with_state(Arc::new(self)))
    }

    /// Whether whoever asks is the page.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        shown.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|shown| self.token.is(shown))
    }

    /// Passes on what the page tells, as long as somebody waits for it.
    fn tell(&self, headers: &HeaderMap, news: impl FnOnce() -> News) -> StatusCode {
        if !self.admits(headers) {
            return StatusCode::UNAUTHORIZED;
        }
        match self.news.try_send(news()) {
            Ok(()) => StatusCode::NO_CONTENT,
            Err(_) => StatusCode::CONFLICT,
        }
    }
}

async fn order(State(session): State<Arc<Session>>, headers: HeaderMap) -> Response {
    match session.tell(&headers, || News::Shown) {
        StatusCode::NO_CONTENT => Json(&session.order).into_response(),
        refused => refused.into_response(),
    }
}

async fn take_image(State(session): State<Arc<Session>>, headers: HeaderMap, content: Bytes) -> StatusCode {
    session.tell(&headers, || News::Made(content))
}

async fn take_failure(State(session): State<Arc<Session>>, headers: HeaderMap, reason: String) -> StatusCode {
    session.tell(&headers, || News::Failed(reason))
}

async fn file(
    State(session): State<Arc<Session>>,
    Path((sha256, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, FileError> {
    let Ok(sha256) = sha256.parse::<Sha256>() else { return Err(FileError::Unknown { sha256 }) };
    stored_file(&session.store, sha256, &name, request).await
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// No browser makes it.
    #[error(transparent)]
    Browser(#[from] BrowserError),
    /// The environment cannot have one.
    #[error("{reason}")]
    NotMade {
        /// Why, in the package's words.
        reason: String,
    },
    /// The page has not answered.
    #[error("the browser has not made an image within {seconds} seconds; its last words: {words}")]
    Late {
        /// How long it was given.
        seconds: u64,
        /// The last line that it wrote.
        words: String,
    },
    /// What came back is none.
    #[error(transparent)]
    File(#[from] ImageFileError),
    /// The page cannot be served.
    #[error("the page in which images are made cannot be served")]
    Serve(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no secret.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store cannot give or take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImageError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Browser(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Late { .. } => Some("see that the browser runs without a window on this machine, or name another with `--browser`".to_owned()),
            Self::NotMade { .. } | Self::File(_) | Self::Serve(_) | Self::Token(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    fn session(folder: &std::path::Path) -> (Router, String, mpsc::Receiver<News>) {
        let (token, (news, heard)) = (Token::random().unwrap(), mpsc::channel(MAX_NEWS));
        let shown = format!("Bearer {}", token.reveal());
        let manifest = Manifest { esm: None, css: Vec::new(), pyodide: None };
        let order = Order { request: RequestJson::default(), manifest, base: BASE };
        let session = Session { token, order, store: Arc::new(Store::open(folder).unwrap()), news };
        (session.app(), shown, heard)
    }

    async fn send(app: &Router, method: &str, path: &str, shown: Option<&str>, body: &str) -> StatusCode {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:1");
        let request = match shown {
            Some(shown) => request.header(header::AUTHORIZATION, shown),
            None => request,
        };
        app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_the_page_with_the_token_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let (app, shown, mut heard) = session(folder.path());
        for stranger in [None, Some("Bearer of a token that is another one"), Some(&shown[7..])] {
            for (method, path) in [("GET", "/order"), ("POST", "/image"), ("POST", "/failure")] {
                assert_eq!(send(&app, method, path, stranger, "x").await, StatusCode::UNAUTHORIZED, "{path}");
            }
        }
        assert!(heard.try_recv().is_err());
        assert_eq!(send(&app, "GET", "/order", Some(&shown), "").await, StatusCode::OK);
        assert_eq!(send(&app, "POST", "/image", Some(&shown), "image").await, StatusCode::NO_CONTENT);
        assert!(matches!(heard.recv().await, Some(News::Shown)));
        assert!(matches!(heard.recv().await, Some(News::Made(content)) if content == "image"));
    }

    #[tokio::test]
    async fn after_the_answer_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (app, shown, heard) = session(folder.path());
        let words = Words::in_file(folder.path().join("stderr"));
        assert_eq!(send(&app, "POST", "/failure", Some(&shown), "no reason").await, StatusCode::NO_CONTENT);
        let error = answer(heard, words).await.unwrap_err();
        assert!(matches!(error, ImageError::NotMade { reason } if reason == "no reason"));
        assert_eq!(send(&app, "POST", "/image", Some(&shown), "image").await, StatusCode::CONFLICT);
    }
}
