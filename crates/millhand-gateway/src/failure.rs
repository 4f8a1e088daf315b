//! Failures with stable codes, as clients read them.

use serde::{Deserialize, Serialize};

/// What failed, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The client closed the worker.
    Closed,
    /// The worker's process ended.
    WorkerDied,
    /// The worker's node or actor died.
    NodeLost,
    /// The bridge between server and engine died.
    BridgeLost,
    /// The packages of the worker's environment cannot be had.
    EnvironmentFailed,
    /// There is no engine.
    EngineDown,
    /// The engine's versions are not the bridge's.
    EngineMismatch,
    /// Too many workers.
    WorkerLimit,
    /// No such runtime.
    RuntimeUnknown,
    /// Too much waits for a worker.
    WorkerOverrun,
    /// Too many sessions.
    SessionLimit,
    /// No token, or a wrong one.
    TokenRefused,
    /// No first frame in time.
    HelloTimeout,
    /// The session is not there.
    SessionGone,
    /// The session goes on elsewhere.
    Replaced,
    /// What came is not of the protocol.
    ProtocolViolated,
    /// A frame is too large.
    FrameTooLarge,
}

impl FailureCode {
    /// The code with which the WebSocket is closed, for those that close it.
    pub(crate) const fn close_code(self) -> u16 {
        match self {
            Self::TokenRefused => 4401,
            Self::SessionGone => 4404,
            Self::HelloTimeout => 4408,
            Self::Replaced => 4409,
            Self::SessionLimit => 4429,
            Self::FrameTooLarge => 1009,
            Self::Closed
            | Self::WorkerDied
            | Self::NodeLost
            | Self::BridgeLost
            | Self::EnvironmentFailed
            | Self::EngineDown
            | Self::EngineMismatch
            | Self::WorkerLimit
            | Self::RuntimeUnknown
            | Self::WorkerOverrun
            | Self::ProtocolViolated => 4400,
        }
    }
}

/// A failure on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The stable name.
    pub code: FailureCode,
    /// What happened.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl FailureCode {
    /// The stable name.
    pub(crate) fn name(self) -> String {
        // It is a name in JSON too.
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// An error and what caused it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |message, cause| {
        let cause = cause.to_string();
        // Some causes are already told by what they caused.
        if message.ends_with(&cause) { message } else { format!("{message}: {cause}") }
    })
}
