//! The guard at the door: only this machine's own pages get in.
//!
//! A foreign page can make a browser send requests here in two ways. Its name can be made to point to this
//! machine (DNS rebinding): then `Host` is that name. Or it can post here from its own place: then `Origin` is
//! that place. Reading across origins is the browser's to refuse, and no answer here allows it.

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Lets a request pass, or answers it.
pub async fn check(request: Request, next: Next) -> Response {
    match verdict(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn verdict(request: &Request) -> Result<(), Refusal> {
    let host = own_host(request.headers())?;
    if let Some(authority) = request.uri().authority() {
        check_loopback(authority.as_str())?;
    }
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => check_origin(request.headers(), host),
    }
}

/// The `Host` header, which must be there and name this machine; every one, should there be several.
fn own_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut own = None;
    for value in headers.get_all(header::HOST) {
        let host = value.to_str().map_err(|_| Refusal::NoHost)?;
        check_loopback(host)?;
        own = Some(host);
    }
    own.ok_or(Refusal::NoHost)
}

fn check_loopback(host: &str) -> Result<(), Refusal> {
    let is_loopback = |authority: &Authority| {
        !host.contains('@') && LOOPBACK_NAMES.iter().any(|name| authority.host().eq_ignore_ascii_case(name))
    };
    match host.parse::<Authority>() {
        Ok(authority) if is_loopback(&authority) => Ok(()),
        _ => Err(Refusal::ForeignHost { host: host.to_owned() }),
    }
}

/// `Origin`, where a browser sends it, must be the page's own server: this one.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    for value in headers.get_all(header::ORIGIN) {
        let origin = String::from_utf8_lossy(value.as_bytes());
        if !origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host)) {
            return Err(Refusal::ForeignOrigin { origin: origin.into_owned() });
        }
    }
    Ok(())
}

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("the request has no readable `Host` header")]
    NoHost,
    #[error("this server answers for `localhost`, `127.0.0.1` and `[::1]` only, and was called `{host}`")]
    ForeignHost { host: String },
    #[error("the page at `{origin}` may not post to this server: only its own pages may")]
    ForeignOrigin { origin: String },
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoHost => StatusCode::BAD_REQUEST,
            Self::ForeignHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin { .. } => StatusCode::FORBIDDEN,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        tracing::warn!("refused: {self}");
        (self.status(), format!("{self}\n")).into_response()
    }
}
