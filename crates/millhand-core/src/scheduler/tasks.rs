//! What happens to tasks: they wait, run, are stopped, and are settled exactly once.

use core::time::Duration;

use super::{PoolState, Scheduler, WorkerState};
use crate::queue::{Place, TaskQueue};
use crate::{
    Admission, ExitReason, Instant, Location, Outcome, Output, StopReason, Target, TaskId, TaskSpec, Timer,
    WorkerId,
};

/// A task that is not settled.
#[derive(Debug)]
pub(super) struct Task {
    place: Place,
    target: Target,
    timeout: Option<Duration>,
    retries: u32,
    pub(super) state: TaskState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    Queued,
    Running(WorkerId),
    /// Its worker was asked to stop it. Whatever the worker says then, the task exits for this reason.
    Stopping(WorkerId, ExitReason),
}

impl Scheduler {
    pub(super) fn on_task_submitted(&mut self, now: Instant, id: TaskId, spec: TaskSpec) {
        debug_assert!(self.last_task < Some(id), "task ids increase: {id:?} after {:?}", self.last_task);
        self.last_task = Some(id);
        if let Some(refusal) = self.refusal(spec) {
            return self.settle(id, None, refusal);
        }
        let task = Task {
            place: Place::new(id, now, spec.priority, self.config.priority_step),
            target: spec.target,
            timeout: spec.timeout,
            retries: spec.retries,
            state: TaskState::Queued,
        };
        self.enqueue(&task);
        self.tasks.insert(id, task);
        if let Some(timeout) = spec.queue_timeout {
            self.timers.set(Timer::Queue(id), now.after(timeout));
        }
        match spec.target {
            Target::Worker(target) if self.is_idle(target) => self.feed(now, target),
            Target::Worker(_) => {}
            Target::Anyone | Target::At(_) => self.serve_shared(now),
        }
        self.start_workers(now);
    }

    pub(super) fn on_task_finished(
        &mut self,
        now: Instant,
        worker: WorkerId,
        task: TaskId,
        outcome: Outcome,
    ) {
        if self.worker_state(worker) != Some(WorkerState::Busy(task)) {
            return self.count_stale();
        }
        let reason = self.stopping_reason(task).unwrap_or_else(|| outcome.into());
        self.settle(task, Some(worker), reason);
        self.rest(now, worker);
    }

    pub(super) fn on_task_cancelled(&mut self, now: Instant, id: TaskId) {
        match self.tasks.get(&id).map(|task| task.state) {
            None => self.count_stale(),
            Some(TaskState::Queued) => self.drop_queued(id, ExitReason::Cancelled),
            Some(TaskState::Running(worker)) => self.stop_task(now, id, worker, ExitReason::Cancelled),
            Some(TaskState::Stopping(..)) => {} // The first reason stays.
        }
    }

    pub(super) fn on_queue_timed_out(&mut self, id: TaskId) {
        self.drop_queued(id, ExitReason::QueueTimedOut);
    }

    pub(super) fn on_run_timed_out(&mut self, now: Instant, id: TaskId) {
        if let Some(TaskState::Running(worker)) = self.tasks.get(&id).map(|task| task.state) {
            self.stop_task(now, id, worker, ExitReason::TimedOut);
        }
    }

    pub(super) fn on_grace_over(&mut self, now: Instant, id: TaskId) {
        if let Some(TaskState::Stopping(worker, reason)) = self.tasks.get(&id).map(|task| task.state) {
            self.outputs.push_back(Output::StopWorker { worker, reason: StopReason::Unresponsive });
            self.settle(id, Some(worker), reason);
            self.replace(now, worker);
        }
    }

    /// A worker died: its task, if it has one, is run again, or is settled.
    pub(super) fn lose_runner(&mut self, worker: WorkerId) {
        if let Some(WorkerState::Busy(task)) = self.worker_state(worker) {
            self.on_runner_lost(task, worker);
        }
    }

    fn on_runner_lost(&mut self, id: TaskId, worker: WorkerId) {
        let stopping = self.stopping_reason(id);
        match self.tasks.get_mut(&id) {
            Some(task) if stopping.is_none() && task.retries > 0 && !is_for_one(task.target) => {
                task.retries -= 1;
                task.state = TaskState::Queued;
                let (place, target) = (task.place, task.target);
                self.queue_of(target).insert(place);
                self.queued += 1;
                self.timers.cancel(Timer::Run(id));
            }
            _ => self.settle(id, Some(worker), stopping.unwrap_or(ExitReason::WorkerLost)),
        }
    }

    /// Gives idle workers the first of the tasks that any may run, or any of their place, while more may be at work.
    pub(super) fn serve_shared(&mut self, now: Instant) {
        for location in Location::ALL {
            while self.may_work(location)
                && !(self.shared.is_empty() && self.sites[location].waiting.is_empty())
                && let Some(&worker) = self.sites[location].idle.first()
            {
                self.feed(now, worker);
            }
        }
    }

    /// Gives an idle worker the first of the tasks that it may run. Spare workers take shared ones only in the place
    /// of another.
    pub(super) fn feed(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        debug_assert_eq!(worker.state, WorkerState::Idle, "only an idle worker is fed");
        let site = &mut self.sites[worker.location];
        let may_work = site.busy() < self.config.stretch_to(worker.location);
        let shared = if may_work { [&mut self.shared, &mut site.waiting].map(Some) } else { [None, None] };
        let queues = shared.into_iter().flatten().chain([&mut worker.targeted]);
        let first = queues.filter_map(|queue| Some((queue.first()?, queue))).min_by_key(|(place, _)| *place);
        let Some(task) = first.and_then(|(_, queue)| queue.pop()) else { return };
        self.queued -= 1;
        site.idle.remove(&id);
        self.timers.cancel(Timer::Idle(id));
        self.set_state(id, WorkerState::Busy(task));
        self.start_task(now, task, id);
    }

    pub(super) fn settle(&mut self, task: TaskId, worker: Option<WorkerId>, reason: ExitReason) {
        self.tasks.remove(&task);
        for timer in [Timer::Queue(task), Timer::Run(task), Timer::Grace(task)] {
            self.timers.cancel(timer);
        }
        self.outputs.push_back(Output::SettleTask { task, worker, reason });
    }

    /// Why a task was asked to stop, if it was.
    pub(super) fn stopping_reason(&self, task: TaskId) -> Option<ExitReason> {
        match self.tasks.get(&task)?.state {
            TaskState::Stopping(_, reason) => Some(reason),
            TaskState::Queued | TaskState::Running(_) => None,
        }
    }

    /// Why a task cannot be taken, if it cannot.
    fn refusal(&self, spec: TaskSpec) -> Option<ExitReason> {
        let is_ordinary = match (self.state, spec.admission) {
            (PoolState::Failed, _) => return Some(ExitReason::InstallFailed),
            (PoolState::Terminated, _) | (PoolState::Draining, Admission::Ordinary) => {
                return Some(ExitReason::PoolTerminated);
            }
            (_, Admission::Withdrawn) => return Some(ExitReason::Cancelled),
            (_, Admission::Essential) => false,
            (PoolState::Open, Admission::Ordinary) => true,
        };
        let is_served = match spec.target {
            Target::Worker(worker) if !self.workers.contains_key(&worker) => {
                return Some(ExitReason::WorkerLost);
            }
            Target::At(Location::Remote) if !self.engine.is_awaited() => {
                return Some(ExitReason::InstallFailed);
            }
            Target::Worker(worker) => self.is_idle(worker),
            Target::At(location) => self.takes_at_once(location),
            Target::Anyone => Location::ALL.into_iter().any(|location| self.takes_at_once(location)),
        };
        let is_full = self.queued >= self.config.max_queue as usize;
        (is_ordinary && is_full && !is_served).then_some(ExitReason::Rejected)
    }

    fn enqueue(&mut self, task: &Task) {
        self.queue_of(task.target).insert(task.place);
        self.queued += 1;
    }

    /// Where tasks of this target wait.
    fn queue_of(&mut self, target: Target) -> &mut TaskQueue {
        match target {
            Target::Anyone => &mut self.shared,
            Target::At(location) => &mut self.sites[location].waiting,
            Target::Worker(id) => {
                let worker = self.workers.get_mut(&id);
                debug_assert!(worker.is_some(), "a task outlived {id:?}, which it was for");
                worker.map_or(&mut self.shared, |worker| &mut worker.targeted)
            }
        }
    }

    fn drop_queued(&mut self, id: TaskId, reason: ExitReason) {
        let Some(task) = self.tasks.get(&id) else { return };
        debug_assert_eq!(task.state, TaskState::Queued, "{id:?} is taken out of a queue that it is not in");
        let (place, target) = (task.place, task.target);
        self.queue_of(target).remove(place);
        self.queued -= 1;
        self.settle(id, None, reason);
    }

    fn start_task(&mut self, now: Instant, id: TaskId, worker: WorkerId) {
        self.outputs.push_back(Output::PostTask { worker, task: id });
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.state = TaskState::Running(worker);
        self.timers.cancel(Timer::Queue(id));
        if let Some(timeout) = task.timeout {
            self.timers.set(Timer::Run(id), now.after(timeout));
        }
    }

    /// Asks a worker to stop its task, and gives it some time for that.
    fn stop_task(&mut self, now: Instant, id: TaskId, worker: WorkerId, reason: ExitReason) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.state = TaskState::Stopping(worker, reason);
        }
        self.outputs.push_back(Output::AbortTask { worker, task: id });
        self.timers.cancel(Timer::Run(id));
        self.timers.set(Timer::Grace(id), now.after(self.config.cancel_grace));
    }

    /// Whether one more worker of a place may be at work.
    pub(super) fn may_work(&self, location: Location) -> bool {
        self.sites[location].busy() < self.config.stretch_to(location)
    }

    /// Whether a worker of a place is free.
    fn takes_at_once(&self, location: Location) -> bool {
        !self.sites[location].idle.is_empty() && self.may_work(location)
    }

    fn is_idle(&self, worker: WorkerId) -> bool {
        self.worker_state(worker) == Some(WorkerState::Idle)
    }
}

const fn is_for_one(target: Target) -> bool {
    matches!(target, Target::Worker(_))
}
