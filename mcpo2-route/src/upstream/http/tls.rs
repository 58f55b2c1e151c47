use std::{fmt, sync::Arc};

use mcpo2_core::BoxError;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;

use super::endpoint::{Endpoint, EndpointError};

/// How a module proves who it is over `https`, and the gateway to it.
///
/// By default a module's certificate has to lead to an authority that the platform trusts and to
/// carry the host of its URL, and the gateway shows none. TLS is 1.2 or 1.3; a certificate that
/// is not right ends the connection, and nothing makes up for it.
#[derive(Clone, Default)]
pub struct Tls {
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<Identity>>,
    name: Option<ServerName<'static>>,
}

/// Why something is of no use for TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The text is not PEM.
    #[error("this is no PEM")]
    Pem(#[source] pem::Error),
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// A certificate cannot be read.
    #[error("a certificate in it cannot be used")]
    Certificate(#[source] BoxError),
    /// There is no private key, or one that cannot be read.
    #[error("there is no private key in it that can be read")]
    Key(#[source] pem::Error),
    /// It is no name of a server.
    #[error("this is neither a host name nor an address")]
    Name,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Tls {
    /// What the platform trusts, and no certificate of ours.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same trusting the authorities in this PEM text, in place of those of the platform.
    ///
    /// # Errors
    ///
    /// [`TlsError`] where there is no certificate in it, or one that cannot be read.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            let added = roots.add(certificate);
            added.map_err(|error| TlsError::Certificate(error.into()))?;
        }
        self.roots = Some(Arc::new(roots));
        Ok(self)
    }

    /// The same showing this certificate, with those between it and its authority behind it.
    ///
    /// # Errors
    ///
    /// [`TlsError`] where either text does not hold what it should. That both belong together is
    /// found out where the upstream is made.
    pub fn presenting(mut self, chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = certificates(chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
        self.identity = Some(Arc::new(Identity { chain, key }));
        Ok(self)
    }

    /// The same asking for a certificate of this name, in place of the URL's host.
    ///
    /// # Errors
    ///
    /// [`TlsError::Name`] where it is none.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        let name = ServerName::try_from(name).map_err(|_| TlsError::Name)?;
        self.name = Some(name.to_owned());
        Ok(self)
    }

    pub(super) fn name(&self) -> Option<&ServerName<'static>> {
        self.name.as_ref()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("platform", &self.roots.is_none())
            .field("identity", &self.identity.is_some())
            .finish_non_exhaustive()
    }
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(TlsError::Pem)?;
    match found.is_empty() {
        true => Err(TlsError::NoCertificate),
        false => Ok(found),
    }
}

/// The configuration of rustls for this endpoint, on aws-lc-rs.
pub(super) fn config(endpoint: &Endpoint) -> Result<ClientConfig, EndpointError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = |error: rustls::Error| EndpointError::Tls(error.into());
    let builder = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(tls)?;
    let builder = match &endpoint.tls.roots {
        Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
        None if endpoint.is_https() => builder.with_platform_verifier().map_err(tls)?,
        // A platform without certificates can still speak plain HTTP.
        None => builder.with_root_certificates(RootCertStore::empty()),
    };
    match &endpoint.tls.identity {
        Some(ours) => builder
            .with_client_auth_cert(ours.chain.clone(), ours.key.clone_key())
            .map_err(tls),
        None => Ok(builder.with_no_client_auth()),
    }
}
