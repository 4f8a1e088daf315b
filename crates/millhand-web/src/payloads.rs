//! The JavaScript values of a pool, by id: functions, and what tasks carry until they have ended.

use std::collections::BTreeMap;

use millhand_core::{TaskId, WorkerId};
use wasm_bindgen::JsValue;

/// A function that has been given to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// Sources of functions, kept for workers that start later.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    sources: Vec<JsValue>,
}

impl Functions {
    pub(crate) fn add(&mut self, source: JsValue) -> FunctionId {
        self.sources.push(source);
        FunctionId(u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn source(&self, id: FunctionId) -> Option<&JsValue> {
        self.sources.get(id.0 as usize)
    }
}

/// Tasks that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    open: BTreeMap<TaskId, Task>,
}

/// What a task carries, and where it is.
#[derive(Debug)]
pub(crate) enum Task {
    Queued {
        function: FunctionId,
        args: JsValue,
        /// Data that was sent to it before it started.
        inbox: Vec<JsValue>,
    },
    Running {
        worker: WorkerId,
        /// What its worker said at its end, until the scheduler has settled it.
        value: JsValue,
    },
}

impl Tasks {
    pub(crate) fn insert(&mut self, id: TaskId, function: FunctionId, args: JsValue) {
        self.open.insert(id, Task::Queued { function, args, inbox: Vec::new() });
    }

    /// Marks a queued task as running, and gives out what it carried.
    pub(crate) fn start(
        &mut self,
        id: TaskId,
        worker: WorkerId,
    ) -> Option<(FunctionId, JsValue, Vec<JsValue>)> {
        match self.open.insert(id, Task::Running { worker, value: JsValue::UNDEFINED })? {
            Task::Queued { function, args, inbox } => Some((function, args, inbox)),
            Task::Running { .. } => None,
        }
    }

    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.open.get_mut(&id)
    }

    pub(crate) fn runs_on(&self, id: TaskId, worker: WorkerId) -> bool {
        matches!(self.open.get(&id), Some(Task::Running { worker: runner, .. }) if *runner == worker)
    }

    /// Keeps what the worker said at the end of a task.
    pub(crate) fn set_value(&mut self, id: TaskId, said: JsValue) {
        if let Some(Task::Running { value, .. }) = self.open.get_mut(&id) {
            *value = said;
        }
    }

    /// Forgets a task, and gives out what its worker said at its end.
    pub(crate) fn end(&mut self, id: TaskId) -> JsValue {
        match self.open.remove(&id) {
            Some(Task::Running { value, .. }) => value,
            Some(Task::Queued { .. }) | None => JsValue::UNDEFINED,
        }
    }
}
