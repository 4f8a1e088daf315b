//! `millhand serve`.

use std::process::ExitCode;
use std::sync::Arc;

use millhand::routes::pages::Pages;
use millhand::{AppState, app};
use millhand_packages::Installer;

use crate::cli::ServeArgs;
use crate::commands::server::Server;
use crate::signals;

/// Serves until the user or the system says to end.
pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    let pages = Arc::new(Pages::open(&args.dir)?);
    let settings = args.install.clone().settings(&args.dir)?;
    tracing::info!("serving `{}`, cache `{}`", args.dir.display(), settings.cache_dir.display());
    let cache_dir = settings.cache_dir.clone();
    let installer = Arc::new(Installer::open(settings)?);
    warn_of_surprises(&args, &pages, &installer)?;

    let image_maker = args.images.maker(installer.store())?.map(Arc::new);
    let server = Server { port: args.port, engine: &args.engine, cache_dir, offline: args.install.offline };
    server.run(|gateway| app(AppState { installer, pages, gateway, image_maker }), told_to_end).await
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
