//! Everything this program prints. Steps go to standard output, notes and errors to standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its user")]

use std::time::{Duration, Instant};

/// A step of the work: announced when it begins, closed with its outcome and its time.
#[derive(Debug)]
pub(crate) struct Step {
    started: Instant,
}

impl Step {
    /// Says what is about to be done.
    pub(crate) fn begin(title: &str) -> Self {
        println!("==> {title}");
        Self { started: Instant::now() }
    }

    /// Closes a step that found nothing to do.
    pub(crate) fn already_there(self, what: &str) {
        detail(&format!("already there: {what} ({})", seconds(self.started.elapsed())));
    }

    /// Closes a step that did its work.
    pub(crate) fn done(self, what: &str) {
        detail(&format!("done: {what} ({})", seconds(self.started.elapsed())));
    }

    /// Closes a step whose work failed in a way that the rest can live with.
    pub(crate) fn gave_up(self, why: &str) {
        detail(&format!("not done: {why} ({})", seconds(self.started.elapsed())));
    }
}

/// A line that belongs to the current step.
pub(crate) fn detail(text: &str) {
    println!("    {text}");
}

/// Text for standard output as it stands.
pub(crate) fn text(text: &str) {
    println!("{text}");
}

/// A line for standard error as it stands.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// An error with its causes, on one line.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// A duration as it is shown everywhere: `12.3 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
