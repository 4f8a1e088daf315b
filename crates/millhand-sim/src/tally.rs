//! Counts of what occurred, so that a test can tell that nothing has silently stopped occurring.

use std::collections::BTreeMap;
use std::fmt;

use millhand_core::ExitReason;

use crate::{Aim, Fault};

/// Every exit reason.
pub const EXIT_REASONS: [ExitReason; 6] = [
    ExitReason::Completed,
    ExitReason::Threw,
    ExitReason::Unclonable,
    ExitReason::WorkerLost,
    ExitReason::InstallFailed,
    ExitReason::PoolTerminated,
];

/// What occurred in a run, or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs counted.
    pub runs: u64,
    /// Tasks submitted.
    pub submitted: u64,
    /// Workers started.
    pub started: u64,
    /// Pools that failed.
    pub failed_pools: u64,
    /// Tasks by how they ended, in the order of [`EXIT_REASONS`].
    exits: [u64; EXIT_REASONS.len()],
    faults: BTreeMap<Fault, u64>,
    aims: BTreeMap<Aim, u64>,
}

impl Tally {
    /// How many tasks ended so.
    #[must_use]
    pub const fn exits(&self, reason: ExitReason) -> u64 {
        self.exits[place_of(reason)]
    }

    /// How many tasks ended.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.exits.iter().sum()
    }

    /// How often this went wrong.
    #[must_use]
    pub fn faults(&self, fault: Fault) -> u64 {
        self.faults.get(&fault).copied().unwrap_or_default()
    }

    /// How many tasks were meant for such a worker.
    #[must_use]
    pub fn aims(&self, aim: Aim) -> u64 {
        self.aims.get(&aim).copied().unwrap_or_default()
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.submitted += other.submitted;
        self.started += other.started;
        self.failed_pools += other.failed_pools;
        for (mine, theirs) in self.exits.iter_mut().zip(other.exits) {
            *mine += theirs;
        }
        add_all(&mut self.faults, &other.faults);
        add_all(&mut self.aims, &other.aims);
    }

    pub(crate) fn of_one_run() -> Self {
        Self { runs: 1, ..Self::default() }
    }

    pub(crate) const fn count_exit(&mut self, reason: ExitReason) {
        self.exits[place_of(reason)] += 1;
    }

    pub(crate) fn count_fault(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn count_aim(&mut self, aim: Aim) {
        *self.aims.entry(aim).or_default() += 1;
    }
}

/// In full, so that a new reason does not compile until it has a place in [`EXIT_REASONS`].
const fn place_of(reason: ExitReason) -> usize {
    match reason {
        ExitReason::Completed => 0,
        ExitReason::Threw => 1,
        ExitReason::Unclonable => 2,
        ExitReason::WorkerLost => 3,
        ExitReason::InstallFailed => 4,
        ExitReason::PoolTerminated => 5,
    }
}

fn add_all<K: Copy + Ord>(mine: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
    for (&kind, count) in theirs {
        *mine.entry(kind).or_default() += count;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>9} runs", self.runs)?;
        writeln!(f, "{:>9} tasks submitted", self.submitted)?;
        writeln!(f, "{:>9} workers started", self.started)?;
        writeln!(f, "{:>9} pools failed", self.failed_pools)?;
        for reason in EXIT_REASONS {
            writeln!(f, "{:>9} exits {reason:?}", self.exits(reason))?;
        }
        for &fault in Fault::ALL {
            writeln!(f, "{:>9} faults {fault:?}", self.faults(fault))?;
        }
        for &aim in Aim::ALL {
            writeln!(f, "{:>9} tasks for {aim:?}", self.aims(aim))?;
        }
        Ok(())
    }
}
