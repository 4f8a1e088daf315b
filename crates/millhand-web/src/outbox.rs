//! Messages to one worker, kept until the end of a turn and then sent together.

use js_sys::Array;
use wasm_bindgen::JsValue;

use crate::port::Port;
use crate::wire::{HostMessage, Subject};

/// In the order in which they are to arrive.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: Vec<HostMessage>,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: HostMessage) {
        self.messages.push(message);
    }

    /// Sends all as one batch; gives out what cannot be cloned, and why.
    pub(crate) fn flush(&mut self, port: &dyn Port) -> Vec<(Subject, JsValue)> {
        if self.messages.is_empty() {
            return Vec::new();
        }
        let messages = std::mem::take(&mut self.messages);
        match post_batch(port, &messages) {
            Ok(()) => Vec::new(),
            Err(_) => post_singly(port, &messages),
        }
    }
}

fn post_batch(port: &dyn Port, messages: &[HostMessage]) -> Result<(), JsValue> {
    let transfer = Array::new();
    for moved in messages.iter().filter_map(|message| message.transfer.as_ref()) {
        for object in moved.iter() {
            transfer.push(&object);
        }
    }
    port.post(&messages.iter().map(|message| &message.tuple).collect::<Array>(), &transfer)
}

/// Sends each message of a batch that was refused as a whole.
fn post_singly(port: &dyn Port, messages: &[HostMessage]) -> Vec<(Subject, JsValue)> {
    let refusal = |message: &HostMessage| {
        let exception = post_batch(port, std::slice::from_ref(message)).err()?;
        Some((message.subject, exception))
    };
    messages.iter().filter_map(refusal).collect()
}
