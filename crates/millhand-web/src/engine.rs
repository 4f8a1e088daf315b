//! The engine of remote workers, as the pool sees it; and one that JavaScript drives.

use std::fmt::{self, Debug};
use std::rc::Rc;

use millhand_core::{InstallFault, WorkerId};
use wasm_bindgen::prelude::*;

use crate::js_port::{JsPort, OpenPort};
use crate::port::{Port, PortSink};

/// What starts workers on other machines. Dropping it lets go of it as [`Engine::disconnect`] does.
///
/// An engine reports to its sink from the event loop, never from within one of these calls.
pub trait Engine: Debug {
    /// Connects, and reports how that went; later that it is gone, if it goes.
    fn connect(&self, sink: EngineSink);

    /// Opens the port of a new worker; asked only while the engine is connected to.
    ///
    /// # Errors
    /// What is in the way.
    fn open_port(&self, worker: WorkerId, sink: PortSink) -> Result<Box<dyn Port>, JsValue>;

    /// Lets go of it now: it reports nothing more.
    fn disconnect(&self);
}

/// What an engine reports.
#[derive(Debug, Clone)]
pub enum EngineEvent {
    /// It is there.
    Ready,
    /// It could not be connected to, or is gone, and all of its workers with it.
    Lost {
        /// Why, as an error.
        cause: JsValue,
        /// Whether another try could help.
        fault: InstallFault,
    },
}

/// Where an engine's events go.
pub type EngineSink = Rc<dyn Fn(EngineEvent)>;

#[wasm_bindgen(typescript_custom_section)]
const ENGINE: &str = r#"
/** What starts workers on other machines. It reports to its sink from the event loop, never from within one of these calls. */
export interface HostEngine {
  /** Connects: `sink.ready()` once it is there; `sink.lost(…)` if it cannot be had, or goes later. */
  connect(sink: HostEngineSink): void
  /** Asked only while it is connected to. */
  openPort: OpenPort
  /** Lets go of it: it reports nothing more. */
  disconnect(): void
}
"#;

#[wasm_bindgen]
extern "C" {
    /// An engine, as JavaScript drives it.
    #[wasm_bindgen(typescript_type = "HostEngine")]
    #[derive(Clone, Debug)]
    pub type HostEngine;

    #[wasm_bindgen(method, catch)]
    fn connect(this: &HostEngine, sink: HostEngineSink) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, js_name = openPort)]
    fn open_port(this: &HostEngine) -> OpenPort;
    #[wasm_bindgen(method, catch)]
    fn disconnect(this: &HostEngine) -> Result<(), JsValue>;
}

/// Where an engine that JavaScript drives reports to. It keeps nothing of the pool alive.
#[wasm_bindgen]
pub struct HostEngineSink(EngineSink);

#[wasm_bindgen]
impl HostEngineSink {
    /// The engine is there.
    pub fn ready(&self) {
        (self.0)(EngineEvent::Ready);
    }

    /// It could not be connected to, or is gone; `permanent` says that another try would fail in the same way.
    pub fn lost(&self, #[wasm_bindgen(unchecked_param_type = "unknown")] cause: JsValue, permanent: bool) {
        let fault = if permanent { InstallFault::Permanent } else { InstallFault::Transient };
        (self.0)(EngineEvent::Lost { cause, fault });
    }
}

impl fmt::Debug for HostEngineSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostEngineSink").finish_non_exhaustive()
    }
}

/// An engine that JavaScript drives.
#[derive(Debug)]
pub struct JsEngine(HostEngine);

impl JsEngine {
    /// One that is not connected to yet.
    #[must_use]
    pub const fn new(engine: HostEngine) -> Self {
        Self(engine)
    }
}

impl Engine for JsEngine {
    fn connect(&self, sink: EngineSink) {
        // It reports what goes wrong, and throws nothing.
        drop(self.0.connect(HostEngineSink(sink)));
    }

    fn open_port(&self, worker: WorkerId, sink: PortSink) -> Result<Box<dyn Port>, JsValue> {
        Ok(Box::new(JsPort::open(&self.0.open_port(), worker, sink)?))
    }

    fn disconnect(&self) {
        // Whatever is left of it is nobody's any more.
        drop(self.0.disconnect());
    }
}

impl Drop for JsEngine {
    fn drop(&mut self) {
        self.disconnect();
    }
}
