use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use mcpo2_core::{self as core, Error, ErrorKind, Message, Outcome, Reply};

use super::{
    decode::Content,
    events::Events,
    head::{self, EVENTS},
    session::Call,
    wire::Body,
};
use crate::upstream::{Noise, fault};

/// The reply that an HTTP response is to a request.
pub(super) async fn reply(mut call: Call, response: Response<Content>) -> Result<Reply, Error> {
    let (parts, content) = response.into_parts();
    let status = parts.status;
    let body = Body {
        content,
        pace: call.pace.clone(),
        left: call.session.wire.limits.response_bytes,
    };
    if call.session.is_lost(status) {
        call.ended = true;
        return Err(fault::lost());
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        call.ended = true;
        return Err(refused(status));
    }
    if status.is_success() && head::is_type(&parts.headers, EVENTS) {
        return Ok(Reply::stream(Events::answer(call, body).into_stream()));
    }
    let bytes = body.whole().await.map_err(|error| call.give_up(error))?;
    call.ended = true;
    let message = Message::parse(bytes);
    if !status.is_success() {
        let error = match &message {
            Ok(Message::Response(response)) => match response.outcome() {
                Outcome::Error { code } => Some(code),
                _ => None,
            },
            _ => None,
        };
        call.session.look(status, error);
    }
    match message {
        // An error that could not read the id can only be about the one request that was sent.
        Ok(Message::Response(response))
            if response.id().is_none() || call.out.is_answered_by(&response) =>
        {
            Ok(Reply::of(call.out.answer(&response)).with_status(status))
        }
        _ if !status.is_success() => Err(refused(status)),
        Ok(_) => {
            call.session.wire.noise.heard(Noise::Answer);
            Err(fault::protocol("the answer is to another request"))
        }
        Err(error) => {
            call.session.wire.noise.heard(Noise::NoMessage);
            Err(fault::protocol(error))
        }
    }
}

/// What a status without a message means.
pub(super) fn refused(status: StatusCode) -> Error {
    let source = format!("HTTP status {status}");
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let text = "the module refused the gateway's credentials";
            Error::new(ErrorKind::Upstream, text).with_source(source)
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let text = "the module has too many calls at once";
            Error::new(ErrorKind::Overloaded, text).with_source(source)
        }
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            fault::unavailable(source)
        }
        _ => fault::protocol(source),
    }
}

/// The response in a reply, once it is there.
pub(super) async fn response(reply: Reply) -> Result<core::Response, Error> {
    let mut frames = match reply.into_body() {
        core::Body::Complete(bytes) => stream::iter([Ok(core::Frame::new(bytes))]).left_stream(),
        core::Body::Stream(frames) => frames.right_stream(),
        core::Body::Empty => return Err(fault::protocol("there is no answer")),
    };
    while let Some(frame) = frames.next().await {
        if let Ok(Message::Response(response)) = Message::parse(frame?.data().clone()) {
            return Ok(response);
        }
    }
    Err(fault::protocol("there is no answer"))
}
