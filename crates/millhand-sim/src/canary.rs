//! Schedulers with a planted defect, to show that the rules can be broken and that it is noticed.
//!
//! A canary wraps the real scheduler and is wrong in one way: in what it was configured with, in what it
//! hears, in the orders it gives, or in when it wants to wake. It need not make sense after its first mistake,
//! because that ends the run.

use std::collections::VecDeque;

use millhand_core::{
    ExitReason, Input, Instant, Output, PoolSettings, Priority, Scheduler, StopReason, TaskId, Timer,
    WorkerId, WorkerState,
};

use crate::{Rule, Subject, scheduler};

kinds! {
    /// What is wrong with a canary.
    pub enum Defect {
        /// It panics when a task is finished.
        Panic,
        /// It settles a task twice.
        DoubledSettle,
        /// It settles a task that nobody submitted.
        InventedSettle,
        /// It does not settle tasks that completed.
        LostSettle,
        /// It settles a task when it posts it.
        PrematureSettle,
        /// It says that completed tasks threw.
        MixedUpReason,
        /// It says that nobody ran a task that was run.
        MixedUpWorker,
        /// It does not wake after a failed install while tasks wait and no other worker is starting.
        ForgottenBackoff,
        /// It posts a task to two idle workers.
        DoubledPost,
        /// It posts tasks to a worker that is gone.
        PostToGone,
        /// It posts tasks to a worker that is starting.
        PostToStarting,
        /// It posts tasks to a worker that is busy.
        PostToBusy,
        /// It gives tasks that are meant for one worker to another.
        IgnoredTarget,
        /// It treats all tasks as equally urgent.
        IgnoredPriority,
        /// It serves the latest task first.
        QueueJumping,
        /// It does not post tasks that it should.
        HoardedTask,
        /// It starts a worker twice.
        DoubledStart,
        /// It stretches to one worker more.
        OverStretch,
        /// It lets one worker more install at a time.
        OverInstall,
        /// It starts every worker that it may when it gets a task.
        EagerStart,
        /// It stretches to one worker less.
        LazyStart,
        /// It gives boots half their time.
        HastyStop,
        /// It stops workers twice.
        DoubledStop,
        /// It gives boots twice their time.
        LateStop,
        /// It fails the pool after the first failed install.
        HastyFailure,
        /// It goes on after too many failed installs.
        StubbornPool,
        /// It starts workers after the end.
        StartAfterEnd,
        /// It does not stop workers at the end.
        LeakedWorker,
        /// It asks for the same wake again.
        StuckTimer,
        /// It starts with one worker less.
        LowStart,
        /// It does not hear that workers are reserved.
        IgnoredReserve,
    }
}

impl Defect {
    /// The rule that must catch it.
    #[must_use]
    pub const fn caught_by(self) -> Rule {
        match self {
            Self::Panic => Rule::NoPanic,
            Self::DoubledSettle | Self::InventedSettle => Rule::SettledOnce,
            Self::LostSettle => Rule::SettledPromptly,
            Self::PrematureSettle | Self::MixedUpReason | Self::MixedUpWorker => Rule::RightReason,
            Self::ForgottenBackoff => Rule::SettledWhenCalm,
            Self::DoubledPost => Rule::PostedOnce,
            Self::PostToGone | Self::PostToStarting | Self::PostToBusy => Rule::PostedToIdle,
            Self::IgnoredTarget => Rule::OwnTarget,
            Self::IgnoredPriority | Self::QueueJumping => Rule::InOrder,
            Self::HoardedTask => Rule::WorkConserving,
            Self::DoubledStart => Rule::FreshWorker,
            Self::OverStretch => Rule::StretchBound,
            Self::OverInstall => Rule::InstallBound,
            Self::EagerStart => Rule::NeededStart,
            Self::LazyStart => Rule::PromptStart,
            Self::HastyStop | Self::DoubledStop => Rule::FoundedStop,
            Self::LateStop => Rule::HungBootEnds,
            Self::HastyFailure | Self::StubbornPool => Rule::GivesUp,
            Self::StartAfterEnd | Self::LeakedWorker => Rule::ClosedForGood,
            Self::StuckTimer => Rule::TimerAhead,
            Self::LowStart | Self::IgnoredReserve => Rule::FloorReached,
        }
    }

    /// What the scheduler inside is configured with.
    fn configure(self, settings: PoolSettings) -> PoolSettings {
        match self {
            Self::OverStretch => PoolSettings { stretch_to: settings.stretch_to + 1, ..settings },
            Self::LazyStart => PoolSettings {
                stretch_to: (settings.stretch_to - 1).max(settings.start_at).max(1),
                ..settings
            },
            Self::OverInstall => {
                PoolSettings { install_concurrency: settings.install_concurrency + 1, ..settings }
            }
            Self::HastyStop => {
                PoolSettings { boot_timeout_ms: settings.boot_timeout_ms.div_ceil(2), ..settings }
            }
            Self::LateStop => PoolSettings { boot_timeout_ms: settings.boot_timeout_ms * 2, ..settings },
            Self::HastyFailure => PoolSettings { max_install_failures: 1, ..settings },
            Self::StubbornPool => PoolSettings { max_install_failures: u32::MAX, ..settings },
            Self::LowStart => PoolSettings { start_at: settings.start_at.saturating_sub(1), ..settings },
            _ => settings,
        }
    }
}

/// A scheduler with a [`Defect`].
#[derive(Debug)]
pub struct Canary {
    inner: Scheduler,
    defect: Defect,
    /// Every worker that was ordered.
    started: Vec<WorkerId>,
    /// Orders that the scheduler inside did not give.
    invented: VecDeque<Output>,
    /// The timer that is asked for again.
    stuck: Option<(Instant, Timer)>,
}

impl Canary {
    /// A pool with these settings and this defect.
    #[must_use]
    pub fn new(now: Instant, settings: PoolSettings, defect: Defect) -> Self {
        Self {
            inner: scheduler(now, defect.configure(settings)),
            defect,
            started: Vec::new(),
            invented: VecDeque::new(),
            stuck: None,
        }
    }

    /// What the scheduler inside hears; `None` if it hears nothing.
    fn mishear(&self, input: Input) -> Option<Input> {
        match (self.defect, input) {
            (Defect::Panic, Input::TaskFinished { task, .. }) => panic!("a planted panic about {task:?}"),
            (Defect::IgnoredPriority, Input::TaskSubmitted { task, target, .. }) => {
                Some(Input::TaskSubmitted { task, priority: Priority::NORMAL, target })
            }
            (Defect::QueueJumping, Input::TaskSubmitted { task, target, .. }) => {
                let priority = Priority(i32::try_from(task.0).unwrap_or(i32::MAX));
                Some(Input::TaskSubmitted { task, priority, target })
            }
            (Defect::IgnoredTarget, Input::TaskSubmitted { task, priority, target: Some(target) }) => {
                let is_live = self.inner.worker_state(target).is_some();
                let other = self.find(|id, state| id != target && state == Some(WorkerState::Idle));
                let target = if is_live { other.unwrap_or(target) } else { target };
                Some(Input::TaskSubmitted { task, priority, target: Some(target) })
            }
            (Defect::IgnoredReserve, Input::WorkersReserved { .. }) => None,
            _ => Some(input),
        }
    }

    /// What becomes of an order of the scheduler inside; `None` if nothing.
    fn distort(&mut self, output: Output) -> Option<Output> {
        match output {
            Output::StartWorker { worker } => self.distort_start(worker),
            Output::StopWorker { worker, reason } => self.distort_stop(worker, reason),
            Output::PostTask { worker, task } => self.distort_post(worker, task),
            Output::SettleTask { task, worker, reason } => self.distort_settle(task, worker, reason),
            Output::FailPool => Some(output),
        }
    }

    fn distort_start(&mut self, worker: WorkerId) -> Option<Output> {
        self.started.push(worker);
        if self.defect == Defect::DoubledStart {
            self.invented.push_back(Output::StartWorker { worker });
        }
        Some(Output::StartWorker { worker })
    }

    fn distort_stop(&mut self, worker: WorkerId, reason: StopReason) -> Option<Output> {
        let output = Output::StopWorker { worker, reason };
        match (self.defect, reason) {
            (Defect::LeakedWorker, StopReason::PoolTerminated) => return None,
            (Defect::DoubledStop, _) => self.invented.push_back(output),
            (Defect::StartAfterEnd, StopReason::PoolTerminated) => {
                self.invented.push_back(Output::StartWorker { worker: WorkerId(u32::MAX) });
            }
            _ => {}
        }
        Some(output)
    }

    fn distort_post(&mut self, worker: WorkerId, task: TaskId) -> Option<Output> {
        let wrong = match self.defect {
            Defect::HoardedTask => return None,
            Defect::PrematureSettle => {
                self.invented.push_back(settle(task, Some(worker), ExitReason::Completed));
                None
            }
            Defect::DoubledPost => {
                let other = self.find(|_, state| state == Some(WorkerState::Idle));
                self.invented.extend(other.map(|worker| Output::PostTask { worker, task }));
                None
            }
            Defect::PostToGone => self.find(|_, state| state.is_none()),
            Defect::PostToStarting => self.find(|_, state| state == Some(WorkerState::Starting)),
            Defect::PostToBusy => {
                self.find(|id, state| id != worker && matches!(state, Some(WorkerState::Busy(_))))
            }
            _ => None,
        };
        Some(Output::PostTask { worker: wrong.unwrap_or(worker), task })
    }

    fn distort_settle(
        &mut self,
        task: TaskId,
        worker: Option<WorkerId>,
        reason: ExitReason,
    ) -> Option<Output> {
        let output = settle(task, worker, reason);
        match (self.defect, reason) {
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

    /// The first worker of those ever started that is in such a state; `None` is gone.
    fn find(&self, is_wanted: impl Fn(WorkerId, Option<WorkerState>) -> bool) -> Option<WorkerId> {
        self.started.iter().copied().find(|&id| is_wanted(id, self.inner.worker_state(id)))
    }
}

impl Subject for Canary {
    fn handle_input(&mut self, now: Instant, input: Input) {
        if let Some(input) = self.mishear(input) {
            self.inner.handle_input(now, input);
        }
        if self.defect == Defect::EagerStart && matches!(input, Input::TaskSubmitted { .. }) {
            self.inner.handle_input(now, Input::WorkersReserved { count: u32::MAX });
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.defect == Defect::StuckTimer {
            self.stuck = self.inner.poll_timeout().filter(|(at, _)| *at <= now);
        }
        self.inner.handle_timeout(now);
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
        None
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let stats = self.inner.stats();
        let hides_backoff =
            self.defect == Defect::ForgottenBackoff && stats.queued > 0 && stats.starting == 0;
        self.stuck.or_else(|| {
            self.inner.poll_timeout().filter(|(_, timer)| !(hides_backoff && *timer == Timer::Backoff))
        })
    }
}

const fn settle(task: TaskId, worker: Option<WorkerId>, reason: ExitReason) -> Output {
    Output::SettleTask { task, worker, reason }
}
