use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use http::Uri;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, dns::Name};
use mcpo2_core::BoxError;
use tokio::time::timeout;
use tower_service::Service;

use super::{
    address::{self, AddressKind, Network},
    endpoint::{Endpoint, EndpointError},
    socket::Socket,
    tls,
};

/// Looks up the addresses of a host.
///
/// What it answers is not trusted: each address is checked against the [`Network`] of the module,
/// and only what passes is dialled, without another look-up in between.
#[async_trait]
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    /// The addresses of a host, in the order in which they are tried.
    ///
    /// # Errors
    ///
    /// Where there are none, or nobody could be asked. The error is for the operator.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Connects to an endpoint, and to no address that is not of its network.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    inner: HttpsConnector<HttpConnector<Checked>>,
    network: Network,
    limit: Duration,
}

/// Why an address is not dialled.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the address {address} is {kind}, and the module is declared `network: {network}`")]
    Elsewhere {
        address: IpAddr,
        kind: AddressKind,
        network: Network,
    },
    #[error("the host has no address")]
    NoAddress,
    #[error("there was no connection within {0:?}")]
    Late(Duration),
}

impl Dialer {
    /// A dialler for this endpoint; connecting, TLS included, has to be done within `limit`.
    pub(super) fn new(
        endpoint: &Endpoint,
        resolver: Arc<dyn Resolve>,
        limit: Duration,
    ) -> Result<Self, EndpointError> {
        let network = endpoint.network;
        let mut tcp = HttpConnector::new_with_resolver(Checked { resolver, network });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls::config(endpoint)?);
        let mut connector = match endpoint.is_https() {
            true => connector.https_only(),
            false => connector.https_or_http(),
        };
        if let Some(name) = endpoint.tls.name() {
            connector =
                connector.with_server_name_resolver(FixedServerNameResolver::new(name.clone()));
        }
        Ok(Self {
            inner: connector.enable_all_versions().wrap_connector(tcp),
            network,
            limit,
        })
    }
}

impl Service<Uri> for Dialer {
    type Response = Socket;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        // INVARIANT: an address that is written out is never looked up, so it is checked here.
        if let Some(address) = url.host().and_then(address::literal)
            && let Err(refused) = check(self.network, address)
        {
            return Box::pin(async { Err(refused.into()) });
        }
        let (connecting, limit) = (self.inner.call(url), self.limit);
        Box::pin(async move {
            let connected = timeout(limit, connecting).await;
            let connected = connected.map_err(|_| Refused::Late(limit))?;
            connected.map(Socket::from)
        })
    }
}

/// A resolver whose answers are those that may be dialled.
#[derive(Debug, Clone)]
struct Checked {
    resolver: Arc<dyn Resolve>,
    network: Network,
}

impl Checked {
    async fn addresses(self, name: Name) -> Result<Vec<SocketAddr>, BoxError> {
        let found = self.resolver.resolve(name.as_str()).await?;
        let mut refused = Refused::NoAddress;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found {
            match check(self.network, address) {
                Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                Err(elsewhere) => {
                    tracing::debug!(error = %elsewhere, "an address of a module is left out");
                    refused = elsewhere;
                }
            }
        }
        match allowed.is_empty() {
            true => Err(refused.into()),
            false => Ok(allowed),
        }
    }
}

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.clone().addresses(name);
        Box::pin(async { Ok(addresses.await?.into_iter()) })
    }
}

fn check(network: Network, address: IpAddr) -> Result<(), Refused> {
    match network.allows(address) {
        true => Ok(()),
        false => Err(Refused::Elsewhere {
            address,
            kind: AddressKind::of(address),
            network,
        }),
    }
}
