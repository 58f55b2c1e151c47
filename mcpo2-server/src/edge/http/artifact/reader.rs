use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, stream};
use mcpo2_audit::Source;
use mcpo2_core::{
    Body, BoxError, Call, Digest, Error, ErrorKind, Message, Principal, ProtocolVersion, Reply,
};
use serde::Deserialize;
use serde_json::json;

use crate::app::Generation;

/// The longest character, in bytes, but one: ends of parts move back to where a character begins.
const WITHIN_CHARACTER: u64 = 3;

/// Reads one artifact for one caller, part by part, each of them a call of its own.
pub(super) struct Reader {
    pub(super) generation: Arc<Generation>,
    pub(super) principal: Arc<Principal>,
    pub(super) source: Source,
    pub(super) uri: String,
}

/// What is known of a whole.
#[derive(Debug)]
pub(super) struct Stat {
    pub(super) size: u64,
    pub(super) digest: Digest,
}

/// One part, as a call gave it.
struct Part {
    text: String,
    range: Range<u64>,
    stat: Stat,
}

impl Reader {
    pub(super) async fn stat(&self) -> Result<Stat, Error> {
        Ok(self.read(0..0).await?.stat)
    }

    /// The bytes of this range, which lies within the whole.
    pub(super) fn stream(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes, BoxError>> {
        stream::try_unfold((self, range), |(reader, range)| async move {
            if range.start >= range.end {
                return Ok(None);
            }
            let bytes = reader.next(&range).await?;
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let rest = range.start.saturating_add(read)..range.end;
            Ok(Some((bytes, (reader, rest))))
        })
    }

    /// As many bytes from the beginning of this range as one read gives.
    async fn next(&self, range: &Range<u64>) -> Result<Bytes, BoxError> {
        let part = self
            .read(range.start..range.end.saturating_add(WITHIN_CHARACTER))
            .await?;
        let skip = usize::try_from(range.start.saturating_sub(part.range.start))?;
        let take = usize::try_from(range.end.min(part.range.end).saturating_sub(range.start))?;
        let bytes = part.text.as_bytes().get(skip..skip.saturating_add(take));
        match bytes {
            Some(bytes) if !bytes.is_empty() => Ok(Bytes::copy_from_slice(bytes)),
            _ => Err("a read gave other bytes than were asked for".into()),
        }
    }

    async fn read(&self, range: Range<u64>) -> Result<Part, Error> {
        let uri = format!("{}?bytes={}-{}", self.uri, range.start, range.end);
        let request = json!({
            "jsonrpc": "2.0", "id": 0, "method": "resources/read", "params": { "uri": uri },
        });
        let parsed = Message::parse(request.to_string());
        let Ok(Message::Request(request)) = parsed else {
            return Err(broken());
        };
        let call = Call::new(request, Arc::clone(&self.principal));
        let mut call = call.with_version(ProtocolVersion::LATEST);
        call.extensions_mut().insert(self.source.clone());
        let reply = self.generation.run(call).await?;
        part(&reply).ok_or_else(broken)
    }
}

fn part(reply: &Reply) -> Option<Part> {
    #[derive(Deserialize)]
    struct Response {
        result: Read,
    }
    #[derive(Deserialize)]
    struct Read {
        contents: [Contents; 1],
    }
    #[derive(Deserialize)]
    struct Contents {
        text: String,
        #[serde(rename = "_meta")]
        meta: Meta,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "dev.mcpo2/digest")]
        digest: Digest,
        #[serde(rename = "dev.mcpo2/range")]
        range: (u64, u64),
        #[serde(rename = "dev.mcpo2/size")]
        size: u64,
    }
    let Body::Complete(bytes) = reply.body() else {
        return None;
    };
    let Response { result } = serde_json::from_slice(bytes).ok()?;
    let Read {
        contents: [Contents { text, meta }],
    } = result;
    Some(Part {
        text,
        range: meta.range.0..meta.range.1,
        stat: Stat {
            size: meta.size,
            digest: meta.digest,
        },
    })
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "internal error")
}
