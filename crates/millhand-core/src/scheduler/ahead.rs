//! Tasks that workers have ahead: posted behind the one that runs, so that a worker goes on while its driver is busy,
//! and tiny tasks travel together.
//!
//! Only what is known to be short is posted ahead, and only behind what is known to be short. A task that then takes long
//! all the same gives the others back, if its worker can hear. Remote workers have nothing ahead: what waits there waits for
//! one machine, while the way to it, which is what they would save, is long for each result as well.

use core::time::Duration;

use super::tasks::TaskState;
use super::{Scheduler, Site, WorkerState};
use crate::forecast::{LITTLE, LONGEST_AHEAD, MOST_AHEAD, QUICK};
use crate::{ExitReason, Instant, MAX_GATHERED, Output, Posting, Target, TaskId, Timer, WorkerId};

/// The most tasks that a worker has ahead.
pub const MAX_AHEAD: usize = 512;
/// When a task has run for so long, nothing is to wait behind it.
pub const STALL: Duration = Duration::from_millis(50);

/// A task that a worker has ahead. One that is settled was dropped, and is not given back yet.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) task: TaskId,
    is_quick: bool,
    expected: Duration,
    /// The worker was asked for it.
    is_wanted_back: bool,
}

impl Scheduler {
    pub(super) fn on_task_returned(&mut self, now: Instant, id: WorkerId, task: TaskId) {
        let Some(worker) = self.workers.get_mut(&id) else { return self.count_stale() };
        let Some(position) = worker.ahead.iter().position(|posted| posted.task == task) else {
            return self.count_stale();
        };
        let before = worker.ahead.len();
        if let Some(posted) = worker.ahead.remove(position) {
            worker.work_ahead -= posted.expected;
        }
        if self.tasks.get(task).is_some() {
            // It is slow or about to end: no more for it until it has ended its task.
            worker.takes_more = false;
        }
        self.note_load(id, before);
        self.take_back(task);
        self.serve_shared(now);
        self.start_workers(now);
    }

    /// A task has run for long: what waits behind it is wanted back.
    pub(super) fn on_stalled(&mut self, now: Instant, id: WorkerId) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        if worker.ahead.is_empty() {
            return;
        }
        let at = worker.since.after(STALL);
        if now < at {
            return self.timers.set(Timer::Stall(id), at);
        }
        worker.takes_more = false;
        let load = worker.ahead.len();
        for posted in worker.ahead.iter_mut().filter(|posted| !posted.is_wanted_back) {
            posted.is_wanted_back = true;
            if self.tasks.get(posted.task).is_some() {
                self.outputs.push_back(Output::WithdrawTask { worker: id, task: posted.task });
            }
        }
        self.note_load(id, load);
    }

    /// A worker has ended a task: it is with the next one that it has ahead, or rests.
    pub(super) fn go_on(&mut self, now: Instant, id: WorkerId) {
        self.timers.cancel(Timer::Grace(id));
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let before = worker.ahead.len();
        let Some(next) = worker.ahead.pop_front() else {
            self.loads.remove(&(before, id));
            self.timers.cancel(Timer::Stall(id));
            return self.rest(now, id);
        };
        worker.work_ahead -= next.expected;
        self.set_state(id, WorkerState::Busy(next.task));
        if self.tasks.get(next.task).is_some() {
            self.queued -= 1;
            self.outputs.push_back(Output::AnnounceStart { worker: id, task: next.task });
        } else {
            self.timers.set(Timer::Grace(id), now.after(self.config.cancel_grace));
        }
        self.start_task(now, next.task, id);
        self.note_load(id, before);
        self.fill(now, id);
    }

    /// Gives a worker as much ahead as is wise, once it has little: what is posted in one go travels together.
    pub(super) fn fill(&mut self, now: Instant, id: WorkerId) {
        if self.workers.get(&id).is_some_and(|worker| worker.ahead.len() <= MAX_AHEAD / 2) {
            while self.post_ahead(now, id) {}
        }
    }

    /// Posts the first of the tasks that a busy worker may run behind those that it has, if that is wise.
    pub(super) fn post_ahead(&mut self, now: Instant, id: WorkerId) -> bool {
        let Some((task, expected)) = self.next_ahead(now, id) else { return false };
        self.dequeue(task);
        let Some(waiting) = self.tasks.get_mut(task) else { return false };
        waiting.state = TaskState::Ahead(id);
        let is_quick = expected <= QUICK && waiting.timeout().is_none();
        let Some(worker) = self.workers.get_mut(&id) else { return false };
        let (before, stall) = (worker.ahead.len(), worker.since.after(STALL));
        worker.ahead.push_back(Posted { task, is_quick, expected, is_wanted_back: false });
        worker.work_ahead += expected;
        self.note_load(id, before);
        if !self.timers.is_set(Timer::Stall(id)) {
            self.timers.set(Timer::Stall(id), stall);
        }
        let posting = if is_quick { Posting::Quick } else { Posting::Ahead };
        self.outputs.push_back(Output::PostTask { worker: id, task, posting });
        true
    }

    /// What a worker may have ahead next, and how long that will take.
    fn next_ahead(&self, now: Instant, id: WorkerId) -> Option<(TaskId, Duration)> {
        let worker = self.workers.get(&id)?;
        let WorkerState::Busy(running) = worker.state else { return None };
        let own = self.tasks.get(running)?;
        let is_going_well = worker.takes_more
            && now < worker.since.after(STALL)
            && matches!(own.state, TaskState::Running(_));
        let site = &self.sites[worker.location];
        let is_surplus = site.live > self.config.max_live(worker.location);
        if !is_going_well || worker.ahead.len() >= MAX_AHEAD || is_surplus {
            return None;
        }
        let id = self.first_for(id, site.busy() <= self.config.stretch_to(worker.location))?;
        let task = self.tasks.get(id)?;
        let expected = self.forecasts.expected(task.kind?)?;
        let own = self.forecasts.expected(own.kind?)?;
        let fits = own.max(expected) <= LONGEST_AHEAD
            && own + worker.work_ahead + expected <= MOST_AHEAD
            && !self.timers.is_set(Timer::Queue(id));
        // What comes to some time is left for whoever is free first, unless there is as much for each that there may be.
        let workers = self.config.stretch_to(worker.location);
        let is_plenty = || self.waiting_for(site) >= workers * (worker.ahead.len() + 1);
        let is_little = expected <= QUICK && worker.work_ahead + expected <= LITTLE;
        let may_go = is_little || matches!(task.target(), Target::Worker(_)) || is_plenty();
        (fits && may_go).then_some((id, expected))
    }

    /// Tasks that any worker of a place may run.
    fn waiting_for(&self, site: &Site) -> usize {
        self.shared.len() + site.waiting.len()
    }

    /// Settles a task that a worker has ahead.
    pub(super) fn drop_ahead(&mut self, task: TaskId, worker: WorkerId, reason: ExitReason) {
        self.queued -= 1;
        self.outputs.push_back(Output::DropTask { worker, task });
        self.settle(task, None, reason);
    }

    /// A worker is lost: what it ran or may have started is run again or settled, what it had besides waits again.
    pub(super) fn lose_tasks(&mut self, id: WorkerId) {
        let Some(WorkerState::Busy(running)) = self.worker_state(id) else { return };
        self.on_runner_lost(running, id);
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let ahead = core::mem::take(&mut worker.ahead);
        self.note_load(id, ahead.len());
        let untold = ahead.iter().take(MAX_GATHERED - 1).take_while(|posted| posted.is_quick).count();
        for (position, posted) in ahead.iter().enumerate() {
            if position >= untold {
                self.take_back(posted.task);
            } else if self.tasks.get(posted.task).is_some() {
                self.queued -= 1;
                self.on_runner_lost(posted.task, id);
            }
        }
    }

    /// A task that was posted ahead waits in its queue again.
    fn take_back(&mut self, id: TaskId) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.state = TaskState::Queued;
            let (place, target) = (task.place, task.target());
            self.queue_of(target).insert(place);
        }
    }

    /// What a busy worker has ahead may have changed, or whether it may have more.
    pub(super) fn note_load(&mut self, id: WorkerId, before: usize) {
        self.loads.remove(&(before, id));
        if let Some(worker) = self.workers.get(&id)
            && worker.takes_more
        {
            self.loads.insert((worker.ahead.len(), id));
        }
    }
}
