//! One WebSocket: it is let in or refused, begins a session or goes on with one, and carries its frames until either side ends it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::failure::{Failure, FailureCode};
use crate::gateway::{Attached, Gateway, Rejected, Standing};
use crate::protocol::{
    ClientFrame, Free, HEADER_BYTES, Handshake, OutgoingFrame, SUBPROTOCOL, TOKEN_PREFIX, Violation,
};
use crate::session::SessionId;

/// How often a connection looks whether it owes an acknowledgement.
const TICK: Duration = Duration::from_millis(250);
/// How many frames go out before the next one is read.
const FRAMES_PER_TURN: usize = 32;
/// After so many frames their acknowledgement goes out at once.
const FRAMES_PER_ACK: u64 = 64;
/// How many beats of silence break a connection.
const BEATS_OF_SILENCE: u32 = 3;

/// Answers a request for a WebSocket.
pub fn upgrade(
    gateway: Arc<Gateway>,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if let Some(origin) = foreign_origin(headers, &gateway.origins) {
        let why = format!("the page at `{origin}` may not use this gateway");
        gateway.log.refused("origin", &why);
        return (StatusCode::FORBIDDEN, format!("{why}\n")).into_response();
    }
    let offered = Offered::read(headers);
    if !offered.speaks_our_version {
        let why = format!("the subprotocol `{SUBPROTOCOL}` is not among those offered");
        gateway.log.refused("subprotocol", &why);
        return (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let Ok(place) = Arc::clone(&gateway.connections).try_acquire_owned() else {
        gateway.log.refused("connections", "too many connections");
        return (StatusCode::SERVICE_UNAVAILABLE, "too many connections\n").into_response();
    };
    let is_trusted = offered.token.is_some_and(|token| gateway.token.is(&token));
    let frame_bytes = gateway.limits.frame_bytes;
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(frame_bytes)
        .max_frame_size(frame_bytes)
        .on_upgrade(move |socket| Connection::new(gateway, socket, place).serve(is_trusted))
}

/// The page's origin, if it is neither this server's own nor one that was allowed.
fn foreign_origin(headers: &HeaderMap, allowed: &[String]) -> Option<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_known = |origin: &str| {
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        own.is_some_and(|own| own.eq_ignore_ascii_case(host))
            || allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    };
    let origins =
        headers.get_all(header::ORIGIN).iter().map(|origin| String::from_utf8_lossy(origin.as_bytes()));
    origins.into_iter().find(|origin| !is_known(origin)).map(std::borrow::Cow::into_owned)
}

/// What a client offers as subprotocols.
struct Offered {
    speaks_our_version: bool,
    token: Option<String>,
}

impl Offered {
    fn read(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
        let names: Vec<&str> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        let token = names.iter().find_map(|name| name.strip_prefix(TOKEN_PREFIX)).map(str::to_owned);
        Self { speaks_our_version: names.contains(&SUBPROTOCOL), token }
    }
}

struct Connection {
    gateway: Arc<Gateway>,
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    heard_at: Instant,
    spoke_at: Instant,
    acknowledged: u64,
    unacknowledged_bytes: usize,
    _place: OwnedSemaphorePermit,
}

/// Why a connection ends.
enum End {
    /// The network, or the client went away.
    Broken,
    /// The client is done with the session.
    Done,
    /// The server says why.
    Failed(Failure),
    /// The same, and the session is dropped.
    FailedForGood(Failure),
    ServerEnds,
}

impl Connection {
    fn new(gateway: Arc<Gateway>, socket: WebSocket, place: OwnedSemaphorePermit) -> Self {
        let (sink, stream) = socket.split();
        let now = Instant::now();
        Self {
            gateway,
            sink,
            stream,
            heard_at: now,
            spoke_at: now,
            acknowledged: 0,
            unacknowledged_bytes: 0,
            _place: place,
        }
    }

    async fn serve(mut self, is_trusted: bool) {
        if !is_trusted {
            let failure =
                Failure::new(FailureCode::TokenRefused, "there is no token, or it is not this server's")
                    .with_hint("give the pool the token that the server has: `remote: { url, token }`");
            self.gateway.log.refused("token", "a client without the token");
            self.say_why(&failure).await;
            return;
        }
        match self.attach().await {
            Ok(attached) => {
                let end = self.carry(&attached).await;
                self.end(&attached, end).await;
            }
            Err(End::Failed(failure) | End::FailedForGood(failure)) => {
                self.gateway.log.refused("handshake", &failure.message);
                self.say_why(&failure).await;
            }
            Err(End::Broken | End::Done | End::ServerEnds) => {}
        }
    }

    /// The client's first frame, and the answer to it.
    async fn attach(&mut self) -> Result<Attached, End> {
        let handshake = match timeout(self.gateway.limits.hello_within, self.first_frame()).await {
            Ok(handshake) => handshake?,
            Err(_) => {
                let message = "no `hello` or `resume` came in time";
                return Err(End::Failed(Failure::new(FailureCode::HelloTimeout, message)));
            }
        };
        match handshake {
            Handshake::Hello { client } => self.begin(&client).await,
            Handshake::Resume { session, received } => self.resume(SessionId(session), received).await,
        }
    }

    async fn first_frame(&mut self) -> Result<Handshake, End> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Handshake::parse(&text).map_err(violated),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(violated(Violation::NoHandshake)),
                Some(Ok(Message::Close(_))) | None => return Err(End::Broken),
                Some(Err(error)) => return Err(self.on_error(&error)),
            }
        }
    }

    async fn begin(&mut self, client: &str) -> Result<Attached, End> {
        let begun = self
            .gateway
            .begin_session()
            .map_err(|error| End::Failed(Failure::new(FailureCode::SessionLimit, error.to_string())))?;
        let Some(attached) = begun else {
            return Err(End::Failed(Failure::new(FailureCode::SessionLimit, "too many sessions")));
        };
        tracing::debug!("gateway: a session of client `{}` begins", client.escape_debug());
        let welcome = Free::Welcome {
            session: attached.session.0.clone(),
            server: env!("CARGO_PKG_VERSION"),
            runtimes: self.gateway.runtimes(),
            limits: (&self.gateway.limits).into(),
        };
        self.send_now(Message::Text(welcome.text().into())).await?;
        Ok(attached)
    }

    async fn resume(&mut self, session: SessionId, received: u64) -> Result<Attached, End> {
        let resumed = self.gateway.resume_session(&session, received).map_err(violated)?;
        let Some(attached) = resumed else {
            return Err(End::Failed(Failure::new(
                FailureCode::SessionGone,
                "there is no such session: its grace is over, or the server was started anew",
            )));
        };
        self.acknowledged = attached.received;
        let resumed = Free::Resumed { received: attached.received };
        self.send_now(Message::Text(resumed.text().into())).await?;
        Ok(attached)
    }

    /// Frames go both ways until something ends the connection.
    async fn carry(&mut self, attached: &Attached) -> End {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = async {
                match self.gateway.standing(attached) {
                    Standing::Current => self.send_waiting(attached).await?,
                    Standing::Replaced => return Err(replaced()),
                    Standing::SessionGone => return Err(End::Done),
                    Standing::ServerEnds => return Err(End::ServerEnds),
                }
                tokio::select! {
                    incoming = self.stream.next() => match incoming {
                        Some(Ok(message)) => self.on_message(attached, message).await,
                        Some(Err(error)) => Err(self.on_error(&error)),
                        None => Err(End::Broken),
                    },
                    () = attached.wake.notified() => Ok(()),
                    _ = ticks.tick() => self.on_tick(attached).await,
                }
            };
            if let Err(end) = turn.await {
                return end;
            }
        }
    }

    async fn send_waiting(&mut self, attached: &Attached) -> Result<(), End> {
        let mut count = 0;
        while let Some(frame) = self.gateway.next_frame(attached) {
            self.acknowledged = self.gateway.received(attached);
            self.unacknowledged_bytes = 0;
            let message = match frame {
                OutgoingFrame::Text(text) => Message::Text(text.into()),
                OutgoingFrame::Binary(bytes) => Message::Binary(bytes.into()),
            };
            self.feed(message).await?;
            count += 1;
            if count == FRAMES_PER_TURN {
                attached.wake.notify_one();
                break;
            }
        }
        if count > 0 { self.flush().await } else { Ok(()) }
    }

    async fn on_message(&mut self, attached: &Attached, message: Message) -> Result<(), End> {
        self.heard_at = Instant::now();
        let frame = match message {
            Message::Text(text) => ClientFrame::parse_text(&text),
            Message::Binary(bytes) => {
                self.unacknowledged_bytes += bytes.len().saturating_sub(HEADER_BYTES);
                ClientFrame::parse_binary(bytes)
            }
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(frame) => {
                let is_done = frame.is_some_and(|frame| frame.code == 1000);
                return Err(if is_done { End::Done } else { End::Broken });
            }
        };
        let frame = frame.map_err(violated)?;
        let room = self.gateway.room_for(&frame).await;
        match self.gateway.on_frame(attached, frame, room) {
            Ok(()) => self.acknowledge_in_time(attached).await,
            Err(Rejected::NotOurs) => Ok(()),
            Err(Rejected::Violation(violation)) => Err(violated(violation)),
        }
    }

    /// Acknowledges at once what could hold up the client.
    async fn acknowledge_in_time(&mut self, attached: &Attached) -> Result<(), End> {
        let is_much = self.unacknowledged_bytes * 4 >= self.gateway.limits.window_bytes;
        if is_much || self.gateway.received(attached) >= self.acknowledged + FRAMES_PER_ACK {
            self.acknowledge(attached).await?;
        }
        Ok(())
    }

    async fn on_tick(&mut self, attached: &Attached) -> Result<(), End> {
        let beat = self.gateway.limits.beat;
        if self.heard_at.elapsed() > beat * BEATS_OF_SILENCE {
            return Err(End::Broken);
        }
        if self.spoke_at.elapsed() >= beat {
            self.feed(Message::Ping(axum::body::Bytes::new())).await?;
            return self.acknowledge(attached).await;
        }
        if self.gateway.received(attached) > self.acknowledged {
            self.acknowledge(attached).await
        } else {
            Ok(())
        }
    }

    async fn acknowledge(&mut self, attached: &Attached) -> Result<(), End> {
        self.acknowledged = self.gateway.received(attached);
        self.unacknowledged_bytes = 0;
        self.send_now(Message::Text(Free::Ack { ack: self.acknowledged }.text().into())).await
    }

    async fn send_now(&mut self, message: Message) -> Result<(), End> {
        self.feed(message).await?;
        self.flush().await
    }

    async fn feed(&mut self, message: Message) -> Result<(), End> {
        self.spoke_at = Instant::now();
        self.within(|sink| Box::pin(sink.feed(message))).await
    }

    async fn flush(&mut self) -> Result<(), End> {
        self.within(|sink| Box::pin(sink.flush())).await
    }

    /// A client that takes nothing for too long is as good as gone.
    async fn within<'a, Sending>(
        &'a mut self,
        send: impl FnOnce(&'a mut SplitSink<WebSocket, Message>) -> Sending,
    ) -> Result<(), End>
    where
        Sending: Future<Output = Result<(), axum::Error>>,
    {
        let patience = self.gateway.limits.beat * BEATS_OF_SILENCE;
        match timeout(patience, send(&mut self.sink)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Broken),
        }
    }

    fn on_error(&self, error: &axum::Error) -> End {
        let text = crate::failure::with_causes(error);
        if text.contains("too long") || text.contains("too big") {
            let message = format!("a frame is larger than {} bytes", self.gateway.limits.frame_bytes);
            return End::FailedForGood(Failure::new(FailureCode::FrameTooLarge, message));
        }
        tracing::debug!("gateway: a connection broke: {text}");
        End::Broken
    }

    async fn end(mut self, attached: &Attached, end: End) {
        match end {
            End::Broken => self.gateway.on_disconnected(attached, false),
            End::Done => self.gateway.on_disconnected(attached, true),
            End::Failed(failure) => self.say_why(&failure).await,
            End::FailedForGood(failure) => {
                self.gateway.log.refused("violation", &failure.message);
                self.gateway.on_disconnected(attached, true);
                self.say_why(&failure).await;
            }
            End::ServerEnds => self.close(1001, "the server ends").await,
        }
    }

    /// Says why, and closes. Nothing is read any more.
    async fn say_why(&mut self, failure: &Failure) {
        let error = Free::Error { failure: failure.clone() };
        if self.send_now(Message::Text(error.text().into())).await.is_ok() {
            self.close(failure.code.close_code(), &failure.code.name()).await;
        }
    }

    async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code, reason: reason.into() };
        // If the client is gone it needs no goodbye.
        _ = self.send_now(Message::Close(Some(frame))).await;
    }
}

fn violated(violation: Violation) -> End {
    End::FailedForGood(Failure::new(FailureCode::ProtocolViolated, violation.to_string()))
}

fn replaced() -> End {
    End::Failed(Failure::new(FailureCode::Replaced, "the session goes on with another connection"))
}
