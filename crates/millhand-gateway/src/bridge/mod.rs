//! The bridge between this process and the engine: a Python process that is the engine's client, with frames over its standard input
//! and output. It is started again when it dies, after growing pauses.

mod doctor;
mod installer;
mod process;
mod python;
mod wire;

use std::path::PathBuf;

use axum::body::Bytes;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::engine::EngineUrl;
use crate::failure::Failure;
use crate::protocol::{EngineNews, OpenWorker};

pub use doctor::{Finding, Outcome, examine};
pub use installer::Installer;
pub use python::{PythonError, PythonSource, RAY_VERSION};

/// The bridge's name for a worker, over all sessions. It is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub u32);

/// How the bridge is started.
#[derive(Clone, Debug)]
pub struct BridgeSettings {
    /// The engine that it drives.
    pub engine: EngineUrl,
    /// Where its Python is, or is made.
    pub python: PythonSource,
    /// Where an engine that it starts may listen.
    pub network: EngineNetwork,
    /// The folder for what it keeps.
    pub folder: PathBuf,
}

/// Where an engine that the bridge starts may listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineNetwork {
    /// In a network of its own that has only loopback, where the system allows that.
    #[default]
    Isolated,
    /// In this machine's network, with a token.
    Host,
}

/// What the bridge is told.
#[derive(Debug)]
pub(crate) enum BridgeOrder {
    /// Have a worker.
    Open { slot: Slot, open: OpenWorker },
    /// End it.
    Close { slot: Slot },
    /// So much more may come from it.
    Credit { slot: Slot, bytes: usize },
    /// Messages for it. What room they take is free again when they are written.
    Payload { slot: Slot, bytes: Bytes, _room: Option<OwnedSemaphorePermit> },
}

/// What the bridge tells.
#[derive(Debug)]
pub(crate) enum BridgeNews {
    /// The process runs, and takes orders.
    Started { orders: Outbound },
    /// How the engine is.
    Engine { news: EngineNews },
    /// How far a worker is.
    Worker { slot: Slot, state: String, at: Option<Value> },
    /// A worker is gone.
    Lost { slot: Slot, failure: Failure },
    /// Messages of a worker.
    Payload { slot: Slot, bytes: Bytes },
    /// The process ended; another is started.
    Ended { why: String },
}

/// Where orders go.
#[derive(Clone, Debug)]
pub(crate) struct Outbound(mpsc::UnboundedSender<BridgeOrder>);

impl Outbound {
    /// Payloads are bounded by the room that they take, orders by the workers that there may be.
    pub(crate) fn send(&self, order: BridgeOrder) {
        // The process may have ended just now: then its workers are about to be lost.
        _ = self.0.send(order);
    }
}

/// The bridge, kept running.
#[derive(Debug)]
pub(crate) struct Bridge {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Bridge {
    /// Starts it; `tell` hears what it has to say, from a task of its own.
    pub(crate) fn start(settings: BridgeSettings, tell: impl Fn(BridgeNews) + Send + Sync + 'static) -> Self {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(process::keep_running(settings, tell, ended));
        Self { end, task }
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn stop(self) {
        drop(self.end);
        // A task that panicked is as gone.
        _ = self.task.await;
    }
}
