//! What a pool does, scenario by scenario, over virtual time.
//!
//! Facts go in by the methods of `Pool`, one line each, and every call answers with the orders that came of it.

mod boots;
mod dispatch;
mod ending;
mod losses;
mod pool;
mod sizing;
