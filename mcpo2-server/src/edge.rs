//! Where bytes become calls: HTTP and stdio.

pub(crate) mod http;
mod sessions;
pub(crate) mod stdio;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::{StreamExt as _, future::ready};
use mcpo2_artifact::Library;
use mcpo2_audit::{Caller, Event, Note, Reject, Source};
use mcpo2_core::{Frames, Message, Principal, ProtocolVersion, Reply, Request};
use mcpo2_route::{Session, upstream::Hello};
use serde::Deserialize;
use tokio::sync::watch;

use crate::{
    admission::Gate,
    app::{Generation, Generations, Lasting},
    refusal::Refusal,
};

/// What all edges share: what answers calls, and the ledger for what is no call.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    generations: Generations,
    lasting: Arc<Lasting>,
}

impl Edge {
    pub(crate) fn new(generations: Generations, lasting: Arc<Lasting>) -> Self {
        Self {
            generations,
            lasting,
        }
    }

    /// Who is let in.
    pub(crate) fn gate(&self) -> &Gate {
        &self.lasting.gate
    }

    /// What is kept beyond one process, if something is.
    pub(crate) fn library(&self) -> Option<Arc<Library>> {
        let opened = self.lasting.library.as_ref();
        opened.map(|opened| Arc::clone(&opened.library))
    }

    /// What decides about a request that begins now.
    pub(crate) fn now(&self) -> Arc<Generation> {
        self.generations.now()
    }

    /// What modules say outside of calls, as far as the generation that serves then lets a client
    /// have it.
    pub(crate) fn outside(&self, frames: Frames) -> Frames {
        let edge = self.clone();
        Frames::new(frames.filter_map(move |frame| {
            let frame = frame.map(|frame| edge.now().outside(frame, &edge.lasting));
            ready(frame.transpose())
        }))
    }

    /// Tells when another generation begins to serve.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.generations.changes()
    }

    /// Records what was refused before it was a call.
    pub(crate) fn refused(
        &self,
        refusal: &Refusal,
        source: Source,
        principal: Option<&Principal>,
        bytes: usize,
    ) {
        let mut reject = Reject::new(source, refusal.reason())
            .with_status(refusal.status().as_u16())
            .with_bytes(u64::try_from(bytes).unwrap_or(u64::MAX));
        match principal {
            Some(principal) => reject = reject.with_principal(Caller::from(principal)),
            // Strangers could fill the disk: of too many the ledger has the number.
            None if !self.lasting.strangers.admits(&reject, Instant::now()) => return,
            None => {}
        }
        self.record(reject.into());
    }

    /// Records how many refusals of strangers have no record of their own, from time to time,
    /// until it is dropped.
    pub(crate) async fn count_strangers(&self) {
        loop {
            tokio::time::sleep(COUNTED).await;
            self.lasting.record_strangers();
        }
    }

    pub(crate) fn noted(&self, action: &'static str, principal: &Principal) {
        self.record(Event::Session(
            Note::new(action).with_principal(Caller::from(principal)),
        ));
    }

    /// A ledger that cannot take it refuses all calls from here on, so nothing is lost in silence.
    fn record(&self, event: Event) {
        if let Err(error) = self.lasting.ledger.append(event) {
            tracing::error!(%error, "not recorded");
        }
    }
}

/// How often the ledger learns of refusals that have no record of their own.
const COUNTED: Duration = Duration::from_secs(10);

/// The revision that an `initialize` asks for.
///
/// Only this member is decoded, so that no other can hide it.
pub(crate) fn wanted_version(request: &Request) -> Option<String> {
    #[derive(Deserialize)]
    struct Params {
        #[serde(rename = "protocolVersion")]
        version: String,
    }
    let params: Params = serde_json::from_slice(request.params()?).ok()?;
    Some(params.version)
}

/// The longest parameters of `initialize`: they are kept as long as the session.
const LONGEST_HELLO: usize = 16 * 1024;

/// The session that a client begins with `initialize`, and the revision that it will speak.
pub(crate) fn begin(request: &Request, principal: &Principal) -> Result<Arc<Session>, Refusal> {
    let wanted = wanted_version(request).ok_or_else(|| {
        let status = ::http::StatusCode::BAD_REQUEST;
        Refusal::new(
            status,
            -32602,
            "invalid_params",
            "`protocolVersion` is missing",
        )
        .with_id(request.id())
    })?;
    let params = request.params().unwrap_or_default();
    if params.len() > LONGEST_HELLO {
        let status = ::http::StatusCode::PAYLOAD_TOO_LARGE;
        let message = "the parameters of `initialize` are too long";
        return Err(Refusal::new(status, -32602, "hello_too_large", message).with_id(request.id()));
    }
    // A revision that has no handshake, or that nobody knows, is answered with the newest that has.
    let known = wanted
        .parse()
        .ok()
        .filter(|version: &ProtocolVersion| !version.is_stateless());
    let version = known.unwrap_or(ProtocolVersion::LATEST_SESSION);
    let params = bytes::Bytes::copy_from_slice(params);
    let session = Session::new(Hello::new(params, version));
    let session = session.of_tenant(principal.tenant().clone());
    Ok(Arc::new(session.begun(SystemTime::now())))
}

/// Whether a reply to `initialize` says that the session stands.
pub(crate) fn stands(reply: &Reply) -> bool {
    match reply.body() {
        mcpo2_core::Body::Complete(bytes) => match Message::parse(bytes.clone()) {
            Ok(Message::Response(response)) => response.result_json().is_some(),
            Ok(Message::Request(_)) | Err(_) => false,
        },
        mcpo2_core::Body::Empty | mcpo2_core::Body::Stream(_) => false,
    }
}
