//! Checkers of orders about workers, and about the pool as a whole.

use std::time::Duration;

use millhand_core::{ExitReason, Output, StopReason, WorkerId};

use super::Verdict;
use crate::trace::Stamp;
use crate::{Ending, Ledger, Phase, PoolEnd, TaskState, WorkerState};

pub(super) fn closed_for_good(ledger: &Ledger, output: &Output) -> Verdict {
    match output {
        Output::StartWorker { .. }
        | Output::PostTask { .. }
        | Output::AnnounceStart { .. }
        | Output::WithdrawTask { .. }
        | Output::DropTask { .. }
        | Output::AbortTask { .. }
        | Output::FailPool
            if ledger.is_over() =>
        {
            Err(format!("{output:?} in a pool that is over"))
        }
        _ => Ok(()),
    }
}

/// Tasks that a draining pool took are not ended by the drain, nor are its workers.
pub(super) fn drains_no_sooner(ledger: &Ledger, output: &Output) -> Verdict {
    let is_end = match *output {
        Output::StopWorker { reason: StopReason::PoolTerminated, .. } => true,
        Output::SettleTask { task, reason: ExitReason::PoolTerminated, .. } => !matches!(
            ledger.task(task),
            Some(TaskState::Over(Ending { reason: ExitReason::PoolTerminated, .. }))
        ),
        _ => false,
    };
    if is_end && ledger.phase() == Phase::Draining {
        return Err(format!("{output:?} while {} tasks have not ended", ledger.open_tasks()));
    }
    Ok(())
}

pub(super) fn fresh_worker(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    match ledger.worker(worker) {
        None => Ok(()),
        Some(state) => Err(format!("{worker:?} is started, and is {state:?}")),
    }
}

pub(super) fn pause_kept(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    match ledger.paused_until() {
        Some(end) if ledger.now() < end => {
            let failures = ledger.install_failures();
            Err(format!(
                "{worker:?} is started before {}, after {failures} failed installs in a row",
                Stamp(end)
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn stretch_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    let (live, bound) = (ledger.workers_live(), ledger.most_live());
    if live < bound {
        return Ok(());
    }
    Err(format!("{worker:?} is started while {live} workers live, and {bound} may"))
}

pub(super) fn install_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    let (starting, bound) = (ledger.workers_starting(), ledger.settings().install_concurrency);
    if starting < bound as usize {
        return Ok(());
    }
    Err(format!("{worker:?} is started while {starting} workers are starting, and {bound} may"))
}

pub(super) fn needed_start(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    let (live, settings) = (ledger.workers_live(), ledger.settings());
    let (waiting, serving) = (ledger.waiting_for_any(), ledger.workers_idle() + ledger.workers_starting());
    let is_awaited = live < ledger.awaited_workers() as usize;
    let is_for_a_task = live < settings.stretch_to as usize && waiting > serving;
    if is_awaited || is_for_a_task || serving < settings.spares as usize {
        return Ok(());
    }
    Err(format!(
        "{worker:?} is started for {waiting} waiting tasks, while {live} workers live and {serving} of them are \
         idle or starting"
    ))
}

pub(super) fn surplus_order(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StopWorker { worker, reason: StopReason::Surplus } = *output else { return Ok(()) };
    let starting = ledger.workers_starting();
    if starting > 0 && ledger.worker(worker) == Some(WorkerState::Idle) {
        return Err(format!("{worker:?} is idle and is stopped for surplus, and {starting} are starting"));
    }
    Ok(())
}

pub(super) fn founded_stop(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StopWorker { worker, reason } = *output else { return Ok(()) };
    let state = ledger.worker(worker);
    let is_live = !matches!(state, None | Some(WorkerState::Gone));
    let is_founded = match reason {
        StopReason::BootTimedOut => {
            state == Some(WorkerState::Starting) && ledger.worker_deadline(worker) <= Some(ledger.now())
        }
        StopReason::Unresponsive => has_had_its_grace(ledger, worker),
        StopReason::Idle => has_idled_for_too_long(ledger, worker),
        StopReason::Surplus => is_surplus(ledger, worker),
        StopReason::PoolTerminated => {
            matches!(ledger.phase(), Phase::Over(PoolEnd::Terminated | PoolEnd::Drained))
        }
    };
    if is_live && is_founded {
        return Ok(());
    }
    Err(format!("{worker:?} is stopped because {reason:?}, and is {state:?}"))
}

fn has_had_its_grace(ledger: &Ledger, worker: WorkerId) -> bool {
    let Some(WorkerState::Busy(task)) = ledger.worker(worker) else { return false };
    if ledger.is_dropped(task) {
        return ledger.worker_deadline(worker).is_some_and(|deadline| deadline <= ledger.now());
    }
    matches!(ledger.task(task), Some(TaskState::Stopping(_)))
        && ledger.task_deadline(task) <= Some(ledger.now())
}

fn has_idled_for_too_long(ledger: &Ledger, worker: WorkerId) -> bool {
    let settings = ledger.settings();
    let (Some(timeout), Some(since)) = (settings.idle_timeout_ms, ledger.since(worker)) else { return false };
    let kept = settings.start_at.max(ledger.awaited_workers());
    ledger.worker(worker) == Some(WorkerState::Idle)
        && since.after(Duration::from_millis(timeout.into())) <= ledger.now()
        && ledger.workers_live() > kept as usize
        && ledger.workers_idle() > settings.spares as usize
}

fn is_surplus(ledger: &Ledger, worker: WorkerId) -> bool {
    ledger.workers_live() > ledger.most_live()
        && matches!(ledger.worker(worker), Some(WorkerState::Idle | WorkerState::Starting))
}

pub(super) fn founded_failure(ledger: &Ledger, output: &Output) -> Verdict {
    if !matches!(output, Output::FailPool) || ledger.is_hopeless() {
        return Ok(());
    }
    let (live, failures) = (ledger.workers_live(), ledger.install_failures());
    Err(format!("the pool fails while {live} workers live, after {failures} failed installs in a row"))
}

pub(super) fn hopeful_start(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StartWorker { worker } = *output else { return Ok(()) };
    if !ledger.is_giving_up() {
        return Ok(());
    }
    let failures = ledger.install_failures();
    Err(format!("{worker:?} is started after {failures} failed installs in a row, with no worker up"))
}
