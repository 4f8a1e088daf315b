//! The pool between two turns of the event loop: the scheduler, and the values and workers that its ids mean.
//!
//! Nothing here calls out to the user: events are queued, and told by [`crate::Pool`] when the state is no longer
//! borrowed, so that a listener may call the pool.

use std::collections::VecDeque;
use std::time::Duration;

use js_sys::Promise;
use millhand_core::{
    EngineState, ExitReason, Input, InstallFault, Instant, Location, Outcome, Output, PoolConfig, PoolSizes,
    PoolState, Posting, Scheduler, SortedMap, SortedSet, StopReason, Target, TaskId, WorkerId, WorkerState,
};
use wasm_bindgen::JsValue;

use crate::engine::{Engine, EngineEvent, EngineSink};
use crate::event::Event;
use crate::interrupt::Interrupts;
use crate::outbox::Outbox;
use crate::payloads::{Call, Ended, FunctionId, Functions, Recipient, Tasks};
use crate::port::{FOREIGN_MESSAGE, Port, PortEvent, PortSink};
use crate::wire::{HostMessage, Subject, WorkerMessage};

/// Opens the port of a new local worker.
pub(crate) type OpenPort = Box<dyn Fn(WorkerId) -> Result<Box<dyn Port>, JsValue>>;

/// What opens the ports of remote workers, and where these and it report to.
pub(crate) struct Remote {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) heard: EngineSink,
    pub(crate) sink_of: Box<dyn Fn(WorkerId) -> PortSink>,
}

/// Orders what a new worker is to install: it comes by [`State::on_setup_prepared`] or [`State::on_setup_failed`].
pub(crate) type OrderSetup = Box<dyn Fn(WorkerId, Location)>;

pub(crate) struct State {
    pub(crate) scheduler: Scheduler,
    pub(crate) functions: Functions,
    pub(crate) tasks: Tasks,
    pub(crate) events: VecDeque<Event>,
    workers: SortedMap<WorkerId, Hired>,
    open_port: OpenPort,
    /// `None` once the pool has ended.
    order_setup: Option<OrderSetup>,
    remote: Option<Remote>,
    /// How the engine was when it was last told.
    told_engine: EngineState,
    /// Facts that carrying out an order brought to light.
    follow_ups: VecDeque<Input>,
    /// Why the last install of a local worker failed.
    last_failure: JsValue,
    /// Why the last install of a remote worker failed, or the engine was lost.
    remote_failure: JsValue,
    /// Whether all remote workers are gone with the engine.
    is_engine_going: bool,
    /// The worker that went last, and why: the scheduler settles the tasks that were for it alone right after.
    last_gone: Option<(WorkerId, JsValue)>,
    waiters: Vec<Waiter>,
    /// Whether as many workers as the pool starts with have been up.
    first_up: bool,
    /// Whether the pool's end has been told.
    end_told: bool,
    last_task: TaskId,
}

/// A live worker.
struct Hired {
    location: Location,
    port: Box<dyn Port>,
    /// Messages of this turn, sent together at its end.
    outbox: Outbox,
    /// Functions whose source it has.
    defined: SortedSet<FunctionId>,
    interrupts: Interrupts,
    /// Whether what it is to install has not come yet.
    awaits_setup: bool,
}

/// Somebody who waits for a number of workers to be up.
struct Waiter {
    count: usize,
    resolve: js_sys::Function,
    reject: js_sys::Function,
}

impl State {
    pub(crate) fn new(
        now: Instant,
        config: PoolConfig,
        open_port: OpenPort,
        order_setup: OrderSetup,
        remote: Option<Remote>,
    ) -> Self {
        Self {
            scheduler: Scheduler::new(now, config),
            functions: Functions::default(),
            tasks: Tasks::default(),
            events: VecDeque::new(),
            workers: SortedMap::default(),
            open_port,
            order_setup: Some(order_setup),
            remote,
            told_engine: EngineState::None,
            follow_ups: VecDeque::new(),
            last_failure: JsValue::UNDEFINED,
            remote_failure: JsValue::UNDEFINED,
            is_engine_going: false,
            last_gone: None,
            waiters: Vec::new(),
            first_up: false,
            end_told: false,
            last_task: TaskId(0),
        }
    }

    pub(crate) fn next_task_id(&mut self) -> TaskId {
        self.last_task = TaskId(self.last_task.0 + 1);
        self.last_task
    }

    /// Takes one fact in, and carries out what the scheduler makes of it.
    pub(crate) fn decide(&mut self, now: Instant, input: Input) {
        self.scheduler.handle_input(now, input);
        self.obey(now);
    }

    /// Carries out what the scheduler ordered.
    pub(crate) fn obey(&mut self, now: Instant) {
        loop {
            while let Some(output) = self.scheduler.poll_output() {
                self.carry_out(now, output);
            }
            let Some(input) = self.follow_ups.pop_front() else { return };
            self.scheduler.handle_input(now, input);
        }
    }

    /// Ends a turn: sends what is to be sent, and settles who waits for workers.
    pub(crate) fn finish(&mut self, now: Instant) {
        self.obey(now);
        while self.flush(now) {}
        self.tell_engine();
        self.resolve_waiters();
    }

    /// Acts on what a worker reported.
    pub(crate) fn on_port_event(&mut self, now: Instant, worker: WorkerId, event: PortEvent) {
        match event {
            PortEvent::Received(batch) => {
                for message in batch.iter() {
                    self.on_message(now, worker, &message);
                }
            }
            PortEvent::Lost(cause) => self.lose(now, worker, cause.into()),
        }
    }

    /// Acts on what the engine reported. If it is gone, what is left of its workers is ended once the scheduler has
    /// settled their tasks.
    pub(crate) fn on_engine_event(&mut self, now: Instant, event: EngineEvent) {
        let (cause, fault) = match event {
            EngineEvent::Ready => return self.decide(now, Input::EngineReady),
            EngineEvent::Lost { cause, fault } => (cause, fault),
        };
        if !matches!(self.scheduler.engine(), EngineState::Connecting | EngineState::Up) {
            return;
        }
        self.remote_failure = cause.clone();
        self.is_engine_going = true;
        let is_remote = |(_, hired): &(WorkerId, &Hired)| hired.location == Location::Remote;
        let gone: Vec<WorkerId> = self.workers.iter().filter(is_remote).map(|(id, _)| id).collect();
        let tasks: Vec<_> = gone.iter().filter_map(|&worker| Some((worker, self.task_of(worker)?))).collect();
        self.decide(now, Input::EngineLost { fault });
        self.is_engine_going = false;
        for (worker, task) in tasks {
            self.tasks.leave(task, worker);
        }
        for worker in gone {
            self.dismiss(worker, cause.clone());
        }
    }

    /// Acts on what is due. A worker that waits for what it is to install is not to blame for the time that it takes.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        self.renew_boot_deadlines(now);
        for (_, hired) in self.workers.iter_mut() {
            hired.interrupts.repeat(now);
        }
        self.scheduler.handle_timeout(now);
        self.obey(now);
    }

    /// When [`Self::on_timeout`] is wanted next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let interrupts = self.workers.iter().filter_map(|(_, hired)| hired.interrupts.next());
        interrupts.chain(self.scheduler.poll_timeout().map(|(at, _)| at)).min()
    }

    /// What a worker is to install has been prepared.
    pub(crate) fn on_setup_prepared(&mut self, now: Instant, worker: WorkerId, setup: &JsValue) {
        let Some(hired) = self.workers.get_mut(&worker) else { return }; // It has ended in the meantime.
        hired.awaits_setup = false;
        hired.outbox.push(HostMessage::install(&worker_name(worker), setup, &hired.interrupts.memory()));
        self.decide(now, Input::InstallProgressed { worker });
    }

    /// What a worker is to install cannot be had.
    pub(crate) fn on_setup_failed(&mut self, now: Instant, worker: WorkerId, cause: JsValue) {
        if self.workers.contains_key(&worker) {
            self.fail_install(worker, cause, InstallFault::Permanent);
            self.obey(now);
        }
    }

    /// Hands data to a task; `false` if it has ended.
    pub(crate) fn send_data(&mut self, id: TaskId, data: JsValue) -> bool {
        match self.tasks.recipient(id) {
            None => return false,
            Some(Recipient::Inbox) => self.tasks.keep_data(id, data),
            Some(Recipient::Worker(worker)) => self.post(worker, HostMessage::data(id, &data)),
            Some(Recipient::Both(worker)) => {
                self.post(worker, HostMessage::data(id, &data));
                self.tasks.keep_data(id, data);
            }
        }
        true
    }

    /// The user no longer wants a task.
    pub(crate) fn cancel(&mut self, now: Instant, task: TaskId, cause: JsValue) {
        self.tasks.set_cancel_cause(task, cause);
        self.decide(now, Input::TaskCancelled { task });
    }

    /// The user wants other bounds on the number of workers: nobody waits for more than there may be.
    pub(crate) fn resize(&mut self, now: Instant, sizes: PoolSizes) {
        for waiter in &mut self.waiters {
            waiter.count = waiter.count.min(sizes.stretch_to() as usize);
        }
        self.decide(now, Input::PoolResized { sizes });
    }

    /// A promise of the pool's first workers having been up.
    pub(crate) fn when_first_up(&mut self) -> Promise {
        let count = if self.first_up { 0 } else { self.scheduler.config().sizes().start_at() };
        self.when_up(count)
    }

    /// A promise of `count` workers being up; it rejects with the cause if the pool ends before.
    pub(crate) fn when_up(&mut self, count: u32) -> Promise {
        let count = count as usize;
        Promise::new(&mut |resolve, reject| self.waiters.push(Waiter { count, resolve, reject }))
    }

    /// Whether the pool has ended since this was last asked. What it held for its workers is let go then.
    pub(crate) fn take_end(&mut self) -> bool {
        let has_ended = !self.end_told && self.scheduler.state() == PoolState::Terminated;
        if has_ended {
            self.end_told = true;
            self.order_setup = None;
        }
        has_ended
    }

    fn renew_boot_deadlines(&mut self, now: Instant) {
        let waiting = self.workers.iter().filter(|(_, hired)| hired.awaits_setup);
        for worker in waiting.map(|(worker, _)| worker).collect::<Vec<_>>() {
            self.decide(now, Input::InstallProgressed { worker });
        }
    }

    fn carry_out(&mut self, now: Instant, output: Output) {
        match output {
            Output::StartWorker { worker, location } => self.start_worker(worker, location),
            Output::StopWorker { worker, reason } => {
                let cause = JsValue::from(sentence_of(reason));
                if reason == StopReason::BootTimedOut {
                    self.note_failure(worker, &cause);
                }
                self.dismiss(worker, cause);
            }
            Output::PostTask { worker, task, posting } => self.post_task(worker, task, posting),
            Output::AnnounceStart { worker, task } => {
                self.tasks.begin(task);
                self.events.push_back(Event::TaskStarted { task, worker });
            }
            Output::WithdrawTask { worker, task } => self.post(worker, HostMessage::withdraw(task)),
            Output::DropTask { worker, task } => {
                let cause = self.tasks.cancel_cause(task);
                self.post(worker, HostMessage::abort(task, &cause));
            }
            Output::AbortTask { worker, task } => self.abort_task(now, worker, task),
            Output::SettleTask { task, worker, reason } => self.settle_task(task, worker, reason),
            Output::ConnectEngine => {
                if let Some(Remote { engine, heard, .. }) = &self.remote {
                    engine.connect(heard.clone());
                }
            }
            Output::DisconnectEngine => {
                if let Some(Remote { engine, .. }) = &self.remote {
                    engine.disconnect();
                }
            }
            Output::FailRemote => {
                self.events.push_back(Event::RemoteFailed { cause: self.remote_failure.clone() });
            }
            Output::FailPool => self.events.push_back(Event::PoolFailed { cause: self.last_failure.clone() }),
        }
    }

    fn start_worker(&mut self, worker: WorkerId, location: Location) {
        self.events.push_back(Event::WorkerStarted { worker, location });
        match self.open_port_at(location, worker) {
            Ok(port) => {
                let hired = Hired {
                    location,
                    port,
                    outbox: Outbox::default(),
                    defined: SortedSet::default(),
                    interrupts: Interrupts::new(),
                    awaits_setup: true,
                };
                self.workers.insert(worker, hired);
                if let Some(order) = &self.order_setup {
                    order(worker, location);
                }
            }
            Err(exception) => self.fail_install(worker, exception, InstallFault::Transient),
        }
    }

    fn open_port_at(&self, location: Location, worker: WorkerId) -> Result<Box<dyn Port>, JsValue> {
        match (location, &self.remote) {
            (Location::Local, _) => (self.open_port)(worker),
            (Location::Remote, Some(Remote { engine, sink_of, .. })) => {
                engine.open_port(worker, sink_of(worker))
            }
            (Location::Remote, None) => Err("the pool was given no engine".into()),
        }
    }

    fn post_task(&mut self, worker: WorkerId, task: TaskId, posting: Posting) {
        let taken = match posting {
            Posting::Now => self.tasks.start(task, worker),
            Posting::Ahead | Posting::Quick => self.tasks.post_ahead(task, worker),
        };
        let Some((call, inbox)) = taken else { return };
        let Some(hired) = self.workers.get_mut(&worker) else { return };
        let Call { function, args, transfer } = call;
        if hired.defined.insert(function)
            && let Some(definition) = self.functions.definition(function)
        {
            hired.outbox.push(HostMessage::define(function.0, definition));
        }
        match posting {
            Posting::Now => hired.outbox.push(HostMessage::run(task, function.0, &args, transfer)),
            Posting::Ahead => hired.outbox.push(HostMessage::run_ahead(task, function.0, &args)),
            Posting::Quick => hired.outbox.push_quick(task, function.0, &args),
        }
        for data in &inbox {
            hired.outbox.push(HostMessage::data(task, data));
        }
        if posting == Posting::Now {
            self.events.push_back(Event::TaskStarted { task, worker });
        }
    }

    /// JavaScript hears of it when it listens; Python is interrupted where it stands.
    fn abort_task(&mut self, now: Instant, worker: WorkerId, task: TaskId) {
        let cause = self.tasks.cancel_cause(task);
        self.post(worker, HostMessage::abort(task, &cause));
        if let Some(hired) = self.workers.get_mut(&worker) {
            hired.interrupts.begin(now);
        }
    }

    fn settle_task(&mut self, task: TaskId, worker: Option<WorkerId>, reason: ExitReason) {
        let Ended { value: said, cancel_cause, target } = self.tasks.end(task);
        if let Some(hired) = worker.and_then(|id| self.workers.get_mut(&id)) {
            hired.interrupts.end();
        }
        let value = match reason {
            ExitReason::Completed | ExitReason::Threw | ExitReason::Unclonable => said,
            ExitReason::Cancelled => cancel_cause,
            ExitReason::InstallFailed => self.why_not_installed(target),
            ExitReason::WorkerLost => self.why_gone(worker.or(only_worker(target))),
            ExitReason::TimedOut
            | ExitReason::QueueTimedOut
            | ExitReason::Rejected
            | ExitReason::PoolTerminated => JsValue::UNDEFINED,
        };
        self.events.push_back(Event::TaskExited { task, worker, reason, value });
    }

    /// What a worker that has just gone died of, or was ended for.
    fn why_gone(&self, worker: Option<WorkerId>) -> JsValue {
        match &self.last_gone {
            Some((gone, cause)) if worker == Some(*gone) => cause.clone(),
            Some(_) | None if self.is_engine_going => self.remote_failure.clone(),
            Some(_) | None => JsValue::UNDEFINED,
        }
    }

    /// Why a task had no worker: there is none at all, or none where it could have run.
    fn why_not_installed(&self, target: Target) -> JsValue {
        let is_pool_over = matches!(self.scheduler.state(), PoolState::Failed | PoolState::Terminated);
        match target {
            Target::At(Location::Remote) if !is_pool_over => self.remote_failure.clone(),
            Target::At(_) | Target::Anyone | Target::Worker(_) => self.last_failure.clone(),
        }
    }

    fn on_message(&mut self, now: Instant, worker: WorkerId, message: &JsValue) {
        let Some(hired) = self.workers.get(&worker) else { return }; // It crossed the worker's end.
        let Some(message) = WorkerMessage::parse(message) else {
            return self.lose(now, worker, FOREIGN_MESSAGE.into());
        };
        match message {
            WorkerMessage::Booted { .. } if !self.is_starting(worker) => {}
            WorkerMessage::Booted { lock, compiles } => {
                if let Some(lock) = lock {
                    hired.port.watch_lock(&lock);
                }
                if !compiles {
                    self.events.push_back(Event::SourcesForbidden);
                }
                self.decide(now, Input::InstallProgressed { worker });
            }
            WorkerMessage::Progress { event } => {
                self.events.push_back(Event::InstallProgressed { worker, event });
                self.decide(now, Input::InstallProgressed { worker });
            }
            WorkerMessage::Ready if !self.is_starting(worker) => {}
            WorkerMessage::Ready => {
                self.events.push_back(Event::WorkerReady { worker });
                self.decide(now, Input::WorkerReady { worker });
            }
            WorkerMessage::InstallFailed { .. } if !self.is_starting(worker) => {
                self.lose(now, worker, "the worker says that its install failed, and was ready".into());
            }
            WorkerMessage::InstallFailed { error, permanent } => {
                let fault = if permanent { InstallFault::Permanent } else { InstallFault::Transient };
                self.fail_install(worker, error, fault);
                self.obey(now);
            }
            WorkerMessage::Exit { task, outcome, value, took } => {
                self.on_exit(now, worker, (task, outcome, took), value);
            }
            WorkerMessage::Exits(exits) => {
                for ((task, took), value) in exits.ends.into_iter().zip(exits.values.iter()) {
                    self.on_exit(now, worker, (task, Outcome::Completed, took), value);
                }
            }
            WorkerMessage::Returned { task } => self.decide(now, Input::TaskReturned { worker, task }),
            WorkerMessage::Log { task, text, json } => {
                self.tell_of(task, worker, Event::TaskLogged { task, worker, text, json });
            }
            WorkerMessage::Data { task, payload } => {
                self.tell_of(task, worker, Event::TaskSentData { task, worker, payload });
            }
            WorkerMessage::PostError { task, error } => {
                self.tell_of(task, worker, Event::TaskPostFailed { task, worker, error });
            }
        }
    }

    fn on_exit(
        &mut self,
        now: Instant,
        worker: WorkerId,
        (task, outcome, took): (TaskId, Outcome, Duration),
        value: JsValue,
    ) {
        if self.tasks.runs_on(task, worker) {
            self.tasks.set_value(task, value);
        }
        self.decide(now, Input::TaskFinished { worker, task, outcome, took });
    }

    /// Tells an event of a task, unless the task has ended or is not this worker's.
    fn tell_of(&mut self, task: TaskId, worker: WorkerId, event: Event) {
        if self.tasks.runs_on(task, worker) {
            self.events.push_back(event);
        }
    }

    /// The install of a starting worker failed.
    fn fail_install(&mut self, worker: WorkerId, cause: JsValue, fault: InstallFault) {
        self.note_failure(worker, &cause);
        self.dismiss(worker, cause);
        self.follow_ups.push_back(Input::InstallFailed { worker, fault });
    }

    /// Ends what is left of a worker that died, once the scheduler has settled its task.
    fn lose(&mut self, now: Instant, worker: WorkerId, cause: JsValue) {
        if !self.workers.contains_key(&worker) {
            return;
        }
        if self.is_starting(worker) {
            self.fail_install(worker, cause, InstallFault::Transient);
            return self.obey(now);
        }
        let task = self.task_of(worker);
        self.last_gone = Some((worker, cause.clone()));
        self.decide(now, Input::WorkerLost { worker });
        if let Some(task) = task {
            self.tasks.leave(task, worker);
        }
        self.dismiss(worker, cause);
    }

    fn note_failure(&mut self, worker: WorkerId, cause: &JsValue) {
        let place =
            match self.scheduler.location(worker).or(self.workers.get(&worker).map(|hired| hired.location)) {
                Some(Location::Remote) => &mut self.remote_failure,
                Some(Location::Local) | None => &mut self.last_failure,
            };
        *place = cause.clone();
    }

    fn task_of(&self, worker: WorkerId) -> Option<TaskId> {
        match self.scheduler.worker_state(worker)? {
            WorkerState::Busy(task) => Some(task),
            WorkerState::Starting | WorkerState::Idle => None,
        }
    }

    fn is_starting(&self, worker: WorkerId) -> bool {
        self.scheduler.worker_state(worker) == Some(WorkerState::Starting)
    }

    fn dismiss(&mut self, worker: WorkerId, cause: JsValue) {
        self.last_gone = Some((worker, cause));
        if let Some(hired) = self.workers.remove(&worker) {
            hired.port.terminate();
        }
        self.events.push_back(Event::WorkerGone { worker });
    }

    fn post(&mut self, worker: WorkerId, message: HostMessage) {
        if let Some(hired) = self.workers.get_mut(&worker) {
            hired.outbox.push(message);
        }
    }

    /// Sends what was put into the outboxes, one batch per worker; `true` if something could not be sent.
    fn flush(&mut self, now: Instant) -> bool {
        let mut refused = Vec::new();
        for (worker, hired) in self.workers.iter_mut() {
            let of_worker = hired.outbox.flush(hired.port.as_ref());
            refused.extend(of_worker.into_iter().map(|refusal| (worker, refusal)));
        }
        let is_refused = !refused.is_empty();
        for (worker, (subject, exception)) in refused {
            self.on_refused(worker, subject, exception);
            // With what comes of it, the next one may be its worker's own.
            self.obey(now);
        }
        is_refused
    }

    /// Something cannot be cloned.
    fn on_refused(&mut self, worker: WorkerId, subject: Subject, exception: JsValue) {
        match subject {
            Subject::Install => self.fail_install(worker, exception, InstallFault::Permanent),
            // Sent again when it is its turn, it fails as any other.
            Subject::RunAhead(task) if !self.tasks.runs_on(task, worker) => {
                self.follow_ups.push_back(Input::TaskReturned { worker, task });
            }
            Subject::Run(task) | Subject::RunAhead(task) => {
                self.tasks.set_value(task, exception);
                let (outcome, took) = (Outcome::Unclonable, Duration::ZERO);
                self.follow_ups.push_back(Input::TaskFinished { worker, task, outcome, took });
            }
            Subject::Data(task) => {
                self.events.push_back(Event::TaskPostFailed { task, worker, error: exception });
            }
            // Sources, numbers and causes that were checked: they can be cloned.
            Subject::Function | Subject::Other => {}
        }
    }

    fn tell_engine(&mut self) {
        let state = self.scheduler.engine();
        if std::mem::replace(&mut self.told_engine, state) != state {
            self.events.push_back(Event::EngineChanged { state, cause: self.remote_failure.clone() });
        }
    }

    fn resolve_waiters(&mut self) {
        let up = self.scheduler.workers_up();
        self.first_up |= up >= self.scheduler.config().sizes().start_at() as usize;
        let ended = matches!(self.scheduler.state(), PoolState::Failed | PoolState::Terminated);
        // Nobody tries any more to get so many workers up.
        let given_up = self.scheduler.floor() == 0;
        for waiter in std::mem::take(&mut self.waiters) {
            // Settling a promise runs nobody's code now, and does not throw.
            if up >= waiter.count && !ended {
                drop(waiter.resolve.call0(&JsValue::UNDEFINED));
            } else if ended || given_up {
                drop(waiter.reject.call1(&JsValue::UNDEFINED, &self.last_failure));
            } else {
                self.waiters.push(waiter);
            }
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("scheduler", &self.scheduler).finish_non_exhaustive()
    }
}

/// The worker that a task was for, if it was for one.
const fn only_worker(target: Target) -> Option<WorkerId> {
    match target {
        Target::Worker(worker) => Some(worker),
        Target::Anyone | Target::At(_) => None,
    }
}

/// The public name of a worker.
pub(crate) fn worker_name(worker: WorkerId) -> String {
    format!("w{}", worker.0)
}

/// Why a worker was ended, for whoever waited for it.
const fn sentence_of(reason: StopReason) -> &'static str {
    match reason {
        StopReason::BootTimedOut => "the worker showed no progress within the boot timeout",
        StopReason::Unresponsive => "it did not stop a task in time, and was ended",
        StopReason::Idle => "it had nothing to do for longer than the idle timeout, and was ended",
        StopReason::Surplus => "the pool was made smaller",
        StopReason::PoolTerminated => "the pool was ended",
    }
}
