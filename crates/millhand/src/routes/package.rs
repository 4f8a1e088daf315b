//! `GET /millhand/{path}`: the npm package `millhand` as ES modules, embedded in the binary when it was built.
//!
//! So a page can `import * as millhand from '/millhand/index.js'` without any build step or network.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;
use crate::headers::{NO_CACHE, content_type};

#[derive(RustEmbed)]
#[folder = "../../js/dist/standalone"]
#[allow_missing = true]
struct Package;

/// The script of the page in which images are made ahead, and the one of the worker there.
pub const IMAGE_MAKER: &str = "image-maker.js";
pub(crate) const IMAGE_BUILDER: &str = "image-builder.js";

/// All files of the package, by their path under `/millhand/`.
pub fn files() -> impl Iterator<Item = (Cow<'static, str>, Cow<'static, [u8]>)> {
    Package::iter().filter_map(|path| Package::get(&path).map(|file| (path, file.data)))
}

/// Answers with a file of the package.
///
/// # Errors
///
/// When there is no such file, or no package at all.
pub async fn serve(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, PackageFileError> {
    match Package::get(&path) {
        Some(file) => Ok(response(&path, file, &headers)),
        None if Package::iter().next().is_none() => Err(PackageFileError::NotBuilt),
        None => Err(PackageFileError::Unknown { path }),
    }
}

fn response(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = etag(&file);
    let caching = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, NO_CACHE)];
    if headers.get(header::IF_NONE_MATCH) == Some(&etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)))];
    (caching, kind, file.data).into_response()
}

fn etag(file: &EmbeddedFile) -> HeaderValue {
    let hex: String = file.metadata.sha256_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Why a file of the package is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageFileError {
    /// The binary was built before the package was.
    #[error("this millhand was built without its npm package")]
    NotBuilt,
    /// The package has no such file.
    #[error("the npm package has no file `{path}`")]
    Unknown {
        /// What was asked for.
        path: String,
    },
}

impl PackageFileError {
    const fn code(&self) -> &'static str {
        match self {
            Self::NotBuilt => "package-not-built",
            Self::Unknown { .. } => "unknown-package-file",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotBuilt => Some("run `cargo xtask build`".to_owned()),
            Self::Unknown { .. } => None,
        }
    }
}

impl IntoResponse for PackageFileError {
    fn into_response(self) -> Response {
        ApiError::new(StatusCode::NOT_FOUND, self.code(), &self, self.hint()).into_response()
    }
}
