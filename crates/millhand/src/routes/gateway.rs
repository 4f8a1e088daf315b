//! `GET /millhand/gateway`: the WebSocket through which a pool has remote workers. All of it is in `millhand-gateway`.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::app::AppState;

/// Answers a request for a WebSocket.
pub async fn upgrade(
    State(state): State<AppState>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match state.gateway {
        Some(gateway) => millhand_gateway::upgrade(gateway, &headers, upgrade),
        None => {
            let why = "this server has no engine for remote workers: start it with `--engine ray://auto`\n";
            (StatusCode::NOT_FOUND, why).into_response()
        }
    }
}
