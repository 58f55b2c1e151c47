//! The two results that the gateway writes itself: a reference in place of a result, and a read.

use std::{fmt, ops::Range};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mcpo2_core::{Digest, ProtocolVersion};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Excerpt, Stored};

/// `resource_link` is a kind of content since this revision.
const LINKS_SINCE: ProtocolVersion = ProtocolVersion::V2025_06_18;

/// The longest time for which a client is told that it may keep what it read.
const DAY_MS: u64 = 86_400_000;

/// What is to stand in place of the content of a result.
#[derive(Debug)]
pub(crate) struct Substitute<'a> {
    pub(crate) stored: &'a Stored,
    pub(crate) preview: String,
    pub(crate) tool: &'a str,
    pub(crate) version: ProtocolVersion,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    Text {
        text: &'a str,
    },
    ResourceLink {
        uri: String,
        name: String,
        #[serde(rename = "mimeType")]
        mime_type: &'static str,
        size: u64,
        #[serde(rename = "_meta")]
        meta: LinkMeta,
    },
}

#[derive(Serialize)]
struct LinkMeta {
    #[serde(rename = "dev.mcpo2/digest")]
    digest: Digest,
}

impl Substitute<'_> {
    /// The content, JSON text.
    pub(crate) fn content(&self) -> serde_json::Result<String> {
        let mut content = vec![Content::Text {
            text: &self.preview,
        }];
        if self.version >= LINKS_SINCE {
            content.push(Content::ResourceLink {
                uri: self.stored.reference.uri(),
                name: format!("result of {}", self.tool),
                mime_type: "application/json",
                size: self.stored.size,
                meta: LinkMeta {
                    digest: self.stored.digest,
                },
            });
        }
        serde_json::to_string(&content)
    }
}

/// The members of a result in their order: keys decoded, values to the letter.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.get())
    }

    /// Whether this is not what a tool has to say at last: it asks for input, or names a task.
    pub(crate) fn is_interim(&self) -> bool {
        let asks = self
            .get("resultType")
            .is_some_and(|kind| kind != r#""complete""#);
        self.get("content").is_none() && (asks || self.get("task").is_some())
    }

    /// The same result with other content, JSON text.
    ///
    /// `structuredContent` stays up to `structured` bytes. Other members stay as long as they are
    /// together at most `others` bytes, and `isError` always: a module must not get around a limit
    /// by another member.
    pub(crate) fn with_content(&self, content: &str, structured: usize, others: usize) -> String {
        let mut left = others;
        let mut out = vec![format!(r#""content":{content}"#)];
        for (key, value) in &self.0 {
            let value = value.get();
            let stays = match key.as_str() {
                "content" => false,
                "structuredContent" => value.len() <= structured,
                "isError" if value.len() <= 5 => true,
                _ => {
                    let bytes = key.len() + value.len();
                    let fits = bytes <= left;
                    left -= if fits { bytes } else { 0 };
                    fits
                }
            };
            if stays {
                out.push(format!("{}:{value}", serde_json::Value::from(key.as_str())));
            }
        }
        format!("{{{}}}", out.join(","))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        from.deserialize_map(Pairs).map(Self)
    }
}

#[derive(Serialize)]
struct ReadResult<'a> {
    #[serde(rename = "resultType", skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    contents: [ResourceContents<'a>; 1],
    #[serde(rename = "ttlMs", skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<u64>,
    #[serde(rename = "cacheScope", skip_serializing_if = "Option::is_none")]
    cache_scope: Option<&'static str>,
}

#[derive(Serialize)]
struct ResourceContents<'a> {
    uri: &'a str,
    #[serde(rename = "mimeType")]
    mime_type: &'static str,
    #[serde(flatten)]
    content: Part<'a>,
    #[serde(rename = "_meta")]
    meta: ReadMeta<'a>,
}

/// A part as the protocol has it: text, or base64 of what is none.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Part<'a> {
    Text(&'a str),
    Blob(String),
}

#[derive(Serialize)]
struct ReadMeta<'a> {
    #[serde(rename = "dev.mcpo2/digest")]
    digest: Digest,
    #[serde(rename = "dev.mcpo2/range")]
    range: (u64, u64),
    #[serde(rename = "dev.mcpo2/size")]
    size: u64,
    #[serde(rename = "dev.mcpo2/next", skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

/// The result of a read, JSON text.
pub(crate) fn read_result(
    uri: &str,
    excerpt: &Excerpt,
    version: ProtocolVersion,
) -> serde_json::Result<String> {
    let Range { start, end } = excerpt.range;
    let ttl = u64::try_from(excerpt.expires_in.as_millis()).unwrap_or(DAY_MS);
    let stateless = version.is_stateless();
    serde_json::to_string(&ReadResult {
        result_type: stateless.then_some("complete"),
        contents: [ResourceContents {
            uri,
            mime_type: excerpt.media_type(),
            content: match excerpt.text() {
                Some(text) => Part::Text(text),
                None => Part::Blob(STANDARD.encode(&excerpt.bytes)),
            },
            meta: ReadMeta {
                digest: excerpt.digest,
                range: (start, end),
                size: excerpt.size,
                next: excerpt.next.as_deref(),
            },
        }],
        ttl_ms: stateless.then_some(ttl.min(DAY_MS)),
        cache_scope: stateless.then_some("private"),
    })
}
