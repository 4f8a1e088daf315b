//! A simulation of the scheduler from a seed: simulated workers that fail in every way, virtual time, and an
//! onlooker who judges what the scheduler does.
//!
//! One call of [`simulate`] is one *run*. A seed means a [`Plan`]: the pool's settings, what users do and when,
//! and how often workers misbehave. The run drives the scheduler by its contract, and every input and output
//! also goes into a [`Ledger`], the books of an onlooker who sees no more than those. A [`Rule`] is a
//! statement about the ledger; the first one broken ends the run with a [`Failure`] that says how to replay it.
//! At the end of every run faults stop, and then everything must settle within a bounded virtual time.
//!
//! That the rules can be broken is tested too: a [`Canary`] is a scheduler with one planted [`Defect`], and for
//! each there is a rule that must catch it.
//!
//! What is absent: threads, clocks, JavaScript, and any look into the scheduler beyond [`Subject`].
//!
//! ```
//! let run = millhand_sim::simulate(7, millhand_sim::scheduler)?;
//! assert!(run.tally.submitted > 0);
//! # Ok::<(), Box<millhand_sim::Failure>>(())
//! ```

#[macro_use]
mod kinds;

mod agenda;
mod canary;
mod faults;
mod fleet;
mod ledger;
mod plan;
mod rules;
mod subject;
mod tally;
mod trace;
mod world;

pub use canary::{Canary, Defect};
pub use faults::Fault;
pub use ledger::{Ending, Ledger, Phase, PoolEnd, TaskState, WorkerState};
pub use plan::{Aim, Arrival, FaultRates, Plan, Victim};
pub use rules::{Rule, Violation};
pub use subject::{Subject, scheduler};
pub use tally::{ADMISSIONS, EXIT_REASONS, STOP_REASONS, Tally, TimerKind};
pub use trace::{Step, Trace};
pub use world::{Failure, Run, simulate};
