//! The host of a worker pool, in a page or in Node: it owns the workers and the payloads, and does what `millhand-core` decides.
//!
//! [`Pool`] is the Rust API, for applications that are written in Rust; [`bindings`] gives the same to JavaScript,
//! where the `millhand` npm package wraps it. A worker is reached through a [`Port`]; [`JsPort`] is one that JavaScript
//! makes, as the package does for pages and for Node. Payloads (functions, arguments, results) are JavaScript values that are kept by id and
//! never looked into. No scheduling decision is taken here.

pub mod bindings;
mod clock;
mod engine;
mod error;
mod event;
mod interrupt;
mod js_port;
mod outbox;
mod payloads;
mod pool;
mod port;
mod state;
mod wire;

pub use engine::{Engine, EngineEvent, EngineSink, HostEngine, HostEngineSink, JsEngine};
pub use error::{PoolError, to_js_error};
pub use event::Event;
pub use js_port::{HostPort, HostSink, JsPort, OpenPort};
pub use millhand_core::{
    Admission, ConfigError, EngineState, ExitReason, InstallFault, Location, PoolConfig, PoolSettings,
    PoolSizes, Priority, RemoteSettings, RemoteStart, Target, TaskId, TaskKind, TaskSpec, WorkerId,
};
pub use payloads::FunctionId;
pub use pool::{Pool, TaskCall};
pub use port::{Port, PortEvent, PortSink};
