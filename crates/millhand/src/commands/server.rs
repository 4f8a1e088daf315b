//! What commands that serve have in common.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use millhand::serve;
use millhand_gateway::Gateway;

use crate::cli::EngineArgs;
use crate::commands::engine;
use crate::output;

/// What a server is started with, whatever it serves.
#[derive(Debug)]
pub(crate) struct Server<'args> {
    /// Of this machine; 0 picks a free one.
    pub(crate) port: u16,
    /// The engine for remote workers, if there is to be one.
    pub(crate) engine: &'args EngineArgs,
    /// Where the cache is.
    pub(crate) cache_dir: PathBuf,
    /// Whether nothing may be downloaded.
    pub(crate) offline: bool,
}

impl Server<'_> {
    /// Says where it listens, and serves until it is told to end; its gateway ends with it.
    pub(crate) async fn run(
        self,
        app: impl FnOnce(Option<Arc<Gateway>>) -> Router,
        told_to_end: impl Future<Output = ()>,
    ) -> anyhow::Result<ExitCode> {
        let listener = serve::bind(self.port).await?;
        let gateway = engine::start(self.engine, self.cache_dir.join("ray"), self.offline)?;
        let address = listener.local_addr().context("cannot read the port that was picked")?;
        output::line(&format!("listening on http://{address}/"))?;
        let result = serve::run(listener, app(gateway.clone()), told_to_end).await;
        if let Some(gateway) = gateway {
            gateway.stop().await;
        }
        result.context("the server failed")?;
        tracing::debug!("ended");
        Ok(ExitCode::SUCCESS)
    }
}
