//! Between a caller and a link that speak different eras of the protocol.
//!
//! Where both speak the same, every byte passes. Where not, a link gets a face of the other era, so
//! that everything above treats links alike:
//!
//! - [`StatelessFace`] shows a module with sessions to clients without them. What the module asks
//!   while it works goes another way, by [`asking`].
//! - [`SessionFace`] shows a module without sessions to one session of a client.
//!
//! What one era cannot say in the other, tasks above all, is not among the capabilities of a face,
//! and who asks for it all the same is told so.

pub(crate) mod abilities;
mod asking;
mod caller;
mod edit;
mod level;
mod question;
mod session;
mod stateless;
mod tasking;
mod tasks;

pub(crate) use self::{
    asking::{Asking, Lot, Pool},
    caller::Caller,
    session::Room,
    stateless::StatelessFace,
    tasking::{Desks, Tasking},
    tasks::Support,
};

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mcpo2_core::{
    Body, Error, Frame, Frames, Message, Method, ProtocolVersion, Reply, Request, Response,
    message::{error_response, keys},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::session::SessionFace;
use crate::upstream::{ClientInfo, Hello, Link, fault};

/// The request as the link's revision wants it.
pub(crate) fn outgoing(
    request: &Request,
    caller: ProtocolVersion,
    link: ProtocolVersion,
    ours: &ClientInfo,
) -> Request {
    let complete = caller.is_stateless() && request.meta().protocol_version().is_some();
    if !link.is_stateless() || complete || request.id().is_none() {
        return request.clone();
    }
    request
        .with_meta(keys::CLIENT_INFO, &ours.json().to_string())
        .with_meta(keys::CLIENT_CAPABILITIES, "{}")
        .with_meta(keys::PROTOCOL_VERSION, &format!("\"{link}\""))
}

/// A link for one session, as that session sees it.
pub(crate) fn for_session(link: Arc<dyn Link>, hello: &Hello, room: &Room) -> Arc<dyn Link> {
    match link.version().is_stateless() {
        true => Arc::new(SessionFace::new(link, hello, room)),
        false => link,
    }
}

/// Whether a link to clients without sessions offers tasks.
pub(crate) fn has_tasks(link: &dyn Link) -> bool {
    tasks::are_decided(link.server())
}

/// A response as the stateless revision wants it; other messages stay.
fn stateless(bytes: Bytes, method: &Method) -> Bytes {
    let Ok(Message::Response(response)) = Message::parse(bytes.clone()) else {
        return bytes;
    };
    if response.error_json().is_some() {
        return error(&response);
    }
    let mut response = with_default(response, "resultType", "\"complete\"");
    if method.lists().is_some() || *method == Method::ResourcesRead {
        response = with_default(response, "cacheScope", "\"private\"");
        response = with_default(response, "ttlMs", "0");
    }
    response.bytes().clone()
}

fn with_default(response: Response, key: &str, value: &str) -> Response {
    match Message::parse(response.with_result_default(key, value)) {
        Ok(Message::Response(edited)) => edited,
        Ok(Message::Request(_)) | Err(_) => response,
    }
}

/// A resource that is not there has another code since 2026-07-28.
fn error(response: &Response) -> Bytes {
    #[derive(Deserialize)]
    struct Error<'a> {
        code: i64,
        message: String,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }
    let parsed = response
        .error_json()
        .and_then(|json| serde_json::from_slice::<Error<'_>>(json).ok());
    match parsed {
        Some(Error {
            code: -32002,
            message,
            data,
        }) => error_response(response.id(), -32602, &message, data.map(RawValue::get)),
        _ => response.bytes().clone(),
    }
}

/// What a module says of itself as the other era may know it: the capabilities that a face
/// carries, as they are, and how it has tasks (a member, as JSON text).
fn carried(server: &[u8], tasks: Option<String>) -> Bytes {
    #[derive(Deserialize)]
    struct Server<'a> {
        #[serde(borrow, default)]
        capabilities: BTreeMap<String, &'a RawValue>,
    }
    let server: Option<Server<'_>> = serde_json::from_slice(server).ok();
    let capabilities = server.map(|server| server.capabilities).unwrap_or_default();
    let carried = ["tools", "prompts", "resources", "completions", "logging"];
    let carried = carried
        .into_iter()
        .filter_map(|key| Some(format!("\"{key}\":{}", capabilities.get(key)?)));
    let carried: Vec<_> = carried.chain(tasks).collect();
    format!(r#"{{"capabilities":{{{}}}}}"#, carried.join(",")).into()
}

/// Whether this tells of a change, which each era has a stream of its own for.
fn is_change(method: &Method) -> bool {
    matches!(
        method,
        Method::ToolsChanged
            | Method::PromptsChanged
            | Method::ResourcesChanged
            | Method::ResourceUpdated
    )
}

/// The id (JSON text) of the request that a cancellation names.
fn cancelled_id(notification: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "requestId")]
        request: &'a RawValue,
    }
    let params: Params<'_> = serde_json::from_slice(notification.params()?).ok()?;
    Some(params.request.get().to_owned())
}

/// All messages of a reply.
fn frames(reply: Reply) -> Frames {
    match reply.into_body() {
        Body::Complete(bytes) => Frames::new(stream::iter([Ok(Frame::new(bytes))])),
        Body::Stream(frames) => frames,
        Body::Empty => Frames::new(stream::empty()),
    }
}

/// The response in a reply, once it is there.
async fn response(reply: Reply) -> Result<Response, Error> {
    let mut frames = frames(reply);
    while let Some(frame) = frames.next().await {
        if let Ok(Message::Response(response)) = Message::parse(frame?.data().clone()) {
            return Ok(response);
        }
    }
    Err(fault::protocol("there is no answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_gets_what_the_stateless_revision_demands_and_keeps_the_rest() {
        let legacy = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"vendor":1e400}}"#;
        let bytes = stateless(legacy.into(), &Method::ToolsList);
        assert_eq!(
            bytes,
            r#"{"jsonrpc":"2.0","id":1,"result":{"ttlMs":0,"cacheScope":"private","resultType":"complete","tools":[],"vendor":1e400}}"#
        );
    }

    #[test]
    fn a_request_gets_the_metadata_that_it_lacks_and_keeps_what_it_has() {
        let request = |text: &'static str| match Message::parse(text) {
            Ok(Message::Request(request)) => request,
            other => unreachable!("{other:?}"),
        };
        let (latest, session) = (ProtocolVersion::LATEST, ProtocolVersion::LATEST_SESSION);
        let ours = ClientInfo::default();
        let bare = request(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
        for caller in [latest, session] {
            let sent = outgoing(&bare, caller, latest, &ours);
            assert!(sent.meta().protocol_version().is_some());
            let again = outgoing(&sent, latest, latest, &ours);
            assert_eq!(again.bytes(), sent.bytes());
        }
        assert_eq!(
            outgoing(&bare, session, session, &ours).bytes(),
            bare.bytes()
        );
    }

    #[test]
    fn a_missing_resource_has_the_code_of_the_caller_s_revision() {
        let legacy =
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"no","data":{"uri":"a"}}}"#;
        let bytes = stateless(legacy.into(), &Method::ResourcesRead);
        assert_eq!(
            bytes,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no","data":{"uri":"a"}}}"#
        );
    }
}
