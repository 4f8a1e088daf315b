//! `millhand add`: packages into the lockfile, and into the cache.

use std::process::ExitCode;

use anyhow::bail;
use millhand_packages::{EsmJson, Installer, NpmSpecifier, PyodideJson, RequestJson};

use crate::cli::AddArgs;
use crate::commands::{until_interrupted, with_progress};
use crate::output;

/// Resolves, fetches and builds, and says which versions it came to.
pub(crate) async fn run(args: AddArgs) -> anyhow::Result<ExitCode> {
    until_interrupted(async {
        let settings = with_progress(args.install.clone().settings(&args.dir)?);
        let lockfile = settings.lockfile.clone();
        let installer = Installer::open(settings)?;
        let request = request(&args).parse()?;
        let environment = installer.install_environment(&request).await?;
        for line in output::describe(&environment) {
            output::line(&line)?;
        }
        match lockfile {
            Some(path) if !path.is_file() => {
                bail!("nothing is locked: `{}` could not be written", path.display())
            }
            Some(path) => output::line(&format!("locked in `{}`", path.display())),
            None => Ok(()),
        }
    })
    .await
}

/// As a page would send it, so that it is checked in the same way.
fn request(args: &AddArgs) -> RequestJson {
    let texts = |specifiers: &[NpmSpecifier]| specifiers.iter().map(ToString::to_string).collect();
    let esm = EsmJson { modules: texts(&args.modules), scripts: texts(&args.script), ..EsmJson::default() };
    let pyodide = (!args.python.is_empty()).then(|| PyodideJson {
        version: Some(args.pyodide.to_string()),
        modules: args.python.iter().map(ToString::to_string).collect(),
    });
    RequestJson { esm: Some(esm), css: texts(&args.css), pyodide }
}
