//! `GET /millhand/npm/{key}/{name}@{version}/{path}`: a file of an npm package, out of the store.
//!
//! The key names a build, or a package as it was published; what is at such a url never changes.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use millhand_packages::NpmInstallError;

use crate::app::AppState;
use crate::error::{ApiError, with_causes};
use crate::routes::files::{FileError, stored_file};

/// Answers with the file.
///
/// # Errors
///
/// When the store does not have it, or has something else in its place.
pub async fn serve(
    State(state): State<AppState>,
    Path((key, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, NpmFileError> {
    let Some(sha256) = find(&state, &key, &path).await? else {
        return Err(NpmFileError::Unknown { path });
    };
    Ok(stored_file(state.installer.store(), sha256, &path, request).await?)
}

async fn find(
    state: &AppState,
    key: &str,
    path: &str,
) -> Result<Option<millhand_packages::Sha256>, NpmInstallError> {
    let (installer, key, path) = (state.installer.clone(), key.to_owned(), path.to_owned());
    match tokio::task::spawn_blocking(move || installer.npm_file(&key, &path)).await {
        Ok(found) => found,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Why a file is not served.
#[derive(Debug, thiserror::Error)]
pub enum NpmFileError {
    /// Nothing of that name was built.
    #[error("there is no `{path}`")]
    Unknown {
        /// What was asked for.
        path: String,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Npm(#[from] NpmInstallError),
    /// The store cannot be trusted.
    #[error(transparent)]
    File(#[from] FileError),
}

impl NpmFileError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown-file",
            Self::Npm(error) => error.code(),
            Self::File(error) => error.code(),
        }
    }
}

impl IntoResponse for NpmFileError {
    fn into_response(self) -> Response {
        let code = self.code();
        match self {
            Self::Unknown { .. } => {
                let hint = "ask for a new manifest: the cache may have been emptied".to_owned();
                ApiError::new(StatusCode::NOT_FOUND, code, &self, Some(hint)).into_response()
            }
            Self::Npm(error) => {
                tracing::error!("{}", with_causes(&error));
                ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, code, &error, error.hint()).into_response()
            }
            Self::File(error) => error.into_response(),
        }
    }
}
