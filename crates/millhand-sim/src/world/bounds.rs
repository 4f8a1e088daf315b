//! How long a run may take.

use std::time::Duration;

use millhand_core::Instant;

use crate::Plan;
use crate::fleet::{LONGEST_BOOT, LONGEST_CALM_TASK, LONGEST_CONNECT, LONGEST_LIFE, LONGEST_TASK};

/// More steps than any run needs: the end of one that would go on for ever at one time.
pub(super) const MOST_STEPS: usize = 200_000;

/// When everything must be settled: twice the time that it takes if, from the beginning of the calm, first every
/// fault that is already under way ends as late as it can, then one worker runs every task, and is stopped for each
/// because it does not stop the task, and last workers with nothing to do are ended.
pub(super) fn deadline(plan: &Plan) -> Instant {
    let settings = &plan.settings;
    let millis = |ms: u32| Duration::from_millis(ms.into());
    let remote = settings.remote.unwrap_or_default();
    let boot = millis(settings.boot_timeout_ms.max(remote.boot_timeout_ms));
    let grace = millis(settings.cancel_grace_ms) + plan.wake_lag * 2;
    let boots = boot * (LONGEST_BOOT + MOST_WORKERS);
    let pauses = millis(settings.max_backoff_ms) * 2 + plan.wake_lag * 20;
    let tasks = u32::try_from(plan.arrivals.len()).unwrap_or(u32::MAX);
    let work = (LONGEST_CALM_TASK + grace + boot) * tasks;
    let idle = millis(settings.idle_timeout_ms.unwrap_or(0).max(remote.idle_timeout_ms)) + plan.wake_lag;
    let engine = (LONGEST_CONNECT + LONGEST_LIFE) * 2 + millis(remote.patience_ms) + plan.wake_lag;
    plan.calm_at.after((boots + pauses + LONGEST_LIFE + LONGEST_TASK + grace + work + idle + engine) * 2)
}

/// No plan has more at a time, spares included.
const MOST_WORKERS: u32 = 20;
