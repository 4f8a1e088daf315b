//! Every bound of the gateway.

use std::time::Duration;

/// What a gateway allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest frame of a WebSocket, with its header.
    pub frame_bytes: usize,
    /// Payload that may be unacknowledged in one direction of a session.
    pub window_bytes: usize,
    /// Numbered frames that may be unacknowledged in one direction of a session.
    pub window_frames: usize,
    /// Open workers, of a session and of all sessions together.
    pub workers: usize,
    /// Sessions, connected or in their grace.
    pub sessions: usize,
    /// WebSockets.
    pub connections: usize,
    /// What may wait for a worker that takes nothing in.
    pub worker_backlog_bytes: usize,
    /// What may be on its way to the bridge, of all sessions.
    pub bridge_bytes: usize,
    /// How long a session outlives its connection.
    pub resume_within: Duration,
    /// How long a client may take for its first frame.
    pub hello_within: Duration,
    /// The longest silence of the server.
    pub beat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            frame_bytes: 32 * MIB,
            window_bytes: 32 * MIB,
            window_frames: 4096,
            workers: 64,
            sessions: 64,
            connections: 128,
            worker_backlog_bytes: 32 * MIB,
            bridge_bytes: 64 * MIB,
            resume_within: Duration::from_secs(30),
            hello_within: Duration::from_secs(5),
            beat: Duration::from_secs(5),
        }
    }
}
