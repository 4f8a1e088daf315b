//! One module per command.

mod add;
mod cache;
mod doctor;
mod engine;
mod export;
mod fetch;
mod images;
mod lock;
mod notebook;
mod serve;
mod server;

use std::process::ExitCode;

use millhand_packages::InstallerSettings;

use crate::cli::Command;
use crate::{progress, signals};

/// What shells use for a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// Runs a command to its end.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Notebook(args) => notebook::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Add(args) => add::run(args).await,
        Command::Lock(args) => lock::run(args).await,
        Command::Outdated(args) => lock::outdated(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Fetch(args) => fetch::run(args).await,
        Command::Cache(args) => cache::run(args),
        Command::Doctor(args) => doctor::run(args).await,
    }
}

/// Does `work`, unless the process is told to end before. Work that is dropped leaves no half file behind.
async fn until_interrupted(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
    let told_to_end = signals::told_to_end()?;
    tokio::select! {
        done = work => done.map(|()| ExitCode::SUCCESS),
        () = told_to_end => Ok(ExitCode::from(INTERRUPTED)),
    }
}

/// The same settings, with downloads shown on the terminal.
fn with_progress(settings: InstallerSettings) -> InstallerSettings {
    InstallerSettings { observer: progress::downloads(), ..settings }
}
