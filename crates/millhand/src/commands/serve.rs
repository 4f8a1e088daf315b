//! `millhand serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use millhand::routes::pages::Pages;
use millhand::{AppState, app, serve};
use millhand_packages::Installer;

use crate::cli::ServeArgs;
use crate::{output, signals};

/// Serves until the user or the system says to end.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    let pages = Arc::new(Pages::open(&args.dir)?);
    let settings = args.install.settings(&args.dir)?;
    tracing::info!("serving `{}`, cache `{}`", args.dir.display(), settings.cache_dir.display());
    let installer = Arc::new(Installer::open(settings)?);

    let listener = serve::bind(args.port).await?;
    let port = listener.local_addr().context("cannot read the port that was picked")?.port();
    output::line(&format!("listening on http://127.0.0.1:{port}/"))?;
    serve::run(listener, app(AppState { installer, pages }), told_to_end)
        .await
        .context("the server failed")?;
    tracing::debug!("ended");
    Ok(ExitCode::SUCCESS)
}
