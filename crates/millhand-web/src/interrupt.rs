//! Interrupting Python: memory that a page and a worker share, where the one writes and Pyodide in the other looks.
//!
//! There is such memory in Node, and in a page that is cross-origin isolated. Elsewhere Python cannot be interrupted, and
//! a worker that does not stop is ended.
//!
//! One interrupt is not enough: Python raises `KeyboardInterrupt` wherever it stands, and swallows it where nobody could
//! catch it, as in a callback or a destructor. So it is raised until the task has ended, after pauses that grow: what a
//! task does to clean up has more time after each.

use std::time::Duration;

use js_sys::{Reflect, SharedArrayBuffer, Uint8Array};
use millhand_core::Instant;
use wasm_bindgen::JsValue;

/// What Pyodide takes for SIGINT: it raises `KeyboardInterrupt`.
const SIGINT: u8 = 2;
/// From the first interrupt to the second; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The interrupts of one worker.
#[derive(Debug)]
pub(crate) struct Interrupts {
    /// `None` where pages share none.
    memory: Option<SharedArrayBuffer>,
    /// While its task is being stopped.
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    at: Instant,
    /// What is waited after it.
    pause: Duration,
}

impl Interrupts {
    pub(crate) fn new() -> Self {
        let global = js_sys::global();
        let get = |name: &str| Reflect::get(&global, &name.into()).unwrap_or(JsValue::UNDEFINED);
        // Node isolates nothing, and has no such name. WebKitGTK isolates pages, and may have no such memory all the same.
        let is_shared = get("crossOriginIsolated") != false && get("SharedArrayBuffer").is_truthy();
        Self { memory: is_shared.then(|| SharedArrayBuffer::new(1)), next: None }
    }

    /// What the worker gets: the memory, or `undefined`.
    pub(crate) fn memory(&self) -> JsValue {
        self.memory.as_ref().into()
    }

    /// Interrupts Python, and goes on with it until [`Self::end`].
    pub(crate) fn begin(&mut self, now: Instant) {
        self.raise(now, FIRST_PAUSE);
    }

    /// Interrupts Python again, if that is due.
    pub(crate) fn repeat(&mut self, now: Instant) {
        if let Some(&Next { at, pause }) = self.next.as_ref()
            && at <= now
        {
            self.raise(now, pause);
        }
    }

    /// When [`Self::repeat`] is wanted.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next.as_ref().map(|next| next.at)
    }

    /// The task has ended: an interrupt that hit nothing is taken back, so that it cannot hit the next one.
    pub(crate) fn end(&mut self) {
        if self.next.take().is_some() {
            self.write(0);
        }
    }

    fn raise(&mut self, now: Instant, pause: Duration) {
        if self.memory.is_some() {
            self.write(SIGINT);
            self.next = Some(Next { at: now.after(pause), pause: pause * 2 });
        }
    }

    fn write(&self, signal: u8) {
        if let Some(memory) = &self.memory {
            Uint8Array::new(memory).set_index(0, signal);
        }
    }
}
