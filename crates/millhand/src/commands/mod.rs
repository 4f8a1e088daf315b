//! One module per command.

mod cache;
mod fetch;
mod serve;

use std::process::ExitCode;

use crate::cli::Command;

/// Runs a command to its end.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Fetch(args) => fetch::run(args).await,
        Command::Cache(args) => cache::run(args),
    }
}
