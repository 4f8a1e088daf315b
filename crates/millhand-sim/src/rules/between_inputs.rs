//! Checkers of the pool between two inputs, when every order is carried out.

use std::time::Duration;

use millhand_core::{Instant, Timer};

use super::{PoolChecker, Rule, Verdict};
use crate::trace::Stamp;
use crate::{Ledger, WorkerState};

pub(super) const CHECKS: &[(Rule, PoolChecker)] = &[
    (Rule::SettledPromptly, settled_promptly),
    (Rule::WorkConserving, work_conserving),
    (Rule::PromptStart, prompt_start),
    (Rule::GivesUp, gives_up),
    (Rule::ClosedForGood, leaves_no_worker),
];

fn settled_promptly(ledger: &Ledger) -> Verdict {
    match ledger.first_due() {
        None => Ok(()),
        Some((task, state)) => Err(format!("{task:?} is {state:?}, and is not settled")),
    }
}

fn work_conserving(ledger: &Ledger) -> Verdict {
    for (worker, state) in ledger.live_workers() {
        if state == WorkerState::Idle
            && let Some(task) = ledger.next_task_for(worker)
        {
            return Err(format!("{worker:?} is idle, and {task:?} waits for it"));
        }
    }
    Ok(())
}

fn prompt_start(ledger: &Ledger) -> Verdict {
    let settings = ledger.settings();
    let starting = ledger.workers_starting();
    let may_start = ledger.is_open()
        && ledger.install_failures() == 0
        && starting < settings.install_concurrency as usize
        && ledger.workers_live() < settings.stretch_to as usize;
    let (waiting, serving) = (ledger.waiting_for_any(), ledger.workers_idle() + starting);
    if may_start && waiting > serving {
        return Err(format!("{waiting} tasks wait for {serving} workers that are idle or starting"));
    }
    Ok(())
}

fn gives_up(ledger: &Ledger) -> Verdict {
    if ledger.is_open() && ledger.is_hopeless() {
        return Err("too many installs failed, no worker lives, and the pool goes on".to_owned());
    }
    Ok(())
}

fn leaves_no_worker(ledger: &Ledger) -> Verdict {
    if ledger.is_open() {
        return Ok(());
    }
    match ledger.live_workers().next() {
        None => Ok(()),
        Some((worker, state)) => Err(format!("the pool is over, and {worker:?} is {state:?}")),
    }
}

pub(super) fn hung_boot_ends(ledger: &Ledger, wake_lag: Duration) -> Verdict {
    for (worker, state) in ledger.live_workers() {
        if state == WorkerState::Starting
            && let Some(deadline) = ledger.boot_deadline(worker)
            && deadline.after(wake_lag) < ledger.now()
        {
            return Err(format!("{worker:?} is starting, and its time was over at {}", Stamp(deadline)));
        }
    }
    Ok(())
}

pub(super) fn timer_ahead(ledger: &Ledger, next: Option<(Instant, Timer)>) -> Verdict {
    match next {
        Some((at, timer)) if at <= ledger.now() => {
            Err(format!("{timer:?} is due at {} after a wake", Stamp(at)))
        }
        _ => Ok(()),
    }
}
