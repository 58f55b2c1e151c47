//! Between a caller and a link that speak different eras of the protocol.
//!
//! Where both speak the same, every byte passes. Where not, a request gets what its revision
//! demands, and an answer what its caller's does. What one era cannot say in the other (questions
//! to the user, in either direction) is not offered to the module in the first place: the link was
//! opened without those capabilities.

use bytes::Bytes;
use mcpo2_core::{
    Body, Frame, Frames, Message, Method, ProtocolVersion, Reply, Request, Response,
    message::{error_response, keys},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::upstream::ClientInfo;

/// The request as the link's revision wants it.
pub(crate) fn outgoing(
    request: &Request,
    caller: ProtocolVersion,
    link: ProtocolVersion,
    ours: &ClientInfo,
) -> Request {
    let complete = caller.is_stateless() && request.meta().protocol_version.is_some();
    if !link.is_stateless() || complete || request.id().is_none() {
        return request.clone();
    }
    request
        .with_meta(keys::CLIENT_INFO, &ours.json().to_string())
        .with_meta(keys::CLIENT_CAPABILITIES, "{}")
        .with_meta(keys::PROTOCOL_VERSION, &format!("\"{link}\""))
}

/// The reply as the caller's revision wants it.
pub(crate) fn incoming(
    reply: Reply,
    method: &Method,
    caller: ProtocolVersion,
    link: ProtocolVersion,
) -> Reply {
    if !caller.is_stateless() || link.is_stateless() {
        return reply;
    }
    let method = method.clone();
    reply.map_body(|body| match body {
        Body::Complete(bytes) => Body::Complete(stateless(bytes, &method)),
        Body::Stream(frames) => {
            use futures_util::TryStreamExt as _;
            let answer = move |frame: Frame| {
                let data = stateless(frame.data().clone(), &method);
                frame.with_data(data)
            };
            Body::Stream(Frames::new(frames.map_ok(answer)))
        }
        Body::Empty => Body::Empty,
    })
}

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
            assert!(sent.meta().protocol_version.is_some());
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
