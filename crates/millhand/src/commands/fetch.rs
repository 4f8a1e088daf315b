//! `millhand fetch`.

use std::process::ExitCode;

use millhand_packages::{Installer, Origin, PythonEnvironment, PythonRequest};

use crate::cli::FetchArgs;
use crate::commands::{until_interrupted, with_progress};
use crate::output;

/// Fills the cache and says with what. Interrupted, it leaves no half file behind.
pub(crate) async fn run(args: FetchArgs) -> anyhow::Result<ExitCode> {
    until_interrupted(async {
        let settings = with_progress(args.sources.settings()?);
        let cache_dir = settings.cache_dir.display().to_string();
        let installer = Installer::open(settings)?;
        let request = PythonRequest { version: args.pyodide, requirements: args.packages };
        report(&installer.install(&request).await?, &cache_dir)
    })
    .await
}

fn report(environment: &PythonEnvironment, cache_dir: &str) -> anyhow::Result<()> {
    let runtime_files = environment.files.len() - environment.packages.len();
    for (index, file) in environment.files.iter().enumerate() {
        let package = index.checked_sub(runtime_files).and_then(|index| environment.packages.get(index));
        let entry = package.and_then(|package| environment.lock.find(package));
        let what = match entry {
            Some(entry) => format!("{} {}", entry.name, entry.version),
            None => format!("pyodide {}", environment.version),
        };
        let origin = match file.origin {
            Origin::Cache => "cache",
            Origin::Overlay => "overlay",
            Origin::Download => "download",
        };
        output::line(&format!("{what:<24} {:>10} bytes  {origin:<8}  {}", file.stored.bytes, file.name))?;
    }
    output::line(&format!("{} files are in `{cache_dir}`", environment.files.len()))
}
