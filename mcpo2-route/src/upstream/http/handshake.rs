use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use mcpo2_core::{Error, ErrorKind, Outcome, ProtocolVersion, Response};
use serde::Deserialize;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{error::Elapsed, timeout},
};

use super::{
    answer,
    head::{Head, SESSION},
    link::HttpLink,
    session::{Call, Kind, Session},
    wire::Wire,
};
use crate::upstream::{ClientInfo, ForwardHeaders, Hello, fault, mint::Mint, own};

/// The revision that was agreed on, and what the module said of itself.
pub(super) type Greeting = (ProtocolVersion, Bytes);

/// What a module said of itself last. Links to which it said the same share the bytes, as there may
/// be one for each client.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Bytes>);

impl Said {
    fn share(&self, said: Bytes) -> Bytes {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != said {
            *last = said;
        }
        last.clone()
    }
}

/// What is known of a module from the links before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Era {
    #[default]
    Unknown,
    /// It does not know the stateless revision.
    Sessions,
    /// It knows no other.
    Stateless,
    /// It speaks the first revision, over a stream and requests beside it.
    Pair,
}

/// Opens links: the steps of a handshake with one module.
pub(super) struct Greeter<'a> {
    pub(super) wire: &'a Arc<Wire>,
    pub(super) client: &'a ClientInfo,
    pub(super) said: &'a Said,
    pub(super) era: Era,
    /// Whether the module refused a request, as those do that only know the first revision.
    pub(super) was_refused: AtomicBool,
}

/// What the answer to `server/discover` says.
enum Probe {
    Stateless(Greeting),
    /// It may speak a revision with sessions.
    Sessions(Error),
    /// There is no use in asking further.
    Refused(Error),
}

impl Greeter<'_> {
    /// For one session: what its client said, or the stateless revision where the module has no
    /// other.
    pub(super) async fn private(
        &mut self,
        hello: &Hello,
        permit: OwnedSemaphorePermit,
    ) -> Result<HttpLink, Error> {
        if self.era == Era::Stateless {
            match self.discover().await {
                Probe::Stateless(greeting) => return Ok(self.stateless(greeting, Some(permit))),
                Probe::Sessions(_) | Probe::Refused(_) => self.era = Era::Unknown,
            }
        }
        let refused = match self.initialize(hello.params()).await {
            Ok((head, greeting)) => {
                return self
                    .session(head, greeting, Kind::Private, Some(permit))
                    .await;
            }
            Err(error) if error.kind() == ErrorKind::Upstream => error,
            Err(error) => return Err(error),
        };
        match self.discover().await {
            Probe::Stateless(greeting) => {
                self.era = Era::Stateless;
                Ok(self.stateless(greeting, Some(permit)))
            }
            Probe::Sessions(_) | Probe::Refused(_) => Err(refused),
        }
    }

    /// For all calls without a session: the stateless revision, or a session of the gateway's own
    /// where the module does not know it.
    pub(super) async fn shared(&mut self) -> Result<HttpLink, Error> {
        let params = own::initialize(self.client);
        if self.era == Era::Sessions {
            if let Ok((head, greeting)) = self.initialize(params.as_bytes()).await {
                return self.session(head, greeting, Kind::Shared, None).await;
            }
            self.era = Era::Unknown;
        }
        let half = self.wire.limits.connect / 2;
        let probe = match timeout(half, self.discover()).await {
            Ok(probe) => probe,
            Err(elapsed) => Probe::Sessions(late(elapsed)),
        };
        let probed = match probe {
            Probe::Stateless(greeting) => return Ok(self.stateless(greeting, None)),
            Probe::Refused(error) => return Err(error),
            Probe::Sessions(error) => error,
        };
        let (head, greeting) = match self.initialize(params.as_bytes()).await {
            Ok(agreed) => agreed,
            Err(error) => {
                tracing::debug!(%probed, "the module did not answer the probe either");
                return Err(error);
            }
        };
        self.era = Era::Sessions;
        self.session(head, greeting, Kind::Shared, None).await
    }

    fn stateless(&self, greeting: Greeting, permit: Option<OwnedSemaphorePermit>) -> HttpLink {
        let session = Session::new(self.wire, Head::stateless(), Kind::Stateless, permit);
        HttpLink::new(session, greeting)
    }

    async fn session(
        &self,
        head: Head,
        greeting: Greeting,
        kind: Kind,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<HttpLink, Error> {
        let session = Session::new(self.wire, head, kind, permit);
        session
            .post(Bytes::from_static(own::INITIALIZED.as_bytes()), None)
            .await?;
        Ok(HttpLink::new(session, greeting))
    }

    async fn initialize(&self, params: &[u8]) -> Result<(Head, Greeting), Error> {
        let (response, _, session) = self.ask(Head::new(), "initialize", params).await?;
        let version = own::agreed(&response)?;
        let head = Head::agreed(version, session);
        Ok((head, (version, self.said.share(own::result(&response)))))
    }

    async fn discover(&self) -> Probe {
        let params = own::discover(self.client);
        let asked = self
            .ask(Head::stateless(), "server/discover", params.as_bytes())
            .await;
        let (response, status) = match asked {
            Ok((response, status, _)) => (response, status),
            Err(error) if error.kind() == ErrorKind::Unavailable => return Probe::Refused(error),
            Err(error) => return Probe::Sessions(error),
        };
        if own::is_stateless(&response) {
            return Probe::Stateless((ProtocolVersion::LATEST, own::result(&response)));
        }
        let error = fault::protocol("the module does not know the stateless revision");
        match (status, response.outcome()) {
            // These codes exist in the stateless revision only, so the module speaks that one, or
            // a later one and perhaps sessions.
            (
                StatusCode::BAD_REQUEST,
                Outcome::Error {
                    code: -32020 | -32021,
                },
            ) => Probe::Refused(error),
            (StatusCode::BAD_REQUEST, Outcome::Error { code: -32022 })
                if !supports_sessions(&response) =>
            {
                Probe::Refused(error)
            }
            _ => Probe::Sessions(error),
        }
    }

    async fn ask(
        &self,
        head: Head,
        method: &str,
        params: &[u8],
    ) -> Result<(Response, StatusCode, Option<HeaderValue>), Error> {
        let request = own::request(&own::id(1), method, params)?;
        let Some(out) = Mint::Keep.outgoing(&request) else {
            return Err(fault::protocol("a request has an id"));
        };
        let headers = head.post(Some(&request), &ForwardHeaders::default());
        let session = Arc::new(Session::new(self.wire, head, Kind::Stateless, None));
        let call = Call::new(&session, out);
        let body = request.bytes().clone();
        let response = self
            .wire
            .send(Method::POST, headers, body, &call.pace)
            .await?;
        let (status, id) = (response.status(), response.headers().get(SESSION).cloned());
        let answered = match answer::reply(call, response).await {
            Ok(reply) => answer::response(reply).await,
            Err(error) => Err(error),
        };
        if is_refusal(status, answered.as_ref().ok()) {
            self.was_refused.store(true, Ordering::Relaxed);
        }
        Ok((answered?, status, id))
    }
}

/// Whether the module takes no such requests at all, as one of the first revision does not.
fn is_refusal(status: StatusCode, answered: Option<&Response>) -> bool {
    let knows_better = answered.map(Response::outcome);
    let knows_better = matches!(
        knows_better,
        Some(Outcome::Error {
            code: -32022..=-32020
        })
    );
    let refused = [
        StatusCode::BAD_REQUEST,
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
    ];
    refused.contains(&status) && !knows_better
}

pub(super) fn late(elapsed: Elapsed) -> Error {
    fault::unavailable(elapsed)
}

/// Whether a refusal of the version names one with sessions among those that it would take.
fn supports_sessions(response: &Response) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        data: Supported,
    }
    #[derive(Deserialize)]
    struct Supported {
        supported: Vec<String>,
    }
    let error = response.error_json().unwrap_or_default();
    serde_json::from_slice(error).is_ok_and(|Refusal { data }| {
        data.supported.iter().any(|version| {
            version
                .parse()
                .is_ok_and(|v: ProtocolVersion| !v.is_stateless())
        })
    })
}
