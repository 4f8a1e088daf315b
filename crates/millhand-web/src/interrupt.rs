//! Interrupting Python: memory that a page and a worker share, where the one writes and Pyodide in the other looks.
//!
//! There is such memory only in a page that is cross-origin isolated. Elsewhere Python cannot be interrupted, and a
//! worker that does not stop is ended.

use js_sys::{Reflect, SharedArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};

/// What Pyodide takes for SIGINT: it raises `KeyboardInterrupt`.
const SIGINT: u8 = 2;

/// Memory for one worker, or `undefined` where pages share none.
pub(crate) fn shared_memory() -> JsValue {
    let global = js_sys::global();
    let has = |name: &str| Reflect::get(&global, &name.into()).is_ok_and(|value| value.is_truthy());
    // WebKitGTK isolates pages, and may have no such memory all the same.
    if has("crossOriginIsolated") && has("SharedArrayBuffer") {
        SharedArrayBuffer::new(1).into()
    } else {
        JsValue::UNDEFINED
    }
}

/// Interrupts the Python of the worker that shares `memory`.
pub(crate) fn raise(memory: &JsValue) {
    write(memory, SIGINT);
}

/// Takes an interrupt back that hit nothing. To be called before a task is posted: then what was meant for the task
/// before cannot hit this one, and what is meant for this one is not lost.
pub(crate) fn clear(memory: &JsValue) {
    write(memory, 0);
}

fn write(memory: &JsValue, signal: u8) {
    if let Some(memory) = memory.dyn_ref::<SharedArrayBuffer>() {
        Uint8Array::new(memory).set_index(0, signal);
    }
}
