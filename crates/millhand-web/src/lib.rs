//! The host of a worker pool: it owns the workers and the payloads, and does what `millhand-core` decides.
//!
//! [`Pool`] is the Rust API, for applications that are written in Rust; [`bindings`] gives the same to JavaScript,
//! where the `millhand` npm package wraps it. A worker is reached through a [`Port`]; [`BrowserPort`] is the one
//! over a module worker. Payloads (functions, arguments, results) are JavaScript values that are kept by id and
//! never looked into. No scheduling decision is taken here.

pub mod bindings;
mod browser_port;
mod clock;
mod error;
mod event;
mod interrupt;
mod outbox;
mod payloads;
mod pool;
mod port;
mod state;
mod wire;

pub use browser_port::BrowserPort;
pub use error::{PoolError, to_js_error};
pub use event::Event;
pub use millhand_core::{
    Admission, ConfigError, ExitReason, PoolConfig, PoolSettings, PoolSizes, Priority, TaskId, TaskSpec,
    WorkerId,
};
pub use payloads::FunctionId;
pub use pool::{Pool, TaskCall};
pub use port::{Port, PortEvent, PortSink};
