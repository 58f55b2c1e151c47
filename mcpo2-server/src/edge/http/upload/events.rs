//! How far an upload is, as events, while it changes.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use http::{Method, Response, StatusCode, header, request::Parts};
use mcpo2_artifact::{
    CommitProgress, Library,
    blob::{UploadId, UploadStatus},
};
use mcpo2_core::{Frame, Frames, Principal};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::{HttpEdge, headers::accepts};
use crate::{
    admission::StreamPlace,
    refusal::Refusal,
    respond::{self, HttpBody},
};

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(200);

/// Whether events are asked for, and not one answer.
pub(super) fn are_wanted(request: &Parts) -> bool {
    request.method == Method::GET
        && request.headers.contains_key(header::ACCEPT)
        && accepts(&request.headers, "text/event-stream")
}

impl HttpEdge {
    /// What happens to an upload, for its owner.
    pub(super) fn watched(
        &self,
        library: Arc<Library>,
        who: &Arc<Principal>,
        id: UploadId,
    ) -> Result<Response<HttpBody>, Refusal> {
        if library.upload(who, &id).is_err() {
            let (status, reason) = (StatusCode::NOT_FOUND, "upload_not_found");
            return Err(Refusal::new(status, -32600, reason, "no such upload"));
        }
        let place = self.edge.gate().stream(who).map_err(Refusal::shed)?;
        let frames = of(library, Arc::clone(who), id, place);
        let closing = self.shutdown.streams().clone();
        Ok(respond::events(frames, None, closing))
    }
}

/// Looks at an upload until it is complete or gone.
struct Watch {
    library: Arc<Library>,
    who: Arc<Principal>,
    id: UploadId,
    said: Option<Value>,
    _place: StreamPlace,
}

/// An event now, one whenever something has changed, and the last one when it is complete.
fn of(library: Arc<Library>, who: Arc<Principal>, id: UploadId, place: StreamPlace) -> Frames {
    let watch = Watch {
        library,
        who,
        id,
        said: None,
        _place: place,
    };
    let events = stream::unfold(Some(watch), |watch| async move {
        let mut watch = watch?;
        let (event, is_last) = watch.next().await?;
        let frame = Frame::new(event.to_string());
        Some((frame, (!is_last).then_some(watch)))
    });
    Frames::new(events.map(Ok))
}

impl Watch {
    async fn next(&mut self) -> Option<(Value, bool)> {
        loop {
            let status = self.library.upload(&self.who, &self.id).ok()?;
            let commit = self.library.committing(&self.who, &self.id).ok()?;
            let is_last = status.finished.is_some() && commit.is_none();
            let event = event(&status, commit);
            if self.said.as_ref() != Some(&event) {
                self.said = Some(event.clone());
                return Some((event, is_last));
            }
            sleep(EVERY).await;
        }
    }
}

fn event(status: &UploadStatus, commit: Option<CommitProgress>) -> Value {
    let mut event = json!({ "offset": status.offset });
    let members = [
        ("size", status.size.map(Value::from)),
        ("digest", status.finished.map(|digest| json!(digest))),
        (
            "committing",
            commit.map(|it| json!({ "stored": it.stored, "read": it.read, "files": it.files })),
        ),
    ];
    for (name, value) in members {
        if let (Some(event), Some(value)) = (event.as_object_mut(), value) {
            event.insert(name.to_owned(), value);
        }
    }
    event
}
