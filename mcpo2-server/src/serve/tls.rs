use std::{fmt, sync::Arc};

use mcpo2_core::BoxError;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use crate::config;

/// What those who connect are shown.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// The certificate and the key as their files have them now.
    pub(crate) fn new(config: &config::Tls) -> Result<Self, BoxError> {
        let chain = CertificateDer::pem_file_iter(&config.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| at("cert", &error))?;
        if chain.is_empty() {
            return Err(at("cert", &"there is no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|error| at("key", &error))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth();
        let mut server = builder
            .with_single_cert(chain, key)
            .map_err(|error| at("cert", &error))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(server))))
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

/// What is wrong with a file, without what is in it.
fn at(key: &str, error: &dyn fmt::Display) -> BoxError {
    format!("`{key}` cannot be used: {error}").into()
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
