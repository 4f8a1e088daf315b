//! Names of tasks and workers, where workers are, and the order between tasks.

/// A task of one pool. The driver counts them upwards and never reuses one: a larger id was submitted later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// A worker of one pool. The scheduler counts them upwards and never reuses one, so that a late message of a
/// worker that is gone cannot be taken for one of its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

/// Where a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// Beside its driver.
    Local,
    /// On the machines of an engine that the driver is connected to.
    Remote,
}

impl Location {
    /// Both, in the order in which they are asked to take a task.
    pub const ALL: [Self; 2] = [Self::Local, Self::Remote];
}

/// Which tasks are expected to take about as long as each other: those that call one function, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKind(pub u32);

/// How soon a queued task is wanted: higher goes first, equal ones in the order of their submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(pub i32);

impl Priority {
    /// What a task has when nothing else is said.
    pub const NORMAL: Self = Self(0);
}
