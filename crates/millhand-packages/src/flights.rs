//! One download of a thing at a time within a process: whoever comes second waits, and then finds it in the store.
//!
//! Between processes there is no such lock. Two of them may download the same file; the store takes it twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The downloads that are under way, by name.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

impl Flights {
    /// Waits until no one else downloads `name`. It is the caller's until the guard is dropped, also when the
    /// caller is cancelled or fails: then the next one tries.
    pub(crate) async fn board(&self, name: &str) -> OwnedMutexGuard<()> {
        self.gate(name).lock_owned().await
    }

    fn gate(&self, name: &str) -> Arc<AsyncMutex<()>> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| gate.strong_count() > 0);
        if let Some(gate) = gates.get(name).and_then(Weak::upgrade) {
            return gate;
        }
        let gate = Arc::default();
        gates.insert(name.to_owned(), Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_name_waits_and_another_does_not() {
        let flights = Flights::default();
        let first = flights.board("a").await;
        let _other = flights.board("b").await;
        assert!(flights.gate("a").try_lock().is_err());
        drop(first);
        assert!(flights.gate("a").try_lock().is_ok());
    }

    #[tokio::test]
    async fn finished_downloads_are_forgotten() {
        let flights = Flights::default();
        drop(flights.board("a").await);
        let _other = flights.board("b").await;
        assert_eq!(flights.0.lock().unwrap().len(), 1);
    }
}
