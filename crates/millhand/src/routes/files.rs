//! `GET /millhand/files/{sha256}/{name}`: a file of an environment, out of the store.
//!
//! The hash decides what is served, the name only says of which kind it is. The first time that this process
//! serves a file, its content is hashed again, so that a changed cache never reaches a page.

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use millhand_packages::{Sha256, Store, StoreError};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;

use crate::app::AppState;
use crate::error::{ApiError, with_causes};
use crate::headers::{IMMUTABLE, content_type};

/// Answers with the file.
///
/// # Errors
///
/// When the store does not have it, or has something else in its place.
pub async fn serve(
    State(state): State<AppState>,
    Path((sha256, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, FileError> {
    let Ok(sha256) = sha256.parse() else {
        return Err(FileError::Unknown { sha256 });
    };
    stored_file(state.installer.store(), sha256, &name, request).await
}

/// Answers with a file of the store, as what its `name` says that it is.
pub(crate) async fn stored_file(
    store: &Arc<Store>,
    sha256: Sha256,
    name: &str,
    request: Request,
) -> Result<Response, FileError> {
    let path = checked_path(Arc::clone(store), sha256).await?;
    let Ok(response) = ServeFile::new(path).oneshot(request).await;
    let mut response = response.map(Body::new);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, IMMUTABLE);
    }
    Ok(response)
}

async fn checked_path(store: Arc<Store>, sha256: Sha256) -> Result<PathBuf, FileError> {
    match tokio::task::spawn_blocking(move || store.verified_path(sha256)).await {
        Ok(path) => path?.ok_or_else(|| FileError::Unknown { sha256: sha256.to_string() }),
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Why a file is not served.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The store has no such file.
    #[error("there is no file with the sha256 `{sha256}`")]
    Unknown {
        /// What was asked for.
        sha256: String,
    },
    /// The store cannot be trusted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FileError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Unknown { .. } => StatusCode::NOT_FOUND,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-file",
            Self::Store(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => {
                Some("ask for a new manifest: the cache may have been emptied".to_owned())
            }
            Self::Store(error) => error.hint(),
        }
    }
}

impl IntoResponse for FileError {
    fn into_response(self) -> Response {
        if let Self::Store(_) = self {
            tracing::error!("{}", with_causes(&self));
        }
        ApiError::new(self.status(), self.code(), &self, self.hint()).into_response()
    }
}
