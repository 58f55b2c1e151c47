//! What operators ask: is it alive, is it ready, how does it fare.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use mcpo2_audit::Ledger;
use mcpo2_core::Module;
use mcpo2_route::Connection;
use serde_json::json;

use crate::{
    app::App,
    edge::http::HttpEdge,
    identity::FORWARDED,
    reload::{ReloadError, Reloader, Trigger},
    respond::{self, HttpBody},
    shutdown::Shutdown,
    telemetry::{Listed, Metrics},
};

/// Answers `/livez`, `/readyz`, `/metrics`, and where callers find their identity provider.
#[derive(Debug)]
pub(crate) struct Admin {
    metrics: Arc<Metrics>,
    ledger: Ledger,
    edge: HttpEdge,
    reloader: Reloader,
    shutdown: Shutdown,
}

/// How many names of one module are said one by one.
const NAMES: usize = 64;

/// Where operators ask for a reload.
pub(crate) const RELOAD: &str = "/admin/reload";

/// Who is shown `/metrics`, which names modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricsFor {
    /// Whoever reaches an address of its own.
    Anyone,
    /// Beside MCP, callers from this machine.
    ThisMachine,
    /// Beside MCP, where they have an address of their own.
    Nobody,
}

impl MetricsFor {
    fn admits(self, peer: SocketAddr) -> bool {
        match self {
            Self::Anyone => true,
            Self::ThisMachine => peer.ip().to_canonical().is_loopback(),
            Self::Nobody => false,
        }
    }
}

impl Admin {
    pub(crate) fn new(app: &App, edge: HttpEdge) -> Self {
        Self {
            metrics: Arc::clone(&app.lasting.metrics),
            ledger: app.lasting.ledger.clone(),
            reloader: app.reloader.clone(),
            shutdown: app.shutdown.clone(),
            edge,
        }
    }

    pub(crate) fn answer<B>(
        &self,
        request: &Request<B>,
        peer: SocketAddr,
        metrics: MetricsFor,
    ) -> Response<HttpBody> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return respond::empty(StatusCode::NOT_FOUND);
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "ok\n".into()),
            "/readyz" if request.uri().query() == Some("verbose") && metrics.admits(peer) => {
                self.ready_in_detail()
            }
            "/readyz" => self.ready(),
            "/metrics" if metrics.admits(peer) => {
                let mut response = text(StatusCode::OK, self.metrics());
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                let kind = HeaderValue::from_static(kind);
                response.headers_mut().insert(header::CONTENT_TYPE, kind);
                response
            }
            path => match self.edge.now().authenticator().resource() {
                Some(resource) if resource.metadata_path() == path => {
                    respond::json(StatusCode::OK, resource.metadata().to_string().into())
                }
                _ => respond::empty(StatusCode::NOT_FOUND),
            },
        }
    }

    /// Reads the configuration again, for who asks from this machine, by no proxy and from no page.
    pub(crate) async fn reload<B>(
        &self,
        request: &Request<B>,
        peer: SocketAddr,
    ) -> Response<HttpBody> {
        let headers = request.headers();
        let foreign = FORWARDED.iter().any(|name| headers.contains_key(*name))
            || headers.contains_key(header::ORIGIN);
        if foreign || !MetricsFor::ThisMachine.admits(peer) {
            return respond::empty(StatusCode::NOT_FOUND);
        }
        if *request.method() != Method::POST {
            let mut response = respond::empty(StatusCode::METHOD_NOT_ALLOWED);
            let allow = HeaderValue::from_static("POST");
            response.headers_mut().insert(header::ALLOW, allow);
            return response;
        }
        let (status, said) = match self.reloader.reload(Trigger::Admin).await {
            Ok(reloaded) => (StatusCode::OK, reloaded.to_json()),
            Err(error @ ReloadError::NoFile) => (StatusCode::CONFLICT, error.to_json()),
            Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_json()),
        };
        respond::json(status, format!("{said}\n").into())
    }

    fn ready(&self) -> Response<HttpBody> {
        if self.shutdown.is_leaving() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n".into());
        }
        match self.ledger.health() {
            Ok(()) => text(StatusCode::OK, "ok\n".into()),
            Err(_) => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "the ledger takes no records\n".into(),
            ),
        }
    }

    /// Whether it is ready, and how each module fares. A module that is missing does not make the
    /// gateway unready: the others are there.
    fn ready_in_detail(&self) -> Response<HttpBody> {
        let ready = self.ready();
        let detail = |listed: Listed| {
            let Listed {
                module,
                presence,
                shadowed,
                quarantined,
                suspicious,
            } = listed;
            let left_out = quarantined.iter().take(NAMES).map(|left| {
                let tool = left.tool.escape_default().to_string();
                json!({ "tool": tool, "reason": left.reason.as_str() })
            });
            let names = suspicious.iter().take(NAMES);
            let names = names.map(|one| json!({ "name": one.name, "reason": one.why.as_str() }));
            let detail = json!({
                "state": presence.as_str(),
                "shadowed": shadowed,
                "quarantined": left_out.collect::<Vec<_>>(),
                "suspicious": names.collect::<Vec<_>>(),
            });
            (module.to_string(), detail)
        };
        let modules: BTreeMap<_, _> = self.listed().into_iter().map(detail).collect();
        let detail = json!({ "ready": ready.status().is_success(), "modules": modules });
        respond::json(ready.status(), detail.to_string().into())
    }

    /// What lists show of each approved module; nothing where one has its own names.
    fn listed(&self) -> Vec<Listed> {
        let generation = self.edge.now();
        let Some(catalog) = generation.catalog() else {
            return Vec::new();
        };
        let (shadowed, mut quarantined) = (catalog.shadowed(), catalog.quarantined());
        let listed = |(module, presence)| Listed {
            shadowed: shadowed.get(&module).copied().unwrap_or_default(),
            quarantined: quarantined.remove(&module).unwrap_or_default(),
            suspicious: generation.lookalikes().of(&module),
            module,
            presence,
        };
        catalog.presence().into_iter().map(listed).collect()
    }

    fn metrics(&self) -> String {
        self.metrics.set_sessions(self.edge.open_sessions());
        let fare = |module: &Arc<Module>| {
            let connection = module.endpoint().get::<Connection>()?;
            Some((module.id().clone(), connection.stats()))
        };
        let generation = self.edge.now();
        let modules = generation.registry().modules().filter_map(fare);
        self.metrics.set_modules(modules.collect(), self.listed());
        self.metrics.encode()
    }
}

fn text(status: StatusCode, text: String) -> Response<HttpBody> {
    let mut response = Response::new(respond::boxed(Full::new(Bytes::from(text))));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_beside_mcp_are_for_this_machine() {
        let [here, mapped, there] = ["127.0.0.1:1", "[::ffff:127.0.0.1]:1", "192.0.2.1:1"]
            .map(|peer| peer.parse::<SocketAddr>().unwrap());
        for (who, expected) in [
            (MetricsFor::Anyone, [true, true, true]),
            (MetricsFor::ThisMachine, [true, true, false]),
            (MetricsFor::Nobody, [false, false, false]),
        ] {
            assert_eq!([here, mapped, there].map(|peer| who.admits(peer)), expected);
        }
    }
}
