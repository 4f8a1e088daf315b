//! What a worker looks like to the pool, whatever it is made of.

use std::fmt::Debug;
use std::rc::Rc;

use js_sys::Array;
use wasm_bindgen::JsValue;

/// A live worker. Dropping it ends the worker as [`Port::terminate`] does.
///
/// A port reports to its sink from the event loop, never from within one of these calls.
pub trait Port: Debug {
    /// Sends a batch of messages; they arrive in order. What is in `transfer` is moved, not copied.
    ///
    /// # Errors
    /// The exception that says why the batch cannot be cloned; nothing of it was sent then.
    fn post(&self, batch: &Array, transfer: &Array) -> Result<(), JsValue>;

    /// Watches the lock that the worker holds while it lives, so that its death is noticed at once.
    fn watch_lock(&self, name: &str);

    /// Ends the worker now. It says nothing more.
    fn terminate(&self);
}

/// What a worker reports.
#[derive(Debug, Clone)]
pub enum PortEvent {
    /// A batch of messages.
    Received(Array),
    /// It died, or can no longer be trusted; the cause is a sentence.
    Lost(String),
}

/// The cause of a worker's loss if code in it posts messages of its own.
pub(crate) const FOREIGN_MESSAGE: &str = "the worker sent a message that is not of the protocol";

/// Where a port's events go.
pub type PortSink = Rc<dyn Fn(PortEvent)>;
