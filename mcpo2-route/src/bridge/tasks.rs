//! How tasks are said in each era, and where they are offered.
//!
//! In the revision 2025-11-25 a client asks for a task by `params.task`, and learns its result by
//! `tasks/result`. Since 2026-07-28 they are an extension (SEP-2663): the module decides, and
//! `tasks/get` has all.

mod time;

use std::time::Duration;

use bytes::Bytes;
use mcpo2_core::{
    Body, Error, ErrorKind, ItemKind, Message, Outcome, ProtocolVersion, Reply, Request, Response,
    message::Listed,
};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

pub(super) use self::time::timestamp;

use super::edit;
use crate::upstream::fault;

/// The extension that has tasks.
const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// The key of `_meta` that says which task a message is of.
pub(super) const RELATED: &str = "io.modelcontextprotocol/related-task";

/// The task whose id `_meta` says (JSON text).
pub(super) fn related(id: &str) -> String {
    serde_json::json!({ "taskId": id }).to_string()
}

/// Whether a module runs tool calls as tasks where the client asks for it; `server` is the result
/// of its `initialize`.
pub(super) fn are_asked_for(version: ProtocolVersion, server: &[u8]) -> bool {
    version == ProtocolVersion::LATEST_SESSION
        && has(server, "/capabilities/tasks/requests/tools/call")
}

/// Whether a module takes back tasks.
pub(super) fn can_cancel(server: &[u8]) -> bool {
    has(server, "/capabilities/tasks/cancel")
}

/// Whether a module decides by itself what it runs as a task, or a face does; `server` is the
/// result of `server/discover`.
pub(super) fn are_decided(server: &[u8]) -> bool {
    has(
        server,
        "/capabilities/extensions/io.modelcontextprotocol~1tasks",
    )
}

fn has(server: &[u8], path: &str) -> bool {
    let server: serde_json::Value = serde_json::from_slice(server).unwrap_or_default();
    server
        .pointer(path)
        .is_some_and(serde_json::Value::is_object)
}

/// The member of a face's capabilities that offers tasks to clients without sessions.
pub(super) fn extension() -> String {
    format!(r#""extensions":{{"{EXTENSION}":{{}}}}"#)
}

/// The member of a face's capabilities that offers tasks to a session. There is no list.
pub(super) const CAPABILITY: &str = r#""tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}"#;

/// Whether a tool of a module with sessions is called as a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Support {
    /// It is not.
    #[default]
    Never,
    /// Where the client wants it.
    Optional,
    /// In no other way.
    Required,
}

impl Support {
    /// What the entry of a tool in a list says (JSON text).
    pub(crate) fn of(tool: &str) -> Self {
        #[derive(Deserialize)]
        struct Tool {
            execution: Execution,
        }
        #[derive(Deserialize)]
        struct Execution {
            #[serde(rename = "taskSupport")]
            support: String,
        }
        // Few tools say anything of it.
        if !tool.contains("taskSupport") && !tool.contains("\\u") {
            return Self::Never;
        }
        match serde_json::from_str::<Tool>(tool) {
            Ok(tool) if tool.execution.support == "required" => Self::Required,
            Ok(tool) if tool.execution.support == "optional" => Self::Optional,
            Ok(_) | Err(_) => Self::Never,
        }
    }
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// A task, as a module of either era tells of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told<'a> {
    pub(super) task_id: String,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) status_message: Option<String>,
    #[serde(default)]
    ttl: Option<f64>,
    #[serde(default, alias = "pollInterval")]
    poll_interval_ms: Option<f64>,
    #[serde(borrow, default)]
    pub(super) input_requests: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Told<'a> {
    pub(super) fn read(task: &'a [u8]) -> Result<Self, Error> {
        serde_json::from_slice(task).map_err(fault::protocol)
    }

    /// How long the module keeps it, from when it was made; none where it says no end.
    pub(super) fn ttl(&self) -> Option<Duration> {
        self.ttl.and_then(millis)
    }

    /// How often the module wants to be asked.
    pub(super) fn poll(&self) -> Option<Duration> {
        self.poll_interval_ms.and_then(millis)
    }
}

fn millis(count: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(count / 1000.0).ok()
}

/// The task (JSON text) that a module with sessions made of a call; none where the result is the
/// call's own.
pub(super) fn made(result: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Made<'a> {
        #[serde(borrow)]
        task: &'a RawValue,
    }
    let made: Made<'_> = serde_json::from_slice(result).ok()?;
    Some(made.task.get()).filter(|task| task.starts_with('{'))
}

/// Whether a response of the stateless revision says that a call became a task.
pub(super) fn is_made(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Result {
        #[serde(rename = "resultType")]
        kind: String,
    }
    let result = response.result_json().unwrap_or_default();
    serde_json::from_slice::<Result>(result).is_ok_and(|Result { kind }| kind == "task")
}

/// Whether a module of the stateless revision refuses a call since its client declares no tasks.
/// It has done nothing then.
pub(super) fn is_refused_without(reply: &Reply) -> bool {
    let Body::Complete(bytes) = reply.body() else {
        return false;
    };
    let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else {
        return false;
    };
    let error = response.error_json().unwrap_or_default();
    let error: serde_json::Value = serde_json::from_slice(error).unwrap_or_default();
    let path = "/data/requiredCapabilities/extensions/io.modelcontextprotocol~1tasks";
    response.outcome() == Outcome::Error { code: -32021 } && error.pointer(path).is_some()
}

/// What a client asks for a task with (JSON text), if it asks for one.
pub(super) fn asked(request: &Request) -> Option<&str> {
    made(request.params()?)
}

/// The id of the task that a message of a module with sessions is of.
pub(super) fn named(message: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "_meta")]
        meta: Meta,
    }
    #[derive(Deserialize)]
    struct Meta {
        #[serde(rename = "io.modelcontextprotocol/related-task")]
        related: Related,
    }
    #[derive(Deserialize)]
    struct Related {
        #[serde(rename = "taskId")]
        id: String,
    }
    let params: Params = serde_json::from_slice(message.params()?).ok()?;
    Some(params.meta.related.id)
}

/// An object (JSON text) that does not say which task it is of.
pub(super) fn without_related(object: &[u8]) -> Vec<u8> {
    let Some(meta) = meta(object) else {
        return object.to_vec();
    };
    let bare = edit::without(meta.as_bytes(), &[RELATED]);
    let bare = String::from_utf8_lossy(&bare);
    match bare.len() {
        same if same == meta.len() => object.to_vec(),
        2 => edit::without(object, &["_meta"]),
        _ => edit::with_members(object, &["_meta"], &format!("\"_meta\":{bare}")).into_bytes(),
    }
}

/// An object (JSON text) that says which task it is of.
pub(super) fn with_related(object: &[u8], id: &str) -> String {
    let member = format!("\"{RELATED}\":{}", related(id));
    let meta = meta(object).unwrap_or("{}");
    let meta = edit::with_members(meta.as_bytes(), &[RELATED], &member);
    edit::with_members(object, &["_meta"], &format!("\"_meta\":{meta}"))
}

fn meta(object: &[u8]) -> Option<&str> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: &'a RawValue,
    }
    let object: Object<'_> = serde_json::from_slice(object).ok()?;
    Some(object.meta.get()).filter(|meta| meta.starts_with('{'))
}

/// A list of tools, each of which says that it can be called as a task, unless it says of that
/// itself.
pub(super) fn with_support(list: &Response) -> Bytes {
    const EXECUTION: &str = r#""execution":{"taskSupport":"optional"}"#;
    let result = list.result_json().unwrap_or_default();
    let Some(listed) = Listed::all(result, ItemKind::Tool) else {
        return list.bytes().clone();
    };
    let tool = |tool: &Listed<'_>| match tool.member::<IgnoredAny>("execution") {
        Some(_) => tool.json().to_owned(),
        None => edit::with_members(tool.json().as_bytes(), &[], EXECUTION),
    };
    let tools: Vec<_> = listed.iter().map(tool).collect();
    let tools = format!("\"tools\":[{}]", tools.join(","));
    list.with_result(edit::with_members(result, &["tools"], &tools).as_bytes())
}

/// The error where a task is not there, or is not this caller's.
pub(super) fn unknown() -> Error {
    Error::new(ErrorKind::InvalidParams, "Unknown task")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_says_whether_it_is_called_as_a_task() {
        let tool = |support: &str| {
            Support::of(&format!(
                r#"{{"name":"n","execution":{{"taskSupport":{support}}}}}"#
            ))
        };
        assert_eq!(tool(r#""required""#), Support::Required);
        assert_eq!(tool(r#""optional""#), Support::Optional);
        for other in [r#""forbidden""#, "true", "null"] {
            assert_eq!(tool(other), Support::Never);
        }
        assert_eq!(Support::of(r#"{"name":"taskSupport"}"#), Support::Never);
    }

    #[test]
    fn which_task_an_object_is_of_comes_and_goes_and_the_rest_stays() {
        let plain = r#"{ "big":1e400,"_meta":{"v":1}}"#;
        let of_one = with_related(plain.as_bytes(), "a\"b");
        assert_eq!(
            of_one,
            r#"{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a\"b"},"v":1}, "big":1e400}"#
        );
        let other = with_related(of_one.as_bytes(), "c");
        assert!(!other.contains("a\\\"b") && other.contains(r#"{"taskId":"c"}"#));
        let again = without_related(other.as_bytes());
        assert_eq!(again, br#"{"_meta":{"v":1}, "big":1e400}"#);
        assert_eq!(without_related(b"{}"), b"{}");
        let alone = with_related(b"{\"v\":1}", "a");
        assert_eq!(without_related(alone.as_bytes()), b"{\"v\":1}");
    }
}
