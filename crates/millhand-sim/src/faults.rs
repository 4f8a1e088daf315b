//! What can go wrong outside the scheduler, and which of it a fact is, by what the onlooker knows.

use millhand_core::{EngineState, Input, InstallFault, Outcome, StopReason, TaskId};

use crate::{Ledger, TaskState, WorkerState};

kinds! {
    /// Something that went wrong outside the scheduler.
    pub enum Fault {
        /// A boot took longer than the boot timeout and came up.
        SlowBoot,
        /// A boot was ended by the boot timeout.
        HungBoot,
        /// An install failed and might not the next time.
        TransientInstall,
        /// An install failed for good.
        PermanentInstall,
        /// A worker died while it started.
        LostStarting,
        /// A worker died while it waited.
        LostIdle,
        /// A worker died while it waited, before so many were up as were to come up.
        LostEarly,
        /// A worker died while it ran a task.
        LostBusy,
        /// A worker died while it had tasks behind the one that it ran.
        LostWithMore,
        /// A worker died while it was to stop its task.
        LostStopping,
        /// A worker that was gone died again.
        LostWhenGone,
        /// A worker did not stop its task within the grace time.
        Unresponsive,
        /// A task completed although its worker was asked to stop it.
        CompletedWhenStopping,
        /// A task was finished again.
        FinishedTwice,
        /// A worker that was gone finished a task.
        FinishedWhenGone,
        /// A worker finished the task that it did not stop within the grace time, when it was gone for that.
        FinishedAfterGrace,
        /// A worker finished a task that it did not run and that had not ended.
        FinishedWrongTask,
        /// A worker ended a task that was dropped, and that it had started before it heard.
        FinishedDropped,
        /// A worker gave a task back that it had not, or whose turn had come.
        ReturnedWrongTask,
        /// A worker that was up became ready.
        ReadyTwice,
        /// A worker that was gone became ready.
        ReadyWhenGone,
        /// A worker that was up got on with its install.
        ProgressedWhenUp,
        /// A worker that was gone got on with its install.
        ProgressedWhenGone,
        /// A worker that was up failed to install.
        FailedWhenUp,
        /// A worker that was gone failed to install.
        FailedWhenGone,
        /// An engine was not there when it was connected to.
        EngineMissing,
        /// An engine refused the connection.
        EngineRefused,
        /// An engine went while remote workers could be started.
        EngineLost,
        /// An engine that was not being connected to was there.
        EngineReadyTwice,
        /// An engine went that was gone.
        EngineLostTwice,
        /// A fact about a worker that never was.
        UnknownWorker,
        /// The driver woke after the time that the scheduler had asked for.
        LateWake,
        /// The driver woke without a timer being due.
        EarlyWake,
    }
}

/// What is wrong with what a worker says that should change nothing; `None` if it should.
pub(crate) fn late(ledger: &Ledger, input: &Input) -> Option<Fault> {
    let state = |worker| ledger.worker(worker);
    match *input {
        Input::TaskFinished { worker, task, .. } => match state(worker) {
            None => Some(Fault::UnknownWorker),
            Some(WorkerState::Gone) if ledger.stop_reason(worker) == Some(StopReason::Unresponsive) => {
                Some(Fault::FinishedAfterGrace)
            }
            Some(WorkerState::Gone) => Some(Fault::FinishedWhenGone),
            Some(WorkerState::Busy(running)) if running == task => None,
            Some(_) if matches!(ledger.task(task), Some(TaskState::Settled)) => Some(Fault::FinishedTwice),
            Some(_) => Some(Fault::FinishedWrongTask),
        },
        Input::TaskReturned { .. } => ledger.is_stale(input).then_some(Fault::ReturnedWrongTask),
        Input::InstallProgressed { worker } => {
            late_install(state(worker), Fault::ProgressedWhenUp, Fault::ProgressedWhenGone)
        }
        Input::WorkerReady { worker } => late_install(state(worker), Fault::ReadyTwice, Fault::ReadyWhenGone),
        Input::InstallFailed { worker, .. } => {
            late_install(state(worker), Fault::FailedWhenUp, Fault::FailedWhenGone)
        }
        Input::WorkerLost { worker } => match state(worker) {
            None => Some(Fault::UnknownWorker),
            Some(WorkerState::Gone) => Some(Fault::LostWhenGone),
            Some(_) => None,
        },
        Input::EngineReady => (ledger.engine() != EngineState::Connecting).then_some(Fault::EngineReadyTwice),
        Input::EngineLost { .. } => (!ledger.is_engine_held()).then_some(Fault::EngineLostTwice),
        Input::TaskSubmitted { .. }
        | Input::TaskCancelled { .. }
        | Input::WorkersReserved { .. }
        | Input::PoolResized { .. }
        | Input::PoolDrained
        | Input::PoolTerminated => None,
    }
}

const fn late_install(state: Option<WorkerState>, when_up: Fault, when_gone: Fault) -> Option<Fault> {
    match state {
        None => Some(Fault::UnknownWorker),
        Some(WorkerState::Starting) => None,
        Some(WorkerState::Idle | WorkerState::Busy(_)) => Some(when_up),
        Some(WorkerState::Gone) => Some(when_gone),
    }
}

/// What is wrong with a fact that counts.
pub(crate) fn timely(ledger: &Ledger, input: &Input) -> Option<Fault> {
    match *input {
        Input::InstallFailed { fault: InstallFault::Transient, .. } => Some(Fault::TransientInstall),
        Input::InstallFailed { fault: InstallFault::Permanent, .. } => Some(Fault::PermanentInstall),
        Input::WorkerLost { worker } => match ledger.worker(worker)? {
            WorkerState::Starting => Some(Fault::LostStarting),
            WorkerState::Idle if ledger.dies_early(worker) => Some(Fault::LostEarly),
            WorkerState::Idle => Some(Fault::LostIdle),
            WorkerState::Busy(task) if is_stopping(ledger, task) => Some(Fault::LostStopping),
            WorkerState::Busy(_) if ledger.ahead(worker).count() > 0 => Some(Fault::LostWithMore),
            WorkerState::Busy(_) => Some(Fault::LostBusy),
            WorkerState::Gone => None,
        },
        Input::WorkerReady { worker } => {
            let took = ledger.now().since(ledger.started_at(worker)?);
            (took > ledger.boot_timeout(worker)).then_some(Fault::SlowBoot)
        }
        Input::EngineLost { fault: InstallFault::Permanent } => Some(Fault::EngineRefused),
        Input::EngineLost { .. } if ledger.engine() == EngineState::Up => Some(Fault::EngineLost),
        Input::EngineLost { .. } => Some(Fault::EngineMissing),
        Input::TaskFinished { task, .. } if ledger.is_dropped(task) => Some(Fault::FinishedDropped),
        Input::TaskFinished { task, outcome: Outcome::Completed, .. } => {
            is_stopping(ledger, task).then_some(Fault::CompletedWhenStopping)
        }
        _ => None,
    }
}

fn is_stopping(ledger: &Ledger, task: TaskId) -> bool {
    matches!(ledger.task(task), Some(TaskState::Stopping(_)))
}
