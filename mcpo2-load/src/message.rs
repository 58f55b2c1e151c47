//! What is sent, and what has to come back.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// The revision of the stateless era.
pub(crate) const MODERN: &str = "2026-07-28";
/// The revision that is asked for where there are sessions.
pub(crate) const LEGACY: &str = "2025-11-25";

/// How requests are shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Era {
    /// 2026-07-28: each request stands for itself.
    Modern,
    /// 2025-11-25: a handshake, and a session.
    Legacy,
}

/// What one request asks for.
#[derive(Debug, Clone)]
pub enum Work {
    /// `tools/call` of this tool with these arguments, a JSON object.
    Call {
        /// The tool.
        tool: String,
        /// The arguments.
        arguments: String,
    },
    /// `tools/list`.
    List,
    /// `subscriptions/listen`, which stays open.
    Listen,
}

/// What an answer has to hold, besides being a result to the request.
#[derive(Debug, Clone, Default)]
pub enum Expected {
    /// Nothing else, but no `isError`.
    #[default]
    Result,
    /// This text somewhere in the result.
    Text(Bytes),
    /// This many tools.
    Tools(usize),
}

/// A request that is sent many times, each under an id of its own.
#[derive(Debug, Clone)]
pub struct Exchange {
    headers: HeaderMap,
    before: String,
    behind: String,
    expected: Expected,
}

impl Work {
    /// A call of a tool that answers with the text it is given: `bytes` of it.
    #[must_use]
    pub fn echo(tool: &str, bytes: usize) -> (Self, Expected) {
        let text = "0123456789abcdef".repeat(bytes.div_ceil(16));
        let text = text.get(..bytes).unwrap_or_default();
        let work = Self::Call {
            tool: tool.into(),
            arguments: format!(r#"{{"text":"{text}"}}"#),
        };
        (work, Expected::Text(Bytes::from(format!("\"{text}\""))))
    }

    fn method(&self) -> &'static str {
        match self {
            Self::Call { .. } => "tools/call",
            Self::List => "tools/list",
            Self::Listen => "subscriptions/listen",
        }
    }

    fn members(&self) -> String {
        match self {
            Self::Call { tool, arguments } => {
                format!(r#""name":{},"arguments":{arguments}"#, json!(tool))
            }
            Self::List => String::new(),
            Self::Listen => r#""notifications":{"toolsListChanged":true}"#.into(),
        }
    }
}

impl Exchange {
    /// This work in the shape of an era.
    #[must_use]
    pub fn new(era: Era, work: &Work, expected: Expected) -> Self {
        let mut members = work.members();
        let mut headers = headers(era);
        if era == Era::Modern {
            let comma = if members.is_empty() { "" } else { "," };
            members = format!("{members}{comma}{META}");
            headers.insert("mcp-method", HeaderValue::from_static(work.method()));
            if let Work::Call { tool, .. } = work
                && let Ok(name) = HeaderValue::from_str(tool)
            {
                headers.insert("mcp-name", name);
            }
        }
        Self {
            headers,
            before: r#"{"jsonrpc":"2.0","id":"#.into(),
            behind: format!(r#","method":"{}","params":{{{members}}}}}"#, work.method()),
            expected,
        }
    }

    /// The same with a header on each request.
    #[must_use]
    pub fn with_header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The message of this id.
    #[must_use]
    pub fn body(&self, id: u64) -> Bytes {
        [&*self.before, &*id.to_string(), &*self.behind]
            .concat()
            .into()
    }

    /// Whether this is the answer to the request of this id.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(&self, id: u64, message: &[u8]) -> Result<(), String> {
        let shown = || String::from_utf8_lossy(message.get(..200).unwrap_or(message)).into_owned();
        let answer: Response<'_> =
            serde_json::from_slice(message).map_err(|error| format!("{error}: {}", shown()))?;
        if answer.id != Some(id) {
            return Err(format!("the answer to another request: {}", shown()));
        }
        let Some(result) = answer.result else {
            return Err(format!("no result: {}", shown()));
        };
        let holds = match &self.expected {
            Expected::Result => true,
            Expected::Text(text) => holds(result.get().as_bytes(), text),
            Expected::Tools(count) => serde_json::from_str::<Listed<'_>>(result.get())
                .is_ok_and(|listed| listed.tools.len() == *count),
        };
        if !holds {
            return Err(format!("not what was expected: {}", shown()));
        }
        match holds_error(result.get()) {
            true => Err(format!("the tool failed: {}", shown())),
            false => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Response<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"mcpo2-load","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}"#;

/// What each request of an era carries.
pub(crate) fn headers(era: Era) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let version = match era {
        Era::Modern => MODERN,
        Era::Legacy => LEGACY,
    };
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert(
        "accept",
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    headers.insert("mcp-protocol-version", HeaderValue::from_static(version));
    headers
}

/// The handshake of a session.
pub(crate) fn initialize() -> Bytes {
    let body = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": LEGACY, "capabilities": {},
            "clientInfo": { "name": "mcpo2-load", "version": "1" }
        }
    });
    body.to_string().into()
}

/// What follows it.
pub(crate) fn initialized() -> Bytes {
    Bytes::from_static(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
}

fn holds(hay: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return true;
    };
    let mut from = 0;
    while let Some(rest) = hay.get(from..) {
        let Some(at) = rest.iter().position(|byte| byte == first) else {
            return false;
        };
        if rest.get(at..).is_some_and(|rest| rest.starts_with(needle)) {
            return true;
        }
        from += at + 1;
    }
    false
}

fn holds_error(result: &str) -> bool {
    // An answer of ours never holds it by chance; others pay for a full look.
    #[derive(Deserialize)]
    struct Result {
        #[serde(default, rename = "isError")]
        is_error: bool,
    }
    holds(result.as_bytes(), br#""isError""#)
        && serde_json::from_str::<Result>(result).is_ok_and(|result| result.is_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_checked_for_its_id_its_text_and_its_failure() {
        let (work, expected) = Work::echo("echo", 20);
        let exchange = Exchange::new(Era::Modern, &work, expected);
        let body = exchange.body(7);
        let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(sent["params"]["arguments"]["text"], "0123456789abcdef0123");
        assert_eq!(exchange.headers()["mcp-name"], "echo");
        let right = br#"{"id":7,"result":{"content":[{"text":"0123456789abcdef0123"}]}}"#;
        exchange.check(7, right).unwrap();
        for wrong in [
            &br#"{"id":8,"result":{"content":[{"text":"0123456789abcdef0123"}]}}"#[..],
            br#"{"id":7,"result":{"content":[{"text":"0123"}]}}"#,
            br#"{"id":7,"error":{"code":1}}"#,
            br#"{"id":7,"result":{"isError":true,"content":[{"text":"0123456789abcdef0123"}]}}"#,
            b"",
        ] {
            exchange.check(7, wrong).unwrap_err();
        }
    }

    #[test]
    fn a_list_is_counted() {
        let exchange = Exchange::new(Era::Legacy, &Work::List, Expected::Tools(2));
        exchange
            .check(1, br#"{"id":1,"result":{"tools":[{},{}]}}"#)
            .unwrap();
        exchange
            .check(1, br#"{"id":1,"result":{"tools":[{}]}}"#)
            .unwrap_err();
    }
}
