//! Tasks that wait, in the order in which they are to start.

use alloc::collections::BTreeSet;
use core::time::Duration;

use crate::{Instant, Priority, TaskId};

/// A task's place among those that wait: smaller goes first.
///
/// A task stands where it would have come in had it been submitted earlier by its priority's worth of time. So
/// more urgent tasks go first, equal ones in the order of their submission, and nothing waits for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Microseconds; before the origin for what is urgent and early. What is beyond all bounds stands at them.
    at: i64,
    task: TaskId,
}

impl Place {
    pub(crate) fn new(task: TaskId, now: Instant, priority: Priority, step: Duration) -> Self {
        let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Self { at: now.saturating_sub(i64::from(priority.0).saturating_mul(step)), task }
    }

    pub(crate) const fn task(self) -> TaskId {
        self.task
    }
}

#[derive(Debug, Default)]
pub(crate) struct TaskQueue {
    places: BTreeSet<Place>,
}

impl TaskQueue {
    pub(crate) const fn new() -> Self {
        Self { places: BTreeSet::new() }
    }

    pub(crate) fn insert(&mut self, place: Place) {
        self.places.insert(place);
    }

    pub(crate) fn remove(&mut self, place: Place) {
        self.places.remove(&place);
    }

    pub(crate) fn first(&self) -> Option<Place> {
        self.places.first().copied()
    }

    pub(crate) fn pop(&mut self) -> Option<TaskId> {
        self.places.pop_first().map(|place| place.task)
    }

    /// Takes all of `other` in, each at its place.
    pub(crate) fn append(&mut self, other: &mut Self) {
        while let Some(place) = other.places.pop_first() {
            self.insert(place);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}
