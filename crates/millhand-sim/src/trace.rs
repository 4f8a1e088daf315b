//! What went into the scheduler and what came out, step by step, to read and to compare.

use std::fmt;

use millhand_core::{Input, Instant, Output, Timer};

/// How many of the last steps a failure shows.
const TAIL: usize = 40;

/// One step of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A fact went in.
    Input(Input),
    /// The driver woke, with this timer the next one set.
    Wake(Option<Timer>),
    /// An order came out.
    Output(Output),
}

/// The steps of a run with their times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    steps: Vec<(Instant, Step)>,
}

impl Trace {
    /// The steps, the first one first.
    #[must_use]
    pub fn steps(&self) -> &[(Instant, Step)] {
        &self.steps
    }

    pub(crate) fn push(&mut self, at: Instant, step: Step) {
        self.steps.push((at, step));
    }

    /// Writes the last steps only.
    pub(crate) fn write_tail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = self.steps.len().saturating_sub(TAIL);
        if skipped > 0 {
            writeln!(f, "  … {skipped} earlier steps")?;
        }
        write_steps(f, &self.steps[skipped..])
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_steps(f, &self.steps)
    }
}

fn write_steps(f: &mut fmt::Formatter<'_>, steps: &[(Instant, Step)]) -> fmt::Result {
    for (at, step) in steps {
        write!(f, "{:>14}  ", Stamp(*at).to_string())?;
        match step {
            Step::Input(input) => writeln!(f, "-> {input:?}")?,
            Step::Wake(timer) => writeln!(f, "-> wake for {timer:?}")?,
            Step::Output(output) => writeln!(f, "     <- {output:?}")?,
        }
    }
    Ok(())
}

/// A time in milliseconds, to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) Instant);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03} ms", micros / 1_000, micros % 1_000)
    }
}
