//! The frames of `PROTOCOL.md`, read and written. What cannot be read is a [`Violation`]; nothing here panics on any input.

use std::fmt;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::Failure;
use crate::limits::Limits;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "millhand.gateway.v1";
/// Before the token, which travels as a subprotocol too.
pub const TOKEN_PREFIX: &str = "millhand.token.";
/// The bytes before a payload.
pub const HEADER_BYTES: usize = 20;
/// Numbers of frames are exact in JavaScript.
const MAX_SEQ: u64 = 1 << 53;

/// A worker's number in its session, chosen by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerNumber(pub u32);

/// Why a frame cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// No JSON of a known shape.
    #[error("a text frame is not of the protocol: {0}")]
    Text(String),
    /// A payload without its header.
    #[error("a binary frame of {0} bytes has no room for its header")]
    Header(usize),
    /// A number that JavaScript could not have.
    #[error("a frame has the number {0}")]
    Number(u64),
    /// A frame is missing.
    #[error("frame {found} came where frame {expected} was due")]
    Gap {
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// What was never sent is acknowledged.
    #[error("frame {0} is acknowledged, and was never sent")]
    AcknowledgedTooMuch(u64),
    /// Worker numbers rise.
    #[error("worker {0} is opened, and a worker of that or a higher number was")]
    WorkerReused(u32),
    /// The first frame is neither `hello` nor `resume`.
    #[error("the first frame is no `hello` and no `resume`")]
    NoHandshake,
}

/// A client's first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// A new session.
    Hello {
        /// The client's version, for people.
        client: String,
    },
    /// Go on with a session.
    Resume {
        /// Its secret name.
        session: String,
        /// The highest number that the client received.
        received: u64,
    },
}

/// A client's later frame.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame {
    /// What came so far is dealt with; not numbered.
    Ack(u64),
    /// An order, or a payload.
    Numbered {
        /// Its number.
        seq: u64,
        /// As in [`ClientFrame::Ack`].
        ack: u64,
        /// What it says.
        content: ClientContent,
    },
}

/// What a numbered frame of a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientContent {
    /// Have a worker.
    Open(OpenWorker),
    /// End it.
    Close(WorkerNumber),
    /// Messages for it.
    Payload(WorkerNumber, Bytes),
}

/// What worker a client wants.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct OpenWorker {
    /// Its number from now on.
    pub worker: WorkerNumber,
    /// What runs in it: `python`, `javascript`.
    pub runtime: String,
    /// Its packages: what the bridge knows of it is the bridge's to check.
    #[serde(default)]
    pub environment: Value,
    /// What it needs of a node, likewise.
    #[serde(default)]
    pub resources: Value,
}

/// A text frame's type, read before the rest. (Enums with a tag inside do not go with numbers where another crate has switched on
/// `serde_json`'s arbitrary precision.)
#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

#[derive(Deserialize)]
struct Numbers {
    seq: u64,
    ack: u64,
}

#[derive(Deserialize)]
struct AckOnly {
    ack: u64,
}

#[derive(Deserialize)]
struct WorkerOnly {
    worker: WorkerNumber,
}

#[derive(Deserialize)]
struct Hello {
    client: String,
}

#[derive(Deserialize)]
struct Resume {
    session: String,
    received: u64,
}

fn read<'text, T: Deserialize<'text>>(text: &'text str) -> Result<T, Violation> {
    serde_json::from_str(text).map_err(|error| Violation::Text(error.to_string()))
}

impl Handshake {
    /// # Errors
    /// When the text is no handshake.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let handshake = match read::<Kind>(text).map(|kind| kind.r#type).as_deref() {
            Ok("hello") => read(text).map(|Hello { client }| Self::Hello { client }),
            Ok("resume") => read(text).map(|Resume { session, received }| Self::Resume { session, received }),
            _ => Err(Violation::NoHandshake),
        };
        handshake.map_err(|_| Violation::NoHandshake)
    }
}

impl ClientFrame {
    /// # Errors
    /// When the text is not of the protocol.
    pub fn parse_text(text: &str) -> Result<Self, Violation> {
        let Kind { r#type } = read(text)?;
        let content = match r#type.as_str() {
            "ack" => {
                let AckOnly { ack } = read(text)?;
                return Ok(Self::Ack(checked(ack)?));
            }
            "open" => ClientContent::Open(read(text)?),
            "close" => read(text).map(|WorkerOnly { worker }| ClientContent::Close(worker))?,
            other => return Err(Violation::Text(format!("there is no type `{}`", other.escape_debug()))),
        };
        let Numbers { seq, ack } = read(text)?;
        Self::numbered(seq, ack, content)
    }

    /// # Errors
    /// When the frame is shorter than its header.
    pub fn parse_binary(mut bytes: Bytes) -> Result<Self, Violation> {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(Violation::Header(bytes.len()));
        };
        let [worker @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = *header;
        let [_, _, _, _, seq @ .., _, _, _, _, _, _, _, _] = *header;
        let [_, _, _, _, _, _, _, _, _, _, _, _, ack @ ..] = *header;
        let worker = WorkerNumber(u32::from_be_bytes(worker));
        let payload = bytes.split_off(HEADER_BYTES);
        Self::numbered(
            u64::from_be_bytes(seq),
            u64::from_be_bytes(ack),
            ClientContent::Payload(worker, payload),
        )
    }

    fn numbered(seq: u64, ack: u64, content: ClientContent) -> Result<Self, Violation> {
        Ok(Self::Numbered { seq: checked(seq)?, ack: checked(ack)?, content })
    }
}

const fn checked(number: u64) -> Result<u64, Violation> {
    if number < MAX_SEQ { Ok(number) } else { Err(Violation::Number(number)) }
}

/// What the server says in answer to a first frame, or for the connection alone.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Free {
    /// A session begins.
    Welcome {
        /// Its secret name.
        session: String,
        /// The server's version.
        server: &'static str,
        /// What workers can run.
        runtimes: Vec<String>,
        /// What is allowed.
        limits: AnnouncedLimits,
    },
    /// A session goes on.
    Resumed {
        /// The highest number that the server received.
        received: u64,
    },
    /// What came so far is dealt with.
    Ack {
        /// Up to this number.
        ack: u64,
    },
    /// The socket is about to be closed.
    Error {
        /// Why.
        failure: Failure,
    },
}

/// The limits that clients keep to.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncedLimits {
    frame_bytes: usize,
    window_bytes: usize,
    window_frames: usize,
    workers: usize,
    resume_within_ms: u128,
    beat_ms: u128,
}

impl From<&Limits> for AnnouncedLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            frame_bytes: limits.frame_bytes,
            window_bytes: limits.window_bytes,
            window_frames: limits.window_frames,
            workers: limits.workers,
            resume_within_ms: limits.resume_within.as_millis(),
            beat_ms: limits.beat.as_millis(),
        }
    }
}

/// What the server says, numbered.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerContent {
    /// About the engine or a worker.
    News(News),
    /// Messages of a worker.
    Payload(WorkerNumber, Bytes),
}

/// News of the engine and of workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum News {
    /// How the engine is.
    Engine(EngineNews),
    /// How far a worker is.
    Worker {
        /// Which.
        worker: WorkerNumber,
        /// `waiting`, `placed`.
        state: String,
        /// Where it is placed, as the bridge says it.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<Value>,
    },
    /// A worker is gone.
    Lost {
        /// Which.
        worker: WorkerNumber,
        /// Why.
        failure: Failure,
    },
}

/// How the engine is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineNews {
    /// Whether there is one.
    pub state: EngineState,
    /// Its url.
    #[serde(default)]
    pub engine: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u64>,
    /// Their processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// What its workers can run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtimes: Option<Vec<String>>,
    /// Why it is down.
    #[serde(default, rename = "error", skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl EngineNews {
    /// Of an engine of which no more is known.
    pub(crate) const fn of(state: EngineState, engine: String, failure: Option<Failure>) -> Self {
        Self { state, engine, version: None, nodes: None, cpus: None, runtimes: None, failure }
    }

    /// For people, of an engine that is up.
    pub(crate) fn in_words(&self) -> String {
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let (nodes, cpus) = (self.nodes.unwrap_or(0), self.cpus.unwrap_or(0.0));
        let size = format!("{} with {}", counted(nodes, "node"), counted(cpus, "processor"));
        format!("`{}` is up: Ray {version}, {size}", self.engine)
    }
}

/// So many of them, for people.
pub(crate) fn counted(count: impl fmt::Display, noun: &str) -> String {
    let count = count.to_string();
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Whether there is an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineState {
    /// Not yet.
    Starting,
    /// Yes.
    Up,
    /// No; another try follows.
    Down,
}

/// A numbered frame as it goes out.
#[derive(Clone, Debug, PartialEq)]
pub enum OutgoingFrame {
    /// JSON.
    Text(String),
    /// Header and payload.
    Binary(Vec<u8>),
}

impl ServerContent {
    /// The frame with these numbers.
    #[must_use]
    pub fn frame(&self, seq: u64, ack: u64) -> OutgoingFrame {
        match self {
            Self::News(news) => OutgoingFrame::Text(text_of(&Numbered { seq, ack, news })),
            Self::Payload(worker, payload) => {
                let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
                bytes.extend_from_slice(&worker.0.to_be_bytes());
                bytes.extend_from_slice(&seq.to_be_bytes());
                bytes.extend_from_slice(&ack.to_be_bytes());
                bytes.extend_from_slice(payload);
                OutgoingFrame::Binary(bytes)
            }
        }
    }

    /// What counts against the window.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        match self {
            Self::News(_) => 0,
            Self::Payload(_, payload) => payload.len(),
        }
    }
}

impl Free {
    /// The frame.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(self)
    }
}

#[derive(Serialize)]
struct Numbered<'a> {
    seq: u64,
    ack: u64,
    #[serde(flatten)]
    news: &'a News,
}

fn text_of(value: &impl Serialize) -> String {
    // These types have nothing in them that JSON has not.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;

    #[test]
    fn text_frames_are_read() {
        let open = r#"{"type":"open","seq":1,"ack":0,"worker":7,"runtime":"python","environment":{"python":["numpy"]}}"#;
        let ClientFrame::Numbered { seq: 1, ack: 0, content: ClientContent::Open(open) } =
            ClientFrame::parse_text(open).unwrap()
        else {
            panic!("an order to open")
        };
        assert_eq!((open.worker, open.runtime.as_str()), (WorkerNumber(7), "python"));
        assert_eq!(open.environment["python"][0], "numpy");
        assert_eq!(ClientFrame::parse_text(r#"{"type":"ack","ack":9}"#).unwrap(), ClientFrame::Ack(9));
    }

    #[test]
    fn a_payload_keeps_its_numbers_both_ways() {
        let content = ServerContent::Payload(WorkerNumber(3), Bytes::from_static(b"abc"));
        let OutgoingFrame::Binary(bytes) = content.frame(5, 4) else { panic!("binary") };
        assert_eq!(
            ClientFrame::parse_binary(bytes.into()).unwrap(),
            ClientFrame::Numbered {
                seq: 5,
                ack: 4,
                content: ClientContent::Payload(WorkerNumber(3), Bytes::from_static(b"abc"))
            }
        );
    }

    #[test]
    fn news_are_flat_json() {
        let failure = Failure::new(FailureCode::WorkerDied, "signal 9");
        let news = ServerContent::News(News::Lost { worker: WorkerNumber(2), failure });
        let expected = r#"{"seq":1,"ack":0,"type":"lost","worker":2,"failure":{"code":"worker-died","message":"signal 9"}}"#;
        assert_eq!(news.frame(1, 0), OutgoingFrame::Text(expected.to_owned()));
    }

    #[test]
    fn engines_are_told_to_people() {
        let news = r#"{"state":"up","engine":"ray://auto","version":"2.60.0","nodes":1,"cpus":2.5}"#;
        let news: EngineNews = serde_json::from_str(news).unwrap();
        assert_eq!(news.in_words(), "`ray://auto` is up: Ray 2.60.0, 1 node with 2.5 processors");
    }

    #[test]
    fn what_is_not_of_the_protocol_is_a_violation() {
        assert_eq!(ClientFrame::parse_binary(Bytes::from_static(b"short")), Err(Violation::Header(5)));
        let far = [[0_u8; 4].as_slice(), &u64::MAX.to_be_bytes(), &[0; 8]].concat();
        assert_eq!(ClientFrame::parse_binary(far.into()), Err(Violation::Number(u64::MAX)));
        for text in ["", "{}", "[]", r#"{"type":"open"}"#, r#"{"type":"ack","ack":-1}"#, r#"{"type":"fly"}"#]
        {
            assert!(matches!(ClientFrame::parse_text(text), Err(Violation::Text(_))), "{text}");
            assert_eq!(Handshake::parse(text), Err(Violation::NoHandshake));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.usize(..64)).map(|_| random.u8(..)).collect();
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(ClientFrame::parse_text(text).is_err() && Handshake::parse(text).is_err());
            }
            let has_header = bytes.len() >= HEADER_BYTES;
            match ClientFrame::parse_binary(bytes.into()) {
                Ok(_) | Err(Violation::Number(_)) => assert!(has_header),
                Err(violation) => assert!(!has_header, "{violation}"),
            }
        }
    }
}
