//! `millhand fetch`.

use std::process::ExitCode;

use millhand_packages::{Installer, InstallerSettings, Origin, PythonEnvironment, PythonRequest};

use crate::cli::FetchArgs;
use crate::{output, progress, signals};

/// What shells use for a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// Fills the cache and says with what. Interrupted, it leaves no half file behind.
pub(crate) async fn run(args: FetchArgs) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    let settings = InstallerSettings { observer: progress::downloads(), ..args.sources.settings()? };
    let cache_dir = settings.cache_dir.display().to_string();
    let installer = Installer::open(settings)?;
    let request = PythonRequest { version: args.pyodide, requirements: args.packages };
    tokio::select! {
        installed = installer.install(&request) => {
            report(&installed?, &cache_dir)?;
            Ok(ExitCode::SUCCESS)
        }
        () = told_to_end => Ok(ExitCode::from(INTERRUPTED)),
    }
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
