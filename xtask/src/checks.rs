//! A list of checks that all run, whatever the others say, and one summary at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{interrupt, say};

/// The checks of one call, in the order in which they ran.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    results: Vec<Checked>,
}

#[derive(Debug)]
struct Checked {
    name: String,
    outcome: Outcome,
    took: Duration,
}

#[derive(Debug)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl Checks {
    /// Runs one check and remembers how it went. Fails only if the user has ended the program.
    pub(crate) fn run(&mut self, name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
        say::text(&format!("==> {name}"));
        let started = Instant::now();
        let outcome = match check() {
            Ok(()) => Outcome::Passed,
            Err(error) if interrupt::requested() => return Err(error),
            Err(error) => {
                say::error(&error);
                Outcome::Failed
            }
        };
        let took = started.elapsed();
        let word = if matches!(outcome, Outcome::Passed) { "passed" } else { "failed" };
        say::detail(&format!("{word} ({})", say::seconds(took)));
        self.results.push(Checked { name: name.to_owned(), outcome, took });
        Ok(())
    }

    /// Remembers a check that cannot be made here.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        say::text(&format!("==> {name}"));
        say::detail(&format!("skipped: {why}"));
        self.results.push(Checked { name: name.to_owned(), outcome: Outcome::Skipped, took: Duration::ZERO });
    }

    /// Prints the summary; its last line is a count.
    pub(crate) fn conclude(&self) -> ExitCode {
        say::text("==> summary");
        for Checked { name, outcome, took } in &self.results {
            let word = match outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            say::detail(&format!("{word:8} {:>8}  {name}", say::seconds(*took)));
        }
        say::text(&self.count());
        if self.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn count(&self) -> String {
        let passed = self.results.iter().filter(|check| matches!(check.outcome, Outcome::Passed)).count();
        format!("checks: {passed} passed, {} failed", self.failed())
    }

    fn failed(&self) -> usize {
        self.results.iter().filter(|check| matches!(check.outcome, Outcome::Failed)).count()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failure_does_not_stop_the_others_and_fails_the_whole() {
        let mut checks = Checks::default();
        checks.run("first", || bail!("no")).unwrap();
        checks.run("second", || Ok(())).unwrap();
        checks.skip("third", "not here");
        assert_eq!(checks.count(), "checks: 1 passed, 1 failed");
        assert_eq!(checks.conclude(), ExitCode::FAILURE);
    }

    #[test]
    fn a_skipped_check_is_no_failure() {
        let mut checks = Checks::default();
        checks.run("first", || Ok(())).unwrap();
        checks.skip("second", "not here");
        assert_eq!(checks.conclude(), ExitCode::SUCCESS);
    }
}
