//! A port over a browser's module worker.
//!
//! Its death is noticed in three ways: the Web Lock that it holds becomes free, an `error` event (a script that
//! cannot be loaded, an uncaught exception), or a `messageerror` event (something it said was lost).

use js_sys::Array;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::port::{FOREIGN_MESSAGE, Port, PortEvent, PortSink};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request_lock(name: &str, granted: &JsValue) -> Result<js_sys::Promise, JsValue>;
}

/// See the module's documentation.
pub struct BrowserPort {
    worker: Worker,
    sink: PortSink,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_message_error: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl BrowserPort {
    /// Starts a module worker from `script_url`.
    ///
    /// # Errors
    /// The exception of the `Worker` constructor, for example where a policy forbids the script.
    pub fn open(script_url: &str, name: &str, sink: PortSink) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(name);
        let worker = Worker::new_with_options(script_url, &options)?;

        let on_message = Closure::new({
            let sink = sink.clone();
            move |event: MessageEvent| match event.data().dyn_into::<Array>() {
                Ok(batch) => sink(PortEvent::Received(batch)),
                Err(_) => sink(PortEvent::Lost(FOREIGN_MESSAGE.to_owned())),
            }
        });
        let on_message_error = Closure::new({
            let sink = sink.clone();
            move |_: MessageEvent| sink(PortEvent::Lost("a message of the worker could not be read".into()))
        });
        let on_error = Closure::new({
            let sink = sink.clone();
            let script_url = script_url.to_owned();
            move |event: ErrorEvent| sink(PortEvent::Lost(describe_error(&event, &script_url)))
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onmessageerror(Some(on_message_error.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self {
            worker,
            sink,
            _on_message: on_message,
            _on_message_error: on_message_error,
            _on_error: on_error,
        })
    }
}

impl Port for BrowserPort {
    fn post(&self, batch: &Array, transfer: &Array) -> Result<(), JsValue> {
        self.worker.post_message_with_transfer(batch, transfer)
    }

    fn watch_lock(&self, name: &str) {
        let sink = self.sink.clone();
        let granted = Closure::once_into_js(move || sink(PortEvent::Lost("the worker ended".into())));
        // Without locks the other two ways remain. The promise settles once the worker is dead, however it died.
        drop(request_lock(name, &granted));
    }

    fn terminate(&self) {
        self.worker.set_onmessage(None);
        self.worker.set_onmessageerror(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Drop for BrowserPort {
    fn drop(&mut self) {
        self.terminate();
    }
}

impl std::fmt::Debug for BrowserPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserPort").finish_non_exhaustive()
    }
}

/// An `error` event is an `ErrorEvent` for an exception, and a bare `Event` for a script that did not load.
fn describe_error(event: &ErrorEvent, script_url: &str) -> String {
    if event.has_type::<ErrorEvent>() && !event.message().is_empty() {
        format!("{} ({}:{}:{})", event.message(), event.filename(), event.lineno(), event.colno())
    } else {
        format!("the worker's script `{script_url}` could not be loaded")
    }
}
