//! The driver of the scenarios: a scheduler, a virtual clock, and orders as short lines of text.
//!
//! `w1` is the first worker, `t1` the task that a scenario calls 1.

use std::time::Duration;

use millhand_core::{
    Input, InstallFault, Instant, Outcome, Output, PoolConfig, PoolSettings, Priority, Scheduler, TaskId,
    WorkerId,
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
    }
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
        self.submit_urgent(task, Priority::NORMAL.0)
    }

    pub(crate) fn submit_urgent(&mut self, task: u64, priority: i32) -> Vec<String> {
        self.give(Input::TaskSubmitted { task: TaskId(task), priority: Priority(priority), target: None })
    }

    pub(crate) fn submit_to(&mut self, worker: u32, task: u64) -> Vec<String> {
        let target = Some(WorkerId(worker));
        self.give(Input::TaskSubmitted { task: TaskId(task), priority: Priority::NORMAL, target })
    }

    pub(crate) fn finish(&mut self, worker: u32, task: u64) -> Vec<String> {
        self.finish_with(Outcome::Completed, worker, task)
    }

    pub(crate) fn finish_with(&mut self, outcome: Outcome, worker: u32, task: u64) -> Vec<String> {
        self.give(Input::TaskFinished { worker: WorkerId(worker), task: TaskId(task), outcome })
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

    pub(crate) fn reserve(&mut self, count: u32) -> Vec<String> {
        self.give(Input::WorkersReserved { count })
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
            self.now = at;
            self.scheduler.handle_timeout(at);
            orders.extend(self.orders());
        }
        self.now = end;
        orders
    }

    /// Orders that were not answered with yet.
    pub(crate) fn orders(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.scheduler.poll_output()).map(in_words).collect()
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
        Output::StartWorker { worker } => format!("start w{}", worker.0),
        Output::StopWorker { worker, reason } => format!("stop w{}: {reason:?}", worker.0),
        Output::PostTask { worker, task } => format!("post t{} to w{}", task.0, worker.0),
        Output::SettleTask { task, worker: Some(worker), reason } => {
            format!("settle t{} of w{}: {reason:?}", task.0, worker.0)
        }
        Output::SettleTask { task, worker: None, reason } => format!("settle t{}: {reason:?}", task.0),
        Output::FailPool => "fail".to_owned(),
    }
}

/// No orders.
pub(crate) const NOTHING: [&str; 0] = [];
