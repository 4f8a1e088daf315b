//! How workers run tasks, and how they stop them.

use std::time::Duration;

use millhand_core::{Input, InstallFault, Instant, Outcome, TaskId, WorkerId};

use super::{Fleet, LONGEST_CALM_TASK, LONGEST_TASK, micros, say};
use crate::agenda::Agenda;

/// What a worker does when it is asked to stop its task.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Stops,
    StopsLate,
    Ignores,
    Dies,
}

impl Fleet {
    pub(super) fn run(&mut self, worker: WorkerId, task: TaskId, now: Instant, agenda: &mut Agenda) {
        if self.chance(self.faults.stray) {
            let stray = self.draw_stray(worker, task);
            say(agenda, self.soon(now), stray);
        }
        if self.chance(self.faults.endless_task) {
            self.endless.insert((worker, task));
            return;
        }
        let at = self.draw_finish(now);
        let outcome = self.draw_outcome();
        if self.is_deadly(task) {
            say(agenda, at, Input::WorkerLost { worker });
            say(agenda, self.soon(at), Input::TaskFinished { worker, task, outcome });
            return;
        }
        say(agenda, at, Input::TaskFinished { worker, task, outcome });
        if self.chance(self.faults.echo) {
            let outcome = self.draw_outcome();
            say(agenda, self.soon(at), Input::TaskFinished { worker, task, outcome });
        }
    }

    /// Whether a worker dies of its task this time.
    fn is_deadly(&mut self, task: TaskId) -> bool {
        if self.is_calm {
            return false;
        }
        if self.chance(self.faults.poison_task) {
            self.poisonous.insert(task);
        }
        self.poisonous.contains(&task) || self.chance(self.faults.lost_task)
    }

    /// A task that is not stopped may still end by itself: that is on the agenda.
    pub(super) fn stop(&mut self, worker: WorkerId, task: TaskId, now: Instant, agenda: &mut Agenda) {
        let at = match self.draw_stop(worker, task) {
            Stop::Stops => self.soon(now),
            Stop::StopsLate => self.about_when_grace_ends(now),
            Stop::Ignores => return,
            Stop::Dies => {
                let at = self.soon(now);
                return say(agenda, at, Input::WorkerLost { worker });
            }
        };
        let outcome = if self.rng.bool() { Outcome::Threw } else { self.draw_outcome() };
        say(agenda, at, Input::TaskFinished { worker, task, outcome });
    }

    fn draw_stop(&mut self, worker: WorkerId, task: TaskId) -> Stop {
        let mut roll = self.rng.u16(0..1_000);
        if self.endless.contains(&(worker, task)) && roll < 500 {
            return Stop::Ignores;
        }
        for (rate, stop) in [
            (self.faults.late_stop, Stop::StopsLate),
            (self.faults.deaf_worker, Stop::Ignores),
            (self.faults.lost_stop, Stop::Dies),
        ] {
            if roll < rate {
                return stop;
            }
            roll -= rate;
        }
        Stop::Stops
    }

    fn about_when_grace_ends(&mut self, now: Instant) -> Instant {
        let delay = self.rng.u64(micros(self.grace / 2)..=micros(self.grace * 3 / 2));
        now.after(self.grind(delay))
    }

    /// A message about a task that the worker does not run, or by a worker that never was.
    fn draw_stray(&mut self, worker: WorkerId, task: TaskId) -> Input {
        let unknown = WorkerId(self.rng.u32(1_000_000..));
        let outcome = self.draw_outcome();
        match self.rng.u8(0..8) {
            0 => Input::TaskFinished { worker: unknown, task, outcome },
            1 => Input::WorkerReady { worker: unknown },
            2 => Input::WorkerLost { worker: unknown },
            3 => Input::InstallFailed { worker: unknown, fault: InstallFault::Permanent },
            4 => Input::InstallProgressed { worker: unknown },
            _ => Input::TaskFinished { worker, task: TaskId(self.rng.u64(1..=task.0 + 3)), outcome },
        }
    }

    fn draw_finish(&mut self, now: Instant) -> Instant {
        let longest = match self.rng.u8(0..20) {
            _ if self.is_calm => LONGEST_CALM_TASK,
            0 => LONGEST_TASK,
            _ => Duration::from_millis(30),
        };
        self.within(now, longest)
    }

    fn draw_outcome(&mut self) -> Outcome {
        match self.rng.u8(0..20) {
            0 => Outcome::Unclonable,
            1..=2 => Outcome::Threw,
            _ => Outcome::Completed,
        }
    }
}
