//! `POST /millhand/manifest`: from what a page asks for to the files that it loads.
//!
//! The answer waits until every file is in the store, so what it lists can be had.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use millhand_packages::{
    Environment, EnvironmentRequest, Fault, InstallError, Installer, Manifest, PythonImage, RequestError,
    RequestJson, read_request,
};

use crate::app::AppState;
use crate::error::{ApiError, with_causes};
use crate::headers::NO_STORE;
use crate::images::ImageSubject;

/// Answers with the manifest of the environment that `body` asks for.
///
/// # Errors
///
/// When the request cannot be read or met, see [`ManifestError`].
pub async fn create(
    State(state): State<AppState>,
    body: Result<Bytes, BytesRejection>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<Manifest>), ManifestError> {
    let request = read_request(&body?)?;
    let normalised = RequestJson::normalised(&request);
    let environment = install(Arc::clone(&state.installer), request).await?;
    let image = ImageSubject::of(&normalised, &environment).and_then(|subject| image_of(&state, subject));
    let manifest = Manifest::of(&environment).with_image(image.as_ref());
    Ok(([(header::CACHE_CONTROL, NO_STORE)], Json(manifest)))
}

/// The image that is there. One that is missing is for the next page: this one does not wait for it.
fn image_of(state: &AppState, subject: ImageSubject) -> Option<PythonImage> {
    let found = subject.find(state.installer.store()).unwrap_or_else(|error| {
        tracing::warn!("images cannot be looked for: {}", with_causes(&error));
        None
    });
    if let (None, Some(maker)) = (&found, &state.image_maker) {
        maker.make_later(subject);
    }
    found
}

/// Installs on a task of its own: a page that is loaded again must not start a long download from its beginning.
async fn install(
    installer: Arc<Installer>,
    request: EnvironmentRequest,
) -> Result<Environment, InstallError> {
    match tokio::spawn(async move { installer.install_environment(&request).await }).await {
        Ok(installed) => installed,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The body did not arrive, or is too large.
    #[error("the request's body cannot be read")]
    Body(#[from] BytesRejection),
    /// The body is not what it should be.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The environment cannot be had.
    #[error(transparent)]
    Install(#[from] InstallError),
}

impl ManifestError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Body(rejection) => rejection.status(),
            Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::Install(error) => match error.fault() {
                Fault::Request => StatusCode::BAD_REQUEST,
                Fault::Unresolvable => StatusCode::UNPROCESSABLE_ENTITY,
                Fault::Source => StatusCode::BAD_GATEWAY,
                Fault::Offline => StatusCode::SERVICE_UNAVAILABLE,
                Fault::Local => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Body(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                "request-too-large"
            }
            Self::Body(_) => "bad-manifest-request",
            Self::Request(error) => error.code(),
            Self::Install(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Body(_) => None,
            Self::Request(error) => error.hint(),
            Self::Install(error) => error.hint(),
        }
    }
}

impl axum::response::IntoResponse for ManifestError {
    fn into_response(self) -> axum::response::Response {
        tracing::warn!("no environment: {}", with_causes(&self));
        ApiError::new(self.status(), self.code(), &self, self.hint()).into_response()
    }
}
