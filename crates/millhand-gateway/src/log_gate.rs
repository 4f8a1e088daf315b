//! Refusals are logged, and a flood of them is not: each kind at most once in a while, with how many there were.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a kind of refusal stays silent after it was logged.
const QUIET: Duration = Duration::from_secs(10);

/// One per gateway.
#[derive(Debug, Default)]
pub(crate) struct LogGate(Mutex<HashMap<&'static str, Kind>>);

#[derive(Debug)]
struct Kind {
    logged_at: Instant,
    silent: u64,
}

impl LogGate {
    /// Logs that something was refused, unless the same kind was logged a moment ago.
    pub(crate) fn refused(&self, kind: &'static str, why: &str) {
        if let Some(silent) = self.pass(kind, Instant::now()) {
            let more =
                if silent == 0 { String::new() } else { format!(" ({silent} more since the last line)") };
            tracing::warn!("gateway: refused: {why}{more}");
        }
    }

    /// How many were silent before this one, if this one is to be logged.
    fn pass(&self, kind: &'static str, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kinds.get_mut(kind) {
            Some(known) if now.duration_since(known.logged_at) < QUIET => {
                known.silent += 1;
                None
            }
            known => {
                let silent = known.map_or(0, |known| known.silent);
                kinds.insert(kind, Kind { logged_at: now, silent: 0 });
                Some(silent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_once_and_counted() {
        let (gate, start) = (LogGate::default(), Instant::now());
        assert_eq!(gate.pass("token", start), Some(0));
        for _ in 0..1000 {
            assert_eq!(gate.pass("token", start), None);
        }
        assert_eq!(gate.pass("origin", start), Some(0));
        assert_eq!(gate.pass("token", start + QUIET), Some(1000));
        assert_eq!(gate.pass("token", start + QUIET * 2), Some(0));
    }
}
