//! Who is let in, what is refused, and that nothing else is disturbed by it. The gateway is real, and on a real socket; its engine
//! never comes up, which none of this needs.

#![expect(clippy::unwrap_used, reason = "in tests, a panic is a failed test")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use millhand_gateway::bridge::{BridgeSettings, EngineNetwork, PythonSource};
use millhand_gateway::{EngineUrl, Gateway, GatewaySettings, Limits, Token};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const TOKEN: &str = "a-token-that-is-long-enough";
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    port: u16,
    gateway: Arc<Gateway>,
    _folder: TempDir,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a client sends along.
#[derive(Clone, Copy)]
struct Papers<'a> {
    version: &'a str,
    token: Option<&'a str>,
    origin: Option<&'a str>,
}

const GOOD: Papers<'static> = Papers { version: "millhand.gateway.v1", token: Some(TOKEN), origin: None };

impl Server {
    async fn start(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bridge = BridgeSettings {
            engine: EngineUrl::Auto,
            python: PythonSource::Given(PathBuf::from("/nonexistent/python")),
            network: EngineNetwork::Isolated,
            folder: folder.path().to_owned(),
        };
        let gateway = Gateway::start(GatewaySettings {
            bridge,
            token: TOKEN.parse::<Token>().unwrap(),
            origins: vec!["https://allowed.example".to_owned()],
            limits,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().route("/millhand/gateway", get(upgrade)).with_state(Arc::clone(&gateway));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, gateway, _folder: folder }
    }

    async fn connect(&self, papers: Papers<'_>) -> Result<Socket, u16> {
        let mut request =
            format!("ws://127.0.0.1:{}/millhand/gateway", self.port).into_client_request().unwrap();
        let token = papers.token.map(|token| format!(", millhand.token.{token}")).unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", format!("{}{token}", papers.version).parse().unwrap());
        if let Some(origin) = papers.origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// A client with a session.
    async fn session(&self) -> (Socket, String) {
        let mut socket = self.connect(GOOD).await.unwrap();
        say(&mut socket, json!({"type": "hello", "client": "test"})).await;
        let welcome = hear(&mut socket).await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (socket, welcome["session"].as_str().unwrap().to_owned())
    }
}

async fn upgrade(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> axum::response::Response {
    millhand_gateway::upgrade(gateway, &headers, upgrade)
}

async fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::Text(what.to_string().into())).await.unwrap();
}

/// The next text frame.
async fn hear(socket: &mut Socket) -> Value {
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// The code with which the server closes the socket, and the code of the failure that it told before.
async fn closing(socket: &mut Socket) -> (u16, String) {
    let mut told = String::new();
    loop {
        match timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => {
                let text: Value = serde_json::from_str(&text).unwrap();
                told = text["failure"]["code"].as_str().map_or(told, str::to_owned);
            }
            Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), told),
            Some(Ok(_)) => {}
            end => panic!("not closed by the server: {end:?}"),
        }
    }
}

/// A session goes on: the server acknowledges what its client says.
async fn is_undisturbed(socket: &mut Socket, seq: u64) {
    say(socket, json!({"type": "close", "worker": 1, "seq": seq, "ack": 0})).await;
    while hear(socket).await["ack"] != seq {}
}

#[tokio::test]
async fn only_those_with_the_token_get_in() {
    let server = Server::start(Limits::default()).await;
    let (mut good, _) = server.session().await;
    for token in [None, Some("another-token-that-is-long"), Some(""), Some(&TOKEN[1..])] {
        let mut socket = server.connect(Papers { token, ..GOOD }).await.unwrap();
        assert_eq!(closing(&mut socket).await, (4401, "token-refused".to_owned()), "{token:?}");
    }
    is_undisturbed(&mut good, 1).await;
}

#[tokio::test]
async fn only_pages_that_may_get_in() {
    let server = Server::start(Limits::default()).await;
    let own = format!("http://127.0.0.1:{}", server.port);
    for origin in [own.as_str(), "https://allowed.example"] {
        server.connect(Papers { origin: Some(origin), ..GOOD }).await.unwrap();
    }
    let near = format!("http://127.0.0.1:{}.evil.example", server.port);
    for origin in
        ["https://evil.example", "null", "http://127.0.0.1:1", near.as_str(), "http://allowed.example"]
    {
        assert_eq!(
            server.connect(Papers { origin: Some(origin), ..GOOD }).await.unwrap_err(),
            403,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn whatever_is_refused_is_logged_once_and_without_secrets() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start(Limits { frame_bytes: 1000, ..Limits::default() }).await;
    let (mut good, _) = server.session().await;
    let wrong = "a-token-of-another-server";
    for _ in 0..20 {
        closing(&mut server.connect(Papers { token: Some(wrong), ..GOOD }).await.unwrap()).await;
        server.connect(Papers { origin: Some("https://evil.example"), ..GOOD }).await.unwrap_err();
        server.connect(Papers { version: "millhand.gateway.v2", ..GOOD }).await.unwrap_err();
        for frame in [Message::Binary(vec![0; 1001].into()), Message::Text("{}".into())] {
            let (mut bad, _) = server.session().await;
            bad.send(frame).await.unwrap();
            closing(&mut bad).await;
        }
    }
    is_undisturbed(&mut good, 1).await;
    let said = log.text();
    let refusals: Vec<&str> = said.lines().filter(|line| line.contains("gateway: refused")).collect();
    for what in [
        "a client without the token",
        "the page at `https://evil.example` may not",
        "the subprotocol `millhand.gateway.v1` is not",
        "a frame is larger than 1000 bytes",
    ] {
        assert_eq!(refusals.iter().filter(|line| line.contains(what)).count(), 1, "{what}: {said}");
    }
    // Frames that are too large and such that are none are one kind.
    assert_eq!(refusals.len(), 4, "{said}");
    for secret in [wrong, TOKEN] {
        assert!(!said.contains(secret), "{said}");
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn another_version_is_refused() {
    let server = Server::start(Limits::default()).await;
    assert_eq!(server.connect(Papers { version: "millhand.gateway.v2", ..GOOD }).await.unwrap_err(), 400);
}

#[tokio::test]
async fn a_flood_of_connections_is_held_off_and_ends() {
    let server = Server::start(Limits { connections: 4, ..Limits::default() }).await;
    let (mut good, _) = server.session().await;
    let mut flood = Vec::new();
    for _ in 0..3 {
        flood.push(server.connect(GOOD).await.unwrap());
    }
    for _ in 0..50 {
        assert_eq!(server.connect(GOOD).await.unwrap_err(), 503);
    }
    is_undisturbed(&mut good, 1).await;
    // Those that say nothing are sent away, and make room.
    for socket in &mut flood {
        assert_eq!(closing(socket).await, (4408, "hello-timeout".to_owned()));
    }
    drop(flood);
    server.connect(GOOD).await.unwrap();
}

#[tokio::test]
async fn there_are_only_so_many_sessions() {
    let server = Server::start(Limits { sessions: 1, ..Limits::default() }).await;
    let (mut good, _) = server.session().await;
    let mut other = server.connect(GOOD).await.unwrap();
    say(&mut other, json!({"type": "hello", "client": "test"})).await;
    assert_eq!(closing(&mut other).await, (4429, "session-limit".to_owned()));
    is_undisturbed(&mut good, 1).await;
}

#[tokio::test]
async fn an_oversize_frame_ends_its_session_alone() {
    let server = Server::start(Limits { frame_bytes: 1000, ..Limits::default() }).await;
    let (mut good, _) = server.session().await;
    let (mut bad, id) = server.session().await;
    bad.send(Message::Binary(vec![0; 1001].into())).await.unwrap();
    assert_eq!(closing(&mut bad).await, (1009, "frame-too-large".to_owned()));
    assert_eq!(resume(&server, &id).await, (4404, "session-gone".to_owned()));
    is_undisturbed(&mut good, 1).await;
}

/// How the server answers someone who wants to go on with a session that is not there.
async fn resume(server: &Server, id: &str) -> (u16, String) {
    let mut socket = server.connect(GOOD).await.unwrap();
    say(&mut socket, json!({"type": "resume", "session": id, "received": 0})).await;
    closing(&mut socket).await
}

#[tokio::test]
async fn malformed_frames_end_their_sessions_alone() {
    let server = Server::start(Limits::default()).await;
    let (mut good, _) = server.session().await;
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200 {
        let (mut bad, _) = server.session().await;
        let bytes: Vec<u8> = (0..random.usize(..60)).map(|_| random.u8(..)).collect();
        let frame = match round % 3 {
            0 => Message::Binary(bytes.into()),
            1 => Message::Text(String::from_utf8_lossy(&bytes).into_owned().into()),
            // A frame of the protocol with one byte changed.
            _ => {
                let mut text = json!({"type": "ack", "ack": 900}).to_string().into_bytes();
                let at = random.usize(..text.len());
                text[at] = random.u8(32..127);
                Message::Text(String::from_utf8(text).unwrap().into())
            }
        };
        bad.send(frame.clone()).await.unwrap();
        assert_eq!(closing(&mut bad).await, (4400, "protocol-violated".to_owned()), "{frame:?}");
    }
    is_undisturbed(&mut good, 1).await;
}

#[tokio::test]
async fn a_first_frame_that_is_no_handshake_is_refused() {
    let server = Server::start(Limits::default()).await;
    for frame in [Message::Text("{}".into()), Message::Binary(vec![1, 2, 3].into())] {
        let mut socket = server.connect(GOOD).await.unwrap();
        socket.send(frame).await.unwrap();
        assert_eq!(closing(&mut socket).await, (4400, "protocol-violated".to_owned()));
    }
    assert_eq!(resume(&server, "no-such-session").await, (4404, "session-gone".to_owned()));
}

#[tokio::test]
async fn a_session_goes_on_with_its_newest_connection() {
    let server = Server::start(Limits::default()).await;
    let (mut first, id) = server.session().await;
    is_undisturbed(&mut first, 1).await;
    let mut second = server.connect(GOOD).await.unwrap();
    say(&mut second, json!({"type": "resume", "session": id, "received": 0})).await;
    assert_eq!(hear(&mut second).await, json!({"type": "resumed", "received": 1}));
    assert_eq!(closing(&mut first).await, (4409, "replaced".to_owned()));
    // What was not acknowledged comes again.
    let again = hear(&mut second).await;
    assert_eq!((&again["type"], &again["seq"]), (&json!("engine"), &json!(1)));
    is_undisturbed(&mut second, 2).await;
}

#[tokio::test]
async fn a_session_is_dropped_when_its_grace_is_over_or_its_client_is_done() {
    let server = Server::start(Limits { resume_within: Duration::ZERO, ..Limits::default() }).await;
    let (broken, id) = server.session().await;
    drop(broken);
    // The server may not have noticed yet: then it goes on with this connection, which breaks too.
    while !is_gone(&server, &id).await {}

    let server = Server::start(Limits::default()).await;
    let (mut done, id) = server.session().await;
    done.close(Some(normal())).await.unwrap();
    while timeout(PATIENCE, done.next()).await.unwrap().is_some() {}
    assert_eq!(resume(&server, &id).await, (4404, "session-gone".to_owned()));
}

async fn is_gone(server: &Server, id: &str) -> bool {
    let mut socket = server.connect(GOOD).await.unwrap();
    say(&mut socket, json!({"type": "resume", "session": id, "received": 0})).await;
    hear(&mut socket).await["failure"]["code"] == "session-gone"
}

fn normal() -> tokio_tungstenite::tungstenite::protocol::CloseFrame {
    tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 1000.into(), reason: "".into() }
}

#[tokio::test]
async fn without_an_engine_clients_hear_why_and_workers_are_lost() {
    let server = Server::start(Limits::default()).await;
    let (mut socket, _) = server.session().await;
    let down = loop {
        let news = hear(&mut socket).await;
        if news["state"] == "down" {
            break news;
        }
    };
    assert_eq!(down["error"]["code"], "engine-down");
    assert_eq!(
        down["error"]["message"],
        "`/nonexistent/python` is no Python that runs: No such file or directory (os error 2)"
    );
    say(&mut socket, json!({"type": "open", "worker": 1, "runtime": "python", "seq": 1, "ack": 0})).await;
    let lost = loop {
        let news = hear(&mut socket).await;
        if news["type"] == "lost" {
            break news;
        }
    };
    assert_eq!((&lost["worker"], &lost["failure"]["code"]), (&json!(1), &json!("engine-down")));
}

#[tokio::test]
async fn a_server_that_ends_says_so() {
    let server = Server::start(Limits::default()).await;
    let (mut socket, _) = server.session().await;
    server.gateway.stop().await;
    assert_eq!(closing(&mut socket).await.0, 1001);
}
