//! The state machine itself. One short function per input and per timer; all state changes are here.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::queue::TaskQueue;
use crate::timers::Timers;
use crate::{
    ExitReason, Input, InstallFault, Instant, Outcome, Output, PoolConfig, Priority, StopReason, TaskId,
    Timer, WorkerId,
};

/// Decides for one pool. See the [crate's documentation](crate) for the driver's contract.
///
/// Between two calls these hold: an idle worker has no task that it could run; a task is in exactly one queue,
/// or with exactly one worker, or settled.
#[derive(Debug)]
pub struct Scheduler {
    config: PoolConfig,
    state: PoolState,
    workers: BTreeMap<WorkerId, Worker>,
    idle: BTreeSet<WorkerId>,
    /// How many of `workers` are starting.
    starting: usize,
    /// Tasks for whichever worker is free.
    shared: TaskQueue,
    /// Workers to reach whether or not there is work; back to zero once reached.
    floor: u32,
    /// Failed installs since a worker was last ready.
    install_failures: u32,
    next_worker: u32,
    last_task: Option<TaskId>,
    queued: usize,
    stale_inputs: u64,
    timers: Timers,
    outputs: VecDeque<Output>,
}

/// Whether a pool still takes tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolState {
    /// It does.
    Open,
    /// It could not get workers: tasks exit `InstallFailed`.
    Failed,
    /// It was ended: tasks exit `PoolTerminated`.
    Terminated,
}

/// What a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It boots and installs its environment.
    Starting,
    /// It waits for a task.
    Idle,
    /// It runs a task.
    Busy(TaskId),
}

#[derive(Debug)]
struct Worker {
    state: WorkerState,
    /// Tasks that only this worker may run.
    targeted: TaskQueue,
}

/// Counts, at the time of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tasks that wait.
    pub queued: usize,
    /// Workers that install.
    pub starting: usize,
    /// Workers that wait.
    pub idle: usize,
    /// Workers that run a task, and so the tasks that run.
    pub busy: usize,
    /// Facts that came too late to count.
    pub stale_inputs: u64,
}

impl Scheduler {
    /// A pool whose first workers are ordered at once.
    #[must_use]
    pub fn new(now: Instant, config: PoolConfig) -> Self {
        let mut scheduler = Self {
            floor: config.start_at,
            config,
            state: PoolState::Open,
            workers: BTreeMap::new(),
            idle: BTreeSet::new(),
            starting: 0,
            shared: TaskQueue::default(),
            install_failures: 0,
            next_worker: 1,
            last_task: None,
            queued: 0,
            stale_inputs: 0,
            timers: Timers::default(),
            outputs: VecDeque::new(),
        };
        scheduler.start_workers(now);
        scheduler
    }

    /// What the pool was configured with.
    #[must_use]
    pub const fn config(&self) -> &PoolConfig {
        &self.config
    }

    /// Whether the pool still takes tasks.
    #[must_use]
    pub const fn state(&self) -> PoolState {
        self.state
    }

    /// What a worker is doing; `None` if it is gone or never was.
    #[must_use]
    pub fn worker_state(&self, worker: WorkerId) -> Option<WorkerState> {
        self.workers.get(&worker).map(|worker| worker.state)
    }

    /// Workers that have their environment.
    #[must_use]
    pub fn workers_up(&self) -> usize {
        self.workers.len() - self.starting
    }

    /// Counts of tasks and workers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let idle = self.idle.len();
        Stats {
            queued: self.queued,
            starting: self.starting,
            idle,
            busy: self.workers_up() - idle,
            stale_inputs: self.stale_inputs,
        }
    }

    /// Takes one fact in.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::TaskSubmitted { task, priority, target } => {
                self.on_task_submitted(now, task, priority, target)
            }
            Input::TaskFinished { worker, task, outcome } => self.on_task_finished(worker, task, outcome),
            Input::InstallProgressed { worker } => self.on_install_progressed(now, worker),
            Input::WorkerReady { worker } => self.on_worker_ready(now, worker),
            Input::InstallFailed { worker, fault } => self.on_install_failed(now, worker, fault),
            Input::WorkerLost { worker } => self.on_worker_lost(now, worker),
            Input::WorkersReserved { count } => self.on_workers_reserved(now, count),
            Input::PoolTerminated => self.on_pool_terminated(),
        }
    }

    /// Acts on every timer that is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Boot(worker) => self.on_boot_timed_out(now, worker),
                Timer::Backoff => self.start_workers(now),
            }
        }
    }

    /// The next order, in the sequence in which they are to be carried out.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] is wanted next, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    fn on_task_submitted(
        &mut self,
        now: Instant,
        task: TaskId,
        priority: Priority,
        target: Option<WorkerId>,
    ) {
        debug_assert!(self.last_task < Some(task), "task ids increase: {task:?} after {:?}", self.last_task);
        self.last_task = Some(task);
        match self.state {
            PoolState::Open => {}
            PoolState::Failed => return self.settle(task, None, ExitReason::InstallFailed),
            PoolState::Terminated => return self.settle(task, None, ExitReason::PoolTerminated),
        }
        match target {
            None => {
                self.shared.push(task, priority);
                self.queued += 1;
                if let Some(&worker) = self.idle.first() {
                    self.feed(worker);
                }
                self.start_workers(now);
            }
            Some(target) => {
                let Some(worker) = self.workers.get_mut(&target) else {
                    return self.settle(task, None, ExitReason::WorkerLost);
                };
                worker.targeted.push(task, priority);
                self.queued += 1;
                if worker.state == WorkerState::Idle {
                    self.feed(target);
                }
            }
        }
    }

    fn on_task_finished(&mut self, worker: WorkerId, task: TaskId, outcome: Outcome) {
        if self.worker_state(worker) != Some(WorkerState::Busy(task)) {
            return self.count_stale();
        }
        self.settle(task, Some(worker), outcome.into());
        self.rest(worker);
    }

    fn on_install_progressed(&mut self, now: Instant, worker: WorkerId) {
        if !self.is_starting(worker) {
            return self.count_stale();
        }
        self.timers.set(Timer::Boot(worker), now.after(self.config.boot_timeout));
    }

    fn on_worker_ready(&mut self, now: Instant, worker: WorkerId) {
        if !self.is_starting(worker) {
            return self.count_stale();
        }
        self.starting -= 1;
        self.timers.cancel(Timer::Boot(worker));
        self.timers.cancel(Timer::Backoff);
        self.install_failures = 0;
        self.rest(worker);
        if self.workers_up() >= self.floor as usize {
            self.floor = 0;
        }
        self.start_workers(now);
    }

    fn on_install_failed(&mut self, now: Instant, worker: WorkerId, fault: InstallFault) {
        if !self.is_starting(worker) {
            return self.count_stale();
        }
        self.remove(worker);
        self.install_failures = match fault {
            InstallFault::Transient => self.install_failures.saturating_add(1),
            InstallFault::Permanent => {
                self.config.max_install_failures.max(self.install_failures.saturating_add(1))
            }
        };
        self.timers.set(Timer::Backoff, now.after(self.config.backoff_after(self.install_failures)));
        self.fail_if_hopeless();
    }

    fn on_worker_lost(&mut self, now: Instant, worker: WorkerId) {
        match self.worker_state(worker) {
            None => self.count_stale(),
            Some(WorkerState::Starting) => self.on_install_failed(now, worker, InstallFault::Transient),
            Some(WorkerState::Idle) => self.replace(now, worker),
            Some(WorkerState::Busy(task)) => {
                self.settle(task, Some(worker), ExitReason::WorkerLost);
                self.replace(now, worker);
            }
        }
    }

    fn on_workers_reserved(&mut self, now: Instant, count: u32) {
        let count = count.min(self.config.stretch_to);
        if self.workers_up() < count as usize {
            self.floor = self.floor.max(count);
        }
        self.start_workers(now);
    }

    fn on_pool_terminated(&mut self) {
        if self.state != PoolState::Terminated {
            self.close(PoolState::Terminated);
        }
    }

    fn on_boot_timed_out(&mut self, now: Instant, worker: WorkerId) {
        debug_assert!(self.is_starting(worker), "a boot timer outlived the boot of {worker:?}");
        self.outputs.push_back(Output::StopWorker { worker, reason: StopReason::BootTimedOut });
        self.on_install_failed(now, worker, InstallFault::Transient);
    }

    /// Starts as many workers as the floor and the queue ask for and the bounds allow.
    fn start_workers(&mut self, now: Instant) {
        while self.may_start() && self.wants_worker() {
            let worker = WorkerId(self.next_worker);
            self.next_worker += 1;
            self.workers
                .insert(worker, Worker { state: WorkerState::Starting, targeted: TaskQueue::default() });
            self.starting += 1;
            self.timers.set(Timer::Boot(worker), now.after(self.config.boot_timeout));
            self.outputs.push_back(Output::StartWorker { worker });
        }
    }

    fn may_start(&self) -> bool {
        self.state == PoolState::Open
            && !self.timers.is_set(Timer::Backoff)
            && !self.is_giving_up()
            && self.starting < self.config.install_concurrency as usize
            && self.workers.len() < self.config.stretch_to as usize
    }

    /// A queued task wants a worker if neither an idle nor a starting one is there for it.
    fn wants_worker(&self) -> bool {
        self.workers.len() < self.floor as usize || self.shared.len() > self.idle.len() + self.starting
    }

    /// Too many installs failed: those under way are the last hope.
    fn is_giving_up(&self) -> bool {
        self.workers_up() == 0 && self.install_failures >= self.config.max_install_failures
    }

    fn fail_if_hopeless(&mut self) {
        if self.is_giving_up() && self.starting == 0 {
            self.outputs.push_back(Output::FailPool);
            self.close(PoolState::Failed);
        }
    }

    /// Makes a worker idle and gives it its next task.
    fn rest(&mut self, worker: WorkerId) {
        self.set_state(worker, WorkerState::Idle);
        self.idle.insert(worker);
        self.feed(worker);
    }

    /// Gives an idle worker the first of the tasks that it may run.
    fn feed(&mut self, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        debug_assert_eq!(worker.state, WorkerState::Idle, "only an idle worker is fed");
        let queue = match (worker.targeted.first(), self.shared.first()) {
            (Some(own), Some(shared)) if own < shared => &mut worker.targeted,
            (Some(_), None) => &mut worker.targeted,
            _ => &mut self.shared,
        };
        let Some(task) = queue.pop() else { return };
        self.queued -= 1;
        self.idle.remove(&id);
        self.set_state(id, WorkerState::Busy(task));
        self.outputs.push_back(Output::PostTask { worker: id, task });
    }

    fn replace(&mut self, now: Instant, worker: WorkerId) {
        self.remove(worker);
        if self.workers_up() == 0 {
            // What failed beside it says nothing about the next try: count anew.
            self.install_failures = 0;
            self.timers.cancel(Timer::Backoff);
        }
        self.start_workers(now);
    }

    /// Forgets a worker and settles the tasks that were meant for it alone.
    fn remove(&mut self, id: WorkerId) {
        let Some(mut worker) = self.workers.remove(&id) else { return };
        if worker.state == WorkerState::Starting {
            self.starting -= 1;
        }
        self.idle.remove(&id);
        self.timers.cancel(Timer::Boot(id));
        while let Some(task) = worker.targeted.pop() {
            self.queued -= 1;
            self.settle(task, None, ExitReason::WorkerLost);
        }
    }

    /// Ends every worker (a failed pool has none) and settles every task: running ones first, then the queue in its
    /// order.
    fn close(&mut self, state: PoolState) {
        let exit = match state {
            PoolState::Open => return,
            PoolState::Failed => ExitReason::InstallFailed,
            PoolState::Terminated => ExitReason::PoolTerminated,
        };
        self.state = state;
        self.timers.clear();
        self.idle.clear();
        self.starting = 0;
        self.queued = 0;
        let mut waiting = core::mem::take(&mut self.shared);
        for (id, mut worker) in core::mem::take(&mut self.workers) {
            self.outputs.push_back(Output::StopWorker { worker: id, reason: StopReason::PoolTerminated });
            if let WorkerState::Busy(task) = worker.state {
                self.settle(task, Some(id), exit);
            }
            waiting.append(&mut worker.targeted);
        }
        while let Some(task) = waiting.pop() {
            self.settle(task, None, exit);
        }
    }

    /// The one place where a worker's state changes.
    fn set_state(&mut self, id: WorkerId, next: WorkerState) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        debug_assert!(
            matches!(
                (worker.state, next),
                (WorkerState::Starting | WorkerState::Busy(_), WorkerState::Idle)
                    | (WorkerState::Idle, WorkerState::Busy(_))
            ),
            "{id:?} cannot go from {:?} to {next:?}",
            worker.state
        );
        worker.state = next;
    }

    fn settle(&mut self, task: TaskId, worker: Option<WorkerId>, reason: ExitReason) {
        self.outputs.push_back(Output::SettleTask { task, worker, reason });
    }

    fn is_starting(&self, worker: WorkerId) -> bool {
        self.worker_state(worker) == Some(WorkerState::Starting)
    }

    fn count_stale(&mut self) {
        self.stale_inputs += 1;
    }
}
