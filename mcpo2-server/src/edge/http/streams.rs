//! GET and DELETE: what a session says outside any request, and its end.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use mcpo2_audit::Source;
use mcpo2_core::{Frames, Principal, ProtocolVersion};

use super::{
    HttpEdge,
    headers::{LAST_EVENT, SESSION, VERSION, accepts, single},
    plain,
};
use crate::{
    admission::StreamPlace,
    app::Generation,
    edge::sessions::Open,
    refusal::Refusal,
    respond::{self, HttpBody},
};

impl HttpEdge {
    pub(super) async fn get(
        &self,
        generation: &Generation,
        headers: &HeaderMap,
        principal: Arc<Principal>,
        source: Source,
    ) -> Response<HttpBody> {
        match self.listen(generation, headers, &principal).await {
            Ok(response) => response,
            Err(refusal) => self.refuse(&refusal, source, Some(&principal), 0),
        }
    }

    pub(super) async fn delete(
        &self,
        generation: &Generation,
        headers: &HeaderMap,
        principal: Arc<Principal>,
        source: Source,
    ) -> Response<HttpBody> {
        let ended =
            session_id(headers).and_then(|id| Ok(self.sessions.end(id, &principal, generation)?));
        match ended {
            Ok(open) => {
                self.edge.noted("session_ended", &principal);
                open.session.close().await;
                plain(StatusCode::NO_CONTENT)
            }
            Err(refusal) => self.refuse(&refusal, source, Some(&principal), 0),
        }
    }

    async fn listen(
        &self,
        generation: &Generation,
        headers: &HeaderMap,
        principal: &Arc<Principal>,
    ) -> Result<Response<HttpBody>, Refusal> {
        let id = session_id(headers)?;
        if !accepts(headers, "text/event-stream") {
            let message = "`Accept` must let text/event-stream through";
            return Err(Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                -32600,
                "not_acceptable",
                message,
            ));
        }
        let open = self.session(id, principal, generation)?;
        let place = self.edge.gate().stream(principal).map_err(Refusal::shed)?;
        let after = single(headers, LAST_EVENT)?;
        let frames = open.session.listen(after).await.unwrap_or_else(|error| {
            tracing::warn!(error = %error.chain(), "a module cannot be listened to");
            None
        });
        let frames = frames.map(|frames| self.edge.outside(frames));
        Ok(self.stream((open, place), frames, after.is_some()))
    }

    /// A stream that nobody speaks on stays open all the same, since clients come back at once
    /// when it ends; one that was resumed ends with what there was to resume.
    fn stream(
        &self,
        (open, place): (Open, StreamPlace),
        frames: Option<Frames>,
        resumed: bool,
    ) -> Response<HttpBody> {
        if resumed && frames.is_none() {
            return respond::event_stream(stream::empty());
        }
        let frames = frames.unwrap_or_else(|| Frames::new(stream::pending()));
        // Who listens uses the session and a place, whether or not anybody speaks.
        let held = (open.session, place);
        let frames = frames.map(move |frame| {
            let _ = &held;
            frame
        });
        let frames = Frames::new(frames.take_until(open.ended.cancelled_owned()));
        respond::events(frames, None, self.shutdown.streams().clone())
    }
}

fn session_id(headers: &HeaderMap) -> Result<&str, Refusal> {
    let version = single(headers, VERSION)?;
    if version == Some(ProtocolVersion::LATEST.as_str()) {
        let allow = HeaderValue::from_static("POST");
        let refusal = Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            -32600,
            "method_not_allowed",
            "this revision has only POST",
        );
        return Err(refusal.with_header(header::ALLOW, allow));
    }
    if version.is_some_and(|version| version.parse::<ProtocolVersion>().is_err()) {
        return Err(Refusal::invalid(
            "unsupported_version",
            "unsupported protocol version",
        ));
    }
    single(headers, SESSION)?.ok_or_else(|| {
        Refusal::invalid("session_missing", "the header `mcp-session-id` is missing")
    })
}
