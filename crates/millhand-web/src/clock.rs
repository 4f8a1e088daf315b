//! The clock, and the pool's one timer.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Reflect};
use millhand_core::Instant;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(handler: &JsValue, delay_ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(handle: &JsValue);
}

/// Longer delays overflow `setTimeout`, which would then fire at once.
const MAX_DELAY_MS: f64 = 2_147_483_647.0;

/// Microseconds since the time origin of the page or the process.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the origin is in the past, and near"
)]
pub(crate) fn now() -> Instant {
    Instant::from_micros((performance_now() * 1_000.0) as u64)
}

/// Calls its handler once when the set time has come. Dropping it cancels.
#[derive(Debug)]
pub(crate) struct WakeUp {
    handler: Closure<dyn FnMut()>,
    set: Rc<RefCell<Option<(Instant, JsValue)>>>,
}

impl WakeUp {
    pub(crate) fn new(handler: impl Fn() + 'static) -> Self {
        let set = Rc::new(RefCell::new(None));
        let handler = Closure::new({
            let set = Rc::clone(&set);
            move || {
                set.borrow_mut().take();
                handler();
            }
        });
        Self { handler, set }
    }

    /// Wakes up at `at` and at no other time.
    pub(crate) fn set(&self, at: Option<Instant>) {
        let mut set = self.set.borrow_mut();
        if set.as_ref().map(|(current, _)| *current) == at {
            return;
        }
        if let Some((_, handle)) = set.take() {
            clear_timeout(&handle);
        }
        *set = at.map(|at| {
            let delay_ms = (at.since(now()).as_secs_f64() * 1_000.0).ceil().min(MAX_DELAY_MS);
            let handle = set_timeout(self.handler.as_ref(), delay_ms);
            let_end(&handle);
            (at, handle)
        });
    }
}

/// A timer of Node is an object, and keeps the process alive. What does that here are open tasks (`Platform.hold`).
fn let_end(handle: &JsValue) {
    if let Ok(unref) = Reflect::get(handle, &"unref".into()).and_then(JsCast::dyn_into::<Function>) {
        drop(unref.call0(handle));
    }
}

impl Drop for WakeUp {
    fn drop(&mut self) {
        self.set(None);
    }
}
