//! Any bytes, as what a client of the gateway sends: first frames, and later ones of text and of bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millhand_gateway::protocol::{
    ClientContent, ClientFrame, HEADER_BYTES, Handshake, OutgoingFrame, ServerContent, Violation,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let is_handshake = Handshake::parse(text).is_ok();
        assert!(!is_handshake || ClientFrame::parse_text(text).is_err(), "one text is both a first frame and a later one");
    }
    match ClientFrame::parse_binary(bytes.to_vec().into()) {
        Ok(ClientFrame::Numbered { seq, ack, content: ClientContent::Payload(worker, payload) }) => {
            // Frames of bytes are alike both ways.
            let again = ServerContent::Payload(worker, payload).frame(seq, ack);
            assert_eq!(again, OutgoingFrame::Binary(bytes.to_vec()));
        }
        Err(Violation::Header(length)) => assert!(length == bytes.len() && length < HEADER_BYTES),
        Err(Violation::Number(_)) => assert!(bytes.len() >= HEADER_BYTES),
        other => panic!("{other:?}"),
    }
});
