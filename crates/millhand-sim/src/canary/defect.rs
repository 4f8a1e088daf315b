//! What can be wrong with a canary, and what it is configured with for that.

use millhand_core::{PoolConfig, PoolSettings, RemoteSettings, RemoteStart};

use crate::Rule;

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
        /// It does not wake after a failed install while tasks wait and nothing else goes on.
        ForgottenBackoff,
        /// It posts a task to two idle workers.
        DoubledPost,
        /// It posts tasks to a worker that is gone.
        PostToGone,
        /// It posts tasks to a worker that is starting.
        PostToStarting,
        /// It posts tasks to a worker that is busy.
        PostToBusy,
        /// It takes it for known how long any task takes.
        BoldAhead,
        /// It posts tasks behind those of remote workers.
        RemoteAhead,
        /// It does not say that tasks which were posted behind others start.
        UntoldStart,
        /// It says so as soon as it posts them.
        HastyStart,
        /// It leaves tasks with a worker that has had another for long.
        IgnoredStall,
        /// It asks twice for a task back.
        DoubledWithdrawal,
        /// It does not tell workers to drop tasks.
        UntoldDrop,
        /// It gives tasks that are meant for one worker to another.
        IgnoredTarget,
        /// It gives tasks that are meant for one place to workers of the other.
        IgnoredPlace,
        /// It treats all tasks as equally urgent.
        IgnoredPriority,
        /// It lets no time make up for urgency.
        IgnoredAge,
        /// It serves the latest task first.
        QueueJumping,
        /// It does not post tasks that it should.
        HoardedTask,
        /// It lets spare workers work beside the others.
        WorkingSpare,
        /// It does not hear that waiting tasks are cancelled.
        DeafToCancel,
        /// It does not hear that running tasks are cancelled.
        DeafToStop,
        /// It does not tell workers to stop tasks that are cancelled.
        LostAbort,
        /// It tells workers twice to stop a task.
        DoubledAbort,
        /// It tells workers to stop tasks as soon as they have them.
        UnfoundedAbort,
        /// It gives tasks half the time to run.
        HastyTimeout,
        /// It gives tasks twice the time to run.
        LateTimeout,
        /// It gives workers half the time to stop tasks.
        HastyGrace,
        /// It gives workers twice the time to stop tasks, and a bit.
        LateGrace,
        /// It says of tasks that were to stop that they completed.
        ForgottenStop,
        /// It gives tasks half the time to wait.
        HastyQueueTimeout,
        /// It gives tasks twice the time to wait, and a bit.
        LateQueueTimeout,
        /// It lets one task more wait.
        LongQueue,
        /// It lets one task less wait.
        ShortQueue,
        /// It rejects what is meant for one worker when that is busy.
        RejectedTarget,
        /// It takes essential tasks for ordinary ones.
        IgnoredNeed,
        /// It takes tasks that were cancelled before they were submitted for others.
        IgnoredWithdrawal,
        /// It runs tasks once more often than was asked.
        ExcessRetry,
        /// It never runs a task again.
        NoRetry,
        /// It starts a worker twice.
        DoubledStart,
        /// It stretches to one worker more.
        OverStretch,
        /// It stretches to one remote worker more.
        OverStretchRemote,
        /// It starts remote workers beside local ones that would do.
        EagerRemote,
        /// It starts remote workers after local ones, though they are to start beside them.
        LazyRemote,
        /// It keeps workers that are too many after a resize.
        KeptSurplus,
        /// It stops idle workers that are too many after a resize in the place of starting ones.
        WastefulShrink,
        /// It takes busy workers for surplus after a resize, too.
        RuthlessShrink,
        /// It lets one worker more install at a time.
        OverInstall,
        /// It starts every worker that it may when it gets a task.
        EagerStart,
        /// It does not start the last of the workers that it should for waiting tasks.
        LazyStart,
        /// It keeps no spare workers.
        NoSpares,
        /// It gives boots half their time.
        HastyStop,
        /// It stops workers twice.
        DoubledStop,
        /// It gives boots twice their time.
        LateStop,
        /// It ends workers that have had nothing to do for half the idle timeout.
        HastyIdle,
        /// It ends workers with nothing to do however few there are.
        IdleBelowStart,
        /// It never ends a worker for having nothing to do.
        NoIdleTimeout,
        /// It pauses for half the time after failed installs.
        ShortPause,
        /// It replaces at once what dies idle before so many workers are up as were to come up.
        EagerReplacement,
        /// It fails the pool after the first failed install.
        HastyFailure,
        /// It goes on after too many failed installs.
        StubbornPool,
        /// It ends at once when it is to end with its tasks.
        HastyDrain,
        /// It keeps its workers when its last task has ended.
        EndlessDrain,
        /// It does not end when it has failed and is to end with its tasks.
        LingeringFailure,
        /// It does not say that it has ended when it fails and was to end with its tasks.
        UnendedDrain,
        /// It starts workers after the end.
        StartAfterEnd,
        /// It does not stop workers at the end.
        LeakedWorker,
        /// It starts a remote worker when its engine has gone.
        StartWithoutEngine,
        /// It connects to its engine twice.
        DoubledConnect,
        /// It does not connect to its engine.
        ForgottenEngine,
        /// It does not let go of its engine.
        LeakedEngine,
        /// It lets tasks wait half as long for its engine.
        Impatient,
        /// It lets tasks wait twice as long for its engine, and a bit.
        Patient,
        /// It gives remote workers up when its engine is lost for the first time.
        HastyRemoteFailure,
        /// It does not say that there can be no remote workers.
        StubbornRemote,
        /// It says that its engine is up when it is being connected to.
        MisreadEngine,
        /// It asks for the same wake again.
        StuckTimer,
        /// It counts one idle worker too few.
        MiscountedIdle,
        /// It does not count what came too late.
        UncountedStale,
        /// It asks for a wake for a task that has ended.
        LeftoverTimer,
        /// It starts with one worker less.
        LowStart,
        /// It never gives up workers that it was to reach.
        StubbornFloor,
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
            Self::LostSettle | Self::DeafToCancel => Rule::SettledPromptly,
            Self::PrematureSettle
            | Self::MixedUpReason
            | Self::MixedUpWorker
            | Self::ForgottenStop
            | Self::HastyQueueTimeout => Rule::RightReason,
            Self::ForgottenBackoff => Rule::SettledWhenCalm,
            Self::DoubledPost => Rule::PostedOnce,
            Self::PostToGone | Self::PostToStarting | Self::PostToBusy => Rule::PostedToIdle,
            Self::BoldAhead | Self::RemoteAhead => Rule::FoundedAhead,
            Self::UntoldStart | Self::HastyStart => Rule::StartTold,
            Self::IgnoredStall | Self::DoubledWithdrawal => Rule::StallEnds,
            Self::UntoldDrop => Rule::DropTold,
            Self::IgnoredTarget | Self::IgnoredPlace => Rule::OwnTarget,
            Self::IgnoredPriority | Self::IgnoredAge | Self::QueueJumping => Rule::InOrder,
            Self::HoardedTask => Rule::WorkConserving,
            Self::WorkingSpare => Rule::WorkBound,
            Self::DeafToStop | Self::LostAbort | Self::LateTimeout => Rule::PromptAbort,
            Self::DoubledAbort | Self::UnfoundedAbort | Self::HastyTimeout => Rule::FoundedAbort,
            Self::LateGrace => Rule::GraceEnds,
            Self::LateQueueTimeout => Rule::QueueTimeEnds,
            Self::LongQueue | Self::ShortQueue | Self::RejectedTarget => Rule::QueueBound,
            Self::IgnoredNeed => Rule::EssentialTaken,
            Self::IgnoredWithdrawal => Rule::WithdrawnEnds,
            Self::ExcessRetry | Self::NoRetry => Rule::RetriedAsAsked,
            Self::DoubledStart => Rule::FreshWorker,
            Self::OverStretch | Self::OverStretchRemote => Rule::StretchBound,
            Self::KeptSurplus => Rule::SurplusEnds,
            Self::WastefulShrink => Rule::SurplusOrder,
            Self::OverInstall => Rule::InstallBound,
            Self::EagerStart | Self::EagerRemote => Rule::NeededStart,
            Self::LazyStart | Self::LazyRemote => Rule::PromptStart,
            Self::NoSpares => Rule::SparesKept,
            Self::HastyStop
            | Self::DoubledStop
            | Self::HastyGrace
            | Self::HastyIdle
            | Self::IdleBelowStart
            | Self::RuthlessShrink => Rule::FoundedStop,
            Self::LateStop => Rule::HungBootEnds,
            Self::NoIdleTimeout => Rule::ShrinksWhenCalm,
            Self::ShortPause | Self::EagerReplacement => Rule::PauseKept,
            Self::HastyFailure | Self::StubbornPool | Self::HastyRemoteFailure | Self::StubbornRemote => {
                Rule::GivesUp
            }
            Self::StartWithoutEngine => Rule::EngineNeeded,
            Self::DoubledConnect | Self::ForgottenEngine => Rule::EngineSought,
            Self::LeakedEngine => Rule::EngineReleased,
            Self::Impatient | Self::Patient => Rule::PatienceEnds,
            Self::MisreadEngine => Rule::RightEngine,
            Self::HastyDrain | Self::EndlessDrain => Rule::DrainEnds,
            Self::StartAfterEnd | Self::LeakedWorker => Rule::ClosedForGood,
            Self::StuckTimer => Rule::TimerAhead,
            Self::LeftoverTimer => Rule::FoundedTimer,
            Self::MiscountedIdle | Self::UncountedStale => Rule::RightStats,
            Self::LingeringFailure | Self::UnendedDrain => Rule::RightState,
            Self::StubbornFloor => Rule::RightFloor,
            Self::LowStart | Self::IgnoredReserve => Rule::FloorReached,
        }
    }

    /// What the scheduler inside is configured with; nothing is wrong with it if that would not hold together.
    pub(super) fn configure(self, settings: PoolSettings) -> PoolSettings {
        let wrong = self.misconfigure(settings.clone());
        if PoolConfig::try_from(wrong.clone()).is_ok() { wrong } else { settings }
    }

    fn misconfigure(self, mut settings: PoolSettings) -> PoolSettings {
        match self {
            Self::IgnoredAge => settings.priority_step_ms = u32::MAX,
            // Else the worker is stopped as soon as it is not told.
            Self::LostAbort => settings.cancel_grace_ms = settings.cancel_grace_ms.max(1),
            Self::HastyGrace => settings.cancel_grace_ms /= 2,
            Self::LateGrace => settings.cancel_grace_ms = settings.cancel_grace_ms * 2 + 1,
            Self::LongQueue => settings.max_queue += 1,
            Self::ShortQueue => settings.max_queue = settings.max_queue.saturating_sub(1),
            Self::OverStretch => settings.stretch_to += 1,
            Self::OverInstall => settings.install_concurrency += 1,
            Self::NoSpares => settings.spares = 0,
            Self::HastyStop => settings.boot_timeout_ms = settings.boot_timeout_ms.div_ceil(2),
            Self::LateStop => settings.boot_timeout_ms *= 2,
            Self::HastyIdle => settings.idle_timeout_ms = settings.idle_timeout_ms.map(|ms| ms.div_ceil(2)),
            Self::NoIdleTimeout => settings.idle_timeout_ms = None,
            Self::ShortPause => {
                settings.backoff_ms = settings.backoff_ms.div_ceil(2);
                settings.max_backoff_ms = settings.max_backoff_ms.div_ceil(2);
            }
            Self::HastyFailure => settings.max_install_failures = 1,
            Self::StubbornPool => settings.max_install_failures = u32::MAX,
            Self::OverStretchRemote => change_remote(&mut settings, |remote| remote.stretch_to += 1),
            Self::EagerRemote => change_remote(&mut settings, |remote| remote.start = RemoteStart::Always),
            Self::LazyRemote => change_remote(&mut settings, |remote| remote.start = RemoteStart::Queued),
            Self::Impatient => {
                change_remote(&mut settings, |remote| remote.patience_ms = remote.patience_ms.div_ceil(2));
            }
            Self::Patient => {
                change_remote(&mut settings, |remote| remote.patience_ms = remote.patience_ms * 2 + 1);
            }
            Self::LowStart => settings.start_at = settings.start_at.saturating_sub(1),
            _ => {}
        }
        settings
    }
}

fn change_remote(settings: &mut PoolSettings, change: impl FnOnce(&mut RemoteSettings)) {
    if let Some(remote) = &mut settings.remote {
        change(remote);
    }
}
