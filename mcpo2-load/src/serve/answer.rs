use serde::Deserialize;
use serde_json::value::RawValue;

use super::tools;

/// What an upstream says to a message, whatever the transport.
#[derive(Debug)]
pub(super) struct Answers {
    tools: String,
}

/// One answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing, to a notification.
    Nothing,
    /// A message.
    Message(String),
    /// A message that begins a session.
    Session(String),
    /// Two messages in a stream: progress, and the response.
    Stream([String; 2]),
    /// A first message, and a stream that stays open.
    Open(String),
    /// A message that comes late.
    Late(String),
    /// Nothing, to a request.
    Never,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a str>,
    #[serde(borrow, default)]
    params: Params<'a>,
}

#[derive(Default, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
    #[serde(borrow, default)]
    arguments: Arguments<'a>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    bytes: Option<usize>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "progressToken")]
    token: Option<&'a RawValue>,
}

const IDENTITY: &str =
    r#""serverInfo":{"name":"mcpo2-load","version":"1"},"capabilities":{"tools":{}}"#;
const COMPLETE: &str = r#""resultType":"complete""#;
const CACHING: &str = r#""ttlMs":0,"cacheScope":"public""#;

impl Answers {
    pub(super) fn new(tools: usize) -> Self {
        Self {
            tools: tools::listed(tools),
        }
    }

    /// The answer, or none to what cannot be read.
    pub(super) fn to(&self, message: &[u8]) -> Option<Said> {
        let envelope: Envelope<'_> = serde_json::from_slice(message).ok()?;
        let Some(id) = envelope.id.map(RawValue::get) else {
            return Some(Said::Nothing);
        };
        let say =
            |members: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{{members}}}}}"#);
        let fail = |code: i32| {
            Said::Message(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"not here"}}}}"#
            ))
        };
        Some(match envelope.method? {
            "tools/call" => call(id, &envelope.params).unwrap_or_else(|| fail(-32602)),
            "tools/list" => Said::Message(say(&format!("{},{COMPLETE},{CACHING}", self.tools))),
            "initialize" => Said::Session(say(&format!(
                r#""protocolVersion":"2025-11-25",{IDENTITY}"#
            ))),
            "server/discover" => Said::Message(say(&format!(
                r#""supportedVersions":["2026-07-28"],{IDENTITY},{COMPLETE},{CACHING}"#
            ))),
            "subscriptions/listen" => Said::Open(format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"notifications":{{}}}}}}"#
            )),
            "ping" => Said::Message(say("")),
            _ => fail(-32601),
        })
    }
}

fn call(id: &str, params: &Params<'_>) -> Option<Said> {
    let result = |text: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":{text}}}],{COMPLETE}}}}}"#
        )
    };
    let text = params.arguments.text.map_or(r#""""#, RawValue::get);
    let name = params.name?;
    // The name under which a gateway of ours shows it, so that both can be called alike.
    Some(match name.strip_prefix("bench__").unwrap_or(name) {
        "large" => {
            let bytes = params.arguments.bytes.unwrap_or(1 << 20).min(16 << 20);
            Said::Message(result(&format!("\"{}\"", "x".repeat(bytes))))
        }
        "late" => Said::Late(result(text)),
        "lost" => Said::Never,
        "stream" => {
            let token = params.meta.as_ref().and_then(|meta| meta.token);
            let token = token.map_or("0", RawValue::get);
            let progress = format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1}}}}"#
            );
            Said::Stream([progress, result(text)])
        }
        "echo" => Said::Message(result(text)),
        name if name.starts_with("tool_") => Said::Message(result(text)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_to_the_letter() {
        let answers = Answers::new(3);
        let said = answers
            .to(br#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"echo","arguments":{"text":"\u0061 b"}}}"#)
            .unwrap();
        let Said::Message(said) = said else {
            panic!("{said:?}")
        };
        assert!(
            said.contains(r#""text":"\u0061 b""#) && said.contains(r#""id":"a""#),
            "{said}"
        );
    }

    #[test]
    fn what_is_no_request_gets_no_message() {
        let answers = Answers::new(1);
        assert_eq!(answers.to(b"{"), None);
        let note = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(answers.to(note), Some(Said::Nothing));
    }

    #[test]
    fn a_list_has_as_many_tools_as_were_asked_for() {
        let list = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let Some(Said::Message(said)) = Answers::new(7).to(list) else {
            panic!("no list")
        };
        assert_eq!(said.matches("inputSchema").count(), 7);
    }
}
