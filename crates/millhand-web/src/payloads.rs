//! The JavaScript values of a pool, by id: functions, and what tasks carry until they have ended.

use js_sys::Array;
use millhand_core::{Target, TaskId, TaskSpec, TaskTable, WorkerId};
use wasm_bindgen::JsValue;

/// A function that has been given to a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// Definitions of functions, kept for workers that start later.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    definitions: Vec<JsValue>,
}

impl Functions {
    pub(crate) fn add(&mut self, definition: JsValue) -> FunctionId {
        self.definitions.push(definition);
        FunctionId(u32::try_from(self.definitions.len() - 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn definition(&self, id: FunctionId) -> Option<&JsValue> {
        self.definitions.get(id.0 as usize)
    }
}

/// Tasks that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    open: TaskTable<Task>,
}

/// What a task carries, and where it is.
#[derive(Debug)]
pub(crate) struct Task {
    /// `None` once it was sent, unless it may have to be sent again.
    call: Option<Call>,
    runner: Option<WorkerId>,
    /// Whether it waits there behind others: what it carries is kept, for it may have to be sent again.
    is_ahead: bool,
    /// What its worker said at its end, until the scheduler has settled it.
    value: JsValue,
    /// `None` for most, so that a long queue stays small.
    extras: Option<Box<Extras>>,
}

/// What few tasks have.
#[derive(Debug, Default)]
struct Extras {
    retries: u32,
    /// Who may run it.
    target: Target,
    /// Data that was sent to it before it started.
    inbox: Vec<JsValue>,
    /// Why its user cancelled it.
    cancel_cause: JsValue,
}

impl Task {
    fn may_be_retried(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.retries > 0)
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    fn take_inbox(&mut self) -> Vec<JsValue> {
        self.extras.as_mut().map(|extras| std::mem::take(&mut extras.inbox)).unwrap_or_default()
    }
}

/// What a worker needs to run a task.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: FunctionId,
    pub(crate) args: JsValue,
    pub(crate) transfer: Option<Array>,
}

/// What is left of a task at its end.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// What its worker said.
    pub(crate) value: JsValue,
    /// Why its user cancelled it.
    pub(crate) cancel_cause: JsValue,
    /// Who could run it.
    pub(crate) target: Target,
}

/// Where data for a task has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// It waits with the task.
    Inbox,
    /// The worker that runs the task.
    Worker(WorkerId),
    /// The worker that has it behind others, and with the task should that come back.
    Both(WorkerId),
}

impl Tasks {
    pub(crate) fn insert(&mut self, id: TaskId, call: Call, spec: TaskSpec) {
        let TaskSpec { retries, target, .. } = spec;
        let is_usual = retries == 0 && target == Target::Anyone;
        let extras = (!is_usual).then(|| Box::new(Extras { retries, target, ..Extras::default() }));
        let task =
            Task { call: Some(call), runner: None, is_ahead: false, value: JsValue::UNDEFINED, extras };
        self.open.insert(id, task);
    }

    /// A task is posted to an idle worker, and starts: gives out what its worker needs, with the data that waits for it.
    pub(crate) fn start(&mut self, id: TaskId, worker: WorkerId) -> Option<(Call, Vec<JsValue>)> {
        let task = self.open.get_mut(id)?;
        (task.runner, task.is_ahead) = (Some(worker), false);
        let call = if task.may_be_retried() { task.call.clone()? } else { task.call.take()? };
        Some((call, task.take_inbox()))
    }

    /// The same for a task that is posted behind others.
    pub(crate) fn post_ahead(&mut self, id: TaskId, worker: WorkerId) -> Option<(Call, Vec<JsValue>)> {
        let task = self.open.get_mut(id)?;
        (task.runner, task.is_ahead) = (Some(worker), true);
        let inbox = task.extras.as_ref().map(|extras| extras.inbox.clone()).unwrap_or_default();
        Some((task.call.clone()?, inbox))
    }

    /// A task that was posted behind others starts.
    pub(crate) fn begin(&mut self, id: TaskId) {
        let Some(task) = self.open.get_mut(id) else { return };
        task.is_ahead = false;
        drop(task.take_inbox());
        if !task.may_be_retried() {
            task.call = None;
        }
    }

    /// Where to send data for a task; `None` if it has ended.
    pub(crate) fn recipient(&self, id: TaskId) -> Option<Recipient> {
        let task = self.open.get(id)?;
        Some(match task.runner {
            None => Recipient::Inbox,
            Some(worker) if task.is_ahead => Recipient::Both(worker),
            Some(worker) => Recipient::Worker(worker),
        })
    }

    /// A task no longer runs on a worker: it waits to be run again, unless another has it already.
    pub(crate) fn leave(&mut self, id: TaskId, worker: WorkerId) {
        if let Some(task) = self.open.get_mut(id)
            && task.runner == Some(worker)
        {
            task.runner = None;
        }
    }

    pub(crate) fn keep_data(&mut self, id: TaskId, data: JsValue) {
        if let Some(task) = self.open.get_mut(id) {
            task.extras().inbox.push(data);
        }
    }

    pub(crate) fn set_cancel_cause(&mut self, id: TaskId, cause: JsValue) {
        if let Some(task) = self.open.get_mut(id)
            && task.extras().cancel_cause.is_undefined()
        {
            task.extras().cancel_cause = cause;
        }
    }

    pub(crate) fn cancel_cause(&self, id: TaskId) -> JsValue {
        let extras = self.open.get(id).and_then(|task| task.extras.as_ref());
        extras.map_or(JsValue::UNDEFINED, |extras| extras.cancel_cause.clone())
    }

    pub(crate) fn runs_on(&self, id: TaskId, worker: WorkerId) -> bool {
        self.open.get(id).is_some_and(|task| task.runner == Some(worker) && !task.is_ahead)
    }

    /// Keeps what the worker said at the end of a task.
    pub(crate) fn set_value(&mut self, id: TaskId, value: JsValue) {
        if let Some(task) = self.open.get_mut(id) {
            task.value = value;
        }
    }

    /// Forgets a task, and gives out what is left of it.
    pub(crate) fn end(&mut self, id: TaskId) -> Ended {
        let Some(Task { value, extras, .. }) = self.open.remove(id) else { return Ended::default() };
        let Extras { cancel_cause, target, .. } = extras.map(|extras| *extras).unwrap_or_default();
        Ended { value, cancel_cause, target }
    }
}
