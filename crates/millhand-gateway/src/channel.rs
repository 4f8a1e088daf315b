//! One session's numbered frames in both directions: what is unacknowledged is kept, and sent again after a reconnect.
//! It does no I/O.

use std::collections::VecDeque;

use crate::limits::Limits;
use crate::protocol::{OutgoingFrame, ServerContent, Violation, WorkerNumber};

/// Whether a frame that came is to be dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the next one.
    New,
    /// It came before.
    Repeated,
}

/// The server's end.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    /// The highest number that came.
    received: u64,
    /// The highest number that was given to a frame of ours.
    numbered: u64,
    /// Frames that the client has not acknowledged, the oldest first.
    kept: VecDeque<ServerContent>,
    /// How many of `kept`, from the front, this connection has sent.
    sent: usize,
    /// The payload in those.
    sent_bytes: usize,
    /// The highest number that was sent on any connection.
    first_sent: u64,
}

/// A frame that goes out.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) frame: OutgoingFrame,
    /// Whose payload it is, and how much, if it goes out for the first time: as much may come from that worker again.
    pub(crate) credit: Option<(WorkerNumber, usize)>,
}

impl Channel {
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// A frame with this number came.
    pub(crate) const fn arrive(&mut self, seq: u64) -> Result<Arrival, Violation> {
        if seq <= self.received {
            return Ok(Arrival::Repeated);
        }
        let expected = self.received + 1;
        if seq != expected {
            return Err(Violation::Gap { expected, found: seq });
        }
        self.received = seq;
        Ok(Arrival::New)
    }

    /// The client has dealt with everything up to `ack`, which is kept no more. Whether that was something.
    pub(crate) fn acknowledge(&mut self, ack: u64) -> Result<bool, Violation> {
        let first_kept = self.numbered + 1 - self.kept.len() as u64;
        if ack < first_kept {
            return Ok(false);
        }
        let count = usize::try_from(ack - first_kept + 1).unwrap_or(usize::MAX);
        if count > self.sent {
            return Err(Violation::AcknowledgedTooMuch(ack));
        }
        self.sent -= count;
        self.sent_bytes -= self.kept.drain(..count).map(|content| content.payload_bytes()).sum::<usize>();
        Ok(true)
    }

    /// Something to send, in its turn.
    pub(crate) fn push(&mut self, content: ServerContent) {
        self.numbered += 1;
        self.kept.push_back(content);
    }

    /// The next frame to send, if there is one and the window is open.
    pub(crate) fn next_frame(&mut self, limits: &Limits) -> Option<Sending> {
        let content = self.kept.get(self.sent)?;
        let bytes = content.payload_bytes();
        let fits = self.sent < limits.window_frames && self.sent_bytes + bytes <= limits.window_bytes;
        if !fits && self.sent > 0 {
            return None;
        }
        let seq = self.numbered + 1 - (self.kept.len() - self.sent) as u64;
        let frame = content.frame(seq, self.received);
        let credit = match content {
            ServerContent::Payload(worker, _) if seq > self.first_sent => Some((*worker, bytes)),
            _ => None,
        };
        self.first_sent = self.first_sent.max(seq);
        self.sent += 1;
        self.sent_bytes += bytes;
        Some(Sending { frame, credit })
    }

    /// A new connection, on which the client says what it has received: all else is to be sent again.
    pub(crate) fn resume(&mut self, received: u64) -> Result<(), Violation> {
        // What a broken connection has sent may have come, or not.
        self.sent = self.kept.len();
        self.sent_bytes = self.kept.iter().map(ServerContent::payload_bytes).sum();
        let result = self.acknowledge(received);
        self.sent = 0;
        self.sent_bytes = 0;
        result.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;
    use crate::protocol::ClientFrame;

    const LIMITS: fn() -> Limits = || Limits { window_bytes: 100, window_frames: 3, ..Limits::default() };

    fn payload(bytes: usize) -> ServerContent {
        ServerContent::Payload(WorkerNumber(1), Bytes::from(vec![0; bytes]))
    }

    /// The numbers of all frames that may go out now.
    fn sent(channel: &mut Channel) -> Vec<u64> {
        let frames = std::iter::from_fn(|| channel.next_frame(&LIMITS()));
        let seq = |sending: Sending| match sending.frame {
            OutgoingFrame::Binary(bytes) => match ClientFrame::parse_binary(bytes.into()) {
                Ok(ClientFrame::Numbered { seq, .. }) => seq,
                other => panic!("{other:?}"),
            },
            OutgoingFrame::Text(text) => panic!("{text}"),
        };
        frames.map(seq).collect()
    }

    #[test]
    fn frames_are_taken_once_and_in_order() {
        let mut channel = Channel::default();
        assert_eq!(channel.arrive(1), Ok(Arrival::New));
        assert_eq!(channel.arrive(1), Ok(Arrival::Repeated));
        assert_eq!(channel.arrive(3), Err(Violation::Gap { expected: 2, found: 3 }));
        assert_eq!(channel.arrive(2), Ok(Arrival::New));
        assert_eq!(channel.received(), 2);
    }

    #[test]
    fn the_window_holds_frames_back_until_they_are_acknowledged() {
        let mut channel = Channel::default();
        for bytes in [40, 40, 40, 1, 1, 1, 1] {
            channel.push(payload(bytes));
        }
        assert_eq!(sent(&mut channel), [1, 2]);
        assert_eq!(channel.acknowledge(1), Ok(true));
        assert_eq!(sent(&mut channel), [3, 4]);
        assert_eq!(channel.acknowledge(3), Ok(true));
        assert_eq!(sent(&mut channel), [5, 6]);
        assert_eq!(channel.acknowledge(7), Err(Violation::AcknowledgedTooMuch(7)));
        assert_eq!(channel.acknowledge(2), Ok(false));
    }

    #[test]
    fn a_frame_larger_than_the_window_goes_alone() {
        let mut channel = Channel::default();
        channel.push(payload(500));
        channel.push(payload(1));
        assert_eq!(sent(&mut channel), [1]);
        assert_eq!(channel.acknowledge(1), Ok(true));
        assert_eq!(sent(&mut channel), [2]);
    }

    #[test]
    fn credit_is_given_when_a_payload_goes_out_and_only_once() {
        let mut channel = Channel::default();
        channel.push(payload(7));
        assert_eq!(channel.next_frame(&LIMITS()).unwrap().credit, Some((WorkerNumber(1), 7)));
        channel.resume(0).unwrap();
        assert_eq!(channel.next_frame(&LIMITS()).unwrap().credit, None);
    }

    #[test]
    fn after_a_reconnect_what_did_not_come_is_sent_again() {
        let mut channel = Channel::default();
        for _ in 0..3 {
            channel.push(payload(1));
        }
        assert_eq!(sent(&mut channel), [1, 2, 3]);
        assert_eq!(channel.resume(1), Ok(()));
        assert_eq!(sent(&mut channel), [2, 3]);
        assert_eq!(channel.resume(9), Err(Violation::AcknowledgedTooMuch(9)));
        assert_eq!(channel.resume(3), Ok(()));
        assert_eq!(sent(&mut channel), [0; 0]);
    }
}
