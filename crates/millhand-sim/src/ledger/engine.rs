//! Entries about the engine of the remote workers.

use std::time::Duration;

use millhand_core::{
    EngineState, ExitReason, InstallFault, Instant, Location, PoolSettings, Target, WorkerId,
};

use super::tasks::Ending;
use super::{Ledger, TaskState, Whose, WorkerState};

/// The engine, as it was last heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine {
    pub(super) state: EngineState,
    /// How often it was lost since it was last there.
    losses: u32,
    /// When it is to be connected to.
    pub(super) seek_at: Option<Instant>,
    /// Until when tasks wait for it.
    patience_until: Option<Instant>,
    /// Whether it was away for so long that no task waits for it.
    pub(super) is_missed: bool,
    /// Whether there can be no remote workers any more.
    has_ended: bool,
    /// Whether the user must be told so.
    is_end_due: bool,
}

impl Engine {
    /// That of a pool that is about to begin.
    pub(super) const fn new(settings: &PoolSettings) -> Self {
        let is_wanted = settings.remote.is_some();
        Self {
            state: if is_wanted { EngineState::Away } else { EngineState::None },
            losses: 0,
            seek_at: if is_wanted { Some(Instant::ZERO) } else { None },
            patience_until: None,
            is_missed: false,
            has_ended: false,
            is_end_due: false,
        }
    }
}

impl Ledger {
    pub(super) fn await_first_engine(&mut self) {
        if let Some(at) = self.engine.seek_at {
            self.set_deadline(Whose::Engine, None, Some(at));
            self.miss_engine();
        }
    }

    pub(super) fn connect(&mut self) {
        self.seek_at(None);
        self.engine.state = EngineState::Connecting;
    }

    pub(super) fn note_engine(&mut self) {
        if self.engine.state == EngineState::Connecting {
            self.engine.state = EngineState::Up;
            self.engine.losses = 0;
            self.engine.is_missed = false;
            self.wait_until(None);
        }
    }

    pub(super) fn lose_engine(&mut self, fault: InstallFault) {
        if !self.is_engine_held() {
            return;
        }
        for worker in self.live_at(Location::Remote) {
            if let Some(WorkerState::Busy(task)) = self.worker(worker) {
                self.lose_tasks(task, worker);
            }
            self.lose_worker(worker);
        }
        self.forgive_failures(Location::Remote);
        match fault {
            InstallFault::Permanent => {
                self.engine.state = EngineState::None;
                self.end_remote();
            }
            InstallFault::Transient => {
                self.engine.state = EngineState::Away;
                self.engine.losses += 1;
                let pause = self.pause_after(self.engine.losses);
                self.seek_at(Some(self.now.after(pause)));
                self.miss_engine();
            }
        }
    }

    pub(super) const fn let_go_of_engine(&mut self) {
        self.engine.state = EngineState::None;
    }

    pub(super) const fn enter_remote_failure(&mut self) {
        self.engine.is_end_due = false;
    }

    pub(super) fn close_engine(&mut self) {
        self.seek_at(None);
        self.wait_until(None);
        if !self.is_engine_held() {
            self.engine.state = EngineState::None;
        }
    }

    /// The driver wakes the scheduler: it may find that tasks have waited for too long.
    pub(crate) fn enter_wake(&mut self) {
        if self.engine.patience_until.is_some_and(|end| end <= self.now) {
            self.engine.is_missed = true;
            self.wait_until(None);
        }
    }

    /// How far the pool must be with its engine.
    #[must_use]
    pub const fn engine(&self) -> EngineState {
        self.engine.state
    }

    /// Whether the driver holds a connection, or tries to get one.
    #[must_use]
    pub const fn is_engine_held(&self) -> bool {
        matches!(self.engine.state, EngineState::Connecting | EngineState::Up)
    }

    /// Whether there is no more use for an engine.
    #[must_use]
    pub const fn is_engine_done(&self) -> bool {
        self.is_over() || self.engine.has_ended
    }

    /// When the engine is to be connected to, if it is.
    #[must_use]
    pub const fn engine_sought_at(&self) -> Option<Instant> {
        self.engine.seek_at
    }

    /// Whether the engine was away for so long that no task waits for it.
    #[must_use]
    pub const fn is_engine_missed(&self) -> bool {
        self.engine.is_missed
    }

    /// Whether tasks may wait for remote workers.
    #[must_use]
    pub const fn is_engine_awaited(&self) -> bool {
        !matches!(self.engine.state, EngineState::None) && !self.engine.is_missed && !self.engine.has_ended
    }

    /// Whether tasks may wait for an engine that is not there, for some time.
    #[must_use]
    pub const fn is_engine_waited_for(&self) -> bool {
        self.engine.patience_until.is_some()
    }

    /// Whether the user must be told that there can be no remote workers.
    #[must_use]
    pub const fn is_remote_end_due(&self) -> bool {
        self.engine.is_end_due
    }

    /// From the moment when it is first missed, tasks wait for so long.
    fn miss_engine(&mut self) {
        if let Some(remote) = self.settings.remote
            && !self.engine.is_missed
            && self.engine.patience_until.is_none()
        {
            self.wait_until(Some(self.now.after(Duration::from_millis(remote.patience_ms.into()))));
        }
    }

    /// There can be no remote workers: what waits for them is over.
    pub(super) fn end_remote(&mut self) {
        self.engine.has_ended = true;
        self.engine.is_end_due = true;
        self.seek_at(None);
        self.wait_until(None);
        let reason = ExitReason::InstallFailed;
        for (_, task) in self.waiting.get(&Target::At(Location::Remote)).cloned().unwrap_or_default() {
            debug_assert_eq!(self.task(task), Some(TaskState::Waiting), "{task:?} is among those that wait");
            self.end(task, Ending { worker: None, reason });
        }
    }

    fn live_at(&self, location: Location) -> Vec<WorkerId> {
        self.live.iter().copied().filter(|&worker| self.location(worker) == Some(location)).collect()
    }

    fn seek_at(&mut self, at: Option<Instant>) {
        let before = std::mem::replace(&mut self.engine.seek_at, at);
        self.set_deadline(Whose::Engine, before, at);
    }

    fn wait_until(&mut self, at: Option<Instant>) {
        let before = std::mem::replace(&mut self.engine.patience_until, at);
        self.set_deadline(Whose::Patience, before, at);
    }
}
