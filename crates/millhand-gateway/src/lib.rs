//! The gateway: pools reach workers on a cluster engine through it.
//!
//! A pool's WebSocket is a [session](session), in which it opens, uses and closes remote workers; `PROTOCOL.md` beside this crate is
//! what both sides speak. Behind all sessions stands one [bridge](bridge), a Python process that drives the engine. The gateway counts,
//! bounds and forwards. It does not know what a task is, does not look into payloads, and places nothing: that is the engine's.

pub mod bridge;
mod channel;
mod connection;
pub mod engine;
mod failure;
mod gateway;
mod limits;
mod log_gate;
pub mod protocol;
mod session;
mod token;

pub use engine::{EngineUrl, EngineUrlError};
pub use failure::{Failure, FailureCode};
pub use gateway::{Gateway, GatewaySettings};
pub use limits::Limits;
pub use token::{Token, TokenError};

pub use connection::upgrade;
