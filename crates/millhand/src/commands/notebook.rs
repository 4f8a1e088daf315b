//! `millhand notebook`.

use std::process::ExitCode;
use std::sync::Arc;

use millhand::notebook::Notebook;
use millhand::routes::notebook::NotebookState;
use millhand::routes::pages::Pages;
use millhand::{AppState, notebook_app};
use millhand_packages::Installer;

use crate::cli::NotebookArgs;
use crate::commands::server::Server;
use crate::signals;

/// Serves until the user or the system says to end.
pub(crate) async fn run(args: NotebookArgs) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    let notebook = Arc::new(Notebook::open(&args.path)?);
    let pages = Arc::new(Pages::open(notebook.folder())?);
    let settings = args.install.settings(notebook.folder())?;
    tracing::info!("notebook `{}`, cache `{}`", args.path.display(), settings.cache_dir.display());
    let (cache_dir, offline) = (settings.cache_dir.clone(), settings.offline);
    let installer = Arc::new(Installer::open(settings)?);

    let image_maker = args.images.maker(installer.store())?.map(Arc::new);
    let server = Server { port: args.port, engine: &args.engine, cache_dir, offline };
    let app = |gateway| {
        notebook_app(NotebookState { app: AppState { installer, pages, gateway, image_maker }, notebook })
    };
    server.run(app, told_to_end).await
}
