//! What happens to workers: they start, come up, are lost or ended, and are replaced.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::ahead::Posted;
use super::{PoolState, Scheduler, WorkerState};
use crate::queue::TaskQueue;
use crate::{ExitReason, InstallFault, Instant, Output, StopReason, Timer, WorkerId};

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) state: WorkerState,
    /// Tasks that only this worker may run.
    pub(super) targeted: TaskQueue,
    /// Tasks that it was posted behind the one that it runs, in their order.
    pub(super) ahead: VecDeque<Posted>,
    /// How long they will take.
    pub(super) work_ahead: Duration,
    /// Whether it may have more behind the task that it runs, as far as that is concerned.
    pub(super) takes_more: bool,
    /// When the task that it runs started.
    pub(super) since: Instant,
}

impl Worker {
    const fn new(now: Instant) -> Self {
        Self {
            state: WorkerState::Starting,
            targeted: TaskQueue::new(),
            ahead: VecDeque::new(),
            work_ahead: Duration::ZERO,
            takes_more: false,
            since: now,
        }
    }
}

impl Scheduler {
    pub(super) fn on_install_progressed(&mut self, now: Instant, worker: WorkerId) {
        if !self.is_starting(worker) {
            return self.count_stale();
        }
        self.timers.set(Timer::Boot(worker), now.after(self.config.boot_timeout));
    }

    pub(super) fn on_worker_ready(&mut self, now: Instant, worker: WorkerId) {
        if !self.is_starting(worker) {
            return self.count_stale();
        }
        self.starting.remove(&worker);
        self.timers.cancel(Timer::Boot(worker));
        self.timers.cancel(Timer::Backoff);
        self.install_failures = 0;
        self.rest(now, worker);
        self.drop_reached_floor(now);
        if self.early_deaths >= self.config.max_install_failures {
            // It was the last hope, and may die like those before it.
            self.drop_floor(now);
        }
        self.start_workers(now);
    }

    pub(super) fn on_install_failed(&mut self, now: Instant, worker: WorkerId, fault: InstallFault) {
        if !self.is_starting(worker) {
            return self.count_stale();
        }
        self.remove(worker);
        let failures = self.install_failures.saturating_add(1);
        let failures = match fault {
            InstallFault::Transient => failures,
            InstallFault::Permanent => self.config.max_install_failures.max(failures),
        };
        self.set_failures(now, failures);
    }

    pub(super) fn on_worker_lost(&mut self, now: Instant, worker: WorkerId) {
        match self.worker_state(worker) {
            None => self.count_stale(),
            Some(WorkerState::Starting) => self.on_install_failed(now, worker, InstallFault::Transient),
            Some(WorkerState::Idle) if self.floor > 0 => self.on_early_death(now, worker),
            Some(WorkerState::Idle) => self.replace(now, worker),
            Some(WorkerState::Busy(task)) => {
                self.lose_tasks(task, worker);
                self.replace(now, worker);
            }
        }
    }

    /// A worker died with nothing to do before so many were up as are to be: it counts as a failed install, so that
    /// workers which come up only to die are not started for ever.
    fn on_early_death(&mut self, now: Instant, worker: WorkerId) {
        self.early_deaths += 1;
        let failures = self.install_failures.saturating_add(1).max(self.early_deaths);
        self.remove(worker);
        self.set_failures(now, failures);
    }

    pub(super) fn on_boot_timed_out(&mut self, now: Instant, worker: WorkerId) {
        debug_assert!(self.is_starting(worker), "a boot timer outlived the boot of {worker:?}");
        self.outputs.push_back(Output::StopWorker { worker, reason: StopReason::BootTimedOut });
        self.on_install_failed(now, worker, InstallFault::Transient);
    }

    pub(super) fn on_idle_timed_out(&mut self, worker: WorkerId) {
        debug_assert!(self.idle.contains(&worker), "an idle timer outlived the rest of {worker:?}");
        if self.may_shrink() {
            self.dismiss(worker, StopReason::Idle);
        }
    }

    /// Makes a worker idle and gives it its next task, unless there are too many workers.
    pub(super) fn rest(&mut self, now: Instant, worker: WorkerId) {
        self.set_state(worker, WorkerState::Idle);
        self.idle.insert(worker);
        if self.workers.len() > self.config.max_live() {
            return self.dismiss(worker, StopReason::Surplus);
        }
        self.feed(now, worker);
        self.fill(now, worker);
        if self.idle.contains(&worker) {
            self.await_idle_timeout(now, worker);
        }
    }

    /// A worker that was up is gone: others take over.
    pub(super) fn replace(&mut self, now: Instant, worker: WorkerId) {
        self.remove(worker);
        self.serve_shared(now);
        self.start_workers(now);
    }

    /// Starts as many workers as the floor, the queue and the spares ask for and the bounds allow.
    pub(super) fn start_workers(&mut self, now: Instant) {
        while self.may_start() && self.wants_worker() {
            let worker = WorkerId(self.next_worker);
            self.next_worker += 1;
            self.workers.insert(worker, Worker::new(now));
            self.starting.insert(worker);
            self.timers.set(Timer::Boot(worker), now.after(self.config.boot_timeout));
            self.outputs.push_back(Output::StartWorker { worker });
        }
    }

    /// Ends workers that are more than the pool may have, those first that are missed least: what starts is worth less
    /// than what is up. Busy ones end with their task.
    pub(super) fn shed_surplus(&mut self) {
        while self.workers.len() > self.config.max_live() {
            let Some(worker) = self.starting.last().or_else(|| self.idle.last()) else { return };
            self.dismiss(worker, StopReason::Surplus);
        }
    }

    /// Forgets the floor if there are so many workers.
    pub(super) fn drop_reached_floor(&mut self, now: Instant) {
        if self.floor > 0 && self.workers_up() >= self.floor as usize {
            self.drop_floor(now);
        }
    }

    /// Sets the idle timeout of every idle worker that has none.
    pub(super) fn await_idle_timeouts(&mut self, now: Instant) {
        for worker in self.idle.iter().collect::<Vec<_>>() {
            if !self.timers.is_set(Timer::Idle(worker)) {
                self.await_idle_timeout(now, worker);
            }
        }
    }

    /// The one place where a worker's state changes.
    pub(super) fn set_state(&mut self, id: WorkerId, next: WorkerState) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        debug_assert!(
            matches!(
                (worker.state, next),
                (WorkerState::Starting | WorkerState::Busy(_), WorkerState::Idle)
                    | (WorkerState::Idle | WorkerState::Busy(_), WorkerState::Busy(_))
            ),
            "{id:?} cannot go from {:?} to {next:?}",
            worker.state
        );
        worker.state = next;
    }

    fn may_start(&self) -> bool {
        !self.is_over()
            && !self.is_drained()
            && !self.timers.is_set(Timer::Backoff)
            && !self.is_giving_up()
            && self.starting.len() < self.config.install_concurrency as usize
            && self.workers.len() < self.config.max_live()
    }

    /// A worker is wanted if a queued task has neither an idle nor a starting one to wait for, or for a spare.
    fn wants_worker(&self) -> bool {
        let coming = self.idle.len() + self.starting.len();
        let is_stretched = self.workers.len() >= self.config.sizes.stretch_to() as usize;
        self.workers.len() < self.floor as usize
            || (!is_stretched && self.shared.len() > coming)
            || coming < self.config.spares as usize
    }

    /// Pauses after a failed install, or what counts as one. After too many the pool gives up: the floor if workers are
    /// up, and itself if none is even starting.
    fn set_failures(&mut self, now: Instant, failures: u32) {
        self.install_failures = failures;
        self.timers.set(Timer::Backoff, now.after(self.config.backoff_after(failures)));
        if failures >= self.config.max_install_failures && self.workers_up() > 0 {
            self.drop_floor(now);
        }
        self.fail_if_hopeless();
    }

    /// Waits no longer for so many workers to be up; those that were kept for that may end.
    fn drop_floor(&mut self, now: Instant) {
        self.floor = 0;
        self.early_deaths = 0;
        self.await_idle_timeouts(now);
    }

    /// Too many installs failed: those under way are the last hope.
    fn is_giving_up(&self) -> bool {
        self.workers_up() == 0 && self.install_failures >= self.config.max_install_failures
    }

    fn fail_if_hopeless(&mut self) {
        if self.is_giving_up() && self.starting.is_empty() && !self.is_drained() {
            self.outputs.push_back(Output::FailPool);
            // A user who waits for the end of a drain must hear of it, too.
            let is_wanted = self.state == PoolState::Draining;
            let end = if is_wanted { PoolState::Terminated } else { PoolState::Failed };
            self.close(end, ExitReason::InstallFailed);
        }
    }

    /// Whether the pool has an idle worker more than it keeps.
    fn may_shrink(&self) -> bool {
        self.workers.len() > self.config.sizes.start_at().max(self.floor) as usize
            && self.idle.len() > self.config.spares as usize
    }

    fn await_idle_timeout(&mut self, now: Instant, worker: WorkerId) {
        if let Some(timeout) = self.config.idle_timeout {
            self.timers.set(Timer::Idle(worker), now.after(timeout));
        }
    }

    fn dismiss(&mut self, worker: WorkerId, reason: StopReason) {
        self.outputs.push_back(Output::StopWorker { worker, reason });
        self.remove(worker);
    }

    /// Forgets a worker and settles the tasks that were meant for it alone.
    fn remove(&mut self, id: WorkerId) {
        let Some(mut worker) = self.workers.remove(&id) else { return };
        self.starting.remove(&id);
        self.idle.remove(&id);
        self.loads.remove(&(worker.ahead.len(), id));
        for timer in [Timer::Boot(id), Timer::Idle(id), Timer::Grace(id), Timer::Stall(id)] {
            self.timers.cancel(timer);
        }
        while let Some(task) = worker.targeted.pop() {
            self.queued -= 1;
            self.settle(task, None, ExitReason::WorkerLost);
        }
        if worker.state != WorkerState::Starting && self.workers_up() == 0 {
            // What failed beside it says nothing about the next try: count anew.
            self.install_failures = 0;
            self.timers.cancel(Timer::Backoff);
        }
    }

    fn is_starting(&self, worker: WorkerId) -> bool {
        self.worker_state(worker) == Some(WorkerState::Starting)
    }
}
