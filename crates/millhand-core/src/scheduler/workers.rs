//! What happens to workers: they start, come up, are lost or ended, and are replaced.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::ahead::Posted;
use super::{EngineState, PoolState, Scheduler, Site, WorkerState};
use crate::queue::TaskQueue;
use crate::{ExitReason, InstallFault, Instant, Location, Output, RemoteStart, StopReason, Timer, WorkerId};

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) state: WorkerState,
    pub(super) location: Location,
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
    const fn new(location: Location, now: Instant) -> Self {
        Self {
            state: WorkerState::Starting,
            location,
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
        self.await_boot(now, worker);
    }

    pub(super) fn on_worker_ready(&mut self, now: Instant, worker: WorkerId) {
        let Some(location) = self.starting_at(worker) else { return self.count_stale() };
        let site = &mut self.sites[location];
        site.starting.remove(&worker);
        site.install_failures = 0;
        self.timers.cancel(Timer::Boot(worker));
        self.timers.cancel(Timer::Backoff(location));
        self.rest(now, worker);
        self.drop_reached_floor(now);
        if self.early_deaths >= self.config.max_install_failures {
            // It was the last hope, and may die like those before it.
            self.drop_floor(now);
        }
        self.start_workers(now);
    }

    pub(super) fn on_install_failed(&mut self, now: Instant, worker: WorkerId, fault: InstallFault) {
        let Some(location) = self.starting_at(worker) else { return self.count_stale() };
        self.remove(worker);
        let failures = self.sites[location].install_failures.saturating_add(1);
        let failures = match fault {
            InstallFault::Transient => failures,
            InstallFault::Permanent => self.config.max_install_failures.max(failures),
        };
        self.set_failures(now, location, failures);
    }

    pub(super) fn on_worker_lost(&mut self, now: Instant, worker: WorkerId) {
        match self.worker_state(worker) {
            None => self.count_stale(),
            Some(WorkerState::Starting) => self.on_install_failed(now, worker, InstallFault::Transient),
            Some(WorkerState::Idle) if self.floor > 0 && self.location(worker) == Some(Location::Local) => {
                self.on_early_death(now, worker);
            }
            Some(WorkerState::Idle | WorkerState::Busy(_)) => {
                self.lose_tasks(worker);
                self.replace(now, worker);
            }
        }
    }

    /// A local worker died with nothing to do before so many were up as are to be: it counts as a failed install, so that
    /// workers which come up only to die are not started for ever.
    fn on_early_death(&mut self, now: Instant, worker: WorkerId) {
        self.early_deaths += 1;
        let failures = self.sites[Location::Local].install_failures.saturating_add(1).max(self.early_deaths);
        self.remove(worker);
        self.set_failures(now, Location::Local, failures);
    }

    pub(super) fn on_boot_timed_out(&mut self, now: Instant, worker: WorkerId) {
        debug_assert!(self.is_starting(worker), "a boot timer outlived the boot of {worker:?}");
        self.outputs.push_back(Output::StopWorker { worker, reason: StopReason::BootTimedOut });
        self.on_install_failed(now, worker, InstallFault::Transient);
    }

    pub(super) fn on_idle_timed_out(&mut self, now: Instant, worker: WorkerId) {
        let Some(location) = self.location(worker) else { return };
        debug_assert!(self.sites[location].idle.contains(&worker), "an idle timer outlived {worker:?}");
        if self.may_shrink(location) {
            self.dismiss(worker, StopReason::Idle);
            // Installs that failed in another place may be forgiven with it.
            self.start_workers(now);
        }
    }

    /// Makes a worker idle and gives it its next task, unless there are too many workers.
    pub(super) fn rest(&mut self, now: Instant, worker: WorkerId) {
        self.set_state(worker, WorkerState::Idle);
        let Some(location) = self.location(worker) else { return };
        let site = &mut self.sites[location];
        site.idle.insert(worker);
        if site.live > self.config.max_live(location) {
            return self.dismiss(worker, StopReason::Surplus);
        }
        self.feed(now, worker);
        self.fill(now, worker);
        if self.sites[location].idle.contains(&worker) {
            self.await_idle_timeout(now, location, worker);
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
        for location in Location::ALL {
            while self.may_start(location) && self.wants_worker(location) {
                self.start_worker(now, location);
            }
        }
    }

    fn start_worker(&mut self, now: Instant, location: Location) {
        let id = WorkerId(self.next_worker);
        self.next_worker += 1;
        self.workers.insert(id, Worker::new(location, now));
        let site = &mut self.sites[location];
        site.live += 1;
        site.starting.insert(id);
        self.await_boot(now, id);
        self.outputs.push_back(Output::StartWorker { worker: id, location });
    }

    /// Ends local workers that are more than the pool may have, those first that are missed least: what starts is worth less
    /// than what is up. Busy ones end with their task.
    pub(super) fn shed_surplus(&mut self) {
        while self.sites[Location::Local].live > self.config.max_live(Location::Local) {
            let Site { starting, idle, .. } = &self.sites[Location::Local];
            let Some(worker) = starting.last().or_else(|| idle.last()) else { return };
            self.dismiss(worker, StopReason::Surplus);
        }
    }

    /// Forgets the floor if there are so many workers.
    pub(super) fn drop_reached_floor(&mut self, now: Instant) {
        if self.floor > 0 && self.workers_up() >= self.floor as usize {
            self.drop_floor(now);
        }
    }

    /// Sets the idle timeout of every idle local worker that has none.
    pub(super) fn await_idle_timeouts(&mut self, now: Instant) {
        for worker in self.sites[Location::Local].idle.iter().collect::<Vec<_>>() {
            if !self.timers.is_set(Timer::Idle(worker)) {
                self.await_idle_timeout(now, Location::Local, worker);
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

    fn may_start(&self, location: Location) -> bool {
        let site = &self.sites[location];
        (location == Location::Local || self.engine.state() == EngineState::Up)
            && site.live < self.config.max_live(location)
            && site.starting.len() < self.config.install_concurrency(location)
            && !self.is_over()
            && !self.is_drained()
            && !self.timers.is_set(Timer::Backoff(location))
            && !self.is_giving_up()
            && !(location == Location::Remote && self.has_failed(Location::Remote))
    }

    /// A worker is wanted if a queued task has neither an idle nor a starting one to wait for, or for a spare.
    fn wants_worker(&self, location: Location) -> bool {
        let site = &self.sites[location];
        match location {
            Location::Local => {
                let is_stretched = site.live >= self.config.stretch_to(location);
                site.live < self.floor as usize
                    || (!is_stretched && site.waiting.len() + self.shared.len() > site.coming())
                    || site.coming() < self.config.spares(location)
            }
            Location::Remote => site.waiting.len() + self.overflow() > site.coming(),
        }
    }

    /// How many tasks that any worker may run are left to remote ones.
    fn overflow(&self) -> usize {
        let local = &self.sites[Location::Local];
        let most = self.config.stretch_to(Location::Local);
        match self.config.remote.map(|remote| remote.start) {
            Some(RemoteStart::Always) => self.shared.len(),
            Some(RemoteStart::Queued) if local.live >= most || local.install_failures > 0 => {
                let free = local.coming().min(most.saturating_sub(local.busy()));
                self.shared.len().saturating_sub(free.saturating_sub(local.waiting.len()))
            }
            Some(RemoteStart::Queued) | None => 0,
        }
    }

    /// Pauses after a failed install, or what counts as one. After too many the pool gives up: the floor if workers are
    /// up, remote workers if there is none, and itself if none is even starting.
    fn set_failures(&mut self, now: Instant, location: Location, failures: u32) {
        self.sites[location].install_failures = failures;
        self.timers.set(Timer::Backoff(location), now.after(self.config.backoff_after(failures)));
        match location {
            Location::Local if failures >= self.config.max_install_failures && self.all_up() > 0 => {
                self.drop_floor(now);
            }
            Location::Local => {}
            Location::Remote if self.has_failed(location) && self.sites[location].live == 0 => {
                self.fail_remote();
            }
            Location::Remote => {}
        }
        // What fails in one place may be for the other to do.
        self.start_workers(now);
        self.fail_if_hopeless();
    }

    /// Whether too many installs failed in a place where no worker is up.
    fn has_failed(&self, location: Location) -> bool {
        let site = &self.sites[location];
        site.up() == 0 && site.install_failures >= self.config.max_install_failures
    }

    /// Waits no longer for so many workers to be up; those that were kept for that may end.
    fn drop_floor(&mut self, now: Instant) {
        self.floor = 0;
        self.early_deaths = 0;
        self.await_idle_timeouts(now);
    }

    /// Too many installs failed: those under way are the last hope.
    fn is_giving_up(&self) -> bool {
        self.has_failed(Location::Local) && self.all_up() == 0
    }

    pub(super) fn fail_if_hopeless(&mut self) {
        if self.is_giving_up() && self.workers.is_empty() && !self.is_drained() && !self.is_over() {
            self.outputs.push_back(Output::FailPool);
            // A user who waits for the end of a drain must hear of it, too.
            let is_wanted = self.state == PoolState::Draining;
            let end = if is_wanted { PoolState::Terminated } else { PoolState::Failed };
            self.close(end, ExitReason::InstallFailed);
        }
    }

    /// Whether a place has an idle worker more than it keeps.
    fn may_shrink(&self, location: Location) -> bool {
        let site = &self.sites[location];
        let kept = match location {
            Location::Local => self.config.sizes.start_at().max(self.floor) as usize,
            Location::Remote => 0,
        };
        site.live > kept && site.idle.len() > self.config.spares(location)
    }

    fn await_boot(&mut self, now: Instant, worker: WorkerId) {
        let Some(location) = self.location(worker) else { return };
        self.timers.set(Timer::Boot(worker), now.after(self.config.boot_timeout(location)));
    }

    fn await_idle_timeout(&mut self, now: Instant, location: Location, worker: WorkerId) {
        if let Some(timeout) = self.config.idle_timeout(location) {
            self.timers.set(Timer::Idle(worker), now.after(timeout));
        }
    }

    fn dismiss(&mut self, worker: WorkerId, reason: StopReason) {
        self.outputs.push_back(Output::StopWorker { worker, reason });
        self.remove(worker);
    }

    /// Forgets a worker and settles the tasks that were meant for it alone.
    pub(super) fn remove(&mut self, id: WorkerId) {
        let Some(mut worker) = self.workers.remove(&id) else { return };
        let site = &mut self.sites[worker.location];
        site.live -= 1;
        site.starting.remove(&id);
        site.idle.remove(&id);
        self.loads.remove(&(worker.ahead.len(), id));
        for timer in [Timer::Boot(id), Timer::Idle(id), Timer::Grace(id), Timer::Stall(id)] {
            self.timers.cancel(timer);
        }
        while let Some(task) = worker.targeted.pop() {
            self.queued -= 1;
            self.settle(task, None, ExitReason::WorkerLost);
        }
        if worker.state != WorkerState::Starting {
            // What failed beside the last one says nothing about the next try: count anew.
            let is_last_of_all = self.all_up() == 0;
            for location in Location::ALL {
                if is_last_of_all || (location == worker.location && self.sites[location].up() == 0) {
                    self.sites[location].install_failures = 0;
                    self.timers.cancel(Timer::Backoff(location));
                }
            }
        }
    }

    /// Where a starting worker is; `None` if it is not starting.
    fn starting_at(&self, id: WorkerId) -> Option<Location> {
        self.workers
            .get(&id)
            .filter(|worker| worker.state == WorkerState::Starting)
            .map(|worker| worker.location)
    }

    fn is_starting(&self, worker: WorkerId) -> bool {
        self.worker_state(worker) == Some(WorkerState::Starting)
    }
}
