//! The pool for JavaScript: plain numbers and values in, calls of a listener out. `js/src/api` is its only user.

use millhand_core::{ExitReason, PoolConfig, PoolSettings, Priority, TaskId, WorkerId};
use wasm_bindgen::prelude::*;

use crate::browser_port::BrowserPort;
use crate::error::{PoolError, to_js_error};
use crate::event::Event;
use crate::payloads::FunctionId;
use crate::pool::{Pool, TaskSpec};
use crate::port::Port;
use crate::state::worker_name;
use crate::wire::{task_from_js, task_to_js};

#[wasm_bindgen(typescript_custom_section)]
const LISTENER: &str = r#"
/** How a task ended. */
export type ExitReason =
  "Completed" | "Threw" | "Unclonable" | "WorkerLost" | "InstallFailed" | "PoolTerminated"

/** Told of everything that happens in a pool, in order. What it throws is reported and ignored. */
export interface HostListener {
  workerStarted(worker: number): void
  installProgressed(worker: number, event: unknown): void
  workerReady(worker: number): void
  workerGone(worker: number): void
  taskStarted(task: number, worker: number): void
  taskLogged(task: number, worker: number, text: string, json: unknown): void
  taskSentData(task: number, worker: number, payload: unknown): void
  taskPostFailed(task: number, worker: number, error: unknown): void
  taskExited(task: number, worker: number | undefined, reason: ExitReason, value: unknown): void
  batchEnded(queued: number, terminated: boolean): void
}

/** Sizes and bounds, in whole numbers. */
export interface HostSettings {
  startAt: number
  stretchTo: number
  installConcurrency: number
  bootTimeoutMs: number
}
"#;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript object that hears of everything.
    #[wasm_bindgen(typescript_type = "HostListener")]
    pub type HostListener;

    #[wasm_bindgen(method, catch, js_name = workerStarted)]
    fn worker_started(this: &HostListener, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = installProgressed)]
    fn install_progressed(this: &HostListener, worker: u32, event: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = workerReady)]
    fn worker_ready(this: &HostListener, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = workerGone)]
    fn worker_gone(this: &HostListener, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskStarted)]
    fn task_started(this: &HostListener, task: &JsValue, worker: u32) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskLogged)]
    fn task_logged(
        this: &HostListener,
        task: &JsValue,
        worker: u32,
        text: &JsValue,
        json: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskSentData)]
    fn task_sent_data(
        this: &HostListener,
        task: &JsValue,
        worker: u32,
        payload: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskPostFailed)]
    fn task_post_failed(
        this: &HostListener,
        task: &JsValue,
        worker: u32,
        error: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = taskExited)]
    fn task_exited(
        this: &HostListener,
        task: &JsValue,
        worker: Option<u32>,
        reason: &JsValue,
        value: &JsValue,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = batchEnded)]
    fn batch_ended(this: &HostListener, queued: usize, terminated: bool) -> Result<(), JsValue>;

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

    #[wasm_bindgen(js_name = reportError)]
    fn report_error(exception: &JsValue);
}

/// A pool of module workers.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Host {
    pool: Pool,
}

#[wasm_bindgen]
impl Host {
    /// Starts a pool; `setup` is the promise of a `WorkerSetup`.
    ///
    /// # Errors
    /// An `Error` with a `code` for settings that do not hold together.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::needless_pass_by_value, reason = "values cross the boundary as owned")]
    pub fn new(
        settings: HostSettings,
        worker_url: String,
        #[wasm_bindgen(unchecked_param_type = "Promise<unknown>")] setup: js_sys::Promise,
        listener: HostListener,
    ) -> Result<Self, JsValue> {
        let settings = PoolSettings {
            start_at: settings.start_at(),
            stretch_to: settings.stretch_to(),
            install_concurrency: settings.install_concurrency(),
            boot_timeout_ms: settings.boot_timeout_ms(),
            ..PoolSettings::default()
        };
        let config = PoolConfig::try_from(settings).map_err(|error| to_js_error(&error.into()))?;
        let open_port = move |worker, sink| -> Result<Box<dyn Port>, JsValue> {
            let name = format!("millhand {}", worker_name(worker));
            Ok(Box::new(BrowserPort::open(&worker_url, &name, sink)?))
        };
        let on_event = move |event| {
            if let Err(exception) = tell(&listener, event) {
                report_error(&exception);
            }
        };
        Ok(Self { pool: Pool::new(config, setup, open_port, on_event) })
    }

    /// Gives the pool a function as source; the id is for `submit`.
    #[must_use]
    pub fn define(&self, source: JsValue) -> u32 {
        self.pool.define(source).0
    }

    /// Queues a task, and returns its id.
    ///
    /// # Errors
    /// An `Error` with a `code`.
    pub fn submit(
        &self,
        function: u32,
        args: JsValue,
        priority: i32,
        target: Option<u32>,
    ) -> Result<f64, JsValue> {
        let function = FunctionId(function);
        let spec = TaskSpec { function, args, priority: Priority(priority), target: target.map(WorkerId) };
        let task = self.pool.submit(spec).map_err(|error| to_js_error(&error))?;
        Ok(task_to_js(task).as_f64().unwrap_or(f64::NAN))
    }

    /// Sends data to a task; `false` if it has ended or never was.
    #[must_use]
    #[wasm_bindgen(js_name = sendData)]
    pub fn send_data(&self, task: f64, data: JsValue) -> bool {
        task_from_js(&task.into()).is_some_and(|task| self.pool.send_data(task, data))
    }

    /// Says that `setup` is getting on.
    #[wasm_bindgen(js_name = noteSetupProgress)]
    pub fn note_setup_progress(&self) {
        self.pool.note_setup_progress();
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

fn tell(listener: &HostListener, event: Event) -> Result<(), JsValue> {
    let id = |task: TaskId| task_to_js(task);
    match event {
        Event::WorkerStarted { worker } => listener.worker_started(worker.0),
        Event::InstallProgressed { worker, event } => listener.install_progressed(worker.0, &event),
        Event::WorkerReady { worker } => listener.worker_ready(worker.0),
        Event::WorkerGone { worker } => listener.worker_gone(worker.0),
        Event::TaskStarted { task, worker } => listener.task_started(&id(task), worker.0),
        Event::TaskLogged { task, worker, text, json } => {
            listener.task_logged(&id(task), worker.0, &text, &json)
        }
        Event::TaskSentData { task, worker, payload } => {
            listener.task_sent_data(&id(task), worker.0, &payload)
        }
        Event::TaskPostFailed { task, worker, error } => {
            listener.task_post_failed(&id(task), worker.0, &error)
        }
        Event::TaskExited { task, worker, reason, value } => {
            listener.task_exited(&id(task), worker.map(|worker| worker.0), &name_of(reason).into(), &value)
        }
        // Told by the exits of its tasks, and to those who wait for workers.
        Event::PoolFailed { .. } | Event::PoolTerminated => Ok(()),
        Event::BatchEnded { queued, terminated } => listener.batch_ended(queued, terminated),
    }
}

/// The public name of a reason.
const fn name_of(reason: ExitReason) -> &'static str {
    match reason {
        ExitReason::Completed => "Completed",
        ExitReason::Threw => "Threw",
        ExitReason::Unclonable => "Unclonable",
        ExitReason::WorkerLost => "WorkerLost",
        ExitReason::InstallFailed => "InstallFailed",
        ExitReason::PoolTerminated => "PoolTerminated",
    }
}
