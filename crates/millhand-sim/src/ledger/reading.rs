//! Reading the books.

use std::collections::BTreeSet;
use std::time::Duration;

use millhand_core::{Instant, PoolSettings, TaskId, WorkerId};

use super::{Ledger, TaskState, WorkerState};

impl Ledger {
    /// The time of the last entry.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What the pool was configured with.
    #[must_use]
    pub const fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// How far a task is; `None` if it was never submitted.
    #[must_use]
    pub fn task(&self, task: TaskId) -> Option<TaskState> {
        self.tasks.get(&task).map(|task| task.state)
    }

    /// The only worker that may run a task.
    #[must_use]
    pub fn target(&self, task: TaskId) -> Option<WorkerId> {
        self.tasks.get(&task).and_then(|task| task.target)
    }

    /// How far a worker is; `None` if it was never started.
    #[must_use]
    pub fn worker(&self, worker: WorkerId) -> Option<WorkerState> {
        self.workers.get(&worker).map(|worker| worker.state)
    }

    /// When a worker was started.
    #[must_use]
    pub fn started_at(&self, worker: WorkerId) -> Option<Instant> {
        self.workers.get(&worker).map(|worker| worker.started_at)
    }

    /// When a worker has booted without a sign of progress for too long.
    #[must_use]
    pub fn boot_deadline(&self, worker: WorkerId) -> Option<Instant> {
        self.workers.get(&worker).map(|worker| worker.last_sign_at.after(self.boot_timeout()))
    }

    pub(crate) fn boot_timeout(&self) -> Duration {
        Duration::from_millis(self.settings.boot_timeout_ms.into())
    }

    /// Workers that were started and are not gone.
    pub fn live_workers(&self) -> impl Iterator<Item = (WorkerId, WorkerState)> {
        self.live.iter().filter_map(|&id| Some((id, self.worker(id)?)))
    }

    /// Workers that are gone.
    pub fn gone_workers(&self) -> impl Iterator<Item = WorkerId> {
        self.workers.keys().copied().filter(|id| !self.live.contains(id))
    }

    /// How many workers live.
    #[must_use]
    pub fn workers_live(&self) -> usize {
        self.live.len()
    }

    /// How many workers are starting.
    #[must_use]
    pub fn workers_starting(&self) -> usize {
        self.live_workers().filter(|(_, state)| *state == WorkerState::Starting).count()
    }

    /// How many workers are idle.
    #[must_use]
    pub fn workers_idle(&self) -> usize {
        self.live_workers().filter(|(_, state)| *state == WorkerState::Idle).count()
    }

    /// How many workers have their environment.
    #[must_use]
    pub fn workers_up(&self) -> usize {
        self.workers_live() - self.workers_starting()
    }

    /// How many workers must still be up at one time, by the settings or because a user reserved them.
    #[must_use]
    pub const fn awaited_workers(&self) -> u32 {
        self.awaited
    }

    /// How many tasks wait for whichever worker is free.
    #[must_use]
    pub fn waiting_for_any(&self) -> usize {
        self.waiting.get(&None).map_or(0, BTreeSet::len)
    }

    /// How many submitted tasks are not settled.
    #[must_use]
    pub const fn open_tasks(&self) -> usize {
        self.open
    }

    /// The first task that is over and not settled, with what the user must be told.
    #[must_use]
    pub fn first_due(&self) -> Option<(TaskId, TaskState)> {
        let &task = self.due.first()?;
        Some((task, self.task(task)?))
    }

    /// The first of the waiting tasks that a worker may run.
    #[must_use]
    pub fn next_task_for(&self, worker: WorkerId) -> Option<TaskId> {
        let first = |target| self.waiting.get(&target).and_then(BTreeSet::first).copied();
        [first(None), first(Some(worker))].into_iter().flatten().min().map(|(_, task)| task)
    }

    /// How many installs failed since a worker was last ready. The pool may pause while there are any.
    #[must_use]
    pub const fn install_failures(&self) -> u32 {
        self.install_failures
    }

    /// Whether too many installs failed and no worker is up: those that are still starting are the last hope.
    #[must_use]
    pub fn is_giving_up(&self) -> bool {
        self.install_failures >= self.settings.max_install_failures && self.workers_up() == 0
    }

    /// Whether even the last hope is gone.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.is_giving_up() && self.live.is_empty()
    }

    /// Whether the pool said that it failed.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        self.failed
    }

    /// Whether a user ended the pool.
    #[must_use]
    pub const fn is_terminated(&self) -> bool {
        self.terminated
    }

    /// Whether the pool takes tasks.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.failed && !self.terminated
    }
}
