//! What the binary writes: results to stdout, everything else to stderr.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use millhand::error::with_causes;
use millhand::images::{BrowserError, ImageError};
use millhand::notebook::NotebookError;
use millhand::routes::pages::PagesError;
use millhand::serve::BindError;
use millhand_packages::{Environment, InstallError, OpenError, RequestError, StoreError};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::progress::BesideBars;

/// Writes a line to stdout, at once: a program that reads it may be waiting.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()?;
    Ok(())
}

/// What an environment came to, a line per thing that was asked for.
pub(crate) fn describe(environment: &Environment) -> Vec<String> {
    let npm = &environment.npm;
    let modules = npm.modules.iter().map(|module| (module.specifier.to_string(), module.id.to_string()));
    let raw =
        npm.scripts.iter().chain(&npm.styles).map(|raw| (raw.specifier.to_string(), raw.id.to_string()));
    let python = environment.python.iter().flat_map(|python| {
        let packages = python.packages.iter().filter_map(|package| python.lock.find(package));
        packages.map(|entry| (entry.name.clone(), format!("{}=={}", entry.name, entry.version)))
    });
    modules.chain(raw).chain(python).map(|(asked, got)| format!("{asked:<48} {got}")).collect()
}

/// A number of bytes, in megabytes.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0.div_ceil(100_000);
        write!(formatter, "{}.{} MB", tenths / 10, tenths % 10)
    }
}

/// Tells the user what failed and what to do about it.
pub(crate) fn failure(error: &anyhow::Error) -> ExitCode {
    let mut stderr = io::stderr().lock();
    // When stderr is closed, there is no one to tell.
    _ = writeln!(stderr, "error: {}", with_causes(error.as_ref()));
    if let Some(hint) = hint(error) {
        _ = writeln!(stderr, "hint: {hint}");
    }
    ExitCode::FAILURE
}

fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<InstallError>() {
        error.hint()
    } else if let Some(error) = error.downcast_ref::<OpenError>() {
        error.hint()
    } else if let Some(error) = error.downcast_ref::<BindError>() {
        error.hint()
    } else if let Some(error) = error.downcast_ref::<StoreError>() {
        error.hint()
    } else if let Some(error) = error.downcast_ref::<RequestError>() {
        error.hint()
    } else if let Some(error) = error.downcast_ref::<ImageError>() {
        error.hint()
    } else if let Some(error) = error.downcast_ref::<BrowserError>() {
        error.hint()
    } else {
        error
            .downcast_ref::<NotebookError>()
            .and_then(NotebookError::hint)
            .or_else(|| error.downcast_ref::<PagesError>().and_then(PagesError::hint))
    }
}

/// Logs to stderr: what millhand does, and what goes wrong elsewhere.
pub(crate) fn start_logging(verbose: bool) {
    let ours = if verbose { LevelFilter::TRACE } else { LevelFilter::INFO };
    let others = if verbose { LevelFilter::INFO } else { LevelFilter::WARN };
    let targets = Targets::new().with_target("millhand", ours).with_default(others);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| BesideBars)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time();
    tracing_subscriber::registry().with(lines).with(targets).init();
}
