//! What happens to the engine of the remote workers: it is connected to, goes away, comes back, or is given up.
//!
//! Whatever happens to it, the pool goes on with its local workers.

use super::Scheduler;
use crate::{ExitReason, InstallFault, Instant, Location, Output, Timer, WorkerId};

/// How far a pool is with the engine of its remote workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// It has none, or can have no remote workers any more.
    None,
    /// The driver was told to connect.
    Connecting,
    /// Remote workers may be started.
    Up,
    /// It was lost, and is tried again after a pause.
    Away,
}

/// The engine, as far as it is known.
#[derive(Debug)]
pub(super) struct Engine {
    state: EngineState,
    /// Times that it was lost since it was last there.
    losses: u32,
    /// Whether it has been away for so long that no task waits for it.
    is_missed: bool,
}

impl Engine {
    pub(super) const NONE: Self = Self { state: EngineState::None, losses: 0, is_missed: false };

    pub(super) const fn state(&self) -> EngineState {
        self.state
    }

    /// Whether tasks may wait for remote workers.
    pub(super) fn is_awaited(&self) -> bool {
        self.state != EngineState::None && !self.is_missed
    }

    /// Whether the driver holds a connection, or tries to get one.
    const fn is_held(&self) -> bool {
        matches!(self.state, EngineState::Connecting | EngineState::Up)
    }
}

impl Scheduler {
    /// The pool begins: its engine, if it is to have one, is connected to.
    pub(super) fn seek_engine(&mut self, now: Instant) {
        if self.config.remote.is_some() {
            self.await_engine(now);
            self.connect();
        }
    }

    pub(super) fn on_engine_ready(&mut self, now: Instant) {
        if self.engine.state != EngineState::Connecting {
            return self.count_stale();
        }
        self.engine = Engine { state: EngineState::Up, losses: 0, is_missed: false };
        self.timers.cancel(Timer::Patience);
        self.start_workers(now);
    }

    pub(super) fn on_engine_lost(&mut self, now: Instant, fault: InstallFault) {
        if !self.engine.is_held() {
            return self.count_stale();
        }
        self.lose_remote_workers();
        match fault {
            InstallFault::Permanent => self.give_engine_up(),
            InstallFault::Transient => {
                self.engine.state = EngineState::Away;
                self.engine.losses = self.engine.losses.saturating_add(1);
                self.timers.set(Timer::Reconnect, now.after(self.config.backoff_after(self.engine.losses)));
                self.await_engine(now);
            }
        }
        self.serve_shared(now);
        self.start_workers(now);
        self.fail_if_hopeless();
    }

    pub(super) fn on_reconnect_due(&mut self) {
        self.connect();
    }

    /// Tasks that are for remote workers wait no longer.
    pub(super) fn on_patience_over(&mut self) {
        self.engine.is_missed = true;
        self.settle_remote_tasks();
    }

    /// There can be no remote workers: what is for them exits, and the driver lets go of the engine.
    pub(super) fn fail_remote(&mut self) {
        let is_held = self.engine.is_held();
        self.give_engine_up();
        if is_held {
            self.outputs.push_back(Output::DisconnectEngine);
        }
    }

    /// Lets go of the engine if there is one.
    pub(super) fn release_engine(&mut self) {
        if self.engine.is_held() {
            self.outputs.push_back(Output::DisconnectEngine);
        }
        self.engine = Engine::NONE;
    }

    fn give_engine_up(&mut self) {
        self.engine = Engine::NONE;
        for timer in [Timer::Reconnect, Timer::Patience, Timer::Backoff(Location::Remote)] {
            self.timers.cancel(timer);
        }
        if !self.is_drained() {
            self.outputs.push_back(Output::FailRemote);
        }
        self.settle_remote_tasks();
    }

    fn connect(&mut self) {
        self.engine.state = EngineState::Connecting;
        self.outputs.push_back(Output::ConnectEngine);
    }

    /// From the moment when it is first missed, it has so long to be there.
    fn await_engine(&mut self, now: Instant) {
        if let Some(remote) = &self.config.remote
            && !self.engine.is_missed
            && !self.timers.is_set(Timer::Patience)
        {
            self.timers.set(Timer::Patience, now.after(remote.patience));
        }
    }

    /// All at once: their tasks are run again where they may be, or exit.
    fn lose_remote_workers(&mut self) {
        let is_remote = |worker: &super::Worker| worker.location == Location::Remote;
        let lost: alloc::vec::Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| is_remote(worker)).map(|(id, _)| id).collect();
        for worker in lost {
            self.lose_tasks(worker);
            self.remove(worker);
        }
        self.sites[Location::Remote].install_failures = 0;
        self.timers.cancel(Timer::Backoff(Location::Remote));
    }

    fn settle_remote_tasks(&mut self) {
        while let Some(task) = self.sites[Location::Remote].waiting.pop() {
            self.queued -= 1;
            self.settle(task, None, ExitReason::InstallFailed);
        }
    }
}
