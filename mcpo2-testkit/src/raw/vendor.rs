//! Answers of a server whose vendor went his own way, as far as the protocol lets him.
//!
//! Keys in no usual order, fields, content types and methods that nobody else knows, numbers that
//! no machine type holds, escapes and blanks that an encoder would write otherwise. Whatever
//! re-encodes one of them changes it.

use super::canned::{Answer, Canned, envelope};

/// Which of the two lifecycles a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28: `server/discover`, no sessions.
    Modern,
    /// 2025-11-25: `initialize`, sessions.
    Legacy,
}

/// The results by method, in the modern form.
const RESULTS: &[(&str, &str)] = &[
    ("tools/list", TOOLS),
    ("tools/call", TOOL_RESULT),
    ("resources/list", RESOURCES),
    (
        "resources/templates/list",
        r#"{"resultType":"complete","ttlMs":5000,"cacheScope":"public","vendorField":0.10,"resourceTemplates":[{"vendorTemplate":{},"uriTemplate":"raw://t/{id}","name":"t"}]}"#,
    ),
    ("resources/read", RESOURCE),
    (
        "prompts/list",
        r#"{"resultType":"complete","prompts":[{"vendorPrompt":"\u00e9","name":"vendor_prompt","arguments":[{"vendorArgument":1e2,"name":"a"}]}],"ttlMs":5000,"cacheScope":"public"}"#,
    ),
    (
        "prompts/get",
        r#"{"resultType":"complete","vendorField":[],"messages":[{"vendorMessage":true,"role":"user","content":{"type":"vendor/new","z":1,"a":18446744073709551617}}]}"#,
    ),
    (
        "completion/complete",
        r#"{"resultType":"complete","completion":{"vendorRank":[0.30,0.1],"values":["b","a"],"total":2}}"#,
    ),
    (
        "vendor/method",
        r#"{"resultType":"complete","vendorAnswer":{"z":1,"a":[ 1E+2,-0,1.10 ]}}"#,
    ),
];

const DISCOVER: &str = r#"{"resultType":"complete","vendorField":1,"supportedVersions":["2026-07-28"],"capabilities":{"vendorCap":{"z":true,"a":null},"tools":{"vendorTools":1,"listChanged":true},"resources":{},"prompts":{},"completions":{},"logging":{}},"instructions":"raw instructions","ttlMs":60000,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"vendorBuild":12345678901234567890123,"name":"raw","version":"1"}}}"#;

const INITIALIZE: &str = r#"{"vendorField":1,"capabilities":{"vendorCap":{"z":true,"a":null},"tools":{"vendorTools":1,"listChanged":true},"resources":{},"prompts":{},"completions":{},"logging":{}},"serverInfo":{"vendorBuild":12345678901234567890123,"name":"raw","version":"1"},"protocolVersion":"2025-11-25","instructions":"raw instructions"}"#;

const TOOLS: &str = r#"{"resultType":"complete","vendorField":{"z":1,"a":2},"tools":[{"vendorTool":true,"name":"vendor_call","description":"caf\u00e9 \/ \ud83d\ude00","inputSchema":{"type":"object","z":0,"a":1,"properties":{"q":{"vendorKeyword":1e400,"type":"string"}}},"annotations":{"vendorHint":"x","readOnlyHint":true}},{"name":"vendor_stream","inputSchema":{ "type" : "object" }},{"name":"vendor_error","inputSchema":{"type":"object"}},{"name":"vendor_hang","inputSchema":{"type":"object"}}],"ttlMs":5000,"cacheScope":"public"}"#;

const TOOL_RESULT: &str = r#"{"resultType":"complete","vendorField":1.10,"structuredContent":{"z":12345678901234567890123,"a":-0,"f":1E+2},"content":[{"type":"vendor/new","payload":{"b":1,"a":2}},{"vendorContent":[ ],"type":"text","text":"caf\u00e9 \/ \ud83d\ude00"}],"_meta":{"com.example/trace":{"z":1,"a":18446744073709551617}}}"#;

const RESOURCES: &str = r#"{"resultType":"complete","resources":[{"vendorResource":null,"uri":"raw://one","name":"one","size":18446744073709551617}],"ttlMs":5000,"cacheScope":"private"}"#;

const RESOURCE: &str = r#"{"resultType":"complete","contents":[{"vendorContents":1e2,"uri":"raw://one","mimeType":"text/x-vendor","text":"\u0000\/"}],"ttlMs":5000,"cacheScope":"private"}"#;

/// The events that the tool `vendor_stream` sends before its result.
pub const STREAM_EVENTS: [&str; 2] = [
    r#"{"method":"notifications/progress","params":{"vendorField":1.0,"progress":1,"total":3.00,"progressToken":"$progressToken"},"jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/vendor/note","params":{"z":1,"a":12345678901234567890123}}"#,
];

/// The answer of the tool `vendor_error`.
pub const ERROR: &str = r#"{"error":{"vendorField":1.10,"data":{"z":1,"a":12345678901234567890123},"message":"caf\u00e9","code":-31999},"id":"$id","jsonrpc":"2.0"}"#;

const ACKNOWLEDGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"vendor":1,"io.modelcontextprotocol/subscriptionId":"$id"},"notifications":{"toolsListChanged":true}}}"#;

/// A `notifications/tools/list_changed` for [`RawUpstream::emit`](super::RawUpstream::emit).
pub const TOOLS_CHANGED: &str = r#"{"method":"notifications/tools/list_changed","params":{"_meta":{"com.example/why":[1.0],"io.modelcontextprotocol/subscriptionId":"$id"}},"jsonrpc":"2.0"}"#;

/// The result that a method is answered with, if it is one of the vendor's.
#[must_use]
pub fn result(era: Era, method: &str) -> Option<String> {
    if let Some(result) = opening(era, method) {
        return Some(result.to_owned());
    }
    let (_, result) = RESULTS.iter().find(|(known, _)| *known == method)?;
    Some(match era {
        Era::Modern => (*result).to_owned(),
        Era::Legacy => without_modern_fields(result),
    })
}

impl Canned {
    /// The vendor's server: four tools, one resource, one prompt, and the method `vendor/method`.
    ///
    /// `vendor_call` answers as JSON; `vendor_stream` sends events first; `vendor_error` answers
    /// with an error; `vendor_hang` sends a comment and no more.
    #[must_use]
    pub fn vendor(era: Era) -> Self {
        let methods = RESULTS.iter().map(|(method, _)| *method);
        let mut canned = Self::default();
        for method in methods.chain(["server/discover", "initialize", "ping"]) {
            if let Some(result) = result(era, method) {
                canned = canned.with(method, Answer::result(&result));
            }
        }
        let result = result(era, "tools/call").unwrap_or_default();
        let events = STREAM_EVENTS
            .map(str::to_owned)
            .into_iter()
            .chain([envelope(&result)]);
        let hang = Answer::stream(": the answer never comes\n\n").and_stay_open();
        let canned = canned
            .with_target("tools/call", "vendor_stream", Answer::events(events))
            .with_target("tools/call", "vendor_error", Answer::json(ERROR))
            .with_target("tools/call", "vendor_hang", hang);
        match era {
            Era::Modern => {
                let listen = Answer::events([ACKNOWLEDGED]).and_stay_open();
                canned.with("subscriptions/listen", listen)
            }
            Era::Legacy => {
                let initialize =
                    Answer::result(INITIALIZE).with_header("mcp-session-id", "raw-session");
                canned.with("initialize", initialize)
            }
        }
    }
}

fn opening(era: Era, method: &str) -> Option<&'static str> {
    match (era, method) {
        (Era::Modern, "server/discover") => Some(DISCOVER),
        (Era::Legacy, "initialize") => Some(INITIALIZE),
        (Era::Legacy, "ping") => Some("{}"),
        _ => None,
    }
}

/// Cuts out the fields that a server without them would not send.
fn without_modern_fields(result: &str) -> String {
    result
        .replacen(r#""resultType":"complete","#, "", 1)
        .replacen(r#","ttlMs":5000,"cacheScope":"public""#, "", 1)
        .replacen(r#""ttlMs":5000,"cacheScope":"public","#, "", 1)
        .replacen(r#","ttlMs":5000,"cacheScope":"private""#, "", 1)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_answer_is_one_line_of_json() {
        for era in [Era::Modern, Era::Legacy] {
            for (method, _) in RESULTS {
                let result = result(era, method).unwrap();
                assert!(!result.contains('\n'), "{method}");
                serde_json::from_str::<&serde_json::value::RawValue>(&result).unwrap();
            }
        }
    }

    #[test]
    fn legacy_answers_have_no_modern_fields() {
        for (method, _) in RESULTS {
            let result = result(Era::Legacy, method).unwrap();
            for field in ["resultType", "ttlMs", "cacheScope"] {
                assert!(!result.contains(field), "{method}: {field}");
            }
        }
    }

    #[test]
    fn every_answer_changes_when_it_is_re_encoded() {
        for (method, result) in RESULTS {
            let again = serde_json::from_str::<Value>(result).map(|value| value.to_string());
            assert_ne!(again.ok().as_deref(), Some(*result), "{method}");
        }
    }
}
