//! `millhand notebook`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use millhand::notebook::Notebook;
use millhand::routes::notebook::NotebookState;
use millhand::routes::pages::Pages;
use millhand::{AppState, notebook_app, serve};
use millhand_packages::Installer;

use crate::cli::NotebookArgs;
use crate::{output, signals};

/// Serves until the user or the system says to end.
pub(crate) async fn run(args: NotebookArgs) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    let notebook = Arc::new(Notebook::open(&args.path)?);
    let pages = Arc::new(Pages::open(notebook.folder())?);
    let settings = args.install.settings(notebook.folder())?;
    tracing::info!("notebook `{}`, cache `{}`", args.path.display(), settings.cache_dir.display());
    let installer = Arc::new(Installer::open(settings)?);

    let listener = serve::bind(args.port).await?;
    let address = listener.local_addr().context("cannot read the port that was picked")?;
    output::line(&format!("listening on http://{address}/"))?;
    let state = NotebookState { app: AppState { installer, pages, gateway: None }, notebook };
    serve::run(listener, notebook_app(state), told_to_end).await.context("the server failed")?;
    Ok(ExitCode::SUCCESS)
}
