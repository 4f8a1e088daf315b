//! Checkers of orders about tasks.

use millhand_core::{Admission, ExitReason, Location, Output, Target, TaskId, WorkerId};

use super::Verdict;
use crate::rules::between_inputs;
use crate::{Ending, Ledger, Phase, TaskState, WorkerState};

pub(super) fn settled_once(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, .. } = *output else { return Ok(()) };
    match ledger.task(task) {
        None => Err(format!("{task:?} is settled and was never submitted")),
        Some(TaskState::Settled) => Err(format!("{task:?} is settled twice")),
        Some(_) => Ok(()),
    }
}

pub(super) fn withdrawn_ends(ledger: &Ledger, output: &Output) -> Verdict {
    match ledger.first_due() {
        Some((due, TaskState::Over(Ending { reason: ExitReason::Cancelled, .. })))
            if ledger.is_admitted_as(due, Admission::Withdrawn) =>
        {
            let settled = Output::SettleTask { task: due, worker: None, reason: ExitReason::Cancelled };
            if *output == settled {
                return Ok(());
            }
            Err(format!("{output:?} when {due:?} was submitted, which was cancelled before"))
        }
        _ => Ok(()),
    }
}

pub(super) fn essential_taken(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, reason, .. } = *output else { return Ok(()) };
    let is_refusal = match reason {
        ExitReason::Rejected => true,
        ExitReason::PoolTerminated => ledger.phase() == Phase::Draining,
        _ => false,
    };
    if is_refusal && ledger.is_admitted_as(task, Admission::Essential) {
        return Err(format!("{task:?} is essential, and is refused with {reason:?}"));
    }
    Ok(())
}

/// A task that waits after its worker died was to be run again.
pub(super) fn retries_no_seldomer(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, reason: ExitReason::WorkerLost, .. } = *output else { return Ok(()) };
    match (ledger.task(task), ledger.posts(task)) {
        (Some(TaskState::Waiting), posts @ 1..) => {
            Err(format!("{task:?} was run {posts} times and is to be run again, and is settled"))
        }
        _ => Ok(()),
    }
}

/// A worker may be started for a task that is not to be run again.
pub(super) fn retries_no_oftener(ledger: &Ledger, output: &Output) -> Verdict {
    if let Output::StartWorker { .. } = output {
        return between_inputs::retries_no_oftener(ledger);
    }
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.task(task) {
        Some(TaskState::Over(Ending { worker: Some(_), reason: ExitReason::WorkerLost })) => {
            Err(format!("{task:?} was run {} times, and is posted to {worker:?}", ledger.posts(task)))
        }
        _ => Ok(()),
    }
}

pub(super) fn rejected_when_full(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, reason: ExitReason::Rejected, .. } = *output else { return Ok(()) };
    match ledger.task(task) {
        Some(TaskState::Over(Ending { reason: ExitReason::Rejected, .. })) => Ok(()),
        state => Err(format!("{task:?} is rejected, and is {state:?}")),
    }
}

pub(super) fn right_reason(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, worker, reason } = *output else { return Ok(()) };
    let is_right = match ledger.task(task) {
        Some(TaskState::Over(ending)) => ending.worker == worker && ending.reason == reason,
        // Only its time in the queue ends a waiting task by itself, which is over once it was started, or the time that
        // tasks wait for an engine.
        Some(TaskState::Waiting) => {
            let is_right = match reason {
                ExitReason::QueueTimedOut => is_time_over(ledger, task),
                ExitReason::InstallFailed => {
                    ledger.is_engine_missed() && ledger.target(task) == Some(Target::At(Location::Remote))
                }
                _ => false,
            };
            is_right && worker.is_none()
        }
        _ => false,
    };
    if is_right {
        return Ok(());
    }
    Err(format!("{task:?} is settled with {reason:?} by {worker:?}, and is {:?}", ledger.task(task)))
}

pub(super) fn founded_abort(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::AbortTask { worker, task } = *output else { return Ok(()) };
    let state = ledger.task(task);
    if state != Some(TaskState::Running(worker)) {
        return Err(format!("{worker:?} is asked to stop {task:?}, which is {state:?}"));
    }
    if ledger.is_unheeded(task) || is_time_over(ledger, task) {
        return Ok(());
    }
    Err(format!("{worker:?} is asked to stop {task:?}, which nobody cancelled and which has time"))
}

pub(super) fn posted_once(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((_, task)) = posted(output) else { return Ok(()) };
    match ledger.task(task) {
        Some(TaskState::Waiting) => Ok(()),
        state => Err(format!("{task:?} is posted, and is {state:?}")),
    }
}

pub(super) fn posted_to_idle(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.worker(worker) {
        Some(WorkerState::Idle) => Ok(()),
        state => Err(format!("{task:?} is posted to {worker:?}, which is {state:?}")),
    }
}

pub(super) fn own_target(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.target(task) {
        Some(target @ Target::Worker(own)) if own != worker => {
            Err(format!("{task:?} is meant for {target:?}, posted to {worker:?}"))
        }
        Some(target @ Target::At(place)) if ledger.location(worker) != Some(place) => {
            Err(format!("{task:?} is meant for {target:?}, posted to {worker:?}"))
        }
        _ => Ok(()),
    }
}

pub(super) fn work_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    let Some(location) = ledger.location(worker) else { return Ok(()) };
    if matches!(ledger.target(task), Some(Target::Worker(_))) || ledger.may_work(location) {
        return Ok(());
    }
    let busy = ledger.workers_busy(location);
    Err(format!("{task:?} is posted to {worker:?} while {busy} workers have a task"))
}

pub(super) fn in_order(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.next_task_for(worker) {
        Some(next) if next != task => Err(format!("{task:?} is posted to {worker:?} before {next:?}")),
        _ => Ok(()),
    }
}

fn is_time_over(ledger: &Ledger, task: TaskId) -> bool {
    ledger.task_deadline(task).is_some_and(|deadline| deadline <= ledger.now())
}

const fn posted(output: &Output) -> Option<(WorkerId, TaskId)> {
    match *output {
        Output::PostTask { worker, task } => Some((worker, task)),
        _ => None,
    }
}
