//! Counts of what occurred, so that a test can tell that nothing has silently stopped occurring.

use std::collections::BTreeMap;
use std::fmt;

use millhand_core::{Admission, ExitReason, StopReason, Timer};

use crate::{Aim, Fault, Victim};

listed! {
    /// Every exit reason.
    pub EXIT_REASONS: ExitReason, place_of_exit =
        Completed, Threw, Unclonable, Cancelled, TimedOut, QueueTimedOut, Rejected, WorkerLost, InstallFailed,
        PoolTerminated,
}

listed! {
    /// Every reason to stop a worker.
    pub STOP_REASONS: StopReason, place_of_stop = BootTimedOut, Unresponsive, Idle, Surplus, PoolTerminated,
}

listed! {
    /// Every kind of terms on which a task is taken.
    pub ADMISSIONS: Admission, place_of_admission = Ordinary, Essential, Withdrawn,
}

kinds! {
    /// What a timer is for.
    pub enum TimerKind {
        /// A boot.
        Boot,
        /// The pause after a failed install.
        Backoff,
        /// A task that waits.
        Queue,
        /// A task that runs.
        Run,
        /// A task that is to stop.
        Grace,
        /// A worker that has nothing to do.
        Idle,
        /// The pause after a lost engine.
        Reconnect,
        /// Tasks that wait for an engine.
        Patience,
        /// A task that others wait behind.
        Stall,
    }
}

impl From<Timer> for TimerKind {
    fn from(timer: Timer) -> Self {
        match timer {
            Timer::Boot(_) => Self::Boot,
            Timer::Backoff(_) => Self::Backoff,
            Timer::Queue(_) => Self::Queue,
            Timer::Run(_) => Self::Run,
            Timer::Grace(_) => Self::Grace,
            Timer::Idle(_) => Self::Idle,
            Timer::Reconnect => Self::Reconnect,
            Timer::Patience => Self::Patience,
            Timer::Stall(_) => Self::Stall,
        }
    }
}

/// What occurred in a run, or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs counted.
    pub runs: u64,
    /// Facts and wakes that the scheduler was given.
    pub inputs: u64,
    /// Tasks submitted.
    pub submitted: u64,
    /// Tasks posted once more after their worker died.
    pub retried: u64,
    /// Tasks posted behind others.
    pub ahead: u64,
    /// The same for tasks that take next to no time.
    pub quick: u64,
    /// Tasks that workers gave back.
    pub returned: u64,
    /// Local workers started.
    pub started: u64,
    /// Remote workers started.
    pub started_remotely: u64,
    /// Pools resized.
    pub resized: u64,
    /// Pools that failed.
    pub failed_pools: u64,
    /// Pools whose remote workers could not be had.
    pub failed_remotes: u64,
    /// Pools that ended with their last task, as a user had wanted.
    pub drained_pools: u64,
    /// Tasks by how they ended, in the order of [`EXIT_REASONS`].
    exits: [u64; EXIT_REASONS.len()],
    /// Workers by why they were stopped, in the order of [`STOP_REASONS`].
    stops: [u64; STOP_REASONS.len()],
    /// Tasks by the terms on which they were submitted, in the order of [`ADMISSIONS`].
    admissions: [u64; ADMISSIONS.len()],
    timers: BTreeMap<TimerKind, u64>,
    faults: BTreeMap<Fault, u64>,
    aims: BTreeMap<Aim, u64>,
    victims: BTreeMap<Victim, u64>,
}

impl Tally {
    /// How many tasks ended so.
    #[must_use]
    pub const fn exits(&self, reason: ExitReason) -> u64 {
        self.exits[place_of_exit(reason)]
    }

    /// How many tasks ended.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.exits.iter().sum()
    }

    /// How many workers were stopped for this reason.
    #[must_use]
    pub const fn stops(&self, reason: StopReason) -> u64 {
        self.stops[place_of_stop(reason)]
    }

    /// How many tasks were submitted on such terms.
    #[must_use]
    pub const fn admissions(&self, admission: Admission) -> u64 {
        self.admissions[place_of_admission(admission)]
    }

    /// How often the driver woke for such a timer.
    #[must_use]
    pub fn timers(&self, kind: TimerKind) -> u64 {
        self.timers.get(&kind).copied().unwrap_or_default()
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

    /// How often such a task was cancelled.
    #[must_use]
    pub fn victims(&self, victim: Victim) -> u64 {
        self.victims.get(&victim).copied().unwrap_or_default()
    }

    /// Adds the counts of others.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.inputs += other.inputs;
        self.submitted += other.submitted;
        self.retried += other.retried;
        self.ahead += other.ahead;
        self.quick += other.quick;
        self.returned += other.returned;
        self.started += other.started;
        self.started_remotely += other.started_remotely;
        self.resized += other.resized;
        self.failed_pools += other.failed_pools;
        self.failed_remotes += other.failed_remotes;
        self.drained_pools += other.drained_pools;
        let exits = self.exits.iter_mut().zip(other.exits);
        let stops = self.stops.iter_mut().zip(other.stops);
        let admissions = self.admissions.iter_mut().zip(other.admissions);
        for (mine, theirs) in exits.chain(stops).chain(admissions) {
            *mine += theirs;
        }
        add_all(&mut self.timers, &other.timers);
        add_all(&mut self.faults, &other.faults);
        add_all(&mut self.aims, &other.aims);
        add_all(&mut self.victims, &other.victims);
    }

    pub(crate) fn of_one_run() -> Self {
        Self { runs: 1, ..Self::default() }
    }

    pub(crate) const fn count_exit(&mut self, reason: ExitReason) {
        self.exits[place_of_exit(reason)] += 1;
    }

    pub(crate) const fn count_stop(&mut self, reason: StopReason) {
        self.stops[place_of_stop(reason)] += 1;
    }

    pub(crate) const fn count_admission(&mut self, admission: Admission) {
        self.admissions[place_of_admission(admission)] += 1;
    }

    pub(crate) fn count_timer(&mut self, timer: Timer) {
        *self.timers.entry(timer.into()).or_default() += 1;
    }

    pub(crate) fn count_fault(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn count_aim(&mut self, aim: Aim) {
        *self.aims.entry(aim).or_default() += 1;
    }

    pub(crate) fn count_victim(&mut self, victim: Victim) {
        *self.victims.entry(victim).or_default() += 1;
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
        writeln!(f, "{:>9} inputs", self.inputs)?;
        writeln!(f, "{:>9} tasks submitted", self.submitted)?;
        writeln!(f, "{:>9} tasks retried", self.retried)?;
        writeln!(f, "{:>9} tasks posted ahead", self.ahead)?;
        writeln!(f, "{:>9} of them quick", self.quick)?;
        writeln!(f, "{:>9} tasks given back", self.returned)?;
        writeln!(f, "{:>9} workers started", self.started)?;
        writeln!(f, "{:>9} workers started remotely", self.started_remotely)?;
        writeln!(f, "{:>9} pools resized", self.resized)?;
        writeln!(f, "{:>9} pools failed", self.failed_pools)?;
        writeln!(f, "{:>9} pools without remote workers for good", self.failed_remotes)?;
        writeln!(f, "{:>9} pools drained", self.drained_pools)?;
        for &reason in EXIT_REASONS {
            writeln!(f, "{:>9} exits {reason:?}", self.exits(reason))?;
        }
        for &reason in STOP_REASONS {
            writeln!(f, "{:>9} stops {reason:?}", self.stops(reason))?;
        }
        for &admission in ADMISSIONS {
            writeln!(f, "{:>9} tasks {admission:?}", self.admissions(admission))?;
        }
        for &kind in TimerKind::ALL {
            writeln!(f, "{:>9} wakes {kind:?}", self.timers(kind))?;
        }
        for &fault in Fault::ALL {
            writeln!(f, "{:>9} faults {fault:?}", self.faults(fault))?;
        }
        for &aim in Aim::ALL {
            writeln!(f, "{:>9} tasks for {aim:?}", self.aims(aim))?;
        }
        for &victim in Victim::ALL {
            writeln!(f, "{:>9} cancels of {victim:?}", self.victims(victim))?;
        }
        Ok(())
    }
}
