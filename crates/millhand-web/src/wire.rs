//! The Rust mirror of `js/src/wire/protocol.ts`: the numbers of its message kinds, and their tuples.

use std::time::Duration;

use js_sys::{Array, Float64Array};
use millhand_core::{MAX_GATHERED, Outcome, TaskId};
use wasm_bindgen::prelude::*;

const INSTALL: u32 = 0;
const DEFINE: u32 = 1;
const RUN: u32 = 2;
const DATA_IN: u32 = 3;
const ABORT: u32 = 4;
const WITHDRAW: u32 = 5;
const RUN_QUICK: u32 = 6;

const BOOTED: u32 = 0;
const PROGRESS: u32 = 1;
const READY: u32 = 2;
const INSTALL_FAILED: u32 = 3;
const LOG: u32 = 4;
const DATA_OUT: u32 = 5;
const POST_ERROR: u32 = 6;
const EXIT: u32 = 7;
const RETURNED: u32 = 8;
const EXITS: u32 = 9;

const COMPLETED: u32 = 0;
const THREW: u32 = 1;
const UNCLONABLE: u32 = 2;

#[wasm_bindgen]
extern "C" {
    /// `Array.of` with numbers that cross the boundary as such.
    #[wasm_bindgen(js_namespace = Array, js_name = of)]
    fn numbers_and_value(kind: u32, task: f64, function: u32, args: &JsValue) -> Array;

    /// A message that came: an array.
    type Tuple;

    // Not as a number, though that would be one call less: some values throw when they are made one, and an exception must not
    // pass through the host.
    #[wasm_bindgen(method, structural, indexing_getter)]
    fn value(this: &Tuple, index: u32) -> JsValue;
}

/// A message to a worker.
#[derive(Debug)]
pub(crate) enum HostMessage {
    /// The tuple that travels, what of it is moved rather than copied, and what it is about.
    Single { tuple: Array, transfer: Option<Array>, subject: Subject },
    /// Quick tasks of one function travel together: a tuple for each would cost more than many of them take to run.
    Quick(QuickRuns),
}

/// Quick tasks of one function, in order.
#[derive(Debug)]
pub(crate) struct QuickRuns {
    function: u32,
    tasks: Vec<TaskId>,
    /// One for each.
    args: Array,
}

/// What a message is about: what fails if it cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Install,
    Function,
    Run(TaskId),
    RunAhead(TaskId),
    Data(TaskId),
    Other,
}

impl QuickRuns {
    /// The first of them.
    pub(crate) fn of(function: u32, task: TaskId, args: &JsValue) -> Self {
        Self { function, tasks: vec![task], args: Array::of1(args) }
    }

    pub(crate) fn push(&mut self, task: TaskId, args: &JsValue) {
        self.tasks.push(task);
        self.args.push(args);
    }

    pub(crate) const fn function(&self) -> u32 {
        self.function
    }
}

impl HostMessage {
    pub(crate) fn install(worker_name: &str, setup: &JsValue, interrupt: &JsValue) -> Self {
        Self::copied(Subject::Install, Array::of4(&INSTALL.into(), &worker_name.into(), setup, interrupt))
    }

    pub(crate) fn define(function: u32, definition: &JsValue) -> Self {
        Self::copied(Subject::Function, Array::of3(&DEFINE.into(), &function.into(), definition))
    }

    pub(crate) fn run(task: TaskId, function: u32, args: &JsValue, transfer: Option<Array>) -> Self {
        let tuple = numbers_and_value(RUN, task_number(task), function, args);
        Self::Single { tuple, transfer, subject: Subject::Run(task) }
    }

    pub(crate) fn run_ahead(task: TaskId, function: u32, args: &JsValue) -> Self {
        let tuple = numbers_and_value(RUN, task_number(task), function, args);
        Self::copied(Subject::RunAhead(task), tuple)
    }

    pub(crate) fn data(task: TaskId, data: &JsValue) -> Self {
        Self::copied(Subject::Data(task), Array::of3(&DATA_IN.into(), &task_number(task).into(), data))
    }

    pub(crate) fn abort(task: TaskId, cause: &JsValue) -> Self {
        Self::copied(Subject::Other, Array::of3(&ABORT.into(), &task_number(task).into(), cause))
    }

    pub(crate) fn withdraw(task: TaskId) -> Self {
        Self::copied(Subject::Other, Array::of2(&WITHDRAW.into(), &task_number(task).into()))
    }

    const fn copied(subject: Subject, tuple: Array) -> Self {
        Self::Single { tuple, transfer: None, subject }
    }

    /// What travels.
    pub(crate) fn tuple(&self) -> Array {
        match self {
            Self::Single { tuple, .. } => tuple.clone(),
            Self::Quick(QuickRuns { function, tasks, args }) => {
                let ids: Vec<f64> = tasks.iter().copied().map(task_number).collect();
                Array::of4(&RUN_QUICK.into(), &(*function).into(), &Float64Array::from(&*ids).into(), args)
            }
        }
    }

    /// What of it is moved rather than copied.
    pub(crate) const fn transfer(&self) -> Option<&Array> {
        match self {
            Self::Single { transfer, .. } => transfer.as_ref(),
            Self::Quick(_) => None,
        }
    }

    /// Messages that say the same, each of them about one thing.
    pub(crate) fn parts(self) -> Vec<(Subject, Self)> {
        match self {
            Self::Single { subject, .. } => vec![(subject, self)],
            Self::Quick(QuickRuns { function, tasks, args }) => {
                let single = |(task, args): (TaskId, JsValue)| {
                    (Subject::RunAhead(task), Self::Quick(QuickRuns::of(function, task, &args)))
                };
                tasks.into_iter().zip(args.iter()).map(single).collect()
            }
        }
    }
}

/// A message of a worker, read.
#[derive(Debug)]
pub(crate) enum WorkerMessage {
    Booted { lock: Option<String>, compiles: bool },
    Progress { event: JsValue },
    Ready,
    InstallFailed { error: JsValue, permanent: bool },
    Log { task: TaskId, text: JsValue, json: JsValue },
    Data { task: TaskId, payload: JsValue },
    PostError { task: TaskId, error: JsValue },
    Exit { task: TaskId, outcome: Outcome, value: JsValue, took: Duration },
    Exits(Exits),
    Returned { task: TaskId },
}

/// Tasks that completed one after the other.
#[derive(Debug)]
pub(crate) struct Exits {
    /// Each task, and how long it took.
    pub(crate) ends: Vec<(TaskId, Duration)>,
    /// One for each.
    pub(crate) values: Array,
}

impl Exits {
    fn parse(tuple: &Tuple) -> Option<Self> {
        let (tasks, took_us) = (numbers_of(tuple.value(1))?, numbers_of(tuple.value(3))?);
        let values: Array = tuple.value(2).dyn_into().ok()?;
        if took_us.len() != tasks.len() || values.length() as usize != tasks.len() {
            return None;
        }
        let end =
            |(&id, &took_us)| Some((task_from_number(id)?, Duration::from_micros(whole(took_us)?.into())));
        let ends = tasks.iter().zip(&took_us).map(end).collect::<Option<_>>()?;
        Some(Self { ends, values })
    }
}

/// As many numbers as a worker gathers exits. What is beyond is not even copied.
fn numbers_of(value: JsValue) -> Option<Vec<f64>> {
    let numbers: Float64Array = value.dyn_into().ok()?;
    (numbers.length() as usize <= MAX_GATHERED).then(|| numbers.to_vec())
}

impl WorkerMessage {
    /// `None` for what the protocol does not know.
    pub(crate) fn parse(message: &JsValue) -> Option<Self> {
        if !Array::is_array(message) {
            return None;
        }
        let tuple: &Tuple = message.unchecked_ref();
        let number = |index| tuple.value(index).as_f64();
        let task = || number(1).and_then(task_from_number);
        Some(match number(0).and_then(whole)? {
            BOOTED => Self::Booted { lock: tuple.value(1).as_string(), compiles: tuple.value(2).is_truthy() },
            PROGRESS => Self::Progress { event: Some(tuple.value(1)).filter(JsValue::is_object)? },
            READY => Self::Ready,
            INSTALL_FAILED => {
                Self::InstallFailed { error: tuple.value(1), permanent: tuple.value(2).is_truthy() }
            }
            LOG => Self::Log { task: task()?, text: tuple.value(2), json: tuple.value(3) },
            DATA_OUT => Self::Data { task: task()?, payload: tuple.value(2) },
            POST_ERROR => Self::PostError { task: task()?, error: tuple.value(2) },
            EXIT => Self::Exit {
                task: task()?,
                outcome: match number(2).and_then(whole)? {
                    COMPLETED => Outcome::Completed,
                    THREW => Outcome::Threw,
                    UNCLONABLE => Outcome::Unclonable,
                    _ => return None,
                },
                value: tuple.value(3),
                took: Duration::from_micros(number(4).and_then(whole)?.into()),
            },
            RETURNED => Self::Returned { task: task()? },
            EXITS => Self::Exits(Exits::parse(tuple)?),
            _ => return None,
        })
    }
}

/// Ids are counted from one, and stay exact as JavaScript numbers for longer than any page lives.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) const fn task_number(task: TaskId) -> f64 {
    task.0 as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a whole positive number"
)]
pub(crate) fn task_from_number(id: f64) -> Option<TaskId> {
    (id >= 1.0 && id.fract() == 0.0).then_some(TaskId(id as u64))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is beyond becomes the greatest, which matches no kind"
)]
const fn whole(number: f64) -> Option<u32> {
    if number.is_nan() { None } else { Some(number as u32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of `const NAME = { A: 0, B: 1 } as const` in the protocol's file.
    fn numbers_of(name: &str) -> Vec<(String, u32)> {
        let protocol = include_str!("../../../js/src/wire/protocol.ts");
        let start = protocol.find(&format!("export const {name} = {{")).expect("the constant is there");
        let body = &protocol[start..];
        body[body.find('{').unwrap() + 1..body.find('}').unwrap()]
            .split(',')
            .filter_map(|entry| entry.split_once(':'))
            .map(|(key, number)| (key.trim().to_owned(), number.trim().parse().unwrap()))
            .collect()
    }

    fn check(name: &str, mirror: &[(&str, u32)]) {
        let mirror: Vec<_> = mirror.iter().map(|&(key, number)| (key.to_owned(), number)).collect();
        assert_eq!(numbers_of(name), mirror, "`{name}` of the protocol differs from its mirror");
    }

    #[test]
    fn the_mirror_has_the_numbers_of_the_protocol() {
        check(
            "HostKind",
            &[
                ("Install", INSTALL),
                ("Define", DEFINE),
                ("Run", RUN),
                ("Data", DATA_IN),
                ("Abort", ABORT),
                ("Withdraw", WITHDRAW),
                ("RunQuick", RUN_QUICK),
            ],
        );
        check(
            "WorkerKind",
            &[
                ("Booted", BOOTED),
                ("Progress", PROGRESS),
                ("Ready", READY),
                ("InstallFailed", INSTALL_FAILED),
                ("Log", LOG),
                ("Data", DATA_OUT),
                ("PostError", POST_ERROR),
                ("Exit", EXIT),
                ("Returned", RETURNED),
                ("Exits", EXITS),
            ],
        );
        let protocol = include_str!("../../../js/src/wire/protocol.ts");
        assert!(protocol.contains(&format!("export const MAX_GATHERED = {}\n", MAX_GATHERED)));
        check("Outcome", &[("Completed", COMPLETED), ("Threw", THREW), ("Unclonable", UNCLONABLE)]);
    }
}
