//! What goes into the scheduler and what comes out: facts that happened, orders to carry out.

use core::time::Duration;

use crate::{Location, PoolSizes, Priority, TaskId, TaskKind, WorkerId};

/// A fact. Facts about workers or tasks that are gone are normal (a message may cross its sender's end): they
/// are counted in [`crate::Stats::stale_inputs`] and change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A user scheduled a task. Ids increase from one submission to the next: that is the driver's to ensure.
    TaskSubmitted {
        /// Never used before.
        task: TaskId,
        /// What the user wants of it.
        spec: TaskSpec,
    },
    /// A user no longer wants a task.
    TaskCancelled {
        /// Which.
        task: TaskId,
    },
    /// A worker ended a task. It ends those that it was posted in their order.
    TaskFinished {
        /// Who ran it.
        worker: WorkerId,
        /// What it ran.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
        /// How long it ran, by the worker's clock.
        took: Duration,
    },
    /// A worker gives back a task that it was posted ahead: it has not started it, and will not.
    TaskReturned {
        /// Who had it.
        worker: WorkerId,
        /// What.
        task: TaskId,
    },
    /// A starting worker got on with its install: its boot deadline begins anew.
    InstallProgressed {
        /// Who.
        worker: WorkerId,
    },
    /// A starting worker has its environment and takes tasks.
    WorkerReady {
        /// Who.
        worker: WorkerId,
    },
    /// A starting worker could not get its environment. It is gone.
    InstallFailed {
        /// Who.
        worker: WorkerId,
        /// Whether another try could help.
        fault: InstallFault,
    },
    /// A worker died. It is gone. While the pool is to reach a [floor](crate::Scheduler::floor), the death of an idle
    /// one counts as a failed install.
    WorkerLost {
        /// Who.
        worker: WorkerId,
    },
    /// The engine of the remote workers answered [`Output::ConnectEngine`]: workers may be started there.
    EngineReady,
    /// The engine could not be connected to, or is gone, and with it every worker that was there.
    EngineLost {
        /// Whether another try could help.
        fault: InstallFault,
    },
    /// A user wants at least this many local workers; more than the pool may stretch to counts as that.
    WorkersReserved {
        /// How many in all.
        count: u32,
    },
    /// A user wants other bounds on the number of local workers.
    PoolResized {
        /// The new bounds.
        sizes: PoolSizes,
    },
    /// A user wants the pool to end when its tasks have: it takes no more. One that has failed has none, and ends.
    PoolDrained,
    /// A user ended the pool.
    PoolTerminated,
}

/// What a user wants of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskSpec {
    /// Its place among the queued ones.
    pub priority: Priority,
    /// Who may run it.
    pub target: Target,
    /// How long it may run, from each of its starts.
    pub timeout: Option<Duration>,
    /// How long it may wait for its first start.
    pub queue_timeout: Option<Duration>,
    /// How many more times it is run if its worker dies under it. Work may then be done more than once.
    pub retries: u32,
    /// Whether it is taken.
    pub admission: Admission,
    /// Whose measured time says how long it will take. `None`: that cannot be known, so it is posted to idle workers
    /// alone, as is one that may wait for so long only.
    pub kind: Option<TaskKind>,
}

/// Who may run a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Whoever is free.
    #[default]
    Anyone,
    /// Whoever is free in one place. If there can be no worker at all, the task exits `InstallFailed`.
    At(Location),
    /// One worker. If it is gone, the task exits `WorkerLost`.
    Worker(WorkerId),
}

/// On which terms a task is taken. A failed or ended pool takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Admission {
    /// If the queue is not full and the pool does not drain.
    #[default]
    Ordinary,
    /// Though the queue is full or the pool drains: what a driver runs on a worker as part of getting it ready.
    Essential,
    /// Not at all: it was cancelled before it was submitted, and exits so.
    Withdrawn,
}

/// How a worker says a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned.
    Completed,
    /// It threw.
    Threw,
    /// Its function, arguments or result could not be copied between threads.
    Unclonable,
}

/// Whether a failed install, or a failed connection to an engine, may go better the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallFault {
    /// It may: the network, memory, a crash.
    Transient,
    /// It will not: a package that does not exist, a post-install task that throws, a token that is refused.
    Permanent,
}

/// An order to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start a worker and install its environment.
    StartWorker {
        /// Its id.
        worker: WorkerId,
        /// Where.
        location: Location,
    },
    /// End a worker; whatever it still says does not count.
    StopWorker {
        /// Who.
        worker: WorkerId,
        /// Why.
        reason: StopReason,
    },
    /// Hand a task to a worker. A task is posted again if it is retried, or was given back.
    PostTask {
        /// To whom.
        worker: WorkerId,
        /// What.
        task: TaskId,
        /// Whether it starts with that.
        posting: Posting,
    },
    /// Tell the user that a task which was posted ahead starts: its worker has ended those before it.
    AnnounceStart {
        /// Who runs it.
        worker: WorkerId,
        /// Which.
        task: TaskId,
    },
    /// Ask a worker for a task back that it was posted ahead, unless it has started it.
    WithdrawTask {
        /// Who has it.
        worker: WorkerId,
        /// What.
        task: TaskId,
    },
    /// Tell a worker that a task which it was posted ahead is about to be settled: it gives it back or, should it have started it,
    /// stops it. When its turn has come and it has done neither within the grace time, it is stopped itself.
    DropTask {
        /// Who has it.
        worker: WorkerId,
        /// What.
        task: TaskId,
    },
    /// Ask a worker to stop its task. If it does not within the grace time, it is stopped itself.
    AbortTask {
        /// Who.
        worker: WorkerId,
        /// What it runs.
        task: TaskId,
    },
    /// Tell the user that a task has ended. Every task gets exactly one.
    SettleTask {
        /// Which.
        task: TaskId,
        /// Who ran it or, had it not started, nobody.
        worker: Option<WorkerId>,
        /// How it ended.
        reason: ExitReason,
    },
    /// Tell the user that the pool cannot get workers; the cause is that of the last failed install.
    FailPool,
    /// Connect to the engine of the remote workers, and answer `EngineReady` or `EngineLost`.
    ConnectEngine,
    /// Let go of the engine: nothing that it still says counts.
    DisconnectEngine,
    /// Tell the user that there can be no remote workers; the cause is why the engine was lost, or that of the last failed
    /// install of a remote worker. The pool goes on without them.
    FailRemote,
}

/// How a task goes to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posting {
    /// The worker is idle: the task starts.
    Now,
    /// Behind the tasks that the worker has. It tells of the end of the one before, and only then starts this one.
    Ahead,
    /// The same for a task that takes next to no time: the worker may start up to [`MAX_GATHERED`] of them before it
    /// tells of the end of the first.
    Quick,
}

/// The most ends of tasks of which a worker tells at a time.
pub const MAX_GATHERED: usize = 64;

/// Why a worker is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It showed no progress for the boot timeout.
    BootTimedOut,
    /// It did not stop its task within the grace time.
    Unresponsive,
    /// It had nothing to do for the idle timeout.
    Idle,
    /// There are more workers than the pool may have since it was resized.
    Surplus,
    /// The user ended the pool.
    PoolTerminated,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// It returned.
    Completed,
    /// It threw.
    Threw,
    /// Its function, arguments or result could not be copied between threads.
    Unclonable,
    /// The user no longer wanted it.
    Cancelled,
    /// It ran for too long.
    TimedOut,
    /// It waited for too long.
    QueueTimedOut,
    /// Too many tasks waited already.
    Rejected,
    /// Its worker died, or the worker that it was meant for is gone.
    WorkerLost,
    /// The pool could not get workers, or none in the place that the task was meant for.
    InstallFailed,
    /// The pool was ended.
    PoolTerminated,
}

impl From<Outcome> for ExitReason {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Threw => Self::Threw,
            Outcome::Unclonable => Self::Unclonable,
        }
    }
}

/// Why the scheduler wants to be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A starting worker has shown no progress for too long.
    Boot(WorkerId),
    /// The pause after a failed install in that place is over.
    Backoff(Location),
    /// A task has waited for too long.
    Queue(TaskId),
    /// A task has run for too long.
    Run(TaskId),
    /// A worker was asked to stop its task, and has not.
    Grace(WorkerId),
    /// A worker has had one task for so long that others should not wait behind it.
    Stall(WorkerId),
    /// A worker has had nothing to do for too long.
    Idle(WorkerId),
    /// The pause after a lost engine is over.
    Reconnect,
    /// Tasks have waited for too long for an engine that is not there.
    Patience,
}
