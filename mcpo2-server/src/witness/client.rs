use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use mcpo2_audit::witness::SubmissionError;
use mcpo2_core::BoxError;
use mcpo2_verify::witness::{Reply, ReplyError};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::time::timeout;

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Sends checkpoints to witnesses, over HTTP/1 or HTTP/2, with TLS where the URL says so.
///
/// It follows no redirect, reads no more than a reply may have, and shows nothing of ours.
#[derive(Debug, Clone)]
pub struct WitnessClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limit: Duration,
}

/// Why there is no client, or a witness cannot be asked by its URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The platform has no certificates that could be trusted.
    #[error("TLS cannot be spoken to witnesses")]
    Tls(#[source] rustls::Error),
    /// The policy has no URL for it, or one that is not `http` or `https`.
    #[error("witness {0} has no http or https URL in the policy")]
    Url(String),
}

impl WitnessClient {
    /// A client that waits so long for each reply.
    ///
    /// # Errors
    ///
    /// [`ClientError::Tls`] where witnesses are asked over `https` and the platform trusts nobody.
    pub fn new(limit: Duration, urls: &[Uri]) -> Result<Self, ClientError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        let secure = urls.iter().any(|url| url.scheme_str() == Some("https"));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(secure).map_err(ClientError::Tls)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { client, limit })
    }

    /// Sends a body to a path below the submission prefix of a witness, and reads the reply.
    ///
    /// # Errors
    ///
    /// [`SubmissionError::Unreachable`] if there is none in time, and [`SubmissionError::Reply`] if
    /// it is malformed.
    ///
    /// # Cancellation
    ///
    /// What was sent may have been signed all the same: the witness says so the next time.
    pub async fn post(
        &self,
        prefix: &Uri,
        path: &str,
        body: String,
    ) -> Result<Reply, SubmissionError> {
        let answered = timeout(self.limit, self.answer(prefix, path, body)).await;
        let answered = answered.unwrap_or_else(|late| Err(late.into()));
        match answered {
            Ok(reply) => Ok(reply?),
            Err(error) => {
                tracing::debug!(%error, %prefix, "a witness did not answer");
                Err(SubmissionError::Unreachable)
            }
        }
    }

    async fn answer(
        &self,
        prefix: &Uri,
        path: &str,
        body: String,
    ) -> Result<Result<Reply, ReplyError>, BoxError> {
        let below = prefix.to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/{path}", below.trim_end_matches('/')))
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(body)))?;
        let response = self.client.request(request).await?;
        let (head, body) = response.into_parts();
        let kind = head.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let body = Limited::new(body, Reply::MAX_BYTES).collect().await?;
        Ok(Reply::parse(head.status.as_u16(), kind, &body.to_bytes()))
    }
}

fn tls(secure: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?;
    // A platform without certificates can still speak plain HTTP.
    let builder = match secure {
        true => builder.with_platform_verifier()?,
        false => builder.with_root_certificates(RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
}
