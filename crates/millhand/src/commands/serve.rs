//! `millhand serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use millhand::routes::pages::Pages;
use millhand::{AppState, app, serve};
use millhand_packages::Installer;

use crate::cli::ServeArgs;
use crate::commands::engine;
use crate::{output, signals};

/// Serves until the user or the system says to end.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    let pages = Arc::new(Pages::open(&args.dir)?);
    let settings = args.install.clone().settings(&args.dir)?;
    tracing::info!("serving `{}`, cache `{}`", args.dir.display(), settings.cache_dir.display());
    let ray_dir = settings.cache_dir.join("ray");
    let installer = Arc::new(Installer::open(settings)?);
    warn_of_surprises(&args, &pages, &installer)?;

    let listener = serve::bind(args.port).await?;
    let gateway = engine::start(&args.engine, ray_dir, args.install.offline)?;
    let address = listener.local_addr().context("cannot read the port that was picked")?;
    output::line(&format!("listening on http://{address}/"))?;
    let state = AppState { installer, pages, gateway: gateway.clone() };
    let result = serve::run(listener, app(state), told_to_end).await.context("the server failed");
    if let Some(gateway) = gateway {
        gateway.stop().await;
    }
    result?;
    tracing::debug!("ended");
    Ok(ExitCode::SUCCESS)
}

/// What is allowed, and will most likely disappoint.
fn warn_of_surprises(args: &ServeArgs, pages: &Pages, installer: &Installer) -> anyhow::Result<()> {
    if !pages.have_a_start() {
        tracing::warn!("`{}` has no `index.html`: `/` is not found", args.dir.display());
    }
    if args.install.offline && installer.store().is_empty()? {
        let cache = installer.store().folder().display();
        tracing::warn!(
            "the cache `{cache}` is empty and downloads are off: run `millhand fetch` while there is a network"
        );
    }
    Ok(())
}
