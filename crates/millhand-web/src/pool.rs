//! The pool as Rust code sees it: calls in, [`Event`]s out.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Array, Promise};
use millhand_core::{Input, Instant, Location, PoolConfig, PoolSizes, Stats, TaskId, TaskSpec, WorkerId};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::clock::{self, WakeUp};
use crate::engine::{Engine, EngineEvent, EngineSink};
use crate::error::PoolError;
use crate::event::Event;
use crate::payloads::{Call, FunctionId};
use crate::port::{Port, PortEvent, PortSink};
use crate::state::{Remote, State};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = queueMicrotask)]
    fn queue_microtask(callback: &JsValue);
}

/// A pool of workers with one environment. Dropping the last handle ends its workers.
///
/// Events are told in the order in which they happened, before the call that made them happen returns: a task may have
/// started, and even ended, when [`Pool::submit`] gives its id. A listener may call the pool. What workers are to be sent
/// goes out when the code that calls has come to its end, so that many tasks that are submitted together travel together.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: Rc<Inner>,
}

/// A task to run.
#[derive(Debug, Clone)]
pub struct TaskCall {
    /// What to call.
    pub function: FunctionId,
    /// What to call it with; any value that structured clone takes.
    pub args: JsValue,
    /// What of it is moved rather than copied.
    pub transfer: Option<Array>,
    /// Why it was cancelled before it was submitted, for [`Admission::Withdrawn`].
    pub cancel_cause: JsValue,
}

struct Inner {
    state: RefCell<State>,
    wake_up: RefCell<Option<WakeUp>>,
    /// Ends a turn that was begun.
    end_turn: RefCell<Option<Closure<dyn FnMut()>>>,
    /// Whether a turn was begun, and has not ended.
    is_turning: Cell<bool>,
    on_event: Box<dyn Fn(Event)>,
    telling: Cell<bool>,
    /// Whether an event was told since the end of the last batch.
    has_told: Cell<bool>,
    /// Counts at the end of the last batch.
    told_stats: Cell<Stats>,
}

impl Pool {
    /// A pool whose local workers are opened by `open_port`, and remote ones by `engine`. Each installs what the promise that
    /// `setup_of` gives for it resolves to (a `WorkerSetup` of the wire protocol); if that rejects, the worker cannot be had.
    /// `setup_of` must not call the pool.
    pub fn new(
        config: PoolConfig,
        setup_of: impl Fn(WorkerId, Location) -> Promise + 'static,
        open_port: impl Fn(WorkerId, PortSink) -> Result<Box<dyn Port>, JsValue> + 'static,
        engine: Option<Box<dyn Engine>>,
        on_event: impl Fn(Event) + 'static,
    ) -> Self {
        let inner = Rc::new_cyclic(|this: &Weak<Inner>| {
            let for_ports = this.clone();
            let open = move |worker| open_port(worker, sink_of(&for_ports, worker));
            let for_setups = this.clone();
            let order = move |worker, location| {
                spawn_local(set_up(for_setups.clone(), worker, setup_of(worker, location)));
            };
            let for_engine = this.clone();
            let remote = engine.map(|engine| Remote {
                engine,
                heard: engine_sink_of(this),
                sink_of: Box::new(move |worker| sink_of(&for_engine, worker)),
            });
            Inner {
                state: RefCell::new(State::new(
                    clock::now(),
                    config,
                    Box::new(open),
                    Box::new(order),
                    remote,
                )),
                wake_up: RefCell::new(None),
                end_turn: RefCell::new(None),
                is_turning: Cell::new(false),
                on_event: Box::new(on_event),
                telling: Cell::new(false),
                has_told: Cell::new(false),
                told_stats: Cell::default(),
            }
        });
        let for_timer = Rc::downgrade(&inner);
        *inner.wake_up.borrow_mut() = Some(WakeUp::new(move || {
            if let Some(inner) = for_timer.upgrade() {
                inner.turn(|state, now| state.on_timeout(now));
            }
        }));
        let for_end = Rc::downgrade(&inner);
        *inner.end_turn.borrow_mut() = Some(Closure::new(move || {
            if let Some(inner) = for_end.upgrade().filter(|inner| inner.is_turning.get()) {
                inner.turn(|_, _| ());
            }
        }));
        inner.turn(|_, _| ());
        Self { inner }
    }

    /// Gives the pool a function, as a `FunctionDefinition` of the wire protocol; each worker gets it once.
    #[must_use]
    pub fn define(&self, definition: JsValue) -> FunctionId {
        self.inner.state.borrow_mut().functions.add(definition)
    }

    /// Queues a task.
    ///
    /// # Errors
    /// [`PoolError::UnknownFunction`].
    pub fn submit(&self, call: TaskCall, spec: TaskSpec) -> Result<TaskId, PoolError> {
        let TaskCall { function, args, transfer, cancel_cause } = call;
        self.inner.begin_turn(|state, now| {
            if state.functions.definition(function).is_none() {
                return Err(PoolError::UnknownFunction { id: function.0 });
            }
            let task = state.next_task_id();
            state.tasks.insert(task, Call { function, args, transfer }, spec);
            if !cancel_cause.is_undefined() {
                state.tasks.set_cancel_cause(task, cancel_cause);
            }
            state.decide(now, Input::TaskSubmitted { task, spec });
            Ok(task)
        })
    }

    /// Cancels a task: dropped if it waits, asked to stop if it runs, and its worker ended if it does not in time.
    /// `cause` (any value that can be cloned) is that of its exit.
    pub fn cancel(&self, task: TaskId, cause: JsValue) {
        self.inner.turn(|state, now| state.cancel(now, task, cause));
    }

    /// Changes the bounds on the number of workers.
    pub fn resize(&self, sizes: PoolSizes) {
        self.inner.turn(|state, now| state.resize(now, sizes));
    }

    /// Ends the pool when its tasks have ended; it takes no more.
    pub fn drain(&self) {
        self.inner.turn(|state, now| state.decide(now, Input::PoolDrained));
    }

    /// Sends data to a task that has not ended; `false` if it has.
    pub fn send_data(&self, task: TaskId, data: JsValue) -> bool {
        self.inner.turn(|state, _| state.send_data(task, data))
    }

    /// A promise of the pool's first workers having been up. It rejects with the cause if the pool ends before.
    pub fn ready(&self) -> Promise {
        self.inner.turn(|state, _| state.when_first_up())
    }

    /// Starts workers until `count` are up, which the promise tells; it rejects with the cause if the pool ends before.
    ///
    /// # Errors
    /// [`PoolError::ReserveAboveStretch`].
    pub fn reserve(&self, count: u32) -> Result<Promise, PoolError> {
        self.inner.turn(|state, now| {
            let stretch_to = state.scheduler.config().sizes().stretch_to();
            if count > stretch_to {
                return Err(PoolError::ReserveAboveStretch { count, stretch_to });
            }
            let promise = state.when_up(count);
            state.decide(now, Input::WorkersReserved { count });
            Ok(promise)
        })
    }

    /// Ends the pool: its workers die, and every open task exits `PoolTerminated`.
    pub fn terminate(&self) {
        self.inner.turn(|state, now| state.decide(now, Input::PoolTerminated));
    }

    /// Counts of tasks and workers.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.state.borrow().scheduler.stats()
    }
}

impl Inner {
    /// The first part of a turn. The rest follows when the code that calls has come to its end.
    fn begin_turn<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        if !self.is_turning.replace(true)
            && let Some(end_turn) = &*self.end_turn.borrow()
        {
            queue_microtask(end_turn.as_ref());
        }
        let value = act(&mut self.state.borrow_mut(), clock::now());
        if !self.telling.replace(true) {
            self.tell_queued();
            self.telling.set(false);
        }
        value
    }

    /// One turn: something happens, orders are carried out, the timer is set, the events are told.
    fn turn<T>(&self, act: impl FnOnce(&mut State, Instant) -> T) -> T {
        let now = clock::now();
        self.is_turning.set(false);
        let mut state = self.state.borrow_mut();
        let value = act(&mut state, now);
        state.finish(now);
        if let Some(wake_up) = &*self.wake_up.borrow() {
            wake_up.set(state.next_timeout());
        }
        drop(state);
        self.tell();
        value
    }

    /// Tells the queued events. A call from a listener adds to the queue, and the outermost telling empties it.
    fn tell(&self) {
        if self.telling.replace(true) {
            return;
        }
        loop {
            self.tell_queued();
            let has_ended = self.state.borrow_mut().take_end();
            let stats = self.state.borrow().scheduler.stats();
            let has_told = self.has_told.replace(false);
            if self.told_stats.replace(stats) == stats && !has_told && !has_ended {
                break;
            }
            (self.on_event)(Event::BatchEnded);
            if has_ended {
                (self.on_event)(Event::PoolTerminated);
            }
        }
        self.telling.set(false);
    }

    fn tell_queued(&self) {
        while let Some(event) = self.next_event() {
            self.has_told.set(true);
            (self.on_event)(event);
        }
    }

    fn next_event(&self) -> Option<Event> {
        self.state.borrow_mut().events.pop_front()
    }
}

impl Drop for Inner {
    /// A pool that goes before the turn has ended is still called for that.
    fn drop(&mut self) {
        if self.is_turning.get()
            && let Some(end_turn) = self.end_turn.take()
        {
            end_turn.forget();
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Where the port of `worker` reports to.
fn sink_of(inner: &Weak<Inner>, worker: WorkerId) -> PortSink {
    let inner = inner.clone();
    Rc::new(move |event: PortEvent| {
        if let Some(inner) = inner.upgrade() {
            inner.turn(|state, now| state.on_port_event(now, worker, event));
        }
    })
}

/// Where the engine reports to.
fn engine_sink_of(inner: &Weak<Inner>) -> EngineSink {
    let inner = inner.clone();
    Rc::new(move |event: EngineEvent| {
        if let Some(inner) = inner.upgrade() {
            inner.turn(|state, now| state.on_engine_event(now, event));
        }
    })
}

/// Waits for what a worker is to install.
async fn set_up(inner: Weak<Inner>, worker: WorkerId, setup: Promise) {
    let setup = JsFuture::from(setup).await;
    let Some(inner) = inner.upgrade() else { return };
    inner.turn(|state, now| match setup {
        Ok(setup) => state.on_setup_prepared(now, worker, &setup),
        Err(cause) => state.on_setup_failed(now, worker, cause),
    });
}
