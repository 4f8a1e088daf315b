//! What a seed means: the settings of a pool, what its users do and when, and how its workers misbehave.

mod draw;

use std::time::Duration;

use fastrand::Rng;
use millhand_core::{Instant, PoolSettings, PoolSizes, TaskSpec};

/// Everything that a seed decides before the first step of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pool's settings; they hold together.
    pub settings: PoolSettings,
    /// How often what goes wrong, until the calm.
    pub faults: FaultRates,
    /// What users do, in no particular order.
    pub arrivals: Vec<(Instant, Arrival)>,
    /// When the driver wakes although no timer need be due.
    pub early_wakes: Vec<Instant>,
    /// When faults stop. Users cancel every task then that would never end by itself.
    pub calm_at: Instant,
    /// How late the driver is whenever it wakes for a timer.
    pub wake_lag: Duration,
    /// Delays are multiples of this; a coarse grain makes much happen at the same time.
    pub grain: Duration,
}

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Schedules a task.
    Task {
        /// What is wanted of it, but for who may run it.
        spec: TaskSpec,
        /// Who may run it.
        aim: Aim,
    },
    /// Cancels a task.
    Cancel {
        /// Which; nothing happens if there is none such.
        victim: Victim,
    },
    /// Reserves workers.
    Reserve {
        /// How many in all.
        count: u32,
    },
    /// Changes the bounds on the number of workers.
    Resize {
        /// The new ones.
        sizes: PoolSizes,
    },
    /// Wants the pool to end with its tasks.
    Drain,
    /// Ends the pool.
    Terminate,
}

kinds! {
    /// Who may run a task, decided when the task arrives.
    pub enum Aim {
        /// Whichever is free.
        Any,
        /// Whichever local one is free.
        Local,
        /// Whichever remote one is free, though there may be none.
        Remote,
        /// One that has its environment.
        Up,
        /// One that is starting.
        Starting,
        /// One that is gone.
        Gone,
        /// One that never was.
        Unknown,
    }
}

kinds! {
    /// Which task a user cancels, decided when the user does.
    pub enum Victim {
        /// One that waits.
        Waiting,
        /// One that its worker has behind others.
        Ahead,
        /// One that runs.
        Running,
        /// One whose worker was already asked to stop it.
        Stopping,
        /// One that has ended.
        Settled,
        /// One that never was.
        Unknown,
    }
}

/// How often what goes wrong, of a thousand times that it could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// A boot that takes longer than the boot timeout, with signs of progress.
    pub slow_boot: u16,
    /// A boot that stops showing progress.
    pub hung_boot: u16,
    /// An install that fails and might not the next time.
    pub transient_install: u16,
    /// An install that fails for good.
    pub permanent_install: u16,
    /// A worker that dies while it starts.
    pub lost_boot: u16,
    /// A worker that dies some time after it came up, whatever it does then.
    pub lost_worker: u16,
    /// A worker that dies of its task.
    pub lost_task: u16,
    /// A task that kills every worker that runs it.
    pub poison_task: u16,
    /// A task that never ends by itself.
    pub endless_task: u16,
    /// A task that takes long though others of its kind do not.
    pub slow_task: u16,
    /// A worker that takes about as long as the grace time to stop its task.
    pub late_stop: u16,
    /// A worker that does not listen when it is asked to stop its task.
    pub deaf_worker: u16,
    /// A worker that dies of stopping its task.
    pub lost_stop: u16,
    /// An engine that is not there when it is connected to.
    pub engine_missing: u16,
    /// An engine that refuses the connection.
    pub engine_refusing: u16,
    /// An engine that goes some time after it was connected to.
    pub engine_lost: u16,
    /// A message that is sent twice, or followed by one that contradicts it.
    pub echo: u16,
    /// A message about a wrong task or an unknown worker.
    pub stray: u16,
    /// A message that arrives although its sender's state has moved on.
    pub late: u16,
}

impl Plan {
    /// The plan of a seed, always the same.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self::draw(&mut Rng::with_seed(seed))
    }
}

impl FaultRates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        slow_boot: 0,
        hung_boot: 0,
        transient_install: 0,
        permanent_install: 0,
        lost_boot: 0,
        lost_worker: 0,
        lost_task: 0,
        poison_task: 0,
        endless_task: 0,
        slow_task: 0,
        late_stop: 0,
        deaf_worker: 0,
        lost_stop: 0,
        engine_missing: 0,
        engine_refusing: 0,
        engine_lost: 0,
        echo: 0,
        stray: 0,
        late: 0,
    };
}
