use std::borrow::Cow;

use bytes::Bytes;

/// Longer ids of events are ignored: they have to fit into a header.
const MAX_ID: usize = 4096;

/// Reads Server-Sent Events from bytes in pieces of any size.
///
/// Lines end at LF, CRLF or CR, a byte order mark before the first is skipped, comments and unknown
/// fields are ignored (WHATWG HTML, 9.2.6). Unlike there an event with an id or a retry time but no
/// data comes out as well, and one of another type than `message` comes out without its data.
///
/// ```
/// use mcpo2_route::upstream::http::SseDecoder;
///
/// let mut decoder = SseDecoder::new(1024);
/// assert!(decoder.push(b"id: 7\r\ndata: {\"a\"").unwrap().is_empty());
/// let events = decoder.push(b":1}\r\n\r\n").unwrap();
/// assert_eq!(events[0].data, "{\"a\":1}");
/// assert_eq!(events[0].id.as_deref(), Some("7"));
/// ```
#[derive(Debug)]
pub struct SseDecoder {
    max: usize,
    line: Vec<u8>,
    event: Partial,
    /// The last byte was a CR, and a LF now belongs to it.
    after_cr: bool,
    started: bool,
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// The data, its lines joined by line feeds.
    pub data: Bytes,
    /// The id, where this event sets one.
    pub id: Option<Box<str>>,
    /// The time to wait before a new connection, in milliseconds.
    pub retry_ms: Option<u64>,
    /// What an event of the type `endpoint` says, which only the revision 2024-11-05 has.
    pub endpoint: Option<Box<str>>,
}

/// An event is longer than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {max} bytes")]
pub struct SseTooLong {
    max: usize,
}

#[derive(Debug, Default)]
struct Partial {
    data: Option<Vec<u8>>,
    id: Option<Box<str>>,
    retry_ms: Option<u64>,
    kind: Type,
}

impl SseDecoder {
    /// A decoder of events up to `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            max,
            line: Vec::new(),
            event: Partial::default(),
            after_cr: false,
            started: false,
        }
    }

    /// Takes the next bytes, and gives the events that they complete.
    ///
    /// # Errors
    ///
    /// [`SseTooLong`] where an event exceeds its limit; the decoder is of no use then.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<SseEvent>, SseTooLong> {
        let mut events = Vec::new();
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let (piece, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            let held = self.event.data.as_ref().map_or(0, Vec::len);
            if held + self.line.len() + piece.len() > self.max {
                return Err(SseTooLong { max: self.max });
            }
            self.line.extend_from_slice(piece);
            if let Some(&ending) = rest.first() {
                self.after_cr = ending == b'\r';
                events.extend(self.end_line());
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.started, true) && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        if line.is_empty() {
            return std::mem::take(&mut self.event).finish();
        }
        let mut halves = line.splitn(2, |&byte| byte == b':');
        let name = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        self.event
            .field(name, value.strip_prefix(b" ").unwrap_or(value));
        // The allocation serves the next line.
        line.clear();
        self.line = line;
        None
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Type {
    #[default]
    Message,
    Endpoint,
    Other,
}

impl Partial {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            b"id" if value.len() <= MAX_ID && !value.contains(&0) => {
                if let Cow::Borrowed(id) = String::from_utf8_lossy(value) {
                    self.id = Some(id.into());
                }
            }
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                let text = str::from_utf8(value).unwrap_or_default();
                self.retry_ms = text.parse().ok().or(self.retry_ms);
            }
            b"event" => {
                self.kind = match value {
                    b"" | b"message" => Type::Message,
                    b"endpoint" => Type::Endpoint,
                    _ => Type::Other,
                }
            }
            _ => {}
        }
    }

    fn finish(self) -> Option<SseEvent> {
        if self.data.is_none() && self.id.is_none() && self.retry_ms.is_none() {
            return None;
        }
        let data = self.data.unwrap_or_default();
        let endpoint = || String::from_utf8_lossy(&data).into_owned().into();
        Some(SseEvent {
            endpoint: (self.kind == Type::Endpoint).then(endpoint),
            data: match self.kind {
                Type::Message => data.into(),
                Type::Endpoint | Type::Other => Bytes::new(),
            },
            id: self.id,
            retry_ms: self.retry_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(text: &[u8], size: usize) -> Vec<SseEvent> {
        let mut decoder = SseDecoder::new(1 << 16);
        text.chunks(size)
            .flat_map(|chunk| decoder.push(chunk).unwrap())
            .collect()
    }

    fn data(events: &[SseEvent]) -> Vec<&str> {
        events
            .iter()
            .map(|event| str::from_utf8(&event.data).unwrap())
            .collect()
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let text = b"\xEF\xBB\xBFdata:a\ndata: b\ndata\r\n\r\n: note\rdata:  c\r\rfoo: x\n\nid: 1\nretry: 50\ndata:\n\nretry: 5x\nid: a\0b\n\n";
        let events = decode(text, 1000);
        assert_eq!(data(&events), ["a\nb\n", " c", ""]);
        assert_eq!(events[2].id.as_deref(), Some("1"));
        assert_eq!(events[2].retry_ms, Some(50));
    }

    #[test]
    fn an_event_of_another_type_has_no_data_for_us() {
        let events = decode(
            b"event: endpoint\ndata: /x\n\nevent: message\ndata: y\n\n",
            1000,
        );
        assert_eq!(data(&events), ["", "y"]);
        assert_eq!(events[0].endpoint.as_deref(), Some("/x"));
        assert_eq!(events[1].endpoint, None);
    }

    #[test]
    fn an_event_that_does_not_end_is_refused() {
        let mut decoder = SseDecoder::new(10);
        decoder.push(b"data: 1234").unwrap();
        assert!(decoder.push(b"5").is_err());
        let mut decoder = SseDecoder::new(10);
        let endless = std::iter::repeat_n(b"data:ab\n", 10);
        assert!(
            endless
                .map(|line| decoder.push(line))
                .any(|pushed| pushed.is_err())
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            lines in proptest::collection::vec("(data|id|retry|event|x)?:? ?[a1\u{e9}:]{0,4}(\n|\r|\r\n){1,2}", 0..12),
            size in 1_usize..7,
        ) {
            let text = lines.concat();
            prop_assert_eq!(decode(text.as_bytes(), size), decode(text.as_bytes(), 1 << 16));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, max in 0_usize..50) {
            let _ = SseDecoder::new(max).push(&bytes);
        }
    }
}
