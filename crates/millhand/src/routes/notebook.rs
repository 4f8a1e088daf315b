//! A notebook's routes: its pages as HTML and as data, news of their changes, and cells that were edited.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, response::Redirect};
use futures_util::{Stream, StreamExt as _, stream};
use millhand_notebook::{CellError, CellSource, Compiled, Page, compile};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::app::AppState;
use crate::error::{ApiError, with_causes};
use crate::headers::{NO_CACHE, NO_STORE};
use crate::notebook::{Notebook, ReadError, Version};
use crate::routes::pages;
use crate::shell;

/// The largest body of a request: a cell, escaped.
const MAX_CELL_BODY_BYTES: usize = 1024 * 1024;
/// How often a page's file is looked at while someone has the page open.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// What the routes share.
#[derive(Clone, Debug)]
pub struct NotebookState {
    /// The server without notebook.
    pub app: AppState,
    /// The pages.
    pub notebook: Arc<Notebook>,
}

/// The notebook's own routes, and its pages at all others.
pub fn routes(state: NotebookState) -> Router {
    Router::new()
        .route(
            "/millhand/notebook/cell",
            post(compile_cell).layer(DefaultBodyLimit::max(MAX_CELL_BODY_BYTES)),
        )
        .route("/millhand/notebook/page/{*name}", get(data))
        .route("/millhand/notebook/events/{*name}", get(events))
        .fallback(page)
        .with_state(state)
}

/// Makes an edited cell ready to run.
async fn compile_cell(body: Result<Bytes, BytesRejection>) -> Result<Response, ApiError> {
    let body = body.map_err(|error| bad_request(error.status(), &error))?;
    let cell: CellSource =
        serde_json::from_slice(&body).map_err(|error| bad_request(StatusCode::BAD_REQUEST, &error))?;
    let compiled = blocking(move || compile(&cell)).await;
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(CellAnswer::from(compiled))).into_response())
}

fn bad_request(status: StatusCode, error: &dyn std::error::Error) -> ApiError {
    ApiError::new(status, "bad-cell-request", error, None)
}

/// A mistake in a cell is an answer, as in a page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum CellAnswer {
    Compiled(Compiled),
    Error(CellError),
}

impl From<Result<Compiled, CellError>> for CellAnswer {
    fn from(result: Result<Compiled, CellError>) -> Self {
        result.map_or_else(Self::Error, Self::Compiled)
    }
}

/// A page's parts, for a page that brings itself up to date.
async fn data(State(state): State<NotebookState>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let Version { page, version } = read(&state, &name).await?;
    let data = PageData { name: &name, version: &version, exported: false, page: &page };
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(data)).into_response())
}

/// What the page's script gets.
#[derive(Serialize)]
pub(crate) struct PageData<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// There is no server behind it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) exported: bool,
    #[serde(flatten)]
    pub(crate) page: &'a Page,
}

/// The page's version, now and whenever it changes.
async fn events(
    State(state): State<NotebookState>,
    Path(name): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    if !pages::is_visible(&name) || !state.notebook.has(&name) {
        return Err(no_such_page(&name));
    }
    let changes = stream::unfold(None, move |last: Option<String>| {
        let (notebook, name) = (Arc::clone(&state.notebook), name.clone());
        async move {
            loop {
                let version = notebook.version(&name);
                if last.as_ref() != Some(&version) {
                    return Some((version.clone(), Some(version)));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    });
    let events = changes.map(|version| Ok(Event::default().event("version").data(version)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// A page as HTML, the list of pages, or a file beside them.
async fn page(State(state): State<NotebookState>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/" {
        return match state.notebook.start() {
            Some(name) => shown(&state, name).await,
            None => html(StatusCode::OK, state.notebook.list_html()),
        };
    }
    let decoded = percent_decode_str(&path).decode_utf8().map(|path| path.trim_start_matches('/').to_owned());
    if let Ok(path) = decoded
        && pages::is_visible(&path)
    {
        let name = path.strip_suffix(".md").unwrap_or(&path);
        if state.notebook.has(name) {
            return shown(&state, name).await;
        }
        let folder = name.trim_end_matches('/');
        if state.notebook.has(&format!("{folder}/index")) && !path.ends_with('/') {
            return Redirect::temporary(&format!("/{folder}/index")).into_response();
        }
    }
    pages::serve(State(state.app), request).await
}

async fn shown(state: &NotebookState, name: &str) -> Response {
    let (notebook, owned) = (Arc::clone(&state.notebook), name.to_owned());
    match blocking(move || notebook.html(&owned)).await {
        Ok((document, warnings)) => {
            for warning in &warnings {
                tracing::warn!("{name}.md:{}: {}", warning.line, warning.message);
            }
            html(StatusCode::OK, document)
        }
        Err(error) => {
            tracing::warn!("{}", with_causes(&error));
            let version = state.notebook.version(name);
            html(
                StatusCode::UNPROCESSABLE_ENTITY,
                shell::failed(name, &version, &with_causes(&error), error.hint()),
            )
        }
    }
}

fn html(status: StatusCode, body: String) -> Response {
    (status, [(header::CACHE_CONTROL, NO_CACHE)], Html(body)).into_response()
}

async fn read(state: &NotebookState, name: &str) -> Result<Version, ApiError> {
    if !pages::is_visible(name) || !state.notebook.has(name) {
        return Err(no_such_page(name));
    }
    read_named(state, name)
        .await
        .map_err(|error| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error.code(), &error, error.hint()))
}

async fn read_named(state: &NotebookState, name: &str) -> Result<Version, ReadError> {
    let (notebook, name) = (Arc::clone(&state.notebook), name.to_owned());
    let version = blocking(move || notebook.read(&name)).await?;
    for warning in &version.page.warnings {
        tracing::warn!("{}:{}: {}", version.page.file, warning.line, warning.message);
    }
    Ok(version)
}

fn no_such_page(name: &str) -> ApiError {
    let message = format!("there is no page `{name}`");
    ApiError { status: StatusCode::NOT_FOUND, code: "unknown-page", message, hint: None }
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
