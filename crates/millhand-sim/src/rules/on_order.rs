//! Checkers of a single order, in the order in which they are asked: the more basic rule first.

use millhand_core::{Output, StopReason, TaskId, WorkerId};

use super::{OrderChecker, Rule, Verdict};
use crate::{Ledger, TaskState, WorkerState};

pub(super) const CHECKS: &[(Rule, OrderChecker)] = &[
    (Rule::SettledOnce, settled_once),
    (Rule::RightReason, right_reason),
    (Rule::ClosedForGood, closed_for_good),
    (Rule::PostedOnce, posted_once),
    (Rule::PostedToIdle, posted_to_idle),
    (Rule::OwnTarget, own_target),
    (Rule::InOrder, in_order),
    (Rule::FreshWorker, fresh_worker),
    (Rule::StretchBound, stretch_bound),
    (Rule::InstallBound, install_bound),
    (Rule::NeededStart, needed_start),
    (Rule::FoundedStop, founded_stop),
    (Rule::GivesUp, founded_failure),
    (Rule::GivesUp, hopeful_start),
];

fn settled_once(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, .. } = *output else { return Ok(()) };
    match ledger.task(task) {
        None => Err(format!("{task:?} is settled and was never submitted")),
        Some(TaskState::Settled) => Err(format!("{task:?} is settled twice")),
        Some(TaskState::Waiting | TaskState::Running(_) | TaskState::Over(_)) => Ok(()),
    }
}

fn right_reason(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::SettleTask { task, worker, reason } = *output else { return Ok(()) };
    match ledger.task(task) {
        Some(TaskState::Over(ending)) if ending.worker == worker && ending.reason == reason => Ok(()),
        state => Err(format!("{task:?} is settled with {reason:?} by {worker:?}, and is {state:?}")),
    }
}

fn closed_for_good(ledger: &Ledger, output: &Output) -> Verdict {
    match output {
        Output::StartWorker { .. } | Output::PostTask { .. } if !ledger.is_open() => {
            Err(format!("{output:?} in a pool that is over"))
        }
        _ => Ok(()),
    }
}

fn posted_once(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((_, task)) = posted(output) else { return Ok(()) };
    match ledger.task(task) {
        Some(TaskState::Waiting) => Ok(()),
        state => Err(format!("{task:?} is posted, and is {state:?}")),
    }
}

fn posted_to_idle(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.worker(worker) {
        Some(WorkerState::Idle) => Ok(()),
        state => Err(format!("{task:?} is posted to {worker:?}, which is {state:?}")),
    }
}

fn own_target(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.target(task) {
        Some(target) if target != worker => {
            Err(format!("{task:?} is meant for {target:?}, posted to {worker:?}"))
        }
        _ => Ok(()),
    }
}

fn in_order(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, task)) = posted(output) else { return Ok(()) };
    match ledger.next_task_for(worker) {
        Some(next) if next != task => Err(format!("{task:?} is posted to {worker:?} before {next:?}")),
        _ => Ok(()),
    }
}

fn fresh_worker(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    match ledger.worker(worker) {
        None => Ok(()),
        Some(state) => Err(format!("{worker:?} is started, and is {state:?}")),
    }
}

fn stretch_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    let (live, bound) = (ledger.workers_live(), ledger.settings().stretch_to);
    if live < bound as usize {
        return Ok(());
    }
    Err(format!("{worker:?} is started while {live} workers live, and the pool may stretch to {bound}"))
}

fn install_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    let (starting, bound) = (ledger.workers_starting(), ledger.settings().install_concurrency);
    if starting < bound as usize {
        return Ok(());
    }
    Err(format!("{worker:?} is started while {starting} workers are starting, and {bound} may"))
}

fn needed_start(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    let (live, awaited) = (ledger.workers_live(), ledger.awaited_workers());
    let (waiting, serving) = (ledger.waiting_for_any(), ledger.workers_idle() + ledger.workers_starting());
    if live < awaited as usize || waiting > serving {
        return Ok(());
    }
    Err(format!(
        "{worker:?} is started for {waiting} waiting tasks, while {serving} workers are idle or starting"
    ))
}

fn founded_stop(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StopWorker { worker, reason } = *output else { return Ok(()) };
    let state = ledger.worker(worker);
    let is_live = !matches!(state, None | Some(WorkerState::Gone));
    let is_founded = match reason {
        StopReason::BootTimedOut => {
            state == Some(WorkerState::Starting) && ledger.boot_deadline(worker) <= Some(ledger.now())
        }
        StopReason::PoolTerminated => ledger.is_terminated(),
    };
    if is_live && is_founded {
        return Ok(());
    }
    Err(format!("{worker:?} is stopped because {reason:?}, and is {state:?}"))
}

fn founded_failure(ledger: &Ledger, output: &Output) -> Verdict {
    if !matches!(output, Output::FailPool) || (ledger.is_open() && ledger.is_hopeless()) {
        return Ok(());
    }
    let (live, failures) = (ledger.workers_live(), ledger.install_failures());
    Err(format!("the pool fails while {live} workers live, after {failures} failed installs in a row"))
}

fn hopeful_start(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    if !ledger.is_giving_up() {
        return Ok(());
    }
    let failures = ledger.install_failures();
    Err(format!("{worker:?} is started after {failures} failed installs in a row, with no worker up"))
}

const fn posted(output: &Output) -> Option<(WorkerId, TaskId)> {
    match *output {
        Output::PostTask { worker, task } => Some((worker, task)),
        _ => None,
    }
}
