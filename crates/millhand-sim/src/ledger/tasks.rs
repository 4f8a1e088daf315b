//! Entries about tasks.

use std::time::Duration;

use millhand_core::{
    Admission, ExitReason, Instant, Location, MAX_GATHERED, Outcome, Posting, Target, TaskId, TaskSpec,
    WorkerId,
};

use super::workers::Posted;
use super::{Ledger, Phase, PoolEnd, Whose, WorkerState};

/// A task's place among those that wait: smaller goes first. The time is that of its submission in microseconds,
/// earlier by so many priority steps as it is urgent.
pub(super) type Place = (i128, TaskId);

#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) spec: TaskSpec,
    place: Place,
    pub(super) state: TaskState,
    /// How often it was started, or may have been.
    pub(super) posts: u32,
    is_cancelled: bool,
    /// When it must have left its state, if it must.
    pub(super) deadline: Option<Instant>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It was submitted, or its worker died and it is to be run again.
    Waiting,
    /// It was posted to this worker behind others, and has not started as far as the user was told.
    Ahead(WorkerId),
    /// This worker runs it.
    Running(WorkerId),
    /// Its worker was asked to stop it. Whatever the worker does then, the user must be told this.
    Stopping(Ending),
    /// What ended it is known, and the user is not told.
    Over(Ending),
    /// The user was told.
    Settled,
}

/// What the user must be told about a task that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Who ran it.
    pub worker: Option<WorkerId>,
    /// How it ended.
    pub reason: ExitReason,
}

impl Ledger {
    pub(super) fn submit(&mut self, id: TaskId, spec: TaskSpec) {
        let refusal = self.refusal(spec);
        let step = i128::from(self.settings.priority_step_ms) * 1_000;
        let place = (i128::from(self.now.as_micros()) - i128::from(spec.priority.0) * step, id);
        let state = TaskState::Waiting;
        let task = Task { spec, place, state, posts: 0, is_cancelled: false, deadline: None };
        self.tasks.insert(id, task);
        self.open += 1;
        self.enter_queue(id);
        self.set_task(id, state, spec.queue_timeout.map(|timeout| self.now.after(timeout)));
        if let Some(reason) = refusal {
            self.end(id, Ending { worker: None, reason });
        }
    }

    /// Why a task that is submitted now ends at once, if it does.
    fn refusal(&self, spec: TaskSpec) -> Option<ExitReason> {
        match (self.phase, spec.admission) {
            (Phase::Over(PoolEnd::Failed), _) => Some(ExitReason::InstallFailed),
            (Phase::Over(_), _) => Some(ExitReason::PoolTerminated),
            (_, Admission::Withdrawn) => Some(ExitReason::Cancelled),
            (Phase::Draining, Admission::Ordinary) => Some(ExitReason::PoolTerminated),
            _ if self.is_for_the_lost(spec.target) => Some(ExitReason::WorkerLost),
            _ if spec.target == Target::At(Location::Remote) && !self.is_engine_awaited() => {
                Some(ExitReason::InstallFailed)
            }
            (_, Admission::Essential) => None,
            (Phase::Open, Admission::Ordinary) => {
                let is_full = self.queued >= self.settings.max_queue as usize;
                (is_full && !self.takes_at_once(spec.target)).then_some(ExitReason::Rejected)
            }
        }
    }

    /// Whether a worker is free for a task that is submitted now.
    fn takes_at_once(&self, target: Target) -> bool {
        let is_free = |location| self.site(location).idle > 0 && self.may_work(location);
        match target {
            Target::Worker(worker) => self.worker(worker) == Some(WorkerState::Idle),
            Target::At(location) => is_free(location),
            Target::Anyone => Location::ALL.into_iter().any(is_free),
        }
    }

    fn is_for_the_lost(&self, target: Target) -> bool {
        matches!(target, Target::Worker(worker) if !self.live.contains(&worker))
    }

    pub(super) fn cancel(&mut self, id: TaskId) {
        match self.task(id) {
            Some(TaskState::Waiting | TaskState::Ahead(_)) => {
                self.end(id, Ending { worker: None, reason: ExitReason::Cancelled });
            }
            Some(TaskState::Running(_)) => {
                self.unheeded.insert(id);
                if let Some(task) = self.tasks.get_mut(&id) {
                    task.is_cancelled = true;
                }
            }
            Some(TaskState::Stopping(_) | TaskState::Over(_) | TaskState::Settled) | None => {}
        }
    }

    pub(super) fn finish(&mut self, worker: WorkerId, task: TaskId, outcome: Outcome, took: Duration) {
        if self.worker(worker) != Some(WorkerState::Busy(task)) {
            return;
        }
        if !self.is_dropped(task) {
            self.end_run(worker, task, outcome, took);
        }
        self.go_on(worker);
    }

    fn end_run(&mut self, worker: WorkerId, task: TaskId, outcome: Outcome, took: Duration) {
        if let Some(kind) = self.spec(task).and_then(|spec| spec.kind)
            && self.location(worker) == Some(Location::Local)
        {
            let (runs, last) = self.ran.entry(kind).or_default();
            *runs += 1;
            last.push_back(took);
            if last.len() > 10 {
                last.pop_front();
            }
        }
        let reason = match outcome {
            Outcome::Completed => ExitReason::Completed,
            Outcome::Threw => ExitReason::Threw,
            Outcome::Unclonable => ExitReason::Unclonable,
        };
        let ending = Ending { worker: Some(worker), reason };
        self.end(task, self.stopping(task).unwrap_or(ending));
    }

    pub(super) fn post(&mut self, worker: WorkerId, id: TaskId, posting: Posting) {
        self.leave_queue(id);
        if posting == Posting::Now {
            self.set_worker(worker, WorkerState::Busy(id));
            return self.begin(worker, id);
        }
        self.queued += 1;
        self.set_task(id, TaskState::Ahead(worker), None);
        if let Some(worker) = self.workers.get_mut(&worker) {
            let is_quick = posting == Posting::Quick;
            worker.ahead.push_back(Posted {
                task: id,
                is_quick,
                is_wanted_back: false,
                is_told_dropped: false,
            });
        }
    }

    /// A task starts, as far as the user is told.
    pub(super) fn begin(&mut self, worker: WorkerId, id: TaskId) {
        self.leave_worker(id);
        let timeout = self.tasks.get(&id).and_then(|task| task.spec.timeout);
        self.set_task(id, TaskState::Running(worker), timeout.map(|timeout| self.now.after(timeout)));
        self.count_run(id);
    }

    /// A worker gives a task back that was posted to it behind others.
    pub(super) fn take_back(&mut self, worker: WorkerId, task: TaskId) {
        let Some(entry) = self.workers.get_mut(&worker) else { return };
        let before = entry.ahead.len();
        entry.ahead.retain(|posted| posted.task != task);
        if entry.ahead.len() < before {
            self.wait_again(task);
        }
    }

    /// All that a lost worker had: what it may have started counts as started.
    pub(super) fn lose_tasks(&mut self, running: TaskId, worker: WorkerId) {
        if !self.is_dropped(running) {
            self.lose_runner(running, worker);
        }
        let Some(entry) = self.workers.get_mut(&worker) else { return };
        let ahead = std::mem::take(&mut entry.ahead);
        let untold = ahead.iter().take(MAX_GATHERED - 1).take_while(|posted| posted.is_quick).count();
        for (position, posted) in ahead.into_iter().enumerate() {
            if position >= untold {
                self.wait_again(posted.task);
            } else if !self.is_dropped(posted.task) {
                self.count_run(posted.task);
                self.lose_runner(posted.task, worker);
            }
        }
    }

    fn wait_again(&mut self, task: TaskId) {
        if matches!(self.task(task), Some(TaskState::Ahead(_))) {
            self.leave_worker(task);
            self.set_task(task, TaskState::Waiting, None);
            self.enter_queue(task);
        }
    }

    fn count_run(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.posts += 1;
        }
    }

    /// A task that was posted behind others waits there no longer.
    fn leave_worker(&mut self, task: TaskId) {
        self.queued -= usize::from(matches!(self.task(task), Some(TaskState::Ahead(_))));
    }

    pub(super) fn abort(&mut self, worker: WorkerId, id: TaskId) {
        self.unheeded.remove(&id);
        let is_cancelled = self.tasks.get(&id).is_some_and(|task| task.is_cancelled);
        let reason = if is_cancelled { ExitReason::Cancelled } else { ExitReason::TimedOut };
        let deadline = self.now.after(Duration::from_millis(self.settings.cancel_grace_ms.into()));
        self.set_task(id, TaskState::Stopping(Ending { worker: Some(worker), reason }), Some(deadline));
    }

    pub(super) fn settle(&mut self, task: TaskId) {
        self.leave_queue(task);
        self.due.remove(&task);
        self.set_task(task, TaskState::Settled, None);
        self.open = self.open.saturating_sub(1);
        self.end_drain();
    }

    /// The worker of a task is gone: the task is over, or is to be run again.
    fn lose_runner(&mut self, id: TaskId, worker: WorkerId) {
        if self.is_to_be_run_again(id) {
            self.leave_worker(id);
            self.set_task(id, TaskState::Waiting, None);
            self.enter_queue(id);
        } else {
            let ending = Ending { worker: Some(worker), reason: ExitReason::WorkerLost };
            self.end(id, self.stopping(id).unwrap_or(ending));
        }
    }

    fn is_to_be_run_again(&self, id: TaskId) -> bool {
        self.tasks.get(&id).is_some_and(|task| {
            matches!(task.state, TaskState::Running(_) | TaskState::Ahead(_))
                && !matches!(task.spec.target, Target::Worker(_))
                && task.posts <= task.spec.retries
        })
    }

    pub(super) fn end_all(&mut self, reason: ExitReason) {
        let tasks: Vec<_> = self.tasks.iter().map(|(id, task)| (*id, task.state)).collect();
        for (task, state) in tasks {
            match state {
                TaskState::Waiting | TaskState::Ahead(_) => {
                    self.end(task, Ending { worker: None, reason });
                }
                TaskState::Running(worker) => self.end(task, Ending { worker: Some(worker), reason }),
                TaskState::Stopping(ending) => self.end(task, ending),
                TaskState::Over(_) | TaskState::Settled => {}
            }
        }
    }

    pub(super) fn end(&mut self, task: TaskId, ending: Ending) {
        self.leave_queue(task);
        self.leave_worker(task);
        self.unheeded.remove(&task);
        self.due.insert(task);
        self.set_task(task, TaskState::Over(ending), None);
    }

    /// What the user must be told about a task that its worker was asked to stop.
    fn stopping(&self, task: TaskId) -> Option<Ending> {
        match self.task(task) {
            Some(TaskState::Stopping(ending)) => Some(ending),
            _ => None,
        }
    }

    fn enter_queue(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get(&id) {
            self.waiting.entry(task.spec.target).or_default().insert(task.place);
            self.queued += 1;
        }
    }

    fn leave_queue(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get(&id)
            && let Some(queue) = self.waiting.get_mut(&task.spec.target)
            && queue.remove(&task.place)
        {
            self.queued -= 1;
        }
    }

    fn set_task(&mut self, id: TaskId, state: TaskState, deadline: Option<Instant>) {
        if let Some(task) = self.tasks.get_mut(&id) {
            let before = task.deadline;
            (task.state, task.deadline) = (state, deadline);
            self.set_deadline(Whose::Task(id), before, deadline);
        }
    }
}
