//! The one shape in which the routes under `/millhand/` report failures, as the browser side reads it:
//! `{"error": {"code": "…", "message": "…", "hint": "…" or null}}`.

use std::error::Error;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::headers::NO_STORE;

/// A failure on its way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The status of the answer.
    pub status: StatusCode,
    /// The stable name of the failure.
    pub code: &'static str,
    /// What happened, with its causes.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ApiError {
    /// `error` and its causes under `status`.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, error: &dyn Error, hint: Option<String>) -> Self {
        Self { status, code, message: with_causes(error), hint }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { error: ErrorBody { code: self.code, message: self.message, hint: self.hint } };
        (self.status, [(header::CACHE_CONTROL, NO_STORE)], Json(body)).into_response()
    }
}

#[derive(Serialize)]
struct Body {
    error: ErrorBody,
}

#[derive(Serialize)]
struct ErrorBody {
    code: &'static str,
    message: String,
    hint: Option<String>,
}

/// An error and what caused it, in one line.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some causes are already told by what they caused.
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        next = cause.source();
    }
    message
}
