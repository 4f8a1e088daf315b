//! What is counted of workers place by place.

use core::ops::{Index, IndexMut};

use crate::queue::TaskQueue;
use crate::{Location, SortedSet, WorkerId};

/// The workers of one place, and the tasks that only they may run.
#[derive(Debug, Default)]
pub(super) struct Site {
    /// How many live.
    pub(super) live: usize,
    pub(super) idle: SortedSet<WorkerId>,
    pub(super) starting: SortedSet<WorkerId>,
    /// Tasks for whichever of them is free.
    pub(super) waiting: TaskQueue,
    /// Failed installs since one was last ready, or the last one that was up went, or the last one of the pool.
    pub(super) install_failures: u32,
}

impl Site {
    /// Those that have their environment.
    pub(super) fn up(&self) -> usize {
        self.live - self.starting.len()
    }

    pub(super) fn busy(&self) -> usize {
        self.up() - self.idle.len()
    }

    /// Those that tasks can wait for.
    pub(super) fn coming(&self) -> usize {
        self.idle.len() + self.starting.len()
    }
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Sites {
    local: Site,
    remote: Site,
}

impl Sites {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Site> {
        [&self.local, &self.remote].into_iter()
    }
}

impl Index<Location> for Sites {
    type Output = Site;

    fn index(&self, location: Location) -> &Site {
        match location {
            Location::Local => &self.local,
            Location::Remote => &self.remote,
        }
    }
}

impl IndexMut<Location> for Sites {
    fn index_mut(&mut self, location: Location) -> &mut Site {
        match location {
            Location::Local => &mut self.local,
            Location::Remote => &mut self.remote,
        }
    }
}
