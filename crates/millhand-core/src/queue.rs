//! Tasks that wait, the most urgent first, equal ones in the order of their submission.

use alloc::collections::BTreeSet;
use core::cmp::Reverse;

use crate::{Priority, TaskId};

/// A task's place among those that wait: smaller goes first.
pub(crate) type Place = (Reverse<Priority>, TaskId);

#[derive(Debug, Default)]
pub(crate) struct TaskQueue {
    places: BTreeSet<Place>,
}

impl TaskQueue {
    pub(crate) fn push(&mut self, task: TaskId, priority: Priority) {
        self.places.insert((Reverse(priority), task));
    }

    pub(crate) fn first(&self) -> Option<Place> {
        self.places.first().copied()
    }

    pub(crate) fn pop(&mut self) -> Option<TaskId> {
        self.places.pop_first().map(|(_, task)| task)
    }

    /// Moves all of `other` into this queue, each to its place.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.places.append(&mut other.places);
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}
