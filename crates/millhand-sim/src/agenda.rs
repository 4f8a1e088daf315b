//! What will happen, in the order of virtual time.

use std::collections::BTreeMap;

use millhand_core::{Input, Instant, TaskId, WorkerId};

use crate::Arrival;

/// Something that happens to the pool from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A user does something.
    Arrival(Arrival),
    /// A worker has something to say, if it still can by then.
    Fact(Input),
    /// A worker hears that a task of which it has not told yet is wanted back, or is to stop.
    Withdrawal {
        /// Who.
        worker: WorkerId,
        /// Which.
        task: TaskId,
        /// Whether it is to stop, should it have started.
        stops: bool,
    },
    /// The driver looks at the timers although none need be due.
    EarlyWake,
    /// Faults stop.
    Calm,
}

/// Events by time; those of one time in the order in which they were put down.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    events: BTreeMap<(Instant, u64), Event>,
    put_down: u64,
}

impl Agenda {
    pub(crate) fn put(&mut self, at: Instant, event: Event) {
        self.events.insert((at, self.put_down), event);
        self.put_down += 1;
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.events.pop_first().map(|(_, event)| event)
    }
}
