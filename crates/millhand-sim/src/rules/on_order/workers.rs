//! Checkers of orders about workers, and about the pool as a whole.

use millhand_core::{EngineState, ExitReason, Location, Output, StopReason, WorkerId};

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
        | Output::ConnectEngine
        | Output::FailRemote
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
    let Some((worker, _)) = started(output) else { return Ok(()) };
    match ledger.worker(worker) {
        None => Ok(()),
        Some(state) => Err(format!("{worker:?} is started, and is {state:?}")),
    }
}

pub(super) fn pause_kept(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, location)) = started(output) else { return Ok(()) };
    match ledger.paused_until(location) {
        Some(end) if ledger.now() < end => {
            let failures = ledger.install_failures(location);
            Err(format!(
                "{worker:?} is started before {}, after {failures} failed installs in a row",
                Stamp(end)
            ))
        }
        _ => Ok(()),
    }
}

pub(super) fn stretch_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, location)) = started(output) else { return Ok(()) };
    let (live, bound) = (ledger.workers_live(location), ledger.most_live(location));
    if live < bound {
        return Ok(());
    }
    Err(format!("{worker:?} is started while {live} workers live, and {bound} may"))
}

pub(super) fn install_bound(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, location)) = started(output) else { return Ok(()) };
    let (starting, bound) = (ledger.workers_starting(location), ledger.most_starting(location));
    if starting < bound {
        return Ok(());
    }
    Err(format!("{worker:?} is started while {starting} workers are starting, and {bound} may"))
}

pub(super) fn needed_start(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, location)) = started(output) else { return Ok(()) };
    let live = ledger.workers_live(location);
    let (waiting, serving) = (ledger.tasks_to_serve(location), ledger.workers_serving(location));
    let is_awaited = location == Location::Local && live < ledger.awaited_workers() as usize;
    let is_for_a_task = live < ledger.most_busy(location) && waiting > serving;
    if is_awaited || is_for_a_task || serving < ledger.spares(location) {
        return Ok(());
    }
    Err(format!(
        "{worker:?} is started at {location:?} for {waiting} waiting tasks, while {live} workers live and {serving} of them are \
         idle or starting"
    ))
}

pub(super) fn surplus_order(ledger: &Ledger, output: &Output) -> Verdict {
    let Output::StopWorker { worker, reason: StopReason::Surplus } = *output else { return Ok(()) };
    let starting = ledger.workers_starting(Location::Local);
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
    let (Some(timeout), Some(since), Some(location)) =
        (ledger.idle_timeout(worker), ledger.since(worker), ledger.location(worker))
    else {
        return false;
    };
    let kept = match location {
        Location::Local => ledger.settings().start_at.max(ledger.awaited_workers()),
        Location::Remote => 0,
    };
    ledger.worker(worker) == Some(WorkerState::Idle)
        && since.after(timeout) <= ledger.now()
        && ledger.workers_live(location) > kept as usize
        && ledger.workers_idle(location) > ledger.spares(location)
}

fn is_surplus(ledger: &Ledger, worker: WorkerId) -> bool {
    ledger.location(worker) == Some(Location::Local)
        && ledger.workers_live(Location::Local) > ledger.most_live(Location::Local)
        && matches!(ledger.worker(worker), Some(WorkerState::Idle | WorkerState::Starting))
}

pub(super) fn founded_failure(ledger: &Ledger, output: &Output) -> Verdict {
    if !matches!(output, Output::FailPool) || ledger.is_hopeless() {
        return Ok(());
    }
    let live = ledger.live_workers().count();
    let failures = ledger.install_failures(Location::Local);
    Err(format!("the pool fails while {live} workers live, after {failures} failed installs in a row"))
}

pub(super) fn hopeful_start(ledger: &Ledger, output: &Output) -> Verdict {
    let Some((worker, location)) = started(output) else { return Ok(()) };
    let has_failed = location == Location::Remote && ledger.has_failed(location);
    if !ledger.is_giving_up() && !has_failed {
        return Ok(());
    }
    let failures = ledger.install_failures(location);
    Err(format!("{worker:?} is started after {failures} failed installs in a row, with no worker up"))
}

pub(super) fn engine_needed(ledger: &Ledger, output: &Output) -> Verdict {
    match started(output) {
        Some((worker, Location::Remote)) if ledger.engine() != EngineState::Up => {
            Err(format!("{worker:?} is started at an engine that is {:?}", ledger.engine()))
        }
        _ => Ok(()),
    }
}

pub(super) fn engine_sought(ledger: &Ledger, output: &Output) -> Verdict {
    match (output, ledger.engine_sought_at()) {
        (Output::ConnectEngine, None) => {
            Err(format!("the engine is connected to, and is {:?}", ledger.engine()))
        }
        _ => Ok(()),
    }
}

pub(super) fn reconnect_pause_kept(ledger: &Ledger, output: &Output) -> Verdict {
    match (output, ledger.engine_sought_at()) {
        (Output::ConnectEngine, Some(end)) if ledger.now() < end => {
            Err(format!("the engine is connected to before {}, after its loss", Stamp(end)))
        }
        _ => Ok(()),
    }
}

pub(super) fn engine_released(ledger: &Ledger, output: &Output) -> Verdict {
    let is_founded = ledger.is_engine_held() && ledger.is_engine_done();
    if *output != Output::DisconnectEngine || is_founded {
        return Ok(());
    }
    Err(format!("the engine is let go of, and is {:?}", ledger.engine()))
}

pub(super) fn remote_given_up(ledger: &Ledger, output: &Output) -> Verdict {
    if *output != Output::FailRemote || ledger.is_remote_end_due() {
        return Ok(());
    }
    let failures = ledger.install_failures(Location::Remote);
    Err(format!("remote workers are given up after {failures} failed installs in a row"))
}

const fn started(output: &Output) -> Option<(WorkerId, Location)> {
    match *output {
        Output::StartWorker { worker, location } => Some((worker, location)),
        _ => None,
    }
}
