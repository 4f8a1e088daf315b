//! Headers: those that every answer has, and content types.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Cross-origin isolation gives pages shared memory. `credentialless` rather than `require-corp`, so that a
/// page's images and fonts from elsewhere still load. The policy restricts nothing that an ordinary page does.
const ON_EVERY_ANSWER: [(HeaderName, HeaderValue); 6] = [
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("credentialless")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("base-uri 'self'; object-src 'none'; frame-ancestors 'self'"),
    ),
];

/// The content type of sources that browsers show and do not run.
pub const SOURCE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// For what can change at any time.
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// For what is of no use a second time.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For what is named by its hash.
pub const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Adds the headers that every answer has.
pub async fn add(mut response: Response) -> Response {
    response.headers_mut().extend(ON_EVERY_ANSWER);
    response
}

/// The content type of a file that millhand itself offers.
#[must_use]
pub fn content_type(file_name: &str) -> &'static str {
    match file_name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js" | "mjs") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("json" | "map") => "application/json",
        Some("css") => "text/css",
        Some("ts" | "mts" | "cts") => "text/plain; charset=utf-8",
        _ => mime_guess::from_path(file_name).first_raw().unwrap_or("application/octet-stream"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_go_by_the_extension() {
        for (name, expected) in [
            ("pyodide.mjs", "text/javascript"),
            ("pyodide.asm.wasm", "application/wasm"),
            ("index.js.map", "application/json"),
            ("index.d.ts", "text/plain; charset=utf-8"),
            ("a-1-py3-none-any.whl", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), expected);
        }
    }
}
