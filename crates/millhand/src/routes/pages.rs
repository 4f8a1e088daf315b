//! The user's pages: the files of one folder, except those that are hidden.
//!
//! A name that begins with a dot is hidden, whatever it is: `.git`, `.env`. Links in the folder are followed:
//! who puts one there means it.

use std::io;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::app::AppState;
use crate::headers::{NO_CACHE, SOURCE};

/// A folder of pages.
#[derive(Clone, Debug)]
pub struct Pages {
    folder: PathBuf,
}

impl Pages {
    /// The pages in `folder`.
    ///
    /// # Errors
    ///
    /// When it is missing or is no folder.
    pub fn open(folder: &Path) -> Result<Self, PagesError> {
        match std::fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => Ok(Self { folder: folder.to_owned() }),
            Ok(_) => Err(PagesError::NotAFolder { path: folder.to_owned() }),
            Err(source) => Err(PagesError::Unreadable { path: folder.to_owned(), source }),
        }
    }
}

/// What browsers ask every site for. A site without one is in order.
const FAVICON: &str = "/favicon.ico";

impl Pages {
    /// Whether there is a page at `/`.
    #[must_use]
    pub fn have_a_start(&self) -> bool {
        self.folder.join("index.html").is_file()
    }
}

/// Answers with a file of the folder, with `index.html` for a folder in it.
pub async fn serve(State(state): State<AppState>, request: Request) -> Response {
    if !is_visible(request.uri().path()) {
        return not_found();
    }
    let path = request.uri().path().to_owned();
    let Ok(response) = ServeDir::new(&state.pages.folder).oneshot(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return if path == FAVICON { nothing() } else { not_found() };
    }
    let mut response = response.map(Body::new);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
    if is_typescript(&path) {
        response.headers_mut().insert(header::CONTENT_TYPE, SOURCE);
    }
    if let Some(text) = response.headers().get(header::CONTENT_TYPE).and_then(in_utf8) {
        response.headers_mut().insert(header::CONTENT_TYPE, text);
    }
    response
}

/// What the registry of types takes for video.
fn is_typescript(path: &str) -> bool {
    [".ts", ".mts", ".cts"].iter().any(|extension| path.ends_with(extension))
}

/// A browser that is told so looks no further, and complains of nothing.
fn nothing() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, NO_CACHE)]).into_response()
}

/// A type of text that names no encoding, with the one that pages are in today.
fn in_utf8(kind: &HeaderValue) -> Option<HeaderValue> {
    let kind = kind.to_str().ok().filter(|kind| kind.starts_with("text/") && !kind.contains("charset"))?;
    HeaderValue::try_from(format!("{kind}; charset=utf-8")).ok()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, NO_CACHE)], "there is no such page\n").into_response()
}

/// Whether a url's path can be that of a page: no hidden name, no `..`, and nothing that one system takes for
/// a separator and another does not.
pub(crate) fn is_visible(path: &str) -> bool {
    let Ok(path) = percent_decode_str(path).decode_utf8() else { return false };
    let is_plain = |name: &str| {
        // On Windows, `GIT~1` is another name of `.git`.
        let is_alias = cfg!(windows) && name.contains('~');
        !name.starts_with('.') && !is_alias && !name.contains(['\\', ':']) && !name.contains(char::is_control)
    };
    let mut names = path.strip_prefix('/').unwrap_or(&path).split('/');
    // A path may end in a slash, and must not have an empty name elsewhere.
    let last = names.next_back().unwrap_or_default();
    is_plain(last) && names.all(|name| !name.is_empty() && is_plain(name))
}

/// Why a folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// Missing, or not ours to read.
    #[error("cannot serve `{}`", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file.
    #[error("cannot serve `{}`: it is no folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
}

impl PagesError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some("give a folder that holds your pages, such as one with an `index.html`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_visible() {
        for path in ["/", "/index.html", "/a/b.js", "/a/", "/a%20b/c..d", "/caf%C3%A9.html"] {
            assert!(is_visible(path), "{path}");
        }
    }

    #[test]
    fn hidden_and_sneaky_paths_are_not() {
        for path in [
            "/.env",
            "/a/.git/config",
            "/%2eenv",
            "/..",
            "/../a",
            "/a/../b",
            "/%2e%2e/a",
            "/a/%2e%2e%2fb",
            "/..%5ca",
            "/a\\b",
            "//a",
            "/a//b",
            "/%2fa",
            "/a%00",
            "/%ff",
            "/C:/a",
            "/a/.",
        ] {
            assert!(!is_visible(path), "{path}");
        }
    }
}
