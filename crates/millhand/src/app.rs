//! The routes, and what every request passes on its way to them.
//!
//! | route | answer |
//! | --- | --- |
//! | `POST /millhand/manifest` | the files of an environment, see [`routes::manifest`] |
//! | `GET /millhand/files/{sha256}/{name}` | one of those files, see [`routes::files`] |
//! | `GET /millhand/npm/{key}/{name}@{version}/{path}` | a file of an npm package, see [`routes::npm`] |
//! | `GET /millhand/{path}` | the npm package `millhand`, see [`routes::package`] |
//! | `GET` anything else | the user's pages, see [`routes::pages`] |

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, map_response};
use axum::routing::{get, post};
use millhand_packages::Installer;

use crate::routes::pages::Pages;
use crate::{guard, headers, routes};

/// The largest body of a request. A manifest request is a list of names.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct AppState {
    /// Gets what an environment needs.
    pub installer: Arc<Installer>,
    /// The user's pages.
    pub pages: Arc<Pages>,
}

/// The server, without a socket.
pub fn app(state: AppState) -> Router {
    Router::new()
        .route("/millhand/manifest", post(routes::manifest::create))
        .route("/millhand/files/{sha256}/{name}", get(routes::files::serve))
        .route("/millhand/npm/{key}/{*path}", get(routes::npm::serve))
        .route("/millhand/{*path}", get(routes::package::serve))
        .fallback(routes::pages::serve)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(guard::check))
        .layer(map_response(headers::add))
        .with_state(state)
}
