//! Checkers of the pool at the end of a run, long after faults have stopped.

use super::Verdict;
use crate::Ledger;

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

pub(super) fn floor_reached(ledger: &Ledger) -> Verdict {
    let awaited = ledger.awaited_workers();
    if awaited > 0 && ledger.is_open() {
        return Err(format!("{awaited} workers were to come up, and {} are", ledger.workers_up()));
    }
    Ok(())
}
