//! Reading the books.

use std::collections::BTreeSet;
use std::time::Duration;

use millhand_core::{
    Admission, EngineState, Input, Instant, Location, PoolSettings, PoolState, RemoteStart, Stats,
    StopReason, Target, TaskId, TaskKind, TaskSpec, WorkerId,
};

use super::workers::Posted;
use super::{Ledger, Phase, PoolEnd, TaskState, Whose, WorkerState};

impl Ledger {
    /// The time of the last entry.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What the pool was configured with; the sizes as they were last changed.
    #[must_use]
    pub const fn settings(&self) -> &PoolSettings {
        &self.settings
    }

    /// How far the pool is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// What the scheduler must say that the pool is.
    #[must_use]
    pub const fn pool_state(&self) -> PoolState {
        match self.phase {
            Phase::Open => PoolState::Open,
            Phase::Draining => PoolState::Draining,
            Phase::Over(PoolEnd::Failed) => PoolState::Failed,
            Phase::Over(PoolEnd::Terminated | PoolEnd::Drained) => PoolState::Terminated,
        }
    }

    /// Whether the pool has ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// How far a task is; `None` if it was never submitted.
    #[must_use]
    pub fn task(&self, task: TaskId) -> Option<TaskState> {
        self.tasks.get(&task).map(|task| task.state)
    }

    /// Every task that was submitted.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, TaskState)> {
        self.tasks.iter().map(|(id, task)| (*id, task.state))
    }

    /// What the user wants of a task.
    #[must_use]
    pub fn spec(&self, task: TaskId) -> Option<TaskSpec> {
        self.tasks.get(&task).map(|task| task.spec)
    }

    /// Whether a task was submitted on such terms.
    #[must_use]
    pub fn is_admitted_as(&self, task: TaskId, admission: Admission) -> bool {
        self.spec(task).is_some_and(|spec| spec.admission == admission)
    }

    /// How often a task was posted.
    #[must_use]
    pub fn posts(&self, task: TaskId) -> u32 {
        self.tasks.get(&task).map_or(0, |task| task.posts)
    }

    /// When a task has waited, run or taken to stop for too long, whichever it does; `None` if it may for ever.
    #[must_use]
    pub fn task_deadline(&self, task: TaskId) -> Option<Instant> {
        self.tasks.get(&task).and_then(|task| task.deadline)
    }

    /// Who may run a task.
    #[must_use]
    pub fn target(&self, task: TaskId) -> Option<Target> {
        self.tasks.get(&task).map(|task| task.spec.target)
    }

    /// Where a worker is, or was.
    #[must_use]
    pub fn location(&self, worker: WorkerId) -> Option<Location> {
        self.workers.get(&worker).map(|worker| worker.location)
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

    /// Since when a worker is as it is.
    #[must_use]
    pub fn since(&self, worker: WorkerId) -> Option<Instant> {
        self.workers.get(&worker).map(|worker| worker.since)
    }

    /// Why a worker was stopped, if it was.
    #[must_use]
    pub fn stop_reason(&self, worker: WorkerId) -> Option<StopReason> {
        self.workers.get(&worker).and_then(|worker| worker.stopped)
    }

    /// When a worker has booted without a sign of progress, or been at a dropped task, for too long.
    #[must_use]
    pub fn worker_deadline(&self, worker: WorkerId) -> Option<Instant> {
        self.workers.get(&worker).and_then(|worker| worker.deadline)
    }

    /// How long a worker may boot without a sign of progress.
    pub(crate) fn boot_timeout(&self, worker: WorkerId) -> Duration {
        let timeout_ms = match (self.location(worker), self.settings.remote) {
            (Some(Location::Remote), Some(remote)) => remote.boot_timeout_ms,
            _ => self.settings.boot_timeout_ms,
        };
        Duration::from_millis(timeout_ms.into())
    }

    /// How long a worker may have nothing to do.
    pub(crate) fn idle_timeout(&self, worker: WorkerId) -> Option<Duration> {
        let timeout_ms = match self.location(worker)? {
            Location::Local => self.settings.idle_timeout_ms?,
            Location::Remote => self.settings.remote?.idle_timeout_ms,
        };
        Some(Duration::from_millis(timeout_ms.into()))
    }

    /// Whether the death of a worker, should it be idle, counts as a failed install.
    #[must_use]
    pub fn dies_early(&self, worker: WorkerId) -> bool {
        self.awaited_workers() > 0 && self.location(worker) == Some(Location::Local)
    }

    /// The earliest deadline of all.
    pub(crate) fn next_deadline(&self) -> Option<(Instant, Whose)> {
        self.deadlines.first().copied()
    }

    /// Whether a fact is about a task that has ended or a worker that has moved on, or one that never was.
    #[must_use]
    pub fn is_stale(&self, input: &Input) -> bool {
        match *input {
            Input::TaskCancelled { task } => {
                matches!(self.task(task), None | Some(TaskState::Over(_) | TaskState::Settled))
            }
            Input::TaskFinished { worker, task, .. } => self.worker(worker) != Some(WorkerState::Busy(task)),
            Input::TaskReturned { worker, task } => !self.ahead(worker).any(|posted| posted.task == task),
            Input::InstallProgressed { worker }
            | Input::WorkerReady { worker }
            | Input::InstallFailed { worker, .. } => self.worker(worker) != Some(WorkerState::Starting),
            Input::WorkerLost { worker } => matches!(self.worker(worker), None | Some(WorkerState::Gone)),
            Input::EngineReady => self.engine() != EngineState::Connecting,
            Input::EngineLost { .. } => !self.is_engine_held(),
            Input::TaskSubmitted { .. }
            | Input::WorkersReserved { .. }
            | Input::PoolResized { .. }
            | Input::PoolDrained
            | Input::PoolTerminated => false,
        }
    }

    /// What the scheduler must count.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            queued: self.queued,
            starting: self.local.starting + self.remote.starting,
            idle: self.local.idle + self.remote.idle,
            busy: self.workers_busy(Location::Local) + self.workers_busy(Location::Remote),
            stale_inputs: self.stale_inputs,
        }
    }

    /// Workers that were started and are not gone.
    pub fn live_workers(&self) -> impl Iterator<Item = (WorkerId, WorkerState)> {
        self.live.iter().filter_map(|&id| Some((id, self.worker(id)?)))
    }

    /// Workers that are gone.
    pub fn gone_workers(&self) -> impl Iterator<Item = WorkerId> {
        self.workers.keys().copied().filter(|id| !self.live.contains(id))
    }

    /// How many workers live in a place.
    #[must_use]
    pub const fn workers_live(&self, location: Location) -> usize {
        self.site(location).live
    }

    /// How many workers of a place are starting.
    #[must_use]
    pub const fn workers_starting(&self, location: Location) -> usize {
        self.site(location).starting
    }

    /// How many workers of a place are idle.
    #[must_use]
    pub const fn workers_idle(&self, location: Location) -> usize {
        self.site(location).idle
    }

    /// How many workers of a place have their environment.
    #[must_use]
    pub const fn workers_up(&self, location: Location) -> usize {
        self.site(location).live - self.site(location).starting
    }

    /// How many workers have their environment, wherever they are.
    #[must_use]
    pub const fn all_up(&self) -> usize {
        self.workers_up(Location::Local) + self.workers_up(Location::Remote)
    }

    /// How many workers of a place have a task.
    #[must_use]
    pub const fn workers_busy(&self, location: Location) -> usize {
        self.workers_up(location) - self.site(location).idle
    }

    /// The most workers that may be at work in a place.
    #[must_use]
    pub fn most_busy(&self, location: Location) -> usize {
        match location {
            Location::Local => self.settings.stretch_to as usize,
            Location::Remote => self.settings.remote.map_or(0, |remote| remote.stretch_to as usize),
        }
    }

    /// The most workers that may live in a place.
    #[must_use]
    pub fn most_live(&self, location: Location) -> usize {
        self.most_busy(location) + self.spares(location)
    }

    /// How many workers of a place are to be idle, to take over.
    #[must_use]
    pub const fn spares(&self, location: Location) -> usize {
        match location {
            Location::Local => self.settings.spares as usize,
            Location::Remote => 0,
        }
    }

    /// The most workers of a place that may be starting.
    #[must_use]
    pub fn most_starting(&self, location: Location) -> usize {
        match location {
            Location::Local => self.settings.install_concurrency as usize,
            Location::Remote => self.most_live(location),
        }
    }

    /// Workers of a place that tasks can wait for.
    #[must_use]
    pub const fn workers_serving(&self, location: Location) -> usize {
        self.site(location).idle + self.site(location).starting
    }

    /// How many waiting tasks a place should have workers for: those for it, and those for any that it is to take.
    #[must_use]
    pub fn tasks_to_serve(&self, location: Location) -> usize {
        let shared = self.waiting_for(Target::Anyone);
        let here = self.waiting_for(Target::At(location));
        match (location, self.settings.remote.map(|remote| remote.start)) {
            (Location::Local, _) | (Location::Remote, Some(RemoteStart::Always)) => here + shared,
            (Location::Remote, Some(RemoteStart::Queued)) if self.is_exhausted() => {
                // What local workers will do, once they have done what is for them alone.
                let most = self.most_busy(Location::Local).saturating_sub(self.workers_busy(Location::Local));
                let free = self.workers_serving(Location::Local).min(most);
                let free = free.saturating_sub(self.waiting_for(Target::At(Location::Local)));
                here + shared.saturating_sub(free)
            }
            (Location::Remote, _) => here,
        }
    }

    /// Whether no further local worker can be had just now.
    fn is_exhausted(&self) -> bool {
        self.local.live >= self.most_busy(Location::Local) || self.local.install_failures > 0
    }

    /// Whether one more worker of a place may take a task that is not for it alone: a spare one takes such tasks only
    /// in place of another.
    #[must_use]
    pub fn may_work(&self, location: Location) -> bool {
        self.workers_busy(location) < self.most_busy(location)
    }

    /// How many local workers must still be up at one time, by the settings or because a user reserved them.
    #[must_use]
    pub const fn awaited_workers(&self) -> u32 {
        if self.is_over() { 0 } else { self.awaited }
    }

    /// How many tasks wait that these may run, and nobody else.
    #[must_use]
    pub fn waiting_for(&self, target: Target) -> usize {
        self.waiting.get(&target).map_or(0, BTreeSet::len)
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

    /// The first running task that a user cancelled, and whose worker was not asked to stop it.
    #[must_use]
    pub fn first_unheeded(&self) -> Option<TaskId> {
        self.unheeded.first().copied()
    }

    /// Whether a task is such a one.
    #[must_use]
    pub fn is_unheeded(&self, task: TaskId) -> bool {
        self.unheeded.contains(&task)
    }

    /// What a worker has behind the task that it runs.
    pub(crate) fn ahead(&self, worker: WorkerId) -> impl Iterator<Item = &Posted> {
        self.workers.get(&worker).into_iter().flat_map(|worker| &worker.ahead)
    }

    /// How many tasks of a kind have ended at local workers, and how long the shortest of the last ten took.
    #[must_use]
    pub fn ran(&self, kind: TaskKind) -> Option<(usize, Duration)> {
        let (runs, last) = self.ran.get(&kind)?;
        Some((*runs, *last.iter().min()?))
    }

    /// Whether a task is over: a worker that has it was to drop it.
    #[must_use]
    pub fn is_dropped(&self, task: TaskId) -> bool {
        matches!(self.task(task), Some(TaskState::Over(_) | TaskState::Settled))
    }

    /// Whether a worker that has a task may have one that is for any behind it, or one that has none may take it.
    #[must_use]
    pub fn may_have_shared(&self, worker: WorkerId) -> bool {
        let Some(location) = self.location(worker) else { return false };
        match self.worker(worker) {
            Some(WorkerState::Busy(_)) => self.workers_busy(location) <= self.most_busy(location),
            _ => self.may_work(location),
        }
    }

    /// The first of the waiting tasks that a worker may run.
    #[must_use]
    pub fn next_task_for(&self, worker: WorkerId) -> Option<TaskId> {
        let location = self.location(worker)?;
        let first = |target| self.waiting.get(&target).and_then(BTreeSet::first).copied();
        let own = first(Target::Worker(worker));
        let others = if self.may_have_shared(worker) {
            [Target::Anyone, Target::At(location)].map(first)
        } else {
            [None; 2]
        };
        others.into_iter().chain([own]).flatten().min().map(|(_, task)| task)
    }

    /// How many installs failed in a place since a worker of it was last ready; the death of an idle worker counts while workers are
    /// awaited, and is not made up for until they are not. The pool may pause while there are any.
    #[must_use]
    pub const fn install_failures(&self, location: Location) -> u32 {
        self.site(location).install_failures
    }

    /// Until when no worker of a place may be started, after a failed install.
    #[must_use]
    pub const fn paused_until(&self, location: Location) -> Option<Instant> {
        self.site(location).paused_until
    }

    /// Whether too many installs failed and no worker is up: those that are still starting are the last hope.
    #[must_use]
    pub fn is_giving_up(&self) -> bool {
        self.has_failed(Location::Local) && self.all_up() == 0
    }

    /// Whether too many installs failed in a place where no worker is up.
    #[must_use]
    pub const fn has_failed(&self, location: Location) -> bool {
        self.install_failures(location) >= self.settings.max_install_failures
            && self.workers_up(location) == 0
    }

    /// Whether even the last hope is gone.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.is_giving_up() && self.live.is_empty()
    }
}
