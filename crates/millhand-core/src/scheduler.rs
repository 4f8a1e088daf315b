//! The state machine itself. One short function per input and per timer; all state changes are here and in the
//! modules below, which hold what happens to tasks, to workers, to tasks that workers have ahead, and to the engine of
//! remote workers.

mod ahead;
mod engine;
mod sites;
mod tasks;
mod workers;

use alloc::collections::VecDeque;

use crate::forecast::Forecasts;
use crate::queue::TaskQueue;
use crate::table::TaskTable;
use crate::timers::Timers;
use crate::{
    ExitReason, Input, Instant, Location, Output, PoolConfig, PoolSizes, SortedMap, SortedSet, StopReason,
    TaskId, Timer, WorkerId,
};
pub use ahead::{MAX_AHEAD, STALL};
use engine::Engine;
pub use engine::EngineState;
use sites::{Site, Sites};
use tasks::Task;
use workers::Worker;

/// Decides for one pool. See the [crate's documentation](crate) for the driver's contract.
///
/// Between two calls these hold: an idle worker has no task that it could run; a task is in exactly one queue,
/// or with exactly one worker, or settled. A worker that has a task may have settled ones, too: those that were dropped
/// when they had been posted ahead, until it has given them back.
#[derive(Debug)]
pub struct Scheduler {
    config: PoolConfig,
    state: PoolState,
    /// Tasks that are not settled.
    tasks: TaskTable<Task>,
    workers: SortedMap<WorkerId, Worker>,
    sites: Sites,
    engine: Engine,
    /// Busy workers that may have more ahead, by how many tasks they have.
    loads: SortedSet<(usize, WorkerId)>,
    forecasts: Forecasts,
    /// Tasks for whichever worker is free.
    shared: TaskQueue,
    /// See [`Self::floor`].
    floor: u32,
    /// Local workers that died idle since there is a floor. No worker that is ready makes up for them until it is reached.
    early_deaths: u32,
    next_worker: u32,
    last_task: Option<TaskId>,
    /// Tasks that have not started: those in queues, and those that workers have ahead.
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
    /// It finishes those that it has: further ones exit `PoolTerminated`, but for essential ones.
    Draining,
    /// It could not get workers: tasks exit `InstallFailed`. Nobody wanted it to end yet.
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
    /// It runs a task, or winds one down that it was asked to stop.
    Busy(TaskId),
}

/// Counts, at the time of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Tasks that wait, with those that workers have ahead.
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
            floor: config.sizes.start_at(),
            config,
            state: PoolState::Open,
            tasks: TaskTable::default(),
            workers: SortedMap::default(),
            sites: Sites::default(),
            engine: Engine::NONE,
            loads: SortedSet::default(),
            forecasts: Forecasts::default(),
            shared: TaskQueue::default(),
            early_deaths: 0,
            next_worker: 1,
            last_task: None,
            queued: 0,
            stale_inputs: 0,
            timers: Timers::default(),
            outputs: VecDeque::new(),
        };
        scheduler.seek_engine(now);
        scheduler.start_workers(now);
        scheduler
    }

    /// What the pool is configured with, resizing included.
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

    /// Where a worker is; `None` if it is gone or never was.
    #[must_use]
    pub fn location(&self, worker: WorkerId) -> Option<Location> {
        self.workers.get(&worker).map(|worker| worker.location)
    }

    /// How far the pool is with its engine.
    #[must_use]
    pub const fn engine(&self) -> EngineState {
        self.engine.state()
    }

    /// Local workers that have their environment.
    #[must_use]
    pub fn workers_up(&self) -> usize {
        self.sites[Location::Local].up()
    }

    /// Local workers to reach whether or not there is work; zero once reached or given up.
    ///
    /// They are those that the pool starts with, and reserved ones. They are reached when so many are up at one time, and
    /// given up after too many failed installs beside workers that are up, or with the pool.
    #[must_use]
    pub const fn floor(&self) -> u32 {
        self.floor
    }

    /// Counts of tasks and workers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            queued: self.queued,
            starting: self.sites.iter().map(|site| site.starting.len()).sum(),
            idle: self.sites.iter().map(|site| site.idle.len()).sum(),
            busy: self.busy(),
            stale_inputs: self.stale_inputs,
        }
    }

    /// Takes one fact in.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::TaskSubmitted { task, spec } => self.on_task_submitted(now, task, spec),
            Input::TaskFinished { worker, task, outcome, took } => {
                self.on_task_finished(now, worker, task, outcome, took)
            }
            Input::TaskReturned { worker, task } => self.on_task_returned(now, worker, task),
            Input::TaskCancelled { task } => self.on_task_cancelled(now, task),
            Input::InstallProgressed { worker } => self.on_install_progressed(now, worker),
            Input::WorkerReady { worker } => self.on_worker_ready(now, worker),
            Input::InstallFailed { worker, fault } => self.on_install_failed(now, worker, fault),
            Input::WorkerLost { worker } => self.on_worker_lost(now, worker),
            Input::EngineReady => self.on_engine_ready(now),
            Input::EngineLost { fault } => self.on_engine_lost(now, fault),
            Input::WorkersReserved { count } => self.on_workers_reserved(now, count),
            Input::PoolResized { sizes } => self.on_pool_resized(now, sizes),
            Input::PoolDrained => self.on_pool_drained(),
            Input::PoolTerminated => self.on_pool_terminated(),
        }
        self.finish_drain();
    }

    /// Acts on every timer that is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Boot(worker) => self.on_boot_timed_out(now, worker),
                Timer::Backoff(_) => self.start_workers(now),
                Timer::Queue(task) => self.on_queue_timed_out(task),
                Timer::Run(task) => self.on_run_timed_out(now, task),
                Timer::Grace(worker) => self.on_grace_over(now, worker),
                Timer::Stall(worker) => self.on_stalled(now, worker),
                Timer::Idle(worker) => self.on_idle_timed_out(now, worker),
                Timer::Reconnect => self.on_reconnect_due(),
                Timer::Patience => self.on_patience_over(),
            }
        }
        self.finish_drain();
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

    fn on_workers_reserved(&mut self, now: Instant, count: u32) {
        if self.is_over() {
            return;
        }
        let count = count.min(self.config.sizes.stretch_to());
        if self.workers_up() < count as usize {
            self.floor = self.floor.max(count);
        }
        self.start_workers(now);
    }

    fn on_pool_resized(&mut self, now: Instant, sizes: PoolSizes) {
        self.config.sizes = sizes;
        if self.is_over() {
            return;
        }
        self.floor = self.floor.min(sizes.stretch_to());
        self.drop_reached_floor(now);
        self.shed_surplus();
        self.serve_shared(now);
        self.on_workers_reserved(now, sizes.start_at());
        self.await_idle_timeouts(now);
    }

    fn on_pool_drained(&mut self) {
        match self.state {
            PoolState::Open => self.state = PoolState::Draining,
            PoolState::Failed => self.state = PoolState::Terminated,
            PoolState::Draining | PoolState::Terminated => {}
        }
    }

    fn on_pool_terminated(&mut self) {
        if self.state != PoolState::Terminated {
            self.close(PoolState::Terminated, ExitReason::PoolTerminated);
        }
    }

    /// A pool that is to end with its tasks ends with the last of them.
    fn finish_drain(&mut self) {
        if self.is_drained() {
            self.close(PoolState::Terminated, ExitReason::PoolTerminated);
        }
    }

    fn is_drained(&self) -> bool {
        self.state == PoolState::Draining && self.tasks.is_empty()
    }

    /// Ends every worker (a failed pool has none) and settles every task: running ones first, then the queue in its
    /// order.
    fn close(&mut self, state: PoolState, exit: ExitReason) {
        self.state = state;
        self.timers.clear();
        self.loads.clear();
        self.floor = 0;
        self.queued = 0;
        let mut waiting = core::mem::take(&mut self.shared);
        let mut sites = core::mem::take(&mut self.sites);
        for location in Location::ALL {
            waiting.append(&mut sites[location].waiting);
        }
        for (id, mut worker) in core::mem::take(&mut self.workers) {
            self.outputs.push_back(Output::StopWorker { worker: id, reason: StopReason::PoolTerminated });
            if let WorkerState::Busy(task) = worker.state
                && self.tasks.get(task).is_some()
            {
                let reason = self.stopping_reason(task).unwrap_or(exit);
                self.settle(task, Some(id), reason);
            }
            for posted in worker.ahead {
                if let Some(task) = self.tasks.get(posted.task) {
                    waiting.insert(task.place);
                }
            }
            waiting.append(&mut worker.targeted);
        }
        while let Some(task) = waiting.pop() {
            self.settle(task, None, exit);
        }
        self.release_engine();
    }

    const fn is_over(&self) -> bool {
        matches!(self.state, PoolState::Failed | PoolState::Terminated)
    }

    /// Workers that have their environment, wherever they are.
    fn all_up(&self) -> usize {
        self.sites.iter().map(Site::up).sum()
    }

    fn busy(&self) -> usize {
        self.sites.iter().map(Site::busy).sum()
    }

    fn count_stale(&mut self) {
        self.stale_inputs += 1;
    }
}
