//! What users do becomes facts: which worker or task is meant is decided when it happens.

use millhand_core::{Input, Location, Target, TaskId, TaskSpec, WorkerId};

use super::World;
use crate::{Aim, Arrival, Subject, TaskState, Victim, Violation, WorkerState};

impl<S: Subject> World<S> {
    pub(super) fn arrive(&mut self, arrival: Arrival) -> Result<(), Violation> {
        let input = match arrival {
            Arrival::Task { spec, aim } => {
                self.last_task += 1;
                self.tally.submitted += 1;
                self.tally.count_admission(spec.admission);
                let spec = TaskSpec { target: self.take_aim(aim), ..spec };
                Input::TaskSubmitted { task: TaskId(self.last_task), spec }
            }
            Arrival::Cancel { victim } => {
                let Some(task) = self.take_victim(victim) else { return Ok(()) };
                Input::TaskCancelled { task }
            }
            Arrival::Reserve { count } => Input::WorkersReserved { count },
            Arrival::Resize { sizes } => {
                self.tally.resized += 1;
                Input::PoolResized { sizes }
            }
            Arrival::Drain => Input::PoolDrained,
            Arrival::Terminate => Input::PoolTerminated,
        };
        self.give(input)
    }

    /// A worker of the wanted kind; any will do if there is none.
    fn take_aim(&mut self, aim: Aim) -> Target {
        let target = match aim {
            Aim::Any => Target::Anyone,
            Aim::Local => Target::At(Location::Local),
            Aim::Remote => Target::At(Location::Remote),
            _ => self.take_aim_at_one(aim).map_or(Target::Anyone, Target::Worker),
        };
        self.tally.count_aim(if target == Target::Anyone { Aim::Any } else { aim });
        target
    }

    fn take_aim_at_one(&mut self, aim: Aim) -> Option<WorkerId> {
        let found: Vec<WorkerId> = match aim {
            Aim::Any | Aim::Local | Aim::Remote => Vec::new(),
            Aim::Up => self.live_workers(|state| state != WorkerState::Starting),
            Aim::Starting => self.live_workers(|state| state == WorkerState::Starting),
            Aim::Gone => self.ledger.gone_workers().collect(),
            Aim::Unknown => vec![WorkerId(self.rng.u32(1_000_000..))],
        };
        self.rng.choice(found)
    }

    fn live_workers(&self, is_wanted: impl Fn(WorkerState) -> bool) -> Vec<WorkerId> {
        self.ledger.live_workers().filter(|(_, state)| is_wanted(*state)).map(|(worker, _)| worker).collect()
    }

    /// A task of the wanted kind, if there is one.
    fn take_victim(&mut self, victim: Victim) -> Option<TaskId> {
        let found: Vec<TaskId> = match victim {
            Victim::Waiting => self.tasks(|state| state == TaskState::Waiting),
            Victim::Ahead => self.tasks(|state| matches!(state, TaskState::Ahead(_))),
            Victim::Running => self.tasks(|state| matches!(state, TaskState::Running(_))),
            Victim::Stopping => self.tasks(|state| matches!(state, TaskState::Stopping(_))),
            Victim::Settled => self.tasks(|state| state == TaskState::Settled),
            Victim::Unknown => vec![TaskId(self.rng.u64(1_000_000..))],
        };
        let task = self.rng.choice(found)?;
        self.tally.count_victim(victim);
        Some(task)
    }

    fn tasks(&self, is_wanted: impl Fn(TaskState) -> bool) -> Vec<TaskId> {
        self.ledger.tasks().filter(|(_, state)| is_wanted(*state)).map(|(task, _)| task).collect()
    }
}
