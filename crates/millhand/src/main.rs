//! The binary `millhand`. The server is the library beside it; here are the command line and its output.

mod cli;
mod commands;
mod output;
mod progress;
mod signals;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

/// How long work that cannot be cancelled, such as hashing a file, may hold up the end.
const LAST_WAIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    output::start_logging(cli.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::failure(&anyhow::Error::new(error).context("cannot start")),
    };
    let result = runtime.block_on(commands::run(cli.command));
    runtime.shutdown_timeout(LAST_WAIT);
    match result {
        Ok(exit_code) => exit_code,
        Err(error) => output::failure(&error),
    }
}
