//! A session: one pool, its workers, and its frames, with or without a connection.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::bridge::Slot;
use crate::channel::Channel;
use crate::protocol::WorkerNumber;

/// A session's secret name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(pub(crate) String);

/// Which of a session's connections: the newest one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionNumber(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) channel: Channel,
    /// Open workers, and the bridge's name for each.
    pub(crate) workers: HashMap<WorkerNumber, Slot>,
    /// The highest number that a worker had.
    pub(crate) last_worker: u32,
    /// The newest connection.
    pub(crate) connection: ConnectionNumber,
    /// Whether that is still there.
    pub(crate) is_connected: bool,
    /// Tells the connection that there may be something to send, or that it is replaced.
    pub(crate) wake: Arc<Notify>,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            channel: Channel::default(),
            workers: HashMap::new(),
            last_worker: 0,
            connection: ConnectionNumber(1),
            is_connected: true,
            wake: Arc::new(Notify::new()),
        }
    }
}
