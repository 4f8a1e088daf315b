//! What a pool does, scenario by scenario, over virtual time.
//!
//! Facts go in by the methods of `Pool`, one line each, and every call answers with the orders that came of it.

mod admission;
mod ahead;
mod boots;
mod cancel;
mod dispatch;
mod drain;
mod ending;
mod floor;
mod idle;
mod losses;
mod pool;
mod queue;
mod remote;
mod resize;
mod retries;
mod sizing;
mod spares;
mod timeouts;
