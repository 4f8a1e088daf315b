//! What a pool tells its user.

use millhand_core::{EngineState, ExitReason, Location, TaskId, WorkerId};
use wasm_bindgen::JsValue;

/// Something that happened in the pool. Values are JavaScript values as they came from the worker; errors are
/// `ErrorRecord`s of the wire protocol.
#[derive(Debug, Clone)]
pub enum Event {
    /// A worker begins to boot.
    WorkerStarted {
        /// Who.
        worker: WorkerId,
        /// Where.
        location: Location,
    },
    /// A worker got on with its install.
    InstallProgressed {
        /// Who.
        worker: WorkerId,
        /// An `InstallEvent` of the wire protocol.
        event: JsValue,
    },
    /// A worker may not compile functions that come as source: the page's policy forbids it.
    SourcesForbidden,
    /// A worker has its environment.
    WorkerReady {
        /// Who.
        worker: WorkerId,
    },
    /// A worker is gone.
    WorkerGone {
        /// Who.
        worker: WorkerId,
    },
    /// A task begins to run.
    TaskStarted {
        /// Which.
        task: TaskId,
        /// Where.
        worker: WorkerId,
    },
    /// `context.info`.
    TaskLogged {
        /// Which.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// The text, and what came with it.
        text: JsValue,
        /// As sent.
        json: JsValue,
    },
    /// `context.sendData`.
    TaskSentData {
        /// Which.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// As sent.
        payload: JsValue,
    },
    /// Something that the task wanted to send could not be cloned; it goes on.
    TaskPostFailed {
        /// Which.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// An `ErrorRecord`.
        error: JsValue,
    },
    /// A task ended: the last event of this task, and every task has one.
    TaskExited {
        /// Which.
        task: TaskId,
        /// Where it ran, if it did.
        worker: Option<WorkerId>,
        /// How.
        reason: ExitReason,
        /// The result, an `ErrorRecord`, or a sentence that names the cause.
        value: JsValue,
    },
    /// The pool cannot get workers and takes no more tasks. The exits of those that it had come next.
    PoolFailed {
        /// An `ErrorRecord` or a sentence.
        cause: JsValue,
    },
    /// The pool is with its engine as it was not before.
    EngineChanged {
        /// How it is.
        state: EngineState,
        /// Why it was lost last, if it was: an error.
        cause: JsValue,
    },
    /// There can be no remote workers; the pool goes on without them.
    RemoteFailed {
        /// An error, an `ErrorRecord` or a sentence.
        cause: JsValue,
    },
    /// What happened together has been told: a good moment to update what is derived from it.
    BatchEnded,
    /// The pool was ended, and that has been told: nothing more happens, but for exits of tasks that are still submitted.
    PoolTerminated,
}
