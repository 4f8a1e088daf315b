//! The gateway's state: sessions, their workers, and the bridge. One lock guards it, and nothing waits while holding it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::bridge::{Bridge, BridgeNews, BridgeOrder, BridgeSettings, Outbound, Slot};
use crate::channel::{Arrival, Sending};
use crate::failure::{Failure, FailureCode};
use crate::limits::Limits;
use crate::log_gate::LogGate;
use crate::protocol::{
    ClientContent, ClientFrame, EngineNews, EngineState, News, OpenWorker, OutgoingFrame, ServerContent,
    Violation, WorkerNumber,
};
use crate::session::{ConnectionNumber, Session, SessionId};
use crate::token::{Token, TokenError};

/// Runtimes, as clients name them.
const PYTHON: &str = "python";
const JAVASCRIPT: &str = "javascript";

/// What a gateway is made of.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// The engine, and how its bridge is started.
    pub bridge: BridgeSettings,
    /// What clients show.
    pub token: Token,
    /// Origins of pages that may connect, besides the server's own: `https://host:port`.
    pub origins: Vec<String>,
    /// Every bound.
    pub limits: Limits,
}

/// All sessions of a server. It ends its bridge, and with it all remote workers, when it is dropped.
pub struct Gateway {
    pub(crate) token: Token,
    pub(crate) origins: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) log: LogGate,
    /// What may be on its way to the bridge, in bytes.
    bridge_bytes: Arc<Semaphore>,
    next_connection: AtomicU64,
    state: Mutex<State>,
    bridge: Mutex<Option<Bridge>>,
}

#[derive(Debug)]
struct State {
    sessions: HashMap<SessionId, Session>,
    slots: HashMap<Slot, SlotState>,
    last_slot: u32,
    engine: EngineNews,
    /// Where orders to the bridge go, while it is up.
    orders: Option<Outbound>,
    is_ending: bool,
}

/// A remote worker, as the bridge knows it.
#[derive(Debug)]
struct SlotState {
    session: SessionId,
    worker: WorkerNumber,
    /// What waits for the bridge: the order to open it, and payloads for it.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    open: OpenWorker,
    payloads: Vec<Bytes>,
    bytes: usize,
}

/// What a connection is to do about a client's frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The frame breaks the protocol.
    Violation(Violation),
    /// The session is gone, or goes on elsewhere.
    NotOurs,
}

/// Whether a connection may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may.
    Current,
    /// The session goes on with another connection.
    Replaced,
    /// The session was ended.
    SessionGone,
    /// The server ends.
    ServerEnds,
}

/// A session as its connection holds it.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) session: SessionId,
    pub(crate) connection: ConnectionNumber,
    pub(crate) wake: Arc<Notify>,
    /// The highest number that the server received.
    pub(crate) received: u64,
}

impl Gateway {
    /// Starts the bridge, and is ready for clients at once; the engine may come later.
    #[must_use]
    pub fn start(settings: GatewaySettings) -> Arc<Self> {
        let GatewaySettings { bridge, token, origins, limits } = settings;
        let engine = EngineNews::of(EngineState::Starting, bridge.engine.to_string(), None);
        let gateway = Arc::new(Self {
            token,
            origins,
            connections: Arc::new(Semaphore::new(limits.connections)),
            bridge_bytes: Arc::new(Semaphore::new(limits.bridge_bytes)),
            limits,
            log: LogGate::default(),
            next_connection: AtomicU64::new(1),
            state: Mutex::new(State {
                sessions: HashMap::new(),
                slots: HashMap::new(),
                last_slot: 0,
                engine,
                orders: None,
                is_ending: false,
            }),
            bridge: Mutex::new(None),
        });
        let listener = Arc::downgrade(&gateway);
        let started = Bridge::start(bridge, move |news| {
            if let Some(gateway) = listener.upgrade() {
                gateway.on_bridge_news(news);
            }
        });
        *gateway.bridge.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        gateway
    }

    /// Ends the bridge and waits until it is gone: it ends the engine's actors, and an engine that it started.
    pub async fn stop(&self) {
        {
            let mut state = self.state();
            state.is_ending = true;
            state.sessions.values().for_each(|session| session.wake.notify_one());
        }
        let bridge = self.bridge.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bridge) = bridge {
            bridge.stop().await;
        }
    }

    pub(crate) fn runtimes(&self) -> Vec<String> {
        self.state().runtimes()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new session, or nothing if there are too many.
    pub(crate) fn begin_session(&self) -> Result<Option<Attached>, TokenError> {
        let id = SessionId(Token::random()?.reveal().to_owned());
        let mut state = self.state();
        if state.sessions.len() >= self.limits.sessions {
            return Ok(None);
        }
        let mut session = Session::new();
        session.connection = self.new_connection();
        session.channel.push(ServerContent::News(News::Engine(state.engine.clone())));
        let attached = attached(&id, &session);
        state.sessions.insert(id, session);
        Ok(Some(attached))
    }

    /// The session goes on with this connection; nothing if there is none of that name.
    pub(crate) fn resume_session(
        &self,
        id: &SessionId,
        received: u64,
    ) -> Result<Option<Attached>, Violation> {
        let mut state = self.state();
        let connection = self.new_connection();
        let Some(session) = state.sessions.get_mut(id) else { return Ok(None) };
        session.channel.resume(received)?;
        session.connection = connection;
        session.is_connected = true;
        session.wake.notify_one();
        session.wake = Arc::new(Notify::new());
        Ok(Some(attached(id, session)))
    }

    fn new_connection(&self) -> ConnectionNumber {
        ConnectionNumber(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether the connection may go on.
    pub(crate) fn standing(&self, attached: &Attached) -> Standing {
        let mut state = self.state();
        if state.is_ending {
            Standing::ServerEnds
        } else if state.session(attached).is_some() {
            Standing::Current
        } else if state.sessions.contains_key(&attached.session) {
            Standing::Replaced
        } else {
            Standing::SessionGone
        }
    }

    /// The next frame for the connection, if there is one and the window is open.
    pub(crate) fn next_frame(&self, attached: &Attached) -> Option<OutgoingFrame> {
        let mut state = self.state();
        let session = state.session(attached)?;
        let Sending { frame, credit } = session.channel.next_frame(&self.limits)?;
        let slot = credit.and_then(|(worker, bytes)| Some((*session.workers.get(&worker)?, bytes)));
        if let Some((slot, bytes)) = slot {
            state.order(BridgeOrder::Credit { slot, bytes });
        }
        Some(frame)
    }

    /// The highest number that came from the client.
    pub(crate) fn received(&self, attached: &Attached) -> u64 {
        self.state().session(attached).map_or(0, |session| session.channel.received())
    }

    /// Room on the way to the bridge for a frame of a client.
    pub(crate) async fn room_for(&self, frame: &ClientFrame) -> Option<OwnedSemaphorePermit> {
        let ClientFrame::Numbered { content: ClientContent::Payload(_, bytes), .. } = frame else {
            return None;
        };
        let wanted = u32::try_from(bytes.len().min(self.limits.bridge_bytes)).unwrap_or(u32::MAX);
        // It is never closed.
        Arc::clone(&self.bridge_bytes).acquire_many_owned(wanted).await.ok()
    }

    /// Deals with a frame of a client.
    pub(crate) fn on_frame(
        &self,
        attached: &Attached,
        frame: ClientFrame,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<(), Rejected> {
        let mut state = self.state();
        let (ack, numbered) = match frame {
            ClientFrame::Ack(ack) => (ack, None),
            ClientFrame::Numbered { seq, ack, content } => (ack, Some((seq, content))),
        };
        let session = state.session(attached).ok_or(Rejected::NotOurs)?;
        if session.channel.acknowledge(ack).map_err(Rejected::Violation)? {
            // The window may be open again.
            session.wake.notify_one();
        }
        let arrival = numbered.as_ref().map(|(seq, _)| session.channel.arrive(*seq)).transpose();
        let arrival = arrival.map_err(Rejected::Violation)?;
        let (Some((_, content)), Some(Arrival::New)) = (numbered, arrival) else { return Ok(()) };
        match content {
            ClientContent::Open(open) => {
                state.on_open(&attached.session, open, &self.limits).map_err(Rejected::Violation)
            }
            ClientContent::Close(worker) => {
                state.on_close(&attached.session, worker);
                Ok(())
            }
            ClientContent::Payload(worker, payload) => {
                state.on_payload(&attached.session, worker, payload, room, &self.limits);
                Ok(())
            }
        }
    }

    /// The connection is over. The session's grace begins, or it ends if its client said so.
    pub(crate) fn on_disconnected(self: &Arc<Self>, attached: &Attached, is_over: bool) {
        if is_over {
            self.end_session(attached);
            return;
        }
        let mut state = self.state();
        let Some(session) = state.session(attached) else { return };
        session.is_connected = false;
        let gateway = Arc::downgrade(self);
        let grace = self.limits.resume_within;
        let attached =
            Attached { session: attached.session.clone(), wake: Arc::clone(&attached.wake), ..*attached };
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            if let Some(gateway) = gateway.upgrade() {
                // Not if it was resumed: then the connection is another.
                gateway.end_session(&attached);
            }
        });
    }

    pub(crate) fn end_session(&self, attached: &Attached) {
        let mut state = self.state();
        if state.session(attached).is_some() {
            state.end_session(&attached.session);
        }
    }

    fn on_bridge_news(&self, news: BridgeNews) {
        let mut state = self.state();
        match news {
            BridgeNews::Started { orders } => state.orders = Some(orders),
            BridgeNews::Engine { news } => state.on_engine(news),
            BridgeNews::Worker { slot, state: reached, at } => state.on_worker(slot, reached, at),
            BridgeNews::Lost { slot, failure } => state.lose(slot, failure),
            BridgeNews::Payload { slot, bytes } => state.on_bridge_payload(slot, bytes),
            BridgeNews::Ended { why } => state.on_bridge_ended(&why),
        }
    }
}

fn attached(id: &SessionId, session: &Session) -> Attached {
    Attached {
        session: id.clone(),
        connection: session.connection,
        wake: Arc::clone(&session.wake),
        received: session.channel.received(),
    }
}

impl State {
    /// The session, if the connection is still its newest one.
    fn session(&mut self, attached: &Attached) -> Option<&mut Session> {
        let session = self.sessions.get_mut(&attached.session)?;
        (session.connection == attached.connection).then_some(session)
    }

    /// What the bridge found; before it has told, what there may be.
    fn runtimes(&self) -> Vec<String> {
        let may_be = || vec![PYTHON.to_owned(), JAVASCRIPT.to_owned()];
        self.engine.runtimes.clone().unwrap_or_else(may_be)
    }

    fn order(&self, order: BridgeOrder) {
        if let Some(orders) = &self.orders {
            orders.send(order);
        }
    }

    fn tell(&mut self, id: &SessionId, content: ServerContent) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.channel.push(content);
            session.wake.notify_one();
        }
    }

    fn on_open(&mut self, id: &SessionId, open: OpenWorker, limits: &Limits) -> Result<(), Violation> {
        let worker = open.worker;
        let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
        if worker.0 <= session.last_worker {
            return Err(Violation::WorkerReused(worker.0));
        }
        session.last_worker = worker.0;
        if let Some(failure) = self.refusal(&open, limits) {
            self.tell(id, ServerContent::News(News::Lost { worker, failure }));
            return Ok(());
        }
        self.last_slot += 1;
        let slot = Slot(self.last_slot);
        if let Some(session) = self.sessions.get_mut(id) {
            session.workers.insert(worker, slot);
        }
        let waiting = Some(Waiting { open, payloads: Vec::new(), bytes: 0 });
        self.slots.insert(slot, SlotState { session: id.clone(), worker, waiting });
        if self.engine.state == EngineState::Up {
            self.open_on_bridge(slot);
        }
        Ok(())
    }

    /// Why such a worker cannot be had now.
    fn refusal(&self, open: &OpenWorker, limits: &Limits) -> Option<Failure> {
        let runtimes = self.runtimes();
        if !runtimes.contains(&open.runtime) {
            let known = runtimes.join("`, `");
            let message = format!("there is no runtime `{}`: there is `{known}`", open.runtime);
            let failure = Failure::new(FailureCode::RuntimeUnknown, message);
            let hint = "install Node 20 or newer where the engine runs, and start the server again";
            return Some(if open.runtime == JAVASCRIPT { failure.with_hint(hint) } else { failure });
        }
        if self.slots.len() >= limits.workers {
            let message = format!("this server allows {} remote workers, and all are in use", limits.workers);
            let hint = "close some, or start the server with a larger `--engine-workers`";
            return Some(Failure::new(FailureCode::WorkerLimit, message).with_hint(hint));
        }
        if self.engine.state == EngineState::Down {
            let unknown = || Failure::new(FailureCode::EngineDown, "the engine is down");
            return Some(self.engine.failure.clone().unwrap_or_else(unknown));
        }
        None
    }

    fn open_on_bridge(&mut self, slot: Slot) {
        let Some(Waiting { open, payloads, .. }) =
            self.slots.get_mut(&slot).and_then(|state| state.waiting.take())
        else {
            return;
        };
        self.order(BridgeOrder::Open { slot, open });
        for bytes in payloads {
            self.order(BridgeOrder::Payload { slot, bytes, _room: None });
        }
    }

    fn on_close(&mut self, id: &SessionId, worker: WorkerNumber) {
        let Some(slot) = self.sessions.get(id).and_then(|session| session.workers.get(&worker)) else {
            return;
        };
        self.end_slot(*slot, Failure::new(FailureCode::Closed, "closed by its pool"));
    }

    /// Ends a worker that the bridge may still have.
    fn end_slot(&mut self, slot: Slot, failure: Failure) {
        if self.slots.get(&slot).is_some_and(|state| state.waiting.is_none()) {
            self.order(BridgeOrder::Close { slot });
        }
        self.lose(slot, failure);
    }

    /// A payload for a worker that is gone is nothing: the client has not heard of it yet.
    fn on_payload(
        &mut self,
        id: &SessionId,
        worker: WorkerNumber,
        bytes: Bytes,
        room: Option<OwnedSemaphorePermit>,
        limits: &Limits,
    ) {
        let Some(slot) = self.sessions.get(id).and_then(|session| session.workers.get(&worker)).copied()
        else {
            return;
        };
        let Some(state) = self.slots.get_mut(&slot) else { return };
        let Some(waiting) = &mut state.waiting else {
            self.order(BridgeOrder::Payload { slot, bytes, _room: room });
            return;
        };
        waiting.bytes += bytes.len();
        waiting.payloads.push(bytes);
        if waiting.bytes > limits.worker_backlog_bytes {
            let message = format!("more than {} bytes wait for a worker", limits.worker_backlog_bytes);
            self.lose(slot, Failure::new(FailureCode::WorkerOverrun, message));
        }
    }

    fn lose(&mut self, slot: Slot, failure: Failure) {
        let Some(SlotState { session: id, worker, .. }) = self.slots.remove(&slot) else { return };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.workers.remove(&worker);
        }
        self.tell(&id, ServerContent::News(News::Lost { worker, failure }));
    }

    fn end_session(&mut self, id: &SessionId) {
        let Some(session) = self.sessions.remove(id) else { return };
        session.wake.notify_one();
        for slot in session.workers.into_values() {
            if self.slots.remove(&slot).is_some_and(|state| state.waiting.is_none()) {
                self.order(BridgeOrder::Close { slot });
            }
        }
    }

    fn on_engine(&mut self, news: EngineNews) {
        let news = EngineNews { engine: self.engine.engine.clone(), ..news };
        if news == self.engine {
            return;
        }
        if news.state == EngineState::Up && self.engine.state != EngineState::Up {
            tracing::info!("gateway: {}", news.in_words());
        }
        self.engine = news;
        let ids: Vec<SessionId> = self.sessions.keys().cloned().collect();
        for id in ids {
            self.tell(&id, ServerContent::News(News::Engine(self.engine.clone())));
        }
        match self.engine.state {
            EngineState::Starting => {}
            EngineState::Up => {
                let waiting: Vec<Slot> = self.slots.keys().copied().collect();
                waiting.into_iter().for_each(|slot| self.open_on_bridge(slot));
            }
            EngineState::Down => {
                let unknown = || Failure::new(FailureCode::EngineDown, "the engine is down");
                let failure = self.engine.failure.clone().unwrap_or_else(unknown);
                self.lose_all(&failure);
            }
        }
    }

    fn lose_all(&mut self, failure: &Failure) {
        let slots: Vec<Slot> = self.slots.keys().copied().collect();
        slots.into_iter().for_each(|slot| self.lose(slot, failure.clone()));
    }

    fn on_worker(&mut self, slot: Slot, reached: String, at: Option<serde_json::Value>) {
        let Some(SlotState { session, worker, .. }) = self.slots.get(&slot) else { return };
        let (id, worker) = (session.clone(), *worker);
        self.tell(&id, ServerContent::News(News::Worker { worker, state: reached, at }));
    }

    fn on_bridge_payload(&mut self, slot: Slot, bytes: Bytes) {
        let Some(SlotState { session, worker, .. }) = self.slots.get(&slot) else { return };
        let (id, worker) = (session.clone(), *worker);
        self.tell(&id, ServerContent::Payload(worker, bytes));
    }

    /// Workers that the bridge had are gone with it. Those that wait for one go on waiting, unless the engine was said to be down.
    fn on_bridge_ended(&mut self, why: &str) {
        self.orders = None;
        let had: Vec<Slot> =
            self.slots.iter().filter(|(_, state)| state.waiting.is_none()).map(|(slot, _)| *slot).collect();
        for slot in had {
            self.lose(slot, Failure::new(FailureCode::BridgeLost, why));
        }
        if self.engine.state == EngineState::Up {
            let starting = EngineNews {
                state: EngineState::Starting,
                version: None,
                nodes: None,
                cpus: None,
                ..self.engine.clone()
            };
            self.on_engine(starting);
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gateway").field("limits", &self.limits).finish_non_exhaustive()
    }
}
