//! The driver of the scenarios: a scheduler, a virtual clock, and orders as short lines of text.
//!
//! `w1` is the first worker, `t1` the task that a scenario calls 1.

use std::time::Duration;

use millhand_core::{
    Admission, Input, InstallFault, Instant, Location, Outcome, Output, PoolConfig, PoolSettings, PoolSizes,
    Posting, Priority, Scheduler, Target, TaskId, TaskKind, TaskSpec, Timer, WorkerId,
};

/// No worker to start with, few bounds in the way, round times.
pub(crate) fn settings() -> PoolSettings {
    PoolSettings {
        start_at: 0,
        stretch_to: 3,
        install_concurrency: 10,
        boot_timeout_ms: 1_000,
        max_install_failures: 3,
        backoff_ms: 100,
        max_backoff_ms: 350,
        spares: 0,
        idle_timeout_ms: None,
        cancel_grace_ms: 50,
        max_queue: 1_000,
        priority_step_ms: 10_000,
        remote: None,
    }
}

/// The same, for a pool of one worker.
pub(crate) fn one_worker() -> PoolSettings {
    PoolSettings { stretch_to: 1, ..settings() }
}

/// A task that may run for so long.
pub(crate) fn timeout_ms(ms: u64) -> TaskSpec {
    TaskSpec { timeout: Some(Duration::from_millis(ms)), ..TaskSpec::default() }
}

/// A task that may wait for so long.
pub(crate) fn queue_timeout_ms(ms: u64) -> TaskSpec {
    TaskSpec { queue_timeout: Some(Duration::from_millis(ms)), ..TaskSpec::default() }
}

/// A task that is run so often again.
pub(crate) fn retries(retries: u32) -> TaskSpec {
    TaskSpec { retries, ..TaskSpec::default() }
}

/// A task that is taken whatever the queue, as long as there is a pool.
pub(crate) fn essential() -> TaskSpec {
    TaskSpec { admission: Admission::Essential, ..TaskSpec::default() }
}

/// A task that was cancelled before it was submitted.
pub(crate) fn withdrawn() -> TaskSpec {
    TaskSpec { admission: Admission::Withdrawn, ..TaskSpec::default() }
}

/// A task of a kind.
pub(crate) fn kind(kind: u32) -> TaskSpec {
    TaskSpec { kind: Some(TaskKind(kind)), ..TaskSpec::default() }
}

pub(crate) struct Pool {
    pub(crate) scheduler: Scheduler,
    now: Instant,
}

impl Pool {
    /// A new pool; what it orders at once comes with the first answer.
    pub(crate) fn new(settings: PoolSettings) -> Self {
        let config = PoolConfig::try_from(settings).expect("a scenario's settings hold together");
        Self { scheduler: Scheduler::new(Instant::ZERO, config), now: Instant::ZERO }
    }

    /// A pool that starts with this many workers, all up and idle.
    pub(crate) fn with_idle_workers(count: u32, settings: PoolSettings) -> Self {
        let mut pool = Self::new(PoolSettings { start_at: count, ..settings });
        pool.orders();
        for worker in 1..=count {
            pool.ready(worker);
        }
        pool
    }

    pub(crate) fn submit(&mut self, task: u64) -> Vec<String> {
        self.submit_with(TaskSpec::default(), task)
    }

    pub(crate) fn submit_urgent(&mut self, task: u64, priority: i32) -> Vec<String> {
        self.submit_with(TaskSpec { priority: Priority(priority), ..TaskSpec::default() }, task)
    }

    pub(crate) fn submit_to(&mut self, worker: u32, task: u64) -> Vec<String> {
        self.submit_to_with(TaskSpec::default(), worker, task)
    }

    pub(crate) fn submit_with(&mut self, spec: TaskSpec, task: u64) -> Vec<String> {
        self.give(Input::TaskSubmitted { task: TaskId(task), spec })
    }

    pub(crate) fn submit_to_with(&mut self, spec: TaskSpec, worker: u32, task: u64) -> Vec<String> {
        self.submit_with(TaskSpec { target: Target::Worker(WorkerId(worker)), ..spec }, task)
    }

    pub(crate) fn submit_at(&mut self, location: Location, task: u64) -> Vec<String> {
        self.submit_with(TaskSpec { target: Target::At(location), ..TaskSpec::default() }, task)
    }

    pub(crate) fn cancel(&mut self, task: u64) -> Vec<String> {
        self.give(Input::TaskCancelled { task: TaskId(task) })
    }

    pub(crate) fn finish(&mut self, worker: u32, task: u64) -> Vec<String> {
        self.finish_with(Outcome::Completed, worker, task)
    }

    pub(crate) fn finish_with(&mut self, outcome: Outcome, worker: u32, task: u64) -> Vec<String> {
        self.finish_after(Duration::ZERO, outcome, worker, task)
    }

    pub(crate) fn finish_after_ms(&mut self, ms: u64, worker: u32, task: u64) -> Vec<String> {
        self.finish_after(Duration::from_millis(ms), Outcome::Completed, worker, task)
    }

    pub(crate) fn finish_after_us(&mut self, us: u64, worker: u32, task: u64) -> Vec<String> {
        self.finish_after(Duration::from_micros(us), Outcome::Completed, worker, task)
    }

    fn finish_after(&mut self, took: Duration, outcome: Outcome, worker: u32, task: u64) -> Vec<String> {
        self.give(Input::TaskFinished { worker: WorkerId(worker), task: TaskId(task), outcome, took })
    }

    pub(crate) fn give_back(&mut self, worker: u32, task: u64) -> Vec<String> {
        self.give(Input::TaskReturned { worker: WorkerId(worker), task: TaskId(task) })
    }

    pub(crate) fn ready(&mut self, worker: u32) -> Vec<String> {
        self.give(Input::WorkerReady { worker: WorkerId(worker) })
    }

    pub(crate) fn progress(&mut self, worker: u32) -> Vec<String> {
        self.give(Input::InstallProgressed { worker: WorkerId(worker) })
    }

    pub(crate) fn fail_install(&mut self, worker: u32) -> Vec<String> {
        self.give(Input::InstallFailed { worker: WorkerId(worker), fault: InstallFault::Transient })
    }

    pub(crate) fn fail_install_for_good(&mut self, worker: u32) -> Vec<String> {
        self.give(Input::InstallFailed { worker: WorkerId(worker), fault: InstallFault::Permanent })
    }

    pub(crate) fn lose(&mut self, worker: u32) -> Vec<String> {
        self.give(Input::WorkerLost { worker: WorkerId(worker) })
    }

    pub(crate) fn engine_ready(&mut self) -> Vec<String> {
        self.give(Input::EngineReady)
    }

    pub(crate) fn lose_engine(&mut self) -> Vec<String> {
        self.give(Input::EngineLost { fault: InstallFault::Transient })
    }

    pub(crate) fn lose_engine_for_good(&mut self) -> Vec<String> {
        self.give(Input::EngineLost { fault: InstallFault::Permanent })
    }

    pub(crate) fn reserve(&mut self, count: u32) -> Vec<String> {
        self.give(Input::WorkersReserved { count })
    }

    pub(crate) fn resize(&mut self, start_at: u32, stretch_to: u32) -> Vec<String> {
        let sizes = PoolSizes::new(start_at, stretch_to).expect("a scenario's sizes hold together");
        self.give(Input::PoolResized { sizes })
    }

    pub(crate) fn drain(&mut self) -> Vec<String> {
        self.give(Input::PoolDrained)
    }

    pub(crate) fn terminate(&mut self) -> Vec<String> {
        self.give(Input::PoolTerminated)
    }

    /// Lets time pass, and wakes the scheduler whenever it wants to be.
    pub(crate) fn wait_ms(&mut self, ms: u64) -> Vec<String> {
        let end = self.now.after(Duration::from_millis(ms));
        let mut orders = Vec::new();
        while let Some((at, _)) = self.scheduler.poll_timeout()
            && at <= end
        {
            self.now = self.now.max(at);
            self.scheduler.handle_timeout(self.now);
            orders.extend(self.orders());
        }
        self.now = end;
        orders
    }

    /// Lets time pass, and does not wake the scheduler.
    pub(crate) fn wait_ms_asleep(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
    }

    /// Orders that were not answered with yet.
    pub(crate) fn orders(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.scheduler.poll_output()).map(in_words).collect()
    }

    /// Which timer is next.
    pub(crate) fn next_timer(&self) -> Option<Timer> {
        self.scheduler.poll_timeout().map(|(_, timer)| timer)
    }

    pub(crate) fn floor(&self) -> u32 {
        self.scheduler.floor()
    }

    pub(crate) fn stale_inputs(&self) -> u64 {
        self.scheduler.stats().stale_inputs
    }

    fn give(&mut self, input: Input) -> Vec<String> {
        self.scheduler.handle_input(self.now, input);
        self.orders()
    }
}

fn in_words(order: Output) -> String {
    match order {
        Output::StartWorker { worker, location: Location::Local } => format!("start w{}", worker.0),
        Output::StartWorker { worker, location: Location::Remote } => format!("start w{} remotely", worker.0),
        Output::StopWorker { worker, reason } => format!("stop w{}: {reason:?}", worker.0),
        Output::PostTask { worker, task, posting } => {
            let how = match posting {
                Posting::Now => "",
                Posting::Ahead => " ahead",
                Posting::Quick => " quick",
            };
            format!("post t{} to w{}{how}", task.0, worker.0)
        }
        Output::AnnounceStart { worker, task } => format!("t{} starts at w{}", task.0, worker.0),
        Output::WithdrawTask { worker, task } => format!("withdraw t{} from w{}", task.0, worker.0),
        Output::DropTask { worker, task } => format!("drop t{} at w{}", task.0, worker.0),
        Output::AbortTask { worker, task } => format!("abort t{} at w{}", task.0, worker.0),
        Output::SettleTask { task, worker: Some(worker), reason } => {
            format!("settle t{} of w{}: {reason:?}", task.0, worker.0)
        }
        Output::SettleTask { task, worker: None, reason } => format!("settle t{}: {reason:?}", task.0),
        Output::FailPool => "fail".to_owned(),
        Output::ConnectEngine => "connect".to_owned(),
        Output::DisconnectEngine => "disconnect".to_owned(),
        Output::FailRemote => "fail remote".to_owned(),
    }
}

/// No orders.
pub(crate) const NOTHING: [&str; 0] = [];
