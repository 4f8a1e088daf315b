//! `millhand add`: packages into the lockfile, and into the cache.

use std::process::ExitCode;

use millhand_packages::{EnvironmentRequest, Installer, NpmInputs, PythonRequest};

use crate::cli::AddArgs;
use crate::commands::{until_interrupted, with_progress};
use crate::output;

/// Resolves, fetches and builds, and says which versions it came to.
pub(crate) async fn run(args: AddArgs) -> anyhow::Result<ExitCode> {
    until_interrupted(async {
        let settings = with_progress(args.install.settings(&args.dir)?);
        let lockfile = settings.lockfile.clone();
        let installer = Installer::open(settings)?;
        let python = (!args.python.is_empty())
            .then(|| PythonRequest { version: args.pyodide.clone(), requirements: args.python.clone() });
        let npm =
            NpmInputs { modules: args.modules.clone(), styles: args.css.clone(), ..NpmInputs::default() };
        let environment = installer.install_environment(&EnvironmentRequest { npm, python }).await?;
        for line in output::describe(&environment) {
            output::line(&line)?;
        }
        match lockfile {
            Some(path) => output::line(&format!("locked in `{}`", path.display())),
            None => Ok(()),
        }
    })
    .await
}
