use std::{ops::Range, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::{Stream, stream};
use mcpo2_artifact::token::SignedReference;
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
    bytes: Bytes,
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
    pub(super) async fn next(&self, range: &Range<u64>) -> Result<Bytes, Error> {
        // Of what is signed for, exactly what is asked for is read.
        let slack = if self.is_signed() {
            0
        } else {
            WITHIN_CHARACTER
        };
        let part = self
            .read(range.start..range.end.saturating_add(slack))
            .await?;
        let skip = position(range.start.saturating_sub(part.range.start));
        let take = position(range.end.min(part.range.end).saturating_sub(range.start));
        let end = skip.saturating_add(take);
        if take == 0 || end > part.bytes.len() {
            return Err(broken());
        }
        Ok(part.bytes.slice(skip..end))
    }

    /// Of what a signed reference names, nothing is known but its bytes.
    pub(super) fn media_type(&self) -> &'static str {
        match self.is_signed() {
            true => "application/octet-stream",
            false => "application/json",
        }
    }

    fn is_signed(&self) -> bool {
        self.uri.parse::<SignedReference>().is_ok()
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
        text: Option<String>,
        blob: Option<String>,
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
        contents: [Contents { text, blob, meta }],
    } = result;
    let bytes = match (text, blob) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(blob)) => STANDARD.decode(blob).ok()?,
        _ => return None,
    };
    Some(Part {
        bytes: bytes.into(),
        range: meta.range.0..meta.range.1,
        stat: Stat {
            size: meta.size,
            digest: meta.digest,
        },
    })
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "internal error")
}
