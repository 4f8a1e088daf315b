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

/// Interrupts the Python of the worker that shares `memory`. The worker clears it before each task.
pub(crate) fn raise(memory: &JsValue) {
    if let Some(memory) = memory.dyn_ref::<SharedArrayBuffer>() {
        Uint8Array::new(memory).set_index(0, SIGINT);
    }
}
