//! The books of an onlooker: what the inputs and outputs of a scheduler say about its tasks and workers.
//!
//! The onlooker knows the settings, the scheduler's documentation and nothing of its inside. The books never
//! judge: what an order should not have been is for the [rules](crate::Rule) to say before it is entered.

mod reading;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use millhand_core::{
    ExitReason, Input, InstallFault, Instant, Outcome, Output, PoolSettings, Priority, StopReason, TaskId,
    WorkerId,
};

/// All that was seen so far.
#[derive(Clone, Debug)]
pub struct Ledger {
    settings: PoolSettings,
    now: Instant,
    tasks: BTreeMap<TaskId, Task>,
    /// Waiting tasks by the worker they are meant for; under `None` those for any.
    waiting: BTreeMap<Option<WorkerId>, BTreeSet<Place>>,
    /// Tasks that are over and not settled.
    due: BTreeSet<TaskId>,
    open: usize,
    workers: BTreeMap<WorkerId, Worker>,
    live: BTreeSet<WorkerId>,
    /// Failed installs since a worker was last ready.
    install_failures: u32,
    /// How many workers users still wait for to be up at one time.
    awaited: u32,
    failed: bool,
    terminated: bool,
}

/// A task's place among those that wait: smaller goes first.
type Place = (Reverse<Priority>, TaskId);

#[derive(Clone, Copy, Debug)]
struct Task {
    priority: Priority,
    target: Option<WorkerId>,
    state: TaskState,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It was submitted.
    Waiting,
    /// It was posted to this worker.
    Running(WorkerId),
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

#[derive(Clone, Copy, Debug)]
struct Worker {
    state: WorkerState,
    started_at: Instant,
    last_sign_at: Instant,
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
    pub(crate) const fn new(settings: PoolSettings) -> Self {
        Self {
            awaited: settings.start_at,
            settings,
            now: Instant::ZERO,
            tasks: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            open: 0,
            workers: BTreeMap::new(),
            live: BTreeSet::new(),
            install_failures: 0,
            failed: false,
            terminated: false,
        }
    }

    pub(crate) const fn advance_to(&mut self, now: Instant) {
        self.now = now;
    }

    /// Enters a fact that is about to be given to the scheduler.
    pub(crate) fn enter_input(&mut self, input: &Input) {
        match *input {
            Input::TaskSubmitted { task, priority, target } => self.submit(task, priority, target),
            Input::TaskFinished { worker, task, outcome } => self.finish(worker, task, outcome),
            Input::InstallProgressed { worker } => self.note_progress(worker),
            Input::WorkerReady { worker } => self.note_ready(worker),
            Input::InstallFailed { worker, fault } => self.fail_install(worker, fault),
            Input::WorkerLost { worker } => self.lose(worker),
            Input::WorkersReserved { count } => self.await_workers(count.min(self.settings.stretch_to)),
            Input::PoolTerminated => self.terminate(),
        }
    }

    /// Enters an order that came out of the scheduler.
    pub(crate) fn enter_output(&mut self, output: &Output) {
        match *output {
            Output::StartWorker { worker } => self.start(worker),
            Output::StopWorker { worker, reason } => self.stop(worker, reason),
            Output::PostTask { worker, task } => self.post(worker, task),
            Output::SettleTask { task, .. } => self.settle(task),
            Output::FailPool => self.fail(),
        }
    }

    fn submit(&mut self, task: TaskId, priority: Priority, target: Option<WorkerId>) {
        self.tasks.insert(task, Task { priority, target, state: TaskState::Waiting });
        self.waiting.entry(target).or_default().insert((Reverse(priority), task));
        self.open += 1;
        if self.terminated {
            self.end(task, Ending { worker: None, reason: ExitReason::PoolTerminated });
        } else if self.failed {
            self.end(task, Ending { worker: None, reason: ExitReason::InstallFailed });
        } else if target.is_some_and(|worker| !self.live.contains(&worker)) {
            self.end(task, Ending { worker: None, reason: ExitReason::WorkerLost });
        }
    }

    fn finish(&mut self, worker: WorkerId, task: TaskId, outcome: Outcome) {
        if self.worker(worker) != Some(WorkerState::Busy(task)) {
            return;
        }
        let reason = match outcome {
            Outcome::Completed => ExitReason::Completed,
            Outcome::Threw => ExitReason::Threw,
            Outcome::Unclonable => ExitReason::Unclonable,
        };
        self.end(task, Ending { worker: Some(worker), reason });
        self.set_worker(worker, WorkerState::Idle);
    }

    fn note_progress(&mut self, worker: WorkerId) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.last_sign_at = self.now;
        }
    }

    fn note_ready(&mut self, worker: WorkerId) {
        if self.worker(worker) == Some(WorkerState::Starting) {
            self.install_failures = 0;
            self.set_worker(worker, WorkerState::Idle);
            self.await_workers(0);
        }
    }

    fn fail_install(&mut self, worker: WorkerId, fault: InstallFault) {
        if self.worker(worker) != Some(WorkerState::Starting) {
            return;
        }
        self.install_failures += match fault {
            InstallFault::Transient => 1,
            InstallFault::Permanent => self.settings.max_install_failures,
        };
        self.bury(worker);
    }

    fn lose(&mut self, worker: WorkerId) {
        match self.worker(worker) {
            Some(WorkerState::Starting) => self.fail_install(worker, InstallFault::Transient),
            Some(WorkerState::Busy(task)) => {
                self.end(task, Ending { worker: Some(worker), reason: ExitReason::WorkerLost });
                self.lose_up(worker);
            }
            Some(WorkerState::Idle) => self.lose_up(worker),
            Some(WorkerState::Gone) | None => {}
        }
    }

    /// Failed installs count only in a row with no worker up.
    fn lose_up(&mut self, worker: WorkerId) {
        self.bury(worker);
        if self.workers_up() == 0 {
            self.install_failures = 0;
        }
    }

    fn await_workers(&mut self, count: u32) {
        self.awaited = self.awaited.max(count);
        if self.workers_up() >= self.awaited as usize {
            self.awaited = 0;
        }
    }

    fn terminate(&mut self) {
        self.terminated = true;
        self.end_all(ExitReason::PoolTerminated);
    }

    fn fail(&mut self) {
        self.failed = true;
        self.end_all(ExitReason::InstallFailed);
    }

    fn start(&mut self, worker: WorkerId) {
        let (started_at, last_sign_at) = (self.now, self.now);
        self.workers.insert(worker, Worker { state: WorkerState::Starting, started_at, last_sign_at });
        self.live.insert(worker);
    }

    fn stop(&mut self, worker: WorkerId, reason: StopReason) {
        match reason {
            StopReason::BootTimedOut => self.fail_install(worker, InstallFault::Transient),
            StopReason::PoolTerminated => self.bury(worker),
        }
    }

    fn post(&mut self, worker: WorkerId, task: TaskId) {
        self.leave_queue(task);
        self.set_task(task, TaskState::Running(worker));
        self.set_worker(worker, WorkerState::Busy(task));
    }

    fn settle(&mut self, task: TaskId) {
        self.leave_queue(task);
        self.due.remove(&task);
        self.set_task(task, TaskState::Settled);
        self.open = self.open.saturating_sub(1);
    }

    /// A worker is gone, and so are the tasks that were meant for it alone.
    fn bury(&mut self, worker: WorkerId) {
        self.set_worker(worker, WorkerState::Gone);
        self.live.remove(&worker);
        for (_, task) in self.waiting.remove(&Some(worker)).unwrap_or_default() {
            self.end(task, Ending { worker: None, reason: ExitReason::WorkerLost });
        }
    }

    fn end_all(&mut self, reason: ExitReason) {
        let tasks: Vec<_> = self.tasks.iter().map(|(id, task)| (*id, task.state)).collect();
        for (task, state) in tasks {
            match state {
                TaskState::Waiting => self.end(task, Ending { worker: None, reason }),
                TaskState::Running(worker) => self.end(task, Ending { worker: Some(worker), reason }),
                TaskState::Over(_) | TaskState::Settled => {}
            }
        }
    }

    fn end(&mut self, task: TaskId, ending: Ending) {
        self.leave_queue(task);
        self.due.insert(task);
        self.set_task(task, TaskState::Over(ending));
    }

    fn leave_queue(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get(&id)
            && let Some(queue) = self.waiting.get_mut(&task.target)
        {
            queue.remove(&(Reverse(task.priority), id));
        }
    }

    fn set_task(&mut self, task: TaskId, state: TaskState) {
        if let Some(task) = self.tasks.get_mut(&task) {
            task.state = state;
        }
    }

    fn set_worker(&mut self, worker: WorkerId, state: WorkerState) {
        if let Some(worker) = self.workers.get_mut(&worker) {
            worker.state = state;
        }
    }
}
