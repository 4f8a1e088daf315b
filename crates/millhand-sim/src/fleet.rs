//! The simulated workers: what they say after an order, and when, drawn from the seed.
//!
//! A worker's future is put on the agenda when it gets an order. Whether it can still say that by then is
//! decided at that time, by the world.

mod boots;
mod engine;
mod tasks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use millhand_core::{Input, Instant, Location, Output, TaskId, TaskKind, WorkerId};

use crate::agenda::{Agenda, Event};
use crate::{FaultRates, Plan};

pub(crate) use engine::LONGEST_CONNECT;

/// A boot says its last within this many boot timeouts.
pub(crate) const LONGEST_BOOT: u32 = 5;
/// A worker that is going to die does so within this time after it came up.
pub(crate) const LONGEST_LIFE: Duration = Duration::from_millis(2_000);
/// A task that ends by itself says its last within this time.
pub(crate) const LONGEST_TASK: Duration = Duration::from_millis(600);
/// A task that is posted in the calm is finished within this time.
pub(crate) const LONGEST_CALM_TASK: Duration = Duration::from_millis(15);

#[derive(Debug)]
pub(crate) struct Fleet {
    rng: Rng,
    faults: FaultRates,
    boot_timeout: Duration,
    remote_boot_timeout: Duration,
    grace: Duration,
    grain: Duration,
    is_calm: bool,
    /// Tasks that kill every worker that runs them.
    poisonous: BTreeSet<TaskId>,
    /// What each worker has been posted and has not ended, with its kind. It runs the first.
    posted: BTreeMap<WorkerId, VecDeque<(TaskId, Option<TaskKind>)>>,
    /// Who was given a task that never ends by itself.
    endless: BTreeSet<(WorkerId, TaskId)>,
}

impl Fleet {
    pub(crate) fn new(rng: Rng, plan: &Plan) -> Self {
        let remote = plan.settings.remote;
        Self {
            rng,
            faults: plan.faults,
            boot_timeout: Duration::from_millis(plan.settings.boot_timeout_ms.into()),
            remote_boot_timeout: Duration::from_millis(remote.unwrap_or_default().boot_timeout_ms.into()),
            grace: Duration::from_millis(plan.settings.cancel_grace_ms.into()),
            grain: plan.grain,
            is_calm: false,
            poisonous: BTreeSet::new(),
            posted: BTreeMap::new(),
            endless: BTreeSet::new(),
        }
    }

    /// From now on, nothing new goes wrong.
    pub(crate) const fn calm_down(&mut self) {
        self.faults = FaultRates::NONE;
        self.is_calm = true;
    }

    /// Whether a message gets through although its sender's state has moved on.
    pub(crate) fn lets_late_message_through(&mut self) -> bool {
        self.chance(self.faults.late)
    }

    /// Who was given a task that never ends by itself, and which.
    pub(crate) fn endless_tasks(&self) -> Vec<(WorkerId, TaskId)> {
        self.endless.iter().copied().collect()
    }

    /// Carries out an order about a task of that kind, if it is about one. A worker that is stopped may have messages on their
    /// way: they stay on the agenda.
    pub(crate) fn obey(&mut self, order: &Output, kind: Option<TaskKind>, now: Instant, agenda: &mut Agenda) {
        match *order {
            Output::StartWorker { worker, location: Location::Local } => {
                self.boot(worker, self.boot_timeout, now, agenda);
            }
            Output::StartWorker { worker, location: Location::Remote } => {
                self.boot(worker, self.remote_boot_timeout, now, agenda);
            }
            Output::PostTask { worker, task, .. } => self.take(worker, task, kind, now, agenda),
            Output::AbortTask { worker, task } => self.stop(worker, task, now, agenda),
            Output::WithdrawTask { worker, task } => {
                agenda.put(self.soon(now), Event::Withdrawal { worker, task, stops: false });
            }
            Output::DropTask { worker, task } => {
                agenda.put(self.soon(now), Event::Withdrawal { worker, task, stops: true });
            }
            Output::ConnectEngine => self.connect(now, agenda),
            Output::AnnounceStart { .. }
            | Output::StopWorker { .. }
            | Output::SettleTask { .. }
            | Output::FailPool
            | Output::DisconnectEngine
            | Output::FailRemote => {}
        }
    }

    fn within(&mut self, at: Instant, longest: Duration) -> Instant {
        let delay = self.rng.u64(0..=micros(longest));
        at.after(self.grind(delay))
    }

    /// At the same time or a little later.
    fn soon(&mut self, at: Instant) -> Instant {
        self.within(at, Duration::from_millis(20))
    }

    /// Whole grains, at least one: nothing that a worker does takes no time.
    fn grind(&self, delay: u64) -> Duration {
        let grain = micros(self.grain);
        Duration::from_micros((delay / grain).max(1) * grain)
    }

    fn chance(&mut self, rate: u16) -> bool {
        self.rng.u16(0..1_000) < rate
    }
}

fn say(agenda: &mut Agenda, at: Instant, input: Input) {
    agenda.put(at, Event::Fact(input));
}

fn micros(delay: Duration) -> u64 {
    u64::try_from(delay.as_micros()).unwrap_or(u64::MAX)
}
