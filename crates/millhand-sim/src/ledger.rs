//! The books of an onlooker: what the inputs and outputs of a scheduler say about its tasks and workers.
//!
//! The onlooker knows the settings, the scheduler's documentation and nothing of its inside. The books never
//! judge: what an order should not have been is for the [rules](crate::Rule) to say before it is entered.

mod engine;
mod reading;
mod tasks;
mod workers;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use millhand_core::{
    ExitReason, Input, Instant, Location, Output, PoolSettings, PoolSizes, Target, TaskId, TaskKind, WorkerId,
};

pub use tasks::{Ending, TaskState};
pub use workers::WorkerState;

use engine::Engine;
use tasks::{Place, Task};
use workers::Worker;

/// All that was seen so far.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// As configured; the sizes as they were last changed.
    settings: PoolSettings,
    now: Instant,
    phase: Phase,
    tasks: BTreeMap<TaskId, Task>,
    /// Waiting tasks by who may run them.
    waiting: BTreeMap<Target, BTreeSet<Place>>,
    /// How many tasks wait, for whomever, or behind others of their worker.
    queued: usize,
    /// How many tasks of a kind have ended at local workers, and how long each of the last ones took.
    ran: BTreeMap<TaskKind, (usize, VecDeque<Duration>)>,
    /// Tasks that are over and not settled.
    due: BTreeSet<TaskId>,
    /// Running tasks that a user cancelled, while their workers were not asked to stop them.
    unheeded: BTreeSet<TaskId>,
    open: usize,
    workers: BTreeMap<WorkerId, Worker>,
    live: BTreeSet<WorkerId>,
    local: Site,
    remote: Site,
    engine: Engine,
    /// Until when something must have happened to a task or a worker: what, its state says.
    deadlines: BTreeSet<(Instant, Whose)>,
    /// How many local workers users still wait for to be up at one time.
    awaited: u32,
    /// Local workers that died idle since they do.
    early_deaths: u32,
    /// Facts about tasks that had ended and workers that had moved on, or that never were.
    stale_inputs: u64,
}

/// The workers of one place.
#[derive(Clone, Copy, Debug, Default)]
struct Site {
    live: usize,
    starting: usize,
    idle: usize,
    /// Failed installs since a worker was last ready, and what counts as such.
    install_failures: u32,
    /// Until when no worker may be started because of these.
    paused_until: Option<Instant>,
}

/// How far a pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It takes tasks.
    Open,
    /// A user wants it to end with its tasks, and they have not ended.
    Draining,
    /// It takes no tasks and has none.
    Over(PoolEnd),
}

/// What ended a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolEnd {
    /// It said that it cannot get workers, and no user wanted it to end.
    Failed,
    /// A user, at once; or one who had wanted it to end with its tasks, or wants that now, when it cannot get workers.
    Terminated,
    /// The end of its last task, as a user had wanted.
    Drained,
}

/// Whom a deadline is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    Task(TaskId),
    Worker(WorkerId),
    /// The engine, which is to be connected to.
    Engine,
    /// Tasks that wait for the engine.
    Patience,
}

impl Ledger {
    pub(crate) fn new(settings: PoolSettings) -> Self {
        let mut ledger = Self {
            engine: Engine::new(&settings),
            awaited: settings.start_at,
            settings,
            now: Instant::ZERO,
            phase: Phase::Open,
            tasks: BTreeMap::new(),
            waiting: BTreeMap::new(),
            queued: 0,
            ran: BTreeMap::new(),
            due: BTreeSet::new(),
            unheeded: BTreeSet::new(),
            open: 0,
            workers: BTreeMap::new(),
            live: BTreeSet::new(),
            local: Site::default(),
            remote: Site::default(),
            deadlines: BTreeSet::new(),
            early_deaths: 0,
            stale_inputs: 0,
        };
        ledger.await_first_engine();
        ledger
    }

    pub(crate) const fn advance_to(&mut self, now: Instant) {
        self.now = now;
    }

    /// Enters a fact that is about to be given to the scheduler.
    pub(crate) fn enter_input(&mut self, input: &Input) {
        self.stale_inputs += u64::from(self.is_stale(input));
        match *input {
            Input::TaskSubmitted { task, spec } => self.submit(task, spec),
            Input::TaskCancelled { task } => self.cancel(task),
            Input::TaskFinished { worker, task, outcome, took } => self.finish(worker, task, outcome, took),
            Input::TaskReturned { worker, task } => self.take_back(worker, task),
            Input::InstallProgressed { worker } => self.note_progress(worker),
            Input::WorkerReady { worker } => self.note_ready(worker),
            Input::InstallFailed { worker, fault } => self.fail_install(worker, fault),
            Input::WorkerLost { worker } => self.lose(worker),
            Input::EngineReady => self.note_engine(),
            Input::EngineLost { fault } => self.lose_engine(fault),
            Input::WorkersReserved { count } => self.await_workers(count.min(self.settings.stretch_to)),
            Input::PoolResized { sizes } => self.resize(sizes),
            Input::PoolDrained => self.drain(),
            Input::PoolTerminated => self.close(PoolEnd::Terminated, ExitReason::PoolTerminated),
        }
    }

    /// Enters an order that came out of the scheduler.
    pub(crate) fn enter_output(&mut self, output: &Output) {
        match *output {
            Output::StartWorker { worker, location } => self.start(worker, location),
            Output::StopWorker { worker, reason } => self.stop(worker, reason),
            Output::PostTask { worker, task, posting } => self.post(worker, task, posting),
            Output::AnnounceStart { worker, task } => self.begin(worker, task),
            Output::WithdrawTask { worker, task } => self.note_withdrawal(worker, task),
            Output::DropTask { worker, task } => self.note_drop(worker, task),
            Output::AbortTask { worker, task } => self.abort(worker, task),
            Output::SettleTask { task, .. } => self.settle(task),
            Output::FailPool => self.fail(),
            Output::ConnectEngine => self.connect(),
            Output::DisconnectEngine => self.let_go_of_engine(),
            Output::FailRemote => self.enter_remote_failure(),
        }
    }

    /// What was awaited and fits no more is awaited no more; and the new start counts as reserved.
    fn resize(&mut self, sizes: PoolSizes) {
        (self.settings.start_at, self.settings.stretch_to) = (sizes.start_at(), sizes.stretch_to());
        self.awaited = self.awaited.min(sizes.stretch_to());
        self.await_workers(0);
        self.await_workers(sizes.start_at());
    }

    fn drain(&mut self) {
        match self.phase {
            Phase::Open => {
                self.phase = Phase::Draining;
                self.end_drain();
            }
            Phase::Over(PoolEnd::Failed) => self.phase = Phase::Over(PoolEnd::Terminated),
            Phase::Draining | Phase::Over(_) => {}
        }
    }

    fn fail(&mut self) {
        let is_wanted = self.phase == Phase::Draining;
        let end = if is_wanted { PoolEnd::Terminated } else { PoolEnd::Failed };
        self.close(end, ExitReason::InstallFailed);
    }

    fn end_drain(&mut self) {
        if self.phase == Phase::Draining && self.open == 0 {
            self.phase = Phase::Over(PoolEnd::Drained);
            self.close_engine();
        }
    }

    fn close(&mut self, end: PoolEnd, reason: ExitReason) {
        self.phase = Phase::Over(end);
        self.end_all(reason);
        self.close_engine();
    }

    const fn site(&self, location: Location) -> &Site {
        match location {
            Location::Local => &self.local,
            Location::Remote => &self.remote,
        }
    }

    const fn site_mut(&mut self, location: Location) -> &mut Site {
        match location {
            Location::Local => &mut self.local,
            Location::Remote => &mut self.remote,
        }
    }

    fn set_deadline(&mut self, subject: Whose, from: Option<Instant>, to: Option<Instant>) {
        if let Some(at) = from {
            self.deadlines.remove(&(at, subject));
        }
        if let Some(at) = to {
            self.deadlines.insert((at, subject));
        }
    }
}
