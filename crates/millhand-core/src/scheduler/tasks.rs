//! What happens to tasks: they wait, run, are stopped, and are settled exactly once.

use alloc::boxed::Box;
use core::time::Duration;

use super::{PoolState, Scheduler, WorkerState};
use crate::queue::{Place, TaskQueue};
use crate::{
    Admission, ExitReason, Instant, Location, Outcome, Output, Posting, StopReason, Target, TaskId, TaskKind,
    TaskSpec, Timer, WorkerId,
};

/// A task that is not settled.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) place: Place,
    pub(super) kind: Option<TaskKind>,
    pub(super) state: TaskState,
    /// `None` for the usual ones, so that a long queue of those stays small.
    terms: Option<Box<Terms>>,
}

/// What only some users want of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    target: Target,
    timeout: Option<Duration>,
    retries: u32,
}

impl Task {
    fn new(place: Place, spec: TaskSpec) -> Self {
        let terms = Terms { target: spec.target, timeout: spec.timeout, retries: spec.retries };
        let terms = (terms != Terms::default()).then(|| Box::new(terms));
        Self { place, kind: spec.kind, state: TaskState::Queued, terms }
    }

    pub(super) fn target(&self) -> Target {
        self.terms.as_ref().map_or(Target::Anyone, |terms| terms.target)
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.terms.as_ref()?.timeout
    }

    /// Takes one more run off those that it has left, if it has one and may go to another worker.
    fn take_retry(&mut self) -> bool {
        match &mut self.terms {
            Some(terms) if terms.retries > 0 && !is_for_one(terms.target) => {
                terms.retries -= 1;
                true
            }
            _ => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    Queued,
    /// It was posted behind other tasks, and has not started as far as is known.
    Ahead(WorkerId),
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
        let place = Place::new(id, now, spec.priority, self.config.priority_step);
        self.tasks.insert(id, Task::new(place, spec));
        self.queue_of(spec.target).insert(place);
        self.queued += 1;
        if let Some(timeout) = spec.queue_timeout {
            self.timers.set(Timer::Queue(id), now.after(timeout));
        }
        match spec.target {
            Target::Worker(target) if self.is_idle(target) => self.feed(now, target),
            Target::Worker(target) => self.fill(now, target),
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
        took: Duration,
    ) {
        if self.worker_state(worker) != Some(WorkerState::Busy(task)) {
            return self.count_stale();
        }
        if let Some(kind) = self.tasks.get(task).map(|task| task.kind) {
            // How long it takes elsewhere says nothing of those that have tasks ahead.
            if let Some(kind) = kind
                && self.location(worker) == Some(Location::Local)
            {
                self.forecasts.learn(kind, took);
            }
            let reason = self.stopping_reason(task).unwrap_or_else(|| outcome.into());
            self.settle(task, Some(worker), reason);
        }
        self.go_on(now, worker);
    }

    pub(super) fn on_task_cancelled(&mut self, now: Instant, id: TaskId) {
        match self.tasks.get(id).map(|task| task.state) {
            None => self.count_stale(),
            Some(TaskState::Queued) => self.drop_queued(id, ExitReason::Cancelled),
            Some(TaskState::Ahead(worker)) => self.drop_ahead(id, worker, ExitReason::Cancelled),
            Some(TaskState::Running(worker)) => self.stop_task(now, id, worker, ExitReason::Cancelled),
            Some(TaskState::Stopping(..)) => {} // The first reason stays.
        }
    }

    pub(super) fn on_queue_timed_out(&mut self, id: TaskId) {
        self.drop_queued(id, ExitReason::QueueTimedOut);
    }

    pub(super) fn on_run_timed_out(&mut self, now: Instant, id: TaskId) {
        if let Some(TaskState::Running(worker)) = self.tasks.get(id).map(|task| task.state) {
            self.stop_task(now, id, worker, ExitReason::TimedOut);
        }
    }

    pub(super) fn on_grace_over(&mut self, now: Instant, worker: WorkerId) {
        let state = self.worker_state(worker);
        debug_assert!(matches!(state, Some(WorkerState::Busy(_))), "{worker:?} has grace, and is {state:?}");
        self.outputs.push_back(Output::StopWorker { worker, reason: StopReason::Unresponsive });
        self.lose_tasks(worker);
        self.replace(now, worker);
    }

    /// The worker of a task that has started died: the task is run again, or is settled.
    pub(super) fn on_runner_lost(&mut self, id: TaskId, worker: WorkerId) {
        let stopping = self.stopping_reason(id);
        let Some(task) = self.tasks.get_mut(id) else { return };
        if stopping.is_none() && task.take_retry() {
            task.state = TaskState::Queued;
            let (place, target) = (task.place, task.target());
            self.queue_of(target).insert(place);
            self.queued += 1;
            self.timers.cancel(Timer::Run(id));
        } else {
            self.settle(id, Some(worker), stopping.unwrap_or(ExitReason::WorkerLost));
        }
    }

    /// Gives idle workers the first of the tasks that any may run, or any of their place, while more may be at work; and if
    /// none is idle, one more to a busy one that has little.
    pub(super) fn serve_shared(&mut self, now: Instant) {
        for location in Location::ALL {
            while self.may_work(location)
                && !(self.shared.is_empty() && self.sites[location].waiting.is_empty())
                && let Some(worker) = self.sites[location].idle.first()
            {
                self.feed(now, worker);
            }
        }
        if let Some((_, worker)) = self.loads.first() {
            self.post_ahead(now, worker);
        }
    }

    /// Gives an idle worker the first of the tasks that it may run.
    pub(super) fn feed(&mut self, now: Instant, id: WorkerId) {
        debug_assert_eq!(self.worker_state(id), Some(WorkerState::Idle), "only an idle worker is fed");
        let Some(location) = self.location(id) else { return };
        let Some(task) = self.first_for(id, self.may_work(location)) else { return };
        self.dequeue(task);
        self.queued -= 1;
        self.sites[location].idle.remove(&id);
        self.timers.cancel(Timer::Idle(id));
        self.set_state(id, WorkerState::Busy(task));
        self.outputs.push_back(Output::PostTask { worker: id, task, posting: Posting::Now });
        self.start_task(now, task, id);
        self.note_load(id, 0);
    }

    /// The first of the tasks that a worker may run. Spare workers take shared ones only in the place of another.
    pub(super) fn first_for(&self, id: WorkerId, takes_shared: bool) -> Option<TaskId> {
        let worker = self.workers.get(&id)?;
        let shared = [self.shared.first(), self.sites[worker.location].waiting.first()];
        let shared = shared.into_iter().flatten().filter(|_| takes_shared);
        shared.chain(worker.targeted.first()).min().map(Place::task)
    }

    /// Takes a task out of the queue that it is in.
    pub(super) fn dequeue(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get(id) else { return };
        debug_assert_eq!(task.state, TaskState::Queued, "{id:?} is taken out of a queue that it is not in");
        let (place, target) = (task.place, task.target());
        self.queue_of(target).remove(place);
    }

    /// A task starts, as far as is known.
    pub(super) fn start_task(&mut self, now: Instant, id: TaskId, worker: WorkerId) {
        let kind = self.tasks.get(id).and_then(|task| task.kind);
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.since = now;
            worker.takes_more = kind.is_some() && worker.location == Location::Local;
        }
        let Some(task) = self.tasks.get_mut(id) else { return };
        task.state = TaskState::Running(worker);
        let timeout = task.timeout();
        self.timers.cancel(Timer::Queue(id));
        if let Some(timeout) = timeout {
            self.timers.set(Timer::Run(id), now.after(timeout));
        }
    }

    pub(super) fn settle(&mut self, task: TaskId, worker: Option<WorkerId>, reason: ExitReason) {
        self.tasks.remove(task);
        self.timers.cancel(Timer::Queue(task));
        self.timers.cancel(Timer::Run(task));
        self.outputs.push_back(Output::SettleTask { task, worker, reason });
    }

    /// Why a task was asked to stop, if it was.
    pub(super) fn stopping_reason(&self, task: TaskId) -> Option<ExitReason> {
        match self.tasks.get(task)?.state {
            TaskState::Stopping(_, reason) => Some(reason),
            TaskState::Queued | TaskState::Ahead(_) | TaskState::Running(_) => None,
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

    /// Where tasks of this target wait.
    pub(super) fn queue_of(&mut self, target: Target) -> &mut TaskQueue {
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
        self.dequeue(id);
        self.queued -= 1;
        self.settle(id, None, reason);
    }

    /// Asks a worker to stop its task, and gives it some time for that.
    fn stop_task(&mut self, now: Instant, id: TaskId, worker: WorkerId, reason: ExitReason) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.state = TaskState::Stopping(worker, reason);
        }
        self.outputs.push_back(Output::AbortTask { worker, task: id });
        self.timers.cancel(Timer::Run(id));
        self.timers.set(Timer::Grace(worker), now.after(self.config.cancel_grace));
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
