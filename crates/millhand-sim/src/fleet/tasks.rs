//! How workers run tasks, and how they stop them.

use std::time::Duration;

use millhand_core::{Input, InstallFault, Instant, Outcome, QUICK, TaskId, TaskKind, WorkerId};

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
    /// A worker is posted a task: it runs it at once if it has no other.
    pub(super) fn take(
        &mut self,
        worker: WorkerId,
        task: TaskId,
        kind: Option<TaskKind>,
        now: Instant,
        agenda: &mut Agenda,
    ) {
        let posted = self.posted.entry(worker).or_default();
        posted.push_back((task, kind));
        if posted.len() == 1 {
            self.run(worker, task, kind, now, agenda);
        }
    }

    /// It was heard that a worker has ended its task: it is with the next one.
    pub(crate) fn go_on(&mut self, worker: WorkerId, task: TaskId, now: Instant, agenda: &mut Agenda) {
        let Some(posted) = self.posted.get_mut(&worker) else { return };
        debug_assert_eq!(
            posted.front().map(|(first, _)| *first),
            Some(task),
            "{worker:?} ends tasks in order"
        );
        posted.pop_front();
        if let Some(&(task, kind)) = posted.front() {
            self.run(worker, task, kind, now, agenda);
        }
    }

    /// A worker hears that it is to give a task back: what it says to that at once.
    pub(crate) fn withdraw(
        &mut self,
        worker: WorkerId,
        task: TaskId,
        stops: bool,
        now: Instant,
        agenda: &mut Agenda,
    ) -> Option<Input> {
        let posted = self.posted.get_mut(&worker)?;
        match posted.iter().position(|(posted, _)| *posted == task)? {
            0 if stops => self.stop(worker, task, now, agenda),
            0 => {}
            position => {
                posted.remove(position);
                return Some(Input::TaskReturned { worker, task });
            }
        }
        None
    }

    fn run(
        &mut self,
        worker: WorkerId,
        task: TaskId,
        kind: Option<TaskKind>,
        now: Instant,
        agenda: &mut Agenda,
    ) {
        if self.chance(self.faults.stray) {
            let stray = self.draw_stray(worker, task);
            say(agenda, self.soon(now), stray);
        }
        if self.chance(self.faults.endless_task) {
            self.endless.insert((worker, task));
            return;
        }
        let took = self.draw_time(kind);
        let at = now.after(self.grind(micros(took)));
        let outcome = self.draw_outcome();
        if self.is_deadly(task) {
            say(agenda, at, Input::WorkerLost { worker });
            say(agenda, self.soon(at), Input::TaskFinished { worker, task, outcome, took });
            return;
        }
        say(agenda, at, Input::TaskFinished { worker, task, outcome, took });
        if self.chance(self.faults.echo) {
            let outcome = self.draw_outcome();
            say(agenda, self.soon(at), Input::TaskFinished { worker, task, outcome, took });
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
        say(agenda, at, Input::TaskFinished { worker, task, outcome, took: at.since(now) });
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
        let (outcome, took) = (self.draw_outcome(), self.draw_time(None));
        let other = TaskId(self.rng.u64(1..=task.0 + 3));
        match self.rng.u8(0..9) {
            0 => Input::TaskFinished { worker: unknown, task, outcome, took },
            1 => Input::WorkerReady { worker: unknown },
            2 => Input::WorkerLost { worker: unknown },
            3 => Input::InstallFailed { worker: unknown, fault: InstallFault::Permanent },
            4 => Input::InstallProgressed { worker: unknown },
            // One that waits there it could only give back.
            5 => Input::TaskReturned { worker, task },
            _ => Input::TaskFinished { worker, task: other, outcome, took },
        }
    }

    /// How long a task runs: those of one kind mostly about as long.
    fn draw_time(&mut self, kind: Option<TaskKind>) -> Duration {
        let is_slow = self.chance(if kind.is_some() { self.faults.slow_task } else { 50 });
        let longest = match kind {
            _ if is_slow => LONGEST_TASK,
            Some(TaskKind(0)) => QUICK,
            Some(TaskKind(1)) => Duration::from_millis(5),
            Some(TaskKind(2)) => Duration::from_millis(12),
            _ => Duration::from_millis(30),
        };
        let longest = if self.is_calm { longest.min(LONGEST_CALM_TASK) } else { longest };
        Duration::from_micros(self.rng.u64(0..=micros(longest)))
    }

    fn draw_outcome(&mut self) -> Outcome {
        match self.rng.u8(0..20) {
            0 => Outcome::Unclonable,
            1..=2 => Outcome::Threw,
            _ => Outcome::Completed,
        }
    }
}
