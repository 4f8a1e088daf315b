//! Schedulers with a planted defect, to show that the rules can be broken and that it is noticed.
//!
//! A canary wraps the real scheduler and is wrong in one way: in what it was configured with, in what it
//! hears, in the orders it gives, or in when it wants to wake. It need not make sense after its first mistake,
//! because that ends the run.

mod defect;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use millhand_core::{
    Admission, EngineState, ExitReason, Input, Instant, Location, Output, PoolSettings, PoolSizes, PoolState,
    Posting, Priority, Scheduler, Stats, StopReason, Target, TaskId, TaskKind, TaskSpec, Timer, WorkerId,
    WorkerState,
};

pub use defect::Defect;

use crate::{Subject, scheduler};

/// A scheduler with a [`Defect`].
#[derive(Debug)]
pub struct Canary {
    inner: Scheduler,
    /// One without the defect that hears the same, for what a canary says when it is to be caught by what it does.
    sound: Scheduler,
    defect: Defect,
    /// Every worker that was ordered.
    started: Vec<WorkerId>,
    /// Those that came up.
    ready: BTreeSet<WorkerId>,
    /// Tasks for any worker that were not posted.
    waiting: BTreeSet<TaskId>,
    /// Orders that the scheduler inside did not give.
    invented: VecDeque<Output>,
    /// A timer that is asked for again, or for no reason.
    stuck: Option<(Instant, Timer)>,
    /// Whether a task is being cancelled.
    hears_cancel: bool,
    /// Whether a user ended the pool.
    is_terminated: bool,
    /// Whether the pool could not get workers when it was to end with its tasks.
    has_failed_draining: bool,
    /// Whether some task may wait for so long only.
    has_queue_timeouts: bool,
    /// Whether the pool has an engine to look after.
    has_remote: bool,
}

impl Canary {
    /// A pool with these settings and this defect.
    #[must_use]
    pub fn new(now: Instant, settings: PoolSettings, defect: Defect) -> Self {
        let has_remote = settings.remote.is_some();
        let sound = scheduler(now, settings.clone());
        let mut inner = scheduler(now, defect.configure(settings));
        if defect == Defect::IdleBelowStart {
            let sizes =
                PoolSizes::new(0, inner.config().sizes().stretch_to()).expect("no start is no excess");
            inner.handle_input(now, Input::PoolResized { sizes });
        }
        Self {
            inner,
            sound,
            defect,
            started: Vec::new(),
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            invented: VecDeque::new(),
            stuck: None,
            hears_cancel: false,
            is_terminated: false,
            has_failed_draining: false,
            has_queue_timeouts: false,
            has_remote,
        }
    }

    /// What the scheduler inside hears; `None` if it hears nothing.
    fn mishear(&self, input: Input) -> Option<Input> {
        match (self.defect, input) {
            (Defect::Panic, Input::TaskFinished { task, .. }) => panic!("a planted panic about {task:?}"),
            (Defect::DeafToCancel, Input::TaskCancelled { task }) if self.waiting.contains(&task) => None,
            (Defect::DeafToStop, Input::TaskCancelled { task }) if self.is_running(task) => None,
            (Defect::IgnoredReserve, Input::WorkersReserved { .. }) => None,
            (Defect::LingeringFailure, Input::PoolDrained) if self.inner.state() == PoolState::Failed => None,
            (Defect::HastyDrain, Input::PoolDrained) => Some(Input::PoolTerminated),
            (_, Input::TaskSubmitted { task, spec }) => {
                Some(Input::TaskSubmitted { task, spec: self.mishear_spec(task, spec) })
            }
            _ => Some(input),
        }
    }

    /// What it understands that a user wants of a task.
    fn mishear_spec(&self, task: TaskId, mut spec: TaskSpec) -> TaskSpec {
        const BIT: Duration = Duration::from_millis(1);
        match self.defect {
            Defect::BoldAhead => spec.kind = spec.kind.or(Some(TaskKind(0))),
            Defect::IgnoredPriority => spec.priority = Priority::NORMAL,
            Defect::QueueJumping => spec.priority = Priority(i32::try_from(task.0).unwrap_or(i32::MAX)),
            Defect::IgnoredTarget => {
                if let Target::Worker(worker) = spec.target {
                    spec.target = Target::Worker(self.mistake(worker));
                }
            }
            Defect::IgnoredPlace if spec.target == Target::At(Location::Local) => {
                let is_remote = |id| self.inner.location(id) == Some(Location::Remote);
                let other = self.find(|id, state| state == Some(WorkerState::Idle) && is_remote(id));
                spec.target = other.map_or(spec.target, Target::Worker);
            }
            Defect::HastyTimeout => spec.timeout = spec.timeout.map(|timeout| timeout / 2),
            Defect::LateTimeout => spec.timeout = spec.timeout.map(|timeout| timeout * 2 + BIT),
            Defect::HastyQueueTimeout => spec.queue_timeout = spec.queue_timeout.map(|timeout| timeout / 2),
            Defect::LateQueueTimeout => {
                spec.queue_timeout = spec.queue_timeout.map(|timeout| timeout * 2 + BIT);
            }
            Defect::ExcessRetry if spec.retries > 0 => spec.retries += 1,
            Defect::NoRetry => spec.retries = 0,
            Defect::IgnoredNeed if spec.admission == Admission::Essential => {
                spec.admission = Admission::Ordinary;
            }
            Defect::IgnoredWithdrawal if spec.admission == Admission::Withdrawn => {
                spec.admission = Admission::Ordinary;
            }
            _ => {}
        }
        spec
    }

    /// Another worker than the one that a task is meant for, if one is idle.
    fn mistake(&self, target: WorkerId) -> WorkerId {
        if self.inner.worker_state(target).is_none() {
            return target;
        }
        self.find(|id, state| id != target && state == Some(WorkerState::Idle)).unwrap_or(target)
    }

    /// What goes on although the scheduler inside has given up the workers that it was to reach.
    fn cling(&mut self, now: Instant, floor: u32) {
        let is_given_up = self.inner.floor() == 0 && self.inner.workers_up() < floor as usize;
        let clings = match self.defect {
            Defect::StubbornFloor => true,
            // Only the failure is wrong.
            Defect::HastyFailure => self.sound.floor() > 0,
            _ => false,
        };
        if clings && is_given_up {
            self.inner.handle_input(now, Input::WorkersReserved { count: floor });
        }
    }

    /// What it does for no reason because of an input.
    fn invent(&mut self, now: Instant, input: Input) {
        match (self.defect, input) {
            (Defect::EagerStart, Input::TaskSubmitted { .. }) => {
                self.inner.handle_input(now, Input::WorkersReserved { count: u32::MAX });
            }
            (Defect::RejectedTarget, Input::TaskSubmitted { task, spec })
                if spec.admission == Admission::Ordinary =>
            {
                let Target::Worker(target) = spec.target else { return };
                let state = self.inner.worker_state(target);
                let is_busy = matches!(state, Some(WorkerState::Busy(running)) if running != task);
                if is_busy && self.inner.state() == PoolState::Open {
                    self.invented.push_back(settle(task, None, ExitReason::Rejected));
                }
            }
            (Defect::RuthlessShrink, Input::PoolResized { .. }) => {
                let busy = self.find(|_, state| matches!(state, Some(WorkerState::Busy(_))));
                self.invented
                    .extend(busy.map(|worker| Output::StopWorker { worker, reason: StopReason::Surplus }));
            }
            (Defect::StartWithoutEngine, Input::EngineLost { .. })
                if self.inner.engine() == EngineState::Away =>
            {
                let worker = WorkerId(u32::MAX);
                self.invented.push_back(Output::StartWorker { worker, location: Location::Remote });
            }
            (Defect::HastyRemoteFailure, Input::EngineLost { .. })
                if self.inner.engine() == EngineState::Away =>
            {
                self.invented.push_back(Output::FailRemote);
            }
            (Defect::LeftoverTimer, Input::TaskFinished { task, .. }) => {
                self.stuck = Some((now, Timer::Run(task)));
            }
            _ => {}
        }
    }

    /// What it does for no reason when it has carried everything out.
    fn invent_at_last(&mut self) -> Option<Output> {
        let (stats, most) = (self.inner.stats(), self.inner.config().sizes().stretch_to());
        if self.defect != Defect::WorkingSpare || stats.busy < most as usize {
            return None;
        }
        let spare = self.find(|_, state| state == Some(WorkerState::Idle))?;
        let task = self.waiting.pop_first()?;
        Some(post(spare, task))
    }

    /// What becomes of an order of the scheduler inside; `None` if nothing.
    fn distort(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::StartWorker { worker, location } => self.distort_start(worker, location),
            Output::StopWorker { worker, reason } => self.distort_stop(worker, reason),
            Output::PostTask { worker, task, posting: Posting::Now } => self.distort_post(worker, task),
            Output::PostTask { worker, task, posting: Posting::Ahead | Posting::Quick } => {
                self.distort_ahead(worker, task, output)
            }
            Output::AnnounceStart { .. } => (self.defect != Defect::UntoldStart).then_some(output),
            Output::WithdrawTask { .. } => self.distort_withdrawal(output),
            Output::DropTask { .. } => (self.defect != Defect::UntoldDrop).then_some(output),
            Output::AbortTask { .. } => self.distort_abort(output),
            Output::SettleTask { task, worker, reason } => self.distort_settle(task, worker, reason),
            Output::FailPool => {
                self.has_failed_draining = self.inner.state() == PoolState::Terminated;
                Some(output)
            }
            Output::ConnectEngine | Output::DisconnectEngine | Output::FailRemote => {
                self.distort_engine(output)
            }
        }
    }

    fn distort_engine(&mut self, output: Output) -> Option<Output> {
        match (self.defect, output) {
            (Defect::ForgottenEngine, Output::ConnectEngine)
            | (Defect::LeakedEngine, Output::DisconnectEngine)
            | (Defect::StubbornRemote, Output::FailRemote) => return None,
            (Defect::DoubledConnect, Output::ConnectEngine) => self.invented.push_back(output),
            _ => {}
        }
        Some(output)
    }

    fn distort_start(&mut self, worker: WorkerId, location: Location) -> Option<Output> {
        self.started.push(worker);
        let stats = self.inner.stats();
        if self.defect == Defect::LazyStart && self.waiting.len() >= stats.idle + stats.starting {
            return None;
        }
        if self.defect == Defect::DoubledStart {
            self.invented.push_back(Output::StartWorker { worker, location });
        }
        Some(Output::StartWorker { worker, location })
    }

    fn distort_stop(&mut self, worker: WorkerId, reason: StopReason) -> Option<Output> {
        let output = Output::StopWorker { worker, reason };
        match (self.defect, reason) {
            (Defect::LeakedWorker, StopReason::PoolTerminated) if self.is_terminated => return None,
            (Defect::EndlessDrain, StopReason::PoolTerminated) if !self.is_terminated => return None,
            // One that starts may have tasks that are meant for it.
            (Defect::KeptSurplus, StopReason::Surplus) if self.ready.contains(&worker) => return None,
            (Defect::WastefulShrink, StopReason::Surplus) if !self.ready.contains(&worker) => {
                let idle = self.find(|_, state| state == Some(WorkerState::Idle));
                return Some(Output::StopWorker { worker: idle.unwrap_or(worker), reason });
            }
            (Defect::DoubledStop, _) => self.invented.push_back(output),
            (Defect::StartAfterEnd, StopReason::PoolTerminated) => {
                self.invented.push_back(UNFOUNDED_START);
            }
            _ => {}
        }
        Some(output)
    }

    fn distort_abort(&mut self, output: Output) -> Option<Output> {
        match self.defect {
            Defect::LostAbort if self.hears_cancel => return None,
            Defect::DoubledAbort => self.invented.push_back(output),
            _ => {}
        }
        Some(output)
    }

    fn distort_withdrawal(&mut self, output: Output) -> Option<Output> {
        match self.defect {
            Defect::IgnoredStall => return None,
            Defect::DoubledWithdrawal => self.invented.push_back(output),
            _ => {}
        }
        Some(output)
    }

    fn distort_post(&mut self, worker: WorkerId, task: TaskId) -> Option<Output> {
        self.waiting.remove(&task);
        let wrong = match self.defect {
            Defect::HoardedTask => return None,
            Defect::PrematureSettle => {
                self.invented.push_back(settle(task, Some(worker), ExitReason::Completed));
                None
            }
            Defect::UnfoundedAbort => {
                self.invented.push_back(Output::AbortTask { worker, task });
                None
            }
            Defect::DoubledPost => {
                let other = self.find(|_, state| state == Some(WorkerState::Idle));
                self.invented.extend(other.map(|worker| post(worker, task)));
                None
            }
            Defect::PostToGone => self.find(|_, state| state.is_none()),
            Defect::PostToStarting => self.find(|_, state| state == Some(WorkerState::Starting)),
            Defect::PostToBusy => {
                self.find(|id, state| id != worker && matches!(state, Some(WorkerState::Busy(_))))
            }
            _ => None,
        };
        Some(post(wrong.unwrap_or(worker), task))
    }

    fn distort_ahead(&mut self, worker: WorkerId, task: TaskId, output: Output) -> Option<Output> {
        self.waiting.remove(&task);
        match self.defect {
            Defect::HastyStart => self.invented.push_back(Output::AnnounceStart { worker, task }),
            Defect::RemoteAhead => {
                let is_remote = |id| self.inner.location(id) == Some(Location::Remote);
                let is_wrong = |id, state| matches!(state, Some(WorkerState::Busy(_))) && is_remote(id);
                let worker = self.find(is_wrong).unwrap_or(worker);
                return Some(Output::PostTask { worker, task, posting: Posting::Ahead });
            }
            _ => {}
        }
        Some(output)
    }

    fn distort_settle(
        &mut self,
        task: TaskId,
        worker: Option<WorkerId>,
        reason: ExitReason,
    ) -> Option<Output> {
        self.waiting.remove(&task);
        let output = settle(task, worker, reason);
        match (self.defect, reason) {
            (Defect::ForgottenStop, ExitReason::Cancelled | ExitReason::TimedOut) if worker.is_some() => {
                return Some(settle(task, worker, ExitReason::Completed));
            }
            (Defect::LostSettle, ExitReason::Completed) => return None,
            (Defect::MixedUpReason, ExitReason::Completed) => {
                return Some(settle(task, worker, ExitReason::Threw));
            }
            (Defect::MixedUpWorker, _) => return Some(settle(task, None, reason)),
            (Defect::DoubledSettle, _) => self.invented.push_back(output),
            (Defect::InventedSettle, _) => self.invented.push_back(settle(TaskId(u64::MAX), worker, reason)),
            _ => {}
        }
        Some(output)
    }

    fn is_running(&self, task: TaskId) -> bool {
        self.find(|_, state| state == Some(WorkerState::Busy(task))).is_some()
    }

    /// The first worker of those ever started that is in such a state; `None` is gone.
    fn find(&self, is_wanted: impl Fn(WorkerId, Option<WorkerState>) -> bool) -> Option<WorkerId> {
        self.started.iter().copied().find(|&id| is_wanted(id, self.inner.worker_state(id)))
    }
}

impl Subject for Canary {
    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::PoolTerminated => self.is_terminated = true,
            Input::WorkerReady { worker } => {
                self.ready.insert(worker);
            }
            Input::TaskSubmitted { task, spec } => {
                self.has_queue_timeouts |= spec.queue_timeout.is_some();
                if spec.target == Target::Anyone {
                    self.waiting.insert(task);
                }
            }
            _ => {}
        }
        self.hears_cancel = matches!(input, Input::TaskCancelled { .. });
        self.sound.handle_input(now, input);
        let floor = self.inner.floor();
        let dies_early = matches!(input, Input::WorkerLost { worker }
            if floor > 0 && self.inner.worker_state(worker) == Some(WorkerState::Idle));
        if let Some(input) = self.mishear(input) {
            self.inner.handle_input(now, input);
        }
        if !matches!(input, Input::PoolResized { .. }) {
            self.cling(now, floor);
        }
        if self.defect == Defect::EagerReplacement && dies_early && self.inner.floor() > 0 {
            self.invented.push_back(UNFOUNDED_START);
        }
        self.invent(now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.defect == Defect::StuckTimer {
            self.stuck = self.inner.poll_timeout().filter(|(at, _)| *at <= now);
        }
        self.hears_cancel = false;
        self.sound.handle_timeout(now);
        let floor = self.inner.floor();
        self.inner.handle_timeout(now);
        self.cling(now, floor);
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.invented.pop_front() {
            return Some(output);
        }
        while let Some(output) = self.inner.poll_output() {
            if let Some(output) = self.distort(output) {
                return Some(output);
            }
        }
        self.invent_at_last()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let stats = self.inner.stats();
        let is_forgetful = self.defect == Defect::ForgottenBackoff && stats.queued > 0;
        // Whatever other timer hides behind this one would be missed, too.
        let is_alone = !self.has_queue_timeouts && !self.has_remote;
        let hides_backoff = is_forgetful && stats.starting + stats.busy == 0 && is_alone;
        self.stuck.or_else(|| {
            self.inner
                .poll_timeout()
                .filter(|(_, timer)| !(hides_backoff && matches!(timer, Timer::Backoff(_))))
        })
    }

    fn stats(&self) -> Stats {
        let stats = self.inner.stats();
        match self.defect {
            Defect::MiscountedIdle => Stats { idle: stats.idle.saturating_sub(1), ..stats },
            Defect::UncountedStale => Stats { stale_inputs: 0, ..stats },
            _ => stats,
        }
    }

    fn state(&self) -> PoolState {
        if self.defect == Defect::UnendedDrain && self.has_failed_draining && !self.is_terminated {
            return PoolState::Failed;
        }
        self.inner.state()
    }

    fn floor(&self) -> u32 {
        match self.defect {
            // What is wrong is to show in what they do.
            Defect::EagerStart
            | Defect::LowStart
            | Defect::IgnoredReserve
            | Defect::HastyFailure
            | Defect::StubbornPool => self.sound.floor(),
            _ => self.inner.floor(),
        }
    }

    fn engine(&self) -> EngineState {
        match (self.defect, self.inner.engine()) {
            (Defect::ForgottenEngine, EngineState::Connecting | EngineState::Up) => EngineState::Away,
            (Defect::MisreadEngine, EngineState::Connecting) => EngineState::Up,
            (_, engine) => engine,
        }
    }
}

/// A worker that nobody needs.
const UNFOUNDED_START: Output = Output::StartWorker { worker: WorkerId(u32::MAX), location: Location::Local };

const fn post(worker: WorkerId, task: TaskId) -> Output {
    Output::PostTask { worker, task, posting: Posting::Now }
}

const fn settle(task: TaskId, worker: Option<WorkerId>, reason: ExitReason) -> Output {
    Output::SettleTask { task, worker, reason }
}
