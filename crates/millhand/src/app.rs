//! The routes, and what every request passes on its way to them.
//!
//! | route | answer |
//! | --- | --- |
//! | `POST /millhand/manifest` | the files of an environment, see [`routes::manifest`] |
//! | `GET /millhand/files/{sha256}/{name}` | one of those files, see [`routes::files`] |
//! | `GET /millhand/npm/{key}/{name}@{version}/{path}` | a file of an npm package, see [`routes::npm`] |
//! | `GET /millhand/gateway` | the WebSocket of a pool with remote workers, see [`routes::gateway`] |
//! | `GET /millhand/{path}` | the npm package `millhand`, see [`routes::package`] |
//! | `/millhand/notebook/…` | of a notebook: a page's data, its changes, edited cells, see [`routes::notebook`] |
//! | `GET` anything else | the user's pages, see [`routes::pages`] |

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, map_response};
use axum::routing::{get, post};
use millhand_gateway::Gateway;
use millhand_packages::Installer;

use crate::images::ImageMaker;
use crate::routes::notebook::NotebookState;
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
    /// Where remote workers are had, if the server has an engine.
    pub gateway: Option<Arc<Gateway>>,
    /// What makes images that are missing, if the user wants that.
    pub image_maker: Option<Arc<ImageMaker>>,
}

/// The server, without a socket.
pub fn app(state: AppState) -> Router {
    guarded(package_routes().fallback(routes::pages::serve).with_state(state))
}

/// The server of a notebook, without a socket.
pub fn notebook_app(state: NotebookState) -> Router {
    let packages = package_routes().with_state(state.app.clone());
    guarded(packages.merge(routes::notebook::routes(state)))
}

/// What every server offers under `/millhand/`.
fn package_routes() -> Router<AppState> {
    Router::new()
        .route("/millhand/manifest", post(routes::manifest::create))
        .route("/millhand/files/{sha256}/{name}", get(routes::files::serve))
        .route("/millhand/npm/{key}/{*path}", get(routes::npm::serve))
        .route("/millhand/gateway", get(routes::gateway::upgrade))
        .route("/millhand/{*path}", get(routes::package::serve))
}

/// What every request passes.
pub(crate) fn guarded(router: Router) -> Router {
    router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(guard::check))
        .layer(map_response(headers::add))
}
