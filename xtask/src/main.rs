//! The chores of this repository: `cargo xtask --help` lists them.
//!
//! Each chore says what it does, does only what is missing, and reports how long it took. Nothing here is part of
//! the product. The heavy library that writes the JavaScript glue lives in the crate `xtask-bindgen`, so that this
//! one builds in seconds.

mod bench;
mod checks;
mod cli;
mod demo;
mod interrupt;
mod package;
mod places;
mod process;
mod say;
mod setup;
mod stamp;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Command;
use crate::places::Places;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
/// What a shell reports for a program that was called wrongly.
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            say::error(&error);
            say::note("hint: `cargo xtask --help` lists the commands");
            return ExitCode::from(WRONG_USE);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(_) if interrupt::requested() => {
            say::note("interrupted");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Help(topic) = command {
        say::text(cli::help(topic));
        return Ok(ExitCode::SUCCESS);
    }
    interrupt::install()?;
    let places = Places::find()?;
    match command {
        Command::Help(_) => Ok(ExitCode::SUCCESS),
        Command::Setup => setup::command(&places),
        Command::Build => package::command(&places),
        Command::Demo { open } => demo::command(&places, open),
        Command::Test { parts, runner_args } => test::command(&places, &parts, &runner_args),
        Command::Bench { quick, names } => bench::command(&places, quick, &names),
        Command::Sizes { update } => package::sizes(&places, update),
        Command::Tidy { fix } => tidy::command(&places, fix),
        Command::Ci => test::ci(&places),
    }
}
