//! What a run drives: the scheduler, or something that claims to be one.

use millhand_core::{
    EngineState, Input, Instant, Output, PoolConfig, PoolSettings, PoolState, Scheduler, Stats, Timer,
};

/// The four methods of the scheduler's contract, see the documentation of `millhand-core`, and what it says of
/// itself.
pub trait Subject {
    /// Takes one fact in.
    fn handle_input(&mut self, now: Instant, input: Input);
    /// Acts on every timer that is due at `now`.
    fn handle_timeout(&mut self, now: Instant);
    /// The next order.
    fn poll_output(&mut self) -> Option<Output>;
    /// When [`Self::handle_timeout`] is wanted next, and what for.
    fn poll_timeout(&self) -> Option<(Instant, Timer)>;
    /// Counts of tasks and workers.
    fn stats(&self) -> Stats;
    /// How far the pool is.
    fn state(&self) -> PoolState;
    /// How many workers are to be up whether or not there is work.
    fn floor(&self) -> u32;
    /// How far the pool is with its engine.
    fn engine(&self) -> EngineState;
}

impl Subject for Scheduler {
    fn handle_input(&mut self, now: Instant, input: Input) {
        self.handle_input(now, input);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.poll_output()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.poll_timeout()
    }

    fn stats(&self) -> Stats {
        self.stats()
    }

    fn state(&self) -> PoolState {
        self.state()
    }

    fn floor(&self) -> u32 {
        self.floor()
    }

    fn engine(&self) -> EngineState {
        self.engine()
    }
}

/// The scheduler itself, to hand to [`crate::simulate`].
///
/// # Panics
/// If the settings do not hold together. Those of a [`crate::Plan`] do.
#[must_use]
pub fn scheduler(now: Instant, settings: PoolSettings) -> Scheduler {
    Scheduler::new(now, PoolConfig::try_from(settings).expect("a plan's settings hold together"))
}
