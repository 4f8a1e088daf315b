//! The gateway of a command that serves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millhand_gateway::bridge::BridgeSettings;
use millhand_gateway::{EngineUrl, Gateway, GatewaySettings, Limits, Token};

use crate::cli::EngineArgs;

/// Starts the gateway, if an engine was named; `folder` keeps what it needs.
pub(crate) fn start(
    args: &EngineArgs,
    folder: PathBuf,
    offline: bool,
) -> anyhow::Result<Option<Arc<Gateway>>> {
    let Some(engine) = args.engine.clone() else { return Ok(None) };
    let token = token(args, &folder)?;
    let bridge = bridge_settings(args, engine, folder, offline);
    let limits = Limits { workers: args.engine_workers, ..Limits::default() };
    Ok(Some(Gateway::start(GatewaySettings { bridge, token, origins: args.engine_origin.clone(), limits })))
}

/// The bridge to `engine`.
pub(crate) fn bridge_settings(
    args: &EngineArgs,
    engine: EngineUrl,
    folder: PathBuf,
    offline: bool,
) -> BridgeSettings {
    BridgeSettings {
        engine,
        python: args.python_source(offline),
        network: args.engine_network.into(),
        folder,
    }
}

fn token(args: &EngineArgs, folder: &Path) -> anyhow::Result<Token> {
    if let Some(token) = &args.engine_token {
        return Ok(token.clone());
    }
    let path = folder.join("token");
    let token = Token::in_file(&path)?;
    tracing::info!("the token for remote workers is in `{}`", path.display());
    Ok(token)
}
