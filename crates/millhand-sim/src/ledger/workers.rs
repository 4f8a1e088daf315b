//! Entries about workers.

use std::collections::VecDeque;
use std::time::Duration;

use millhand_core::{ExitReason, InstallFault, Instant, Location, StopReason, Target, TaskId, WorkerId};

use super::tasks::Ending;
use super::{Ledger, Whose};

#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) state: WorkerState,
    pub(super) location: Location,
    pub(super) started_at: Instant,
    /// When its state began.
    pub(super) since: Instant,
    /// When it must have shown progress, while it starts; or have ended a dropped task, while it has that.
    pub(super) deadline: Option<Instant>,
    /// What it was posted behind the task that it runs.
    pub(super) ahead: VecDeque<Posted>,
    /// Why it was stopped, if it was.
    pub(super) stopped: Option<StopReason>,
}

/// A task that a worker has behind others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posted {
    pub(crate) task: TaskId,
    pub(crate) is_quick: bool,
    /// The worker was asked to give it back.
    pub(crate) is_wanted_back: bool,
    /// The worker was told that it is settled.
    pub(crate) is_told_dropped: bool,
}

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It was ordered.
    Starting,
    /// It was ready and has no task.
    Idle,
    /// It was posted this task.
    Busy(TaskId),
    /// It died, failed to install or was ordered to stop.
    Gone,
}

impl Ledger {
    pub(super) fn start(&mut self, worker: WorkerId, location: Location) {
        let (state, now, ahead) = (WorkerState::Starting, self.now, VecDeque::new());
        let entry =
            Worker { state, location, started_at: now, since: now, deadline: None, ahead, stopped: None };
        self.workers.insert(worker, entry);
        self.live.insert(worker);
        let site = self.site_mut(location);
        site.live += 1;
        site.starting += 1;
        self.note_progress(worker);
    }

    pub(super) fn note_progress(&mut self, id: WorkerId) {
        let deadline = self.now.after(self.boot_timeout(id));
        if let Some(worker) = self.workers.get_mut(&id)
            && worker.state == WorkerState::Starting
        {
            let before = worker.deadline.replace(deadline);
            self.set_deadline(Whose::Worker(id), before, Some(deadline));
        }
    }

    pub(super) fn note_ready(&mut self, worker: WorkerId) {
        if self.worker(worker) == Some(WorkerState::Starting) {
            if let Some(location) = self.location(worker) {
                self.forgive_failures(location);
            }
            self.set_worker(worker, WorkerState::Idle);
            self.await_workers(0);
            if self.early_deaths >= self.settings.max_install_failures {
                self.await_no_more();
            }
        }
    }

    pub(super) fn fail_install(&mut self, worker: WorkerId, fault: InstallFault) {
        let (Some(WorkerState::Starting), Some(location)) = (self.worker(worker), self.location(worker))
        else {
            return;
        };
        let failures = self.install_failures(location) + 1;
        self.bury(worker);
        self.count_failures(
            location,
            match fault {
                InstallFault::Transient => failures,
                InstallFault::Permanent => failures.max(self.settings.max_install_failures),
            },
        );
    }

    /// It came up only to die.
    fn die_early(&mut self, worker: WorkerId) {
        self.early_deaths += 1;
        let failures = self.early_deaths.max(self.install_failures(Location::Local) + 1);
        self.lose_up(worker);
        self.count_failures(Location::Local, failures);
    }

    pub(super) fn lose(&mut self, worker: WorkerId) {
        match self.worker(worker) {
            Some(WorkerState::Starting) => self.fail_install(worker, InstallFault::Transient),
            Some(WorkerState::Busy(task)) => {
                self.lose_tasks(task, worker);
                self.lose_up(worker);
            }
            Some(WorkerState::Idle) if self.dies_early(worker) => self.die_early(worker),
            Some(WorkerState::Idle) => self.lose_up(worker),
            Some(WorkerState::Gone) | None => {}
        }
    }

    pub(super) fn stop(&mut self, worker: WorkerId, reason: StopReason) {
        match reason {
            StopReason::BootTimedOut => self.fail_install(worker, InstallFault::Transient),
            StopReason::Unresponsive => self.lose(worker),
            StopReason::Idle => self.lose_up(worker),
            StopReason::Surplus => {
                if self.worker(worker) == Some(WorkerState::Starting) {
                    self.bury(worker);
                } else {
                    self.lose_up(worker);
                }
            }
            StopReason::PoolTerminated => self.bury(worker),
        }
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.stopped = Some(reason);
        }
    }

    /// A worker has ended its task: it is with the next one that it has, or idle.
    pub(super) fn go_on(&mut self, id: WorkerId) {
        let next = self.workers.get_mut(&id).and_then(|worker| worker.ahead.pop_front());
        let Some(Posted { task, .. }) = next else { return self.set_worker(id, WorkerState::Idle) };
        self.set_worker(id, WorkerState::Busy(task));
        if self.is_dropped(task)
            && let Some(worker) = self.workers.get_mut(&id)
        {
            let deadline = self.now.after(Duration::from_millis(self.settings.cancel_grace_ms.into()));
            worker.deadline = Some(deadline);
            self.set_deadline(Whose::Worker(id), None, Some(deadline));
        }
    }

    pub(super) fn note_withdrawal(&mut self, worker: WorkerId, task: TaskId) {
        for posted in self.posted(worker, task) {
            posted.is_wanted_back = true;
        }
    }

    pub(super) fn note_drop(&mut self, worker: WorkerId, task: TaskId) {
        for posted in self.posted(worker, task) {
            posted.is_told_dropped = true;
        }
    }

    fn posted(&mut self, worker: WorkerId, task: TaskId) -> impl Iterator<Item = &mut Posted> {
        let worker = self.workers.get_mut(&worker).into_iter();
        worker.flat_map(|worker| &mut worker.ahead).filter(move |posted| posted.task == task)
    }

    pub(super) fn await_workers(&mut self, count: u32) {
        self.awaited = self.awaited.max(count);
        if self.workers_up(Location::Local) >= self.awaited as usize {
            self.await_no_more();
        }
    }

    const fn await_no_more(&mut self) {
        self.awaited = 0;
        self.early_deaths = 0;
    }

    /// Each makes the pause twice as long; too many beside workers that are up end the wait for more.
    fn count_failures(&mut self, location: Location, failures: u32) {
        let end = self.now.after(self.pause_after(failures));
        let is_too_many = failures >= self.settings.max_install_failures;
        let site = self.site_mut(location);
        site.install_failures = failures;
        site.paused_until = Some(end);
        match location {
            Location::Local if is_too_many && self.all_up() > 0 => self.await_no_more(),
            Location::Remote if is_too_many && self.workers_live(location) == 0 => {
                self.end_remote();
            }
            Location::Local | Location::Remote => {}
        }
    }

    pub(super) fn pause_after(&self, failures: u32) -> Duration {
        let settings = &self.settings;
        let doublings = (failures - 1).min(31);
        Duration::from_millis(
            (u64::from(settings.backoff_ms) << doublings).min(settings.max_backoff_ms.into()),
        )
    }

    pub(super) const fn forgive_failures(&mut self, location: Location) {
        let site = self.site_mut(location);
        site.install_failures = 0;
        site.paused_until = None;
    }

    /// Failed installs count only in a row with no worker up in their place; and no longer than any is up.
    fn lose_up(&mut self, worker: WorkerId) {
        self.bury(worker);
        for location in Location::ALL {
            let is_here = self.location(worker) == Some(location) && self.workers_up(location) == 0;
            if is_here || self.all_up() == 0 {
                self.forgive_failures(location);
            }
        }
    }

    /// It is gone with its engine.
    pub(super) fn lose_worker(&mut self, worker: WorkerId) {
        match self.worker(worker) {
            Some(WorkerState::Starting) => self.bury(worker),
            _ => self.lose_up(worker),
        }
    }

    /// A worker is gone, and so are the tasks that were meant for it alone.
    fn bury(&mut self, worker: WorkerId) {
        self.set_worker(worker, WorkerState::Gone);
        self.live.remove(&worker);
        if let Some(location) = self.location(worker) {
            self.site_mut(location).live -= 1;
        }
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.ahead.clear();
        }
        let orphans = self.waiting.remove(&Target::Worker(worker)).unwrap_or_default();
        self.queued -= orphans.len();
        for (_, task) in orphans {
            self.end(task, Ending { worker: None, reason: ExitReason::WorkerLost });
        }
    }

    pub(super) fn set_worker(&mut self, id: WorkerId, state: WorkerState) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let (before, deadline, location) = (worker.state, worker.deadline.take(), worker.location);
        worker.state = state;
        worker.since = self.now;
        self.set_deadline(Whose::Worker(id), deadline, None);
        self.count(location, before, usize::wrapping_sub);
        self.count(location, state, usize::wrapping_add);
    }

    fn count(&mut self, location: Location, state: WorkerState, change: fn(usize, usize) -> usize) {
        let site = self.site_mut(location);
        match state {
            WorkerState::Starting => site.starting = change(site.starting, 1),
            WorkerState::Idle => site.idle = change(site.idle, 1),
            WorkerState::Busy(_) | WorkerState::Gone => {}
        }
    }
}
