//! Frames between this process and the bridge: a length, a kind, and JSON or a payload. `bridge.py` has the other end.

use std::io;

use axum::body::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{BridgeNews, BridgeOrder, Slot};
use crate::failure::Failure;
use crate::protocol::EngineNews;

const JSON: u8 = 0;
const PAYLOAD: u8 = 1;
/// The largest frame that is believed. A worker's frame has 32 MiB at most.
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

#[derive(Deserialize)]
struct Worker {
    slot: u32,
    state: String,
    at: Option<Value>,
}

#[derive(Deserialize)]
struct Lost {
    slot: u32,
    failure: Failure,
}

/// Reads the next frame; nothing at the end.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<BridgeNews>> {
    let length = match from.read_u32().await {
        Ok(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if !(1..=MAX_FRAME_BYTES).contains(&length) {
        return Err(malformed(format!("a frame of {length} bytes")));
    }
    let kind = from.read_u8().await?;
    let mut bytes = vec![0; length - 1];
    from.read_exact(&mut bytes).await?;
    match kind {
        JSON => text(&bytes).map(Some),
        PAYLOAD => payload(bytes).map(Some),
        _ => Err(malformed(format!("a frame of kind {kind}"))),
    }
}

/// The type is read before the rest, for the reason that `protocol.rs` has.
fn text(bytes: &[u8]) -> io::Result<BridgeNews> {
    let Kind { r#type } = json(bytes)?;
    Ok(match r#type.as_str() {
        "engine" => BridgeNews::Engine { news: json::<EngineNews>(bytes)? },
        "worker" => {
            let Worker { slot, state, at } = json(bytes)?;
            BridgeNews::Worker { slot: Slot(slot), state, at }
        }
        "lost" => {
            let Lost { slot, failure } = json(bytes)?;
            BridgeNews::Lost { slot: Slot(slot), failure }
        }
        other => return Err(malformed(format!("news of type `{other}`"))),
    })
}

fn json<'bytes, T: Deserialize<'bytes>>(bytes: &'bytes [u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| malformed(error.to_string()))
}

fn payload(bytes: Vec<u8>) -> io::Result<BridgeNews> {
    let mut bytes = Bytes::from(bytes);
    let Some(slot) = bytes.first_chunk::<4>().copied() else {
        return Err(malformed("a payload without a worker".to_owned()));
    };
    Ok(BridgeNews::Payload { slot: Slot(u32::from_be_bytes(slot)), bytes: bytes.split_off(4) })
}

fn malformed(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes a frame.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), order: &BridgeOrder) -> io::Result<()> {
    match order {
        BridgeOrder::Open { slot, open } => {
            let text = json!({
                "type": "open", "slot": slot.0, "runtime": open.runtime,
                "environment": open.environment, "resources": open.resources,
            });
            write_text(to, &text).await
        }
        BridgeOrder::Close { slot } => write_text(to, &json!({"type": "close", "slot": slot.0})).await,
        BridgeOrder::Credit { slot, bytes } => {
            write_text(to, &json!({"type": "credit", "slot": slot.0, "bytes": bytes})).await
        }
        BridgeOrder::Payload { slot, bytes, .. } => {
            write_head(to, PAYLOAD, bytes.len() + 4).await?;
            to.write_u32(slot.0).await?;
            to.write_all(bytes).await
        }
    }
}

async fn write_text(to: &mut (impl AsyncWrite + Unpin), text: &Value) -> io::Result<()> {
    let text = text.to_string();
    write_head(to, JSON, text.len()).await?;
    to.write_all(text.as_bytes()).await
}

async fn write_head(to: &mut (impl AsyncWrite + Unpin), kind: u8, content_bytes: usize) -> io::Result<()> {
    let length =
        u32::try_from(content_bytes + 1).map_err(|_| malformed("a frame is too large".to_owned()))?;
    to.write_u32(length).await?;
    to.write_u8(kind).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_payload_goes_both_ways_alike() {
        let order = BridgeOrder::Payload { slot: Slot(9), bytes: Bytes::from_static(b"abc"), _room: None };
        let mut written = Vec::new();
        write(&mut written, &order).await.unwrap();
        let Some(BridgeNews::Payload { slot: Slot(9), bytes }) = read(&mut &*written).await.unwrap() else {
            panic!("a payload")
        };
        assert_eq!(bytes, "abc");
    }

    #[tokio::test]
    async fn what_is_no_frame_is_an_error_and_the_end_is_none() {
        assert!(read(&mut [].as_slice()).await.unwrap().is_none());
        for bytes in
            [&[0, 0, 0, 0][..], &[255; 5], &[0, 0, 0, 2, 0, b'{'], &[0, 0, 0, 1, 7], &[0, 0, 0, 2, 1, 1]]
        {
            assert!(read(&mut &*bytes).await.is_err(), "{bytes:?}");
        }
    }
}
