//! Checkers of orders about tasks.

use millhand_core::{
    Admission, ExitReason, KNOWN_AFTER, LONGEST_AHEAD, Location, MAX_AHEAD, Output, Posting, QUICK, STALL,
    Target, TaskId, WorkerId,
};

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
    let Output::PostTask { worker, task, posting: Posting::Now } = *output else { return Ok(()) };
    match ledger.worker(worker) {
        Some(WorkerState::Idle) => Ok(()),
        state => Err(format!("{task:?} is posted to {worker:?}, which is {state:?}")),
    }
}

pub(super) fn founded_ahead(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::PostTask { worker, task, posting } = *output else { return Ok(()) };
    if posting == Posting::Now {
        return Ok(());
    }
    let Some(WorkerState::Busy(running)) = ledger.worker(worker) else {
        return Err(format!("{task:?} is posted ahead to {worker:?}, which is {:?}", ledger.worker(worker)));
    };
    let problem = if ledger.location(worker) != Some(Location::Local) {
        "its worker is remote"
    } else if ledger.task(running) != Some(TaskState::Running(worker)) {
        "its worker's own is not one that runs and is to go on"
    } else if !is_short(ledger, running) || has_stalled(ledger, worker) {
        "its worker's own takes long, or may"
    } else if !is_short(ledger, task) {
        "it takes long, or may"
    } else if ledger.task_deadline(task).is_some() {
        "it has little time to wait"
    } else if posting == Posting::Quick && !may_be_quick(ledger, task) {
        "its start has to be told"
    } else if has_enough(ledger, worker) {
        "its worker has enough"
    } else {
        return Ok(());
    };
    Err(format!("{task:?} is posted behind {running:?} of {worker:?}, and {problem}"))
}

fn has_enough(ledger: &Ledger, worker: WorkerId) -> bool {
    let is_surplus = ledger.workers_live(Location::Local) > ledger.most_live(Location::Local);
    is_surplus || ledger.ahead(worker).count() >= MAX_AHEAD
}

/// Whether it is known that a task does not take long.
fn is_short(ledger: &Ledger, task: TaskId) -> bool {
    let ran = ledger.spec(task).and_then(|spec| ledger.ran(spec.kind?));
    ran.is_some_and(|(runs, shortest)| runs >= usize::from(KNOWN_AFTER) && shortest <= LONGEST_AHEAD)
}

fn may_be_quick(ledger: &Ledger, task: TaskId) -> bool {
    let Some(spec) = ledger.spec(task) else { return false };
    spec.timeout.is_none()
        && spec.kind.and_then(|kind| ledger.ran(kind)).is_some_and(|(_, shortest)| shortest <= QUICK)
}

fn has_stalled(ledger: &Ledger, worker: WorkerId) -> bool {
    ledger.since(worker).is_some_and(|since| since.after(STALL) <= ledger.now())
}

pub(super) fn started_in_turn(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::AnnounceStart { worker, task } = *output else { return Ok(()) };
    let (state, worker_state) = (ledger.task(task), ledger.worker(worker));
    if state == Some(TaskState::Ahead(worker)) && worker_state == Some(WorkerState::Busy(task)) {
        return Ok(());
    }
    Err(format!("{task:?} is said to start at {worker:?}, and is {state:?}; the worker is {worker_state:?}"))
}

pub(super) fn founded_withdrawal(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::WithdrawTask { worker, task } = *output else { return Ok(()) };
    let is_asked =
        |wanted| ledger.ahead(worker).any(|posted| posted.task == task && posted.is_wanted_back == wanted);
    if ledger.task(task) == Some(TaskState::Ahead(worker)) && is_asked(false) && has_stalled(ledger, worker) {
        return Ok(());
    }
    Err(format!("{worker:?} is asked for {task:?}, which is {:?}", ledger.task(task)))
}

pub(super) fn dropped_once(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::DropTask { worker, task } = *output else { return Ok(()) };
    if ledger.is_dropped(task)
        && ledger.ahead(worker).any(|posted| posted.task == task && !posted.is_told_dropped)
    {
        return Ok(());
    }
    Err(format!("{worker:?} is to drop {task:?}, which is {:?}", ledger.task(task)))
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
    if matches!(ledger.target(task), Some(Target::Worker(_))) || ledger.may_have_shared(worker) {
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
        Output::PostTask { worker, task, .. } => Some((worker, task)),
        _ => None,
    }
}
