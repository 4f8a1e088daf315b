//! Checkers of the pool at the end of a run, long after faults have stopped.

use millhand_core::Location;

use super::{PoolChecker, Rule, Verdict};
use crate::Ledger;

pub(super) const CHECKS: &[(Rule, PoolChecker)] = &[
    (Rule::FloorReached, floor_reached),
    (Rule::SparesKept, spares_kept),
    (Rule::ShrinksWhenCalm, shrinks_when_calm),
];

pub(super) fn settled_when_calm(ledger: &Ledger, is_at_rest: bool) -> Verdict {
    let open = ledger.open_tasks();
    if open > 0 {
        return Err(format!("{open} tasks are not settled"));
    }
    if !is_at_rest {
        return Err("the pool does not come to rest".to_owned());
    }
    Ok(())
}

fn floor_reached(ledger: &Ledger) -> Verdict {
    let awaited = ledger.awaited_workers();
    if awaited > 0 && !ledger.is_over() {
        let up = ledger.workers_up(Location::Local);
        return Err(format!("{awaited} workers were to come up, and {up} are"));
    }
    Ok(())
}

/// Whatever failed before.
fn spares_kept(ledger: &Ledger) -> Verdict {
    let (idle, spares) = (ledger.workers_idle(Location::Local), ledger.spares(Location::Local));
    let is_full = ledger.workers_live(Location::Local) >= ledger.most_live(Location::Local);
    if ledger.is_over() || is_full || idle >= spares {
        return Ok(());
    }
    Err(format!("{idle} workers are idle, and {spares} are to be spare"))
}

fn shrinks_when_calm(ledger: &Ledger) -> Verdict {
    let settings = ledger.settings();
    let (live, kept) = (ledger.workers_live(Location::Local), settings.start_at.max(settings.spares));
    let remote = ledger.workers_live(Location::Remote);
    if remote > 0 {
        return Err(format!("{remote} remote workers live though all is quiet"));
    }
    if ledger.is_over() || settings.idle_timeout_ms.is_none() || live <= kept as usize {
        return Ok(());
    }
    Err(format!("{live} workers live though all is quiet, and {kept} are kept"))
}
