//! The pool for JavaScript: plain numbers and values in, calls of a listener out. `js/src/api` is its only user.

use std::cell::RefCell;
use std::time::Duration;

use js_sys::{Array, WeakRef};
use millhand_core::{
    Admission, EngineState, ExitReason, Location, PoolConfig, PoolSettings, PoolSizes, Priority,
    RemoteSettings, RemoteStart, Target, TaskKind, TaskSpec, WorkerId,
};
use wasm_bindgen::prelude::*;

use crate::engine::{Engine, HostEngine, JsEngine};
use crate::error::{PoolError, to_js_error};
use crate::event::Event;
use crate::js_port::{JsPort, OpenPort};
use crate::payloads::FunctionId;
use crate::pool::{Pool, TaskCall};
use crate::port::Port;
use crate::state::worker_name;
use crate::wire::{task_from_number, task_number};

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
/** How a task ended. */
export type ExitReason =
  | "Completed" | "Threw" | "Unclonable" | "Cancelled" | "TimedOut" | "QueueTimedOut"
  | "WorkerLost" | "InstallFailed" | "Rejected" | "PoolTerminated"

/** Where a worker is: beside the pool, or on the machines of its engine. */
export type WorkerLocation = "local" | "remote"

/** How a pool is with its engine; `none` if it has none, can have none any more, or has ended. */
export type EngineState = "none" | "connecting" | "up" | "away"

/** Told of everything that happens in a pool, in order. What it throws changes nothing. */
export interface HostListener {
  workerStarted(worker: number, location: WorkerLocation): void
  installProgressed(worker: number, event: unknown): void
  workerReady(worker: number): void
  workerGone(worker: number): void
  sourcesForbidden(): void
  taskStarted(task: number, worker: number): void
  taskLogged(task: number, worker: number, text: string, json: unknown): void
  taskSentData(task: number, worker: number, payload: unknown): void
  taskPostFailed(task: number, worker: number, error: unknown): void
  taskExited(task: number, worker: number | undefined, reason: ExitReason, value: unknown): void
  poolFailed(cause: unknown): void
  engineChanged(state: EngineState, cause: unknown): void
  remoteFailed(cause: unknown): void
  batchEnded(): void
  poolTerminated(): void
  /** Another method of the listener threw this. */
  threw(exception: unknown): void
}

/** Sizes and bounds, in whole numbers. */
export interface HostSettings {
  startAt: number
  stretchTo: number
  installConcurrency: number
  bootTimeoutMs: number
  spares: number
  idleTimeoutMs: number | undefined
  cancelGraceMs: number
  maxQueue: number
  remote: HostRemoteSettings | undefined
}

/** Remote workers: sizes and bounds, in whole numbers. */
export interface HostRemoteSettings {
  stretchTo: number
  /** Whether they start for tasks that wait as local ones do, and not after these. */
  always: boolean
  bootTimeoutMs: number
  idleTimeoutMs: number
  engineTimeoutMs: number
}

/** What a task may do and how long; times in milliseconds. */
export interface HostTaskSpec {
  priority: number
  /** Who may run it: one worker, whoever is in one place, or anyone. */
  target: number | WorkerLocation | undefined
  timeoutMs: number | undefined
  queueTimeoutMs: number | undefined
  retries: number
  /** `undefined`: it is taken if the queue is not full and the pool does not drain. */
  admission: HostAdmission | undefined
  /** Whether calls of its function take about as long as each other. */
  isMeasured: boolean
}

export type HostAdmission =
  /** It is part of getting a worker ready: it is taken even by a full or draining pool. */
  | { kind: "Essential" }
  /** It was cancelled before it was submitted, and exits so. */
  | { kind: "Withdrawn"; cause: unknown }
"#;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript object that hears of everything.
    #[wasm_bindgen(typescript_type = "HostListener")]
    #[derive(Clone)]
    pub type HostListener;

    #[wasm_bindgen(method, catch, js_name = workerStarted)]
    fn worker_started(this: &HostListener, worker: u32, location: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = installProgressed)]
    fn install_progressed(this: &HostListener, worker: u32, event: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = workerReady)]
    fn worker_ready(this: &HostListener, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = workerGone)]
    fn worker_gone(this: &HostListener, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = sourcesForbidden)]
    fn sources_forbidden(this: &HostListener) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskStarted)]
    fn task_started(this: &HostListener, task: f64, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskLogged)]
    fn task_logged(
        this: &HostListener,
        task: f64,
        worker: u32,
        text: &JsValue,
        json: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskSentData)]
    fn task_sent_data(this: &HostListener, task: f64, worker: u32, payload: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskPostFailed)]
    fn task_post_failed(this: &HostListener, task: f64, worker: u32, error: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskExited)]
    fn task_exited(
        this: &HostListener,
        task: f64,
        worker: Option<u32>,
        reason: &JsValue,
        value: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = poolFailed)]
    fn pool_failed(this: &HostListener, cause: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = engineChanged)]
    fn engine_changed(this: &HostListener, state: &str, cause: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = remoteFailed)]
    fn remote_failed(this: &HostListener, cause: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = batchEnded)]
    fn batch_ended(this: &HostListener) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = poolTerminated)]
    fn pool_terminated(this: &HostListener) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn threw(this: &HostListener, exception: &JsValue) -> Result<(), JsValue>;

    /// The sizes and bounds of a pool.
    #[wasm_bindgen(typescript_type = "HostSettings")]
    pub type HostSettings;

    #[wasm_bindgen(method, getter, js_name = startAt)]
    fn start_at(this: &HostSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = stretchTo)]
    fn stretch_to(this: &HostSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = installConcurrency)]
    fn install_concurrency(this: &HostSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = bootTimeoutMs)]
    fn boot_timeout_ms(this: &HostSettings) -> u32;

    #[wasm_bindgen(method, getter)]
    fn spares(this: &HostSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = idleTimeoutMs)]
    fn idle_timeout_ms(this: &HostSettings) -> Option<u32>;
    #[wasm_bindgen(method, getter, js_name = cancelGraceMs)]
    fn cancel_grace_ms(this: &HostSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = maxQueue)]
    fn max_queue(this: &HostSettings) -> u32;
    #[wasm_bindgen(method, getter)]
    fn remote(this: &HostSettings) -> Option<HostRemoteSettings>;

    /// The sizes and bounds of remote workers.
    #[wasm_bindgen(typescript_type = "HostRemoteSettings")]
    pub type HostRemoteSettings;

    #[wasm_bindgen(method, getter, js_name = stretchTo)]
    fn stretch_to(this: &HostRemoteSettings) -> u32;
    #[wasm_bindgen(method, getter)]
    fn always(this: &HostRemoteSettings) -> bool;
    #[wasm_bindgen(method, getter, js_name = bootTimeoutMs)]
    fn boot_timeout_ms(this: &HostRemoteSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = idleTimeoutMs)]
    fn idle_timeout_ms(this: &HostRemoteSettings) -> u32;
    #[wasm_bindgen(method, getter, js_name = engineTimeoutMs)]
    fn engine_timeout_ms(this: &HostRemoteSettings) -> u32;

    /// What a task may do and how long.
    #[wasm_bindgen(typescript_type = "HostTaskSpec")]
    pub type HostTaskSpec;

    #[wasm_bindgen(method, getter)]
    fn priority(this: &HostTaskSpec) -> i32;
    #[wasm_bindgen(method, getter)]
    fn target(this: &HostTaskSpec) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = timeoutMs)]
    fn timeout_ms(this: &HostTaskSpec) -> Option<u32>;
    #[wasm_bindgen(method, getter, js_name = queueTimeoutMs)]
    fn queue_timeout_ms(this: &HostTaskSpec) -> Option<u32>;
    #[wasm_bindgen(method, getter)]
    fn retries(this: &HostTaskSpec) -> u32;
    #[wasm_bindgen(method, getter)]
    fn admission(this: &HostTaskSpec) -> Option<HostAdmission>;
    #[wasm_bindgen(method, getter, js_name = isMeasured)]
    fn is_measured(this: &HostTaskSpec) -> bool;

    /// On which terms a task is taken, if not on those of any other.
    pub type HostAdmission;

    #[wasm_bindgen(method, getter)]
    fn kind(this: &HostAdmission) -> String;
    #[wasm_bindgen(method, getter)]
    fn cause(this: &HostAdmission) -> JsValue;
}

/// A pool of workers.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Host {
    pool: Pool,
}

#[wasm_bindgen]
impl Host {
    /// Starts a pool, whose local workers `open_port` opens, and remote ones `engine`; `setup_of` gives the promise of a worker's
    /// `WorkerSetup`, and must not call the pool.
    ///
    /// # Errors
    /// An `Error` with a `code` for settings that do not hold together.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::needless_pass_by_value, reason = "values cross the boundary as owned")]
    pub fn new(
        settings: HostSettings,
        open_port: OpenPort,
        #[wasm_bindgen(
            unchecked_param_type = "(workerId: string, location: WorkerLocation) => Promise<unknown>"
        )]
        setup_of: js_sys::Function,
        listener: HostListener,
        engine: Option<HostEngine>,
    ) -> Result<Self, JsValue> {
        let settings = PoolSettings {
            start_at: settings.start_at(),
            stretch_to: settings.stretch_to(),
            install_concurrency: settings.install_concurrency(),
            boot_timeout_ms: settings.boot_timeout_ms(),
            spares: settings.spares(),
            idle_timeout_ms: settings.idle_timeout_ms(),
            cancel_grace_ms: settings.cancel_grace_ms(),
            max_queue: settings.max_queue(),
            remote: settings.remote().as_ref().map(read_remote),
            ..PoolSettings::default()
        };
        let config = PoolConfig::try_from(settings).map_err(|error| to_js_error(&error.into()))?;
        let open_port = move |worker, sink| -> Result<Box<dyn Port>, JsValue> {
            Ok(Box::new(JsPort::open(&open_port, worker, sink)?))
        };
        let setup_of = move |worker, location| {
            let (name, place) = (worker_name(worker), name_of_location(location));
            match setup_of.call2(&JsValue::UNDEFINED, &name.into(), &place.into()) {
                Ok(setup) => js_sys::Promise::resolve(&setup),
                Err(exception) => js_sys::Promise::reject(&exception),
            }
        };
        let ear = Ear::new(listener);
        let on_event = move |event| {
            let has_ended = matches!(event, Event::PoolTerminated);
            if let Err(exception) = ear.tell(event) {
                ear.threw(&exception);
            }
            if has_ended {
                ear.loosen();
            }
        };
        let engine = engine.map(|engine| Box::new(JsEngine::new(engine)) as Box<dyn Engine>);
        Ok(Self { pool: Pool::new(config, setup_of, open_port, engine, on_event) })
    }

    /// Gives the pool a function, as a `FunctionDefinition`; the id is for `submit`.
    #[must_use]
    pub fn define(&self, definition: JsValue) -> u32 {
        self.pool.define(definition).0
    }

    /// Queues a task, and returns its id. Without a `spec` it is a usual one: as wanted as any, for any worker, with all the
    /// time there is.
    ///
    /// # Errors
    /// An `Error` with a `code`.
    #[expect(clippy::needless_pass_by_value, reason = "values cross the boundary as owned")]
    pub fn submit(
        &self,
        function: u32,
        args: JsValue,
        transfer: Option<Array>,
        spec: Option<HostTaskSpec>,
    ) -> Result<f64, JsValue> {
        let (spec, cancel_cause) = spec.as_ref().map_or_else(usual_spec, read_spec);
        // What was moved cannot be sent again, should it be given back.
        let kind = spec.kind.filter(|_| transfer.is_none()).map(|_| TaskKind(function));
        let call = TaskCall { function: FunctionId(function), args, transfer, cancel_cause };
        let spec = TaskSpec { kind, ..spec };
        let task = self.pool.submit(call, spec).map_err(|error| to_js_error(&error))?;
        Ok(task_number(task))
    }

    /// Cancels a task; one that has ended stays as it is.
    pub fn cancel(&self, task: f64, cause: JsValue) {
        if let Some(task) = task_from_number(task) {
            self.pool.cancel(task, cause);
        }
    }

    /// Changes the bounds on the number of workers.
    ///
    /// # Errors
    /// An `Error` with a `code` for bounds that do not hold together.
    pub fn resize(&self, start_at: u32, stretch_to: u32) -> Result<(), JsValue> {
        let sizes = PoolSizes::new(start_at, stretch_to).map_err(|error| to_js_error(&error.into()))?;
        self.pool.resize(sizes);
        Ok(())
    }

    /// How many tasks wait.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.pool.stats().queued
    }

    /// Ends the pool when its tasks have ended.
    pub fn drain(&self) {
        self.pool.drain();
    }

    /// Sends data to a task; `false` if it has ended or never was.
    #[must_use]
    #[wasm_bindgen(js_name = sendData)]
    pub fn send_data(&self, task: f64, data: JsValue) -> bool {
        task_from_number(task).is_some_and(|task| self.pool.send_data(task, data))
    }

    /// Resolves when the first workers have been up; rejects with the cause.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn ready(&self) -> js_sys::Promise {
        self.pool.ready()
    }

    /// Starts workers, and resolves when `count` are up; rejects with the cause.
    ///
    /// # Errors
    /// An `Error` with a `code` if that is more than the pool may have.
    #[wasm_bindgen(unchecked_return_type = "Promise<void>")]
    pub fn reserve(&self, count: u32) -> Result<js_sys::Promise, JsValue> {
        self.pool.reserve(count).map_err(|error: PoolError| to_js_error(&error))
    }

    /// Ends the pool.
    pub fn terminate(&self) {
        self.pool.terminate();
    }
}

/// The listener, held fast while the pool lives: it keeps the pool's JavaScript side alive, as running tasks need it.
/// After the end it is held loosely, else the two would keep each other for ever.
struct Ear(RefCell<Hold>);

enum Hold {
    Fast(HostListener),
    Loose(WeakRef<HostListener>),
}

impl Ear {
    const fn new(listener: HostListener) -> Self {
        Self(RefCell::new(Hold::Fast(listener)))
    }

    fn tell(&self, event: Event) -> Result<(), JsValue> {
        match &*self.0.borrow() {
            Hold::Fast(listener) => tell(listener, event),
            Hold::Loose(listener) => listener.deref().map_or(Ok(()), |listener| tell(&listener, event)),
        }
    }

    /// If that throws too, nobody is left to hear of it.
    fn threw(&self, exception: &JsValue) {
        if let Hold::Fast(listener) = &*self.0.borrow() {
            drop(listener.threw(exception));
        }
    }

    fn loosen(&self) {
        let hold = match &*self.0.borrow() {
            Hold::Fast(listener) => Hold::Loose(WeakRef::new(listener)),
            Hold::Loose(_) => return,
        };
        *self.0.borrow_mut() = hold;
    }
}

thread_local! {
    /// Names of exit reasons, as JavaScript's strings: made once each.
    static REASONS: [JsValue; ALL_REASONS.len()] = ALL_REASONS.map(|reason| name_of(reason).into());
}

/// In the order of their declaration.
const ALL_REASONS: [ExitReason; 10] = [
    ExitReason::Completed,
    ExitReason::Threw,
    ExitReason::Unclonable,
    ExitReason::Cancelled,
    ExitReason::TimedOut,
    ExitReason::QueueTimedOut,
    ExitReason::Rejected,
    ExitReason::WorkerLost,
    ExitReason::InstallFailed,
    ExitReason::PoolTerminated,
];

fn tell(listener: &HostListener, event: Event) -> Result<(), JsValue> {
    let id = task_number;
    match event {
        Event::WorkerStarted { worker, location } => {
            listener.worker_started(worker.0, name_of_location(location))
        }
        Event::InstallProgressed { worker, event } => listener.install_progressed(worker.0, &event),
        Event::WorkerReady { worker } => listener.worker_ready(worker.0),
        Event::WorkerGone { worker } => listener.worker_gone(worker.0),
        Event::SourcesForbidden => listener.sources_forbidden(),
        Event::TaskStarted { task, worker } => listener.task_started(id(task), worker.0),
        Event::TaskLogged { task, worker, text, json } => {
            listener.task_logged(id(task), worker.0, &text, &json)
        }
        Event::TaskSentData { task, worker, payload } => {
            listener.task_sent_data(id(task), worker.0, &payload)
        }
        Event::TaskPostFailed { task, worker, error } => {
            listener.task_post_failed(id(task), worker.0, &error)
        }
        Event::TaskExited { task, worker, reason, value } => {
            let worker = worker.map(|worker| worker.0);
            REASONS.with(|names| listener.task_exited(id(task), worker, &names[reason as usize], &value))
        }
        Event::PoolFailed { cause } => listener.pool_failed(&cause),
        Event::EngineChanged { state, cause } => listener.engine_changed(name_of_engine_state(state), &cause),
        Event::RemoteFailed { cause } => listener.remote_failed(&cause),
        Event::BatchEnded => listener.batch_ended(),
        Event::PoolTerminated => listener.pool_terminated(),
    }
}

/// What a task may do, and why it was cancelled if it was. Its kind says only that it has one.
fn read_spec(spec: &HostTaskSpec) -> (TaskSpec, JsValue) {
    let millis = |ms: u32| Duration::from_millis(ms.into());
    let (admission, cancel_cause) = spec.admission().as_ref().map_or_else(Default::default, read_admission);
    let spec = TaskSpec {
        priority: Priority(spec.priority()),
        target: read_target(&spec.target()),
        timeout: spec.timeout_ms().map(millis),
        queue_timeout: spec.queue_timeout_ms().map(millis),
        retries: spec.retries(),
        admission,
        kind: spec.is_measured().then_some(TaskKind(0)),
    };
    (spec, cancel_cause)
}

fn usual_spec() -> (TaskSpec, JsValue) {
    (TaskSpec { kind: Some(TaskKind(0)), ..TaskSpec::default() }, JsValue::UNDEFINED)
}

/// The terms, and why the task was cancelled if they say that it was.
fn read_admission(admission: &HostAdmission) -> (Admission, JsValue) {
    if admission.kind() == "Withdrawn" {
        (Admission::Withdrawn, admission.cause())
    } else {
        (Admission::Essential, JsValue::UNDEFINED)
    }
}

fn read_remote(settings: &HostRemoteSettings) -> RemoteSettings {
    RemoteSettings {
        stretch_to: settings.stretch_to(),
        start: if settings.always() { RemoteStart::Always } else { RemoteStart::Queued },
        boot_timeout_ms: settings.boot_timeout_ms(),
        idle_timeout_ms: settings.idle_timeout_ms(),
        patience_ms: settings.engine_timeout_ms(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what was given as a worker's number is one"
)]
fn read_target(target: &JsValue) -> Target {
    if target.is_undefined() {
        return Target::Anyone;
    }
    match target.as_f64() {
        Some(worker) => Target::Worker(WorkerId(worker as u32)),
        None if *target == name_of_location(Location::Remote) => Target::At(Location::Remote),
        None => Target::At(Location::Local),
    }
}

const fn name_of_location(location: Location) -> &'static str {
    match location {
        Location::Local => "local",
        Location::Remote => "remote",
    }
}

const fn name_of_engine_state(state: EngineState) -> &'static str {
    match state {
        EngineState::None => "none",
        EngineState::Connecting => "connecting",
        EngineState::Up => "up",
        EngineState::Away => "away",
    }
}

/// The public name of a reason.
const fn name_of(reason: ExitReason) -> &'static str {
    match reason {
        ExitReason::Completed => "Completed",
        ExitReason::Threw => "Threw",
        ExitReason::Unclonable => "Unclonable",
        ExitReason::Cancelled => "Cancelled",
        ExitReason::TimedOut => "TimedOut",
        ExitReason::QueueTimedOut => "QueueTimedOut",
        ExitReason::Rejected => "Rejected",
        ExitReason::WorkerLost => "WorkerLost",
        ExitReason::InstallFailed => "InstallFailed",
        ExitReason::PoolTerminated => "PoolTerminated",
    }
}
