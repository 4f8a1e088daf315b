//! The scheduler of a worker pool, as a state machine without I/O.
//!
//! It decides which worker starts, which task goes where and how every task ends. It knows no clock, no
//! thread, no JavaScript and no payload: only ids, states, queues and deadlines. A *driver* owns the real
//! workers and obeys one contract:
//!
//! > Give one [`Input`] (or the time of a due [`Timer`]), drain [`Scheduler::poll_output`] until it is empty,
//! > carry the orders out in their sequence, then wait for the next fact or for [`Scheduler::poll_timeout`].
//!
//! The contract is called by `millhand-web` in pages, and by `millhand-sim` over virtual time.
//!
//! ```
//! use millhand_core::{Input, Instant, Output, PoolConfig, PoolSettings, Posting, Scheduler, TaskId, TaskSpec};
//!
//! let config = PoolConfig::try_from(PoolSettings { start_at: 1, stretch_to: 2, ..PoolSettings::default() })?;
//! let mut scheduler = Scheduler::new(Instant::ZERO, config);
//! let Some(Output::StartWorker { worker, .. }) = scheduler.poll_output() else { panic!("a worker to start with") };
//!
//! let now = Instant::from_micros(250_000);
//! scheduler.handle_input(now, Input::WorkerReady { worker });
//! let task = TaskId(1);
//! scheduler.handle_input(now, Input::TaskSubmitted { task, spec: TaskSpec::default() });
//! assert_eq!(scheduler.poll_output(), Some(Output::PostTask { worker, task, posting: Posting::Now }));
//! # Ok::<(), millhand_core::ConfigError>(())
//! ```
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod config;
mod forecast;
mod id;
mod io;
mod queue;
mod scheduler;
mod sorted;
mod table;
mod time;
mod timers;

pub use config::{
    ConfigError, MAX_WORKERS, PoolConfig, PoolSettings, PoolSizes, RemoteSettings, RemoteStart,
};
pub use forecast::{KNOWN_AFTER, LONGEST_AHEAD, MOST_AHEAD, QUICK};
pub use id::{Location, Priority, TaskId, TaskKind, WorkerId};
pub use io::{
    Admission, ExitReason, Input, InstallFault, MAX_GATHERED, Outcome, Output, Posting, StopReason, Target,
    TaskSpec, Timer,
};
pub use scheduler::{EngineState, MAX_AHEAD, PoolState, STALL, Scheduler, Stats, WorkerState};
pub use sorted::{SortedMap, SortedSet};
pub use table::TaskTable;
pub use time::Instant;
