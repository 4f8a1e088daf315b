//! A port made by JavaScript: a module worker in a page, a thread in Node, a worker on another machine.

use std::fmt;

use js_sys::Array;
use millhand_core::WorkerId;
use wasm_bindgen::prelude::*;

use crate::port::{FOREIGN_MESSAGE, Port, PortEvent, PortSink};
use crate::state::worker_name;

#[wasm_bindgen(typescript_custom_section)]
const PORT: &str = r#"
/** Opens the port of a new worker; what it throws is the cause of a failed install. */
export type OpenPort = (worker: number, name: string, sink: HostSink) => HostPort

/** A live worker. It reports to its sink from the event loop, never from within one of these calls. */
export interface HostPort {
  /** Sends a batch; batches arrive in order. Throws if it cannot be cloned; nothing of it was sent then. */
  post(batch: unknown[], transfer: Transferable[]): void
  /** Watches the lock that the worker holds while it lives, if its kind of worker has one. */
  watchLock(name: string): void
  /** Ends the worker now: it says nothing more. May be called again. */
  terminate(): void
}
"#;

#[wasm_bindgen]
extern "C" {
    /// A function that opens ports.
    #[wasm_bindgen(typescript_type = "OpenPort", extends = js_sys::Function)]
    #[derive(Clone, Debug)]
    pub type OpenPort;

    /// A worker, as JavaScript drives it.
    #[wasm_bindgen(typescript_type = "HostPort")]
    #[derive(Clone, Debug)]
    pub type HostPort;

    #[wasm_bindgen(method, catch)]
    fn post(this: &HostPort, batch: &Array, transfer: &Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = watchLock)]
    fn watch_lock(this: &HostPort, name: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn terminate(this: &HostPort) -> Result<(), JsValue>;
}

/// Where a port made by JavaScript reports to. It keeps nothing of the pool alive.
#[wasm_bindgen]
pub struct HostSink(PortSink);

#[wasm_bindgen]
impl HostSink {
    /// The worker sent a batch: an array of messages.
    pub fn received(&self, #[wasm_bindgen(unchecked_param_type = "unknown")] batch: JsValue) {
        (self.0)(match batch.dyn_into::<Array>() {
            Ok(batch) => PortEvent::Received(batch),
            Err(_) => PortEvent::Lost(FOREIGN_MESSAGE.to_owned()),
        });
    }

    /// The worker died, or can no longer be trusted; `cause` is a sentence.
    pub fn lost(&self, cause: String) {
        (self.0)(PortEvent::Lost(cause));
    }
}

impl fmt::Debug for HostSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSink").finish_non_exhaustive()
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct JsPort(HostPort);

impl JsPort {
    /// Opens the port of `worker`, which reports to `sink`.
    ///
    /// # Errors
    /// What `open` throws.
    pub fn open(open: &OpenPort, worker: WorkerId, sink: PortSink) -> Result<Self, JsValue> {
        let name = worker_name(worker);
        let port = open.call3(&JsValue::UNDEFINED, &worker.0.into(), &name.into(), &HostSink(sink).into())?;
        Ok(Self(port.unchecked_into()))
    }
}

impl Port for JsPort {
    fn post(&self, batch: &Array, transfer: &Array) -> Result<(), JsValue> {
        self.0.post(batch, transfer)
    }

    fn watch_lock(&self, name: &str) {
        // A lock that cannot be watched is one way less to notice a death.
        drop(self.0.watch_lock(name));
    }

    fn terminate(&self) {
        // Whatever is left of it is nobody's any more.
        drop(self.0.terminate());
    }
}

impl Drop for JsPort {
    fn drop(&mut self) {
        self.terminate();
    }
}
