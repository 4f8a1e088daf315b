//! Messages to one worker, kept until the end of a turn and then sent together.

use js_sys::Array;
use millhand_core::TaskId;
use wasm_bindgen::JsValue;

use crate::port::Port;
use crate::wire::{HostMessage, QuickRuns, Subject};

/// In the order in which they are to arrive.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    messages: Vec<HostMessage>,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: HostMessage) {
        self.messages.push(message);
    }

    /// A quick task travels with those of the same function that it follows upon.
    pub(crate) fn push_quick(&mut self, task: TaskId, function: u32, args: &JsValue) {
        match self.messages.last_mut() {
            Some(HostMessage::Quick(runs)) if runs.function() == function => runs.push(task, args),
            _ => self.messages.push(HostMessage::Quick(QuickRuns::of(function, task, args))),
        }
    }

    /// Sends all as one batch; gives out what cannot be cloned, and why.
    pub(crate) fn flush(&mut self, port: &dyn Port) -> Vec<(Subject, JsValue)> {
        if self.messages.is_empty() {
            return Vec::new();
        }
        let messages = std::mem::take(&mut self.messages);
        match post_batch(port, &messages) {
            Ok(()) => Vec::new(),
            Err(_) => post_singly(port, messages),
        }
    }
}

fn post_batch(port: &dyn Port, messages: &[HostMessage]) -> Result<(), JsValue> {
    let transfer = Array::new();
    for moved in messages.iter().filter_map(HostMessage::transfer) {
        for object in moved.iter() {
            transfer.push(&object);
        }
    }
    port.post(&messages.iter().map(HostMessage::tuple).collect::<Array>(), &transfer)
}

/// Sends each message, and each of the quick tasks, of a batch that was refused as a whole.
fn post_singly(port: &dyn Port, messages: Vec<HostMessage>) -> Vec<(Subject, JsValue)> {
    let refusal = |(subject, message)| Some((subject, post_batch(port, &[message]).err()?));
    messages.into_iter().flat_map(HostMessage::parts).filter_map(refusal).collect()
}
