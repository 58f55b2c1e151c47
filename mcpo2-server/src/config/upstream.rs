use std::{
    fs,
    path::{Path, PathBuf},
};

use mcpo2_core::Digest;
use mcpo2_route::upstream::http::{self, Tls, TlsError};
use schemars::JsonSchema;
use serde::Deserialize;

/// Where a module may be. An address elsewhere is not dialled, whatever its name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Network {
    /// On the internet.
    Public,
    /// In a private network.
    Private,
    /// On this machine.
    Loopback,
    /// Anywhere, the metadata services of clouds included.
    Any,
}

impl From<Network> for http::Network {
    fn from(network: Network) -> Self {
        match network {
            Network::Public => Self::Public,
            Network::Private => Self::Private,
            Network::Loopback => Self::Loopback,
            Network::Any => Self::Any,
        }
    }
}

/// How a module and the gateway prove to each other who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModuleTls {
    /// A PEM file of the authorities to trust for this module, in place of those of the platform.
    pub ca: Option<PathBuf>,
    /// A PEM file of the certificate that the gateway shows, and of those between it and its
    /// authority.
    pub cert: Option<PathBuf>,
    /// A PEM file of its private key.
    pub key: Option<PathBuf>,
    /// The name that the module's certificate is for; the host of the URL if none is given.
    pub server_name: Option<String>,
    /// What was in the files, so that a new certificate is a change of the configuration.
    #[serde(skip)]
    read: Vec<Digest>,
}

/// What is wrong with [`ModuleTls`], and under which key.
#[derive(Debug, thiserror::Error)]
#[error("`tls.{key}`: {message}")]
pub(crate) struct TlsFault {
    pub(crate) key: &'static str,
    pub(crate) message: String,
}

impl ModuleTls {
    /// Whether nothing is written.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            ca,
            cert,
            key,
            server_name,
            read: _,
        } = self;
        ca.is_none() && cert.is_none() && key.is_none() && server_name.is_none()
    }

    /// Makes the paths relative to `base`.
    pub(super) fn resolve(&mut self, base: &Path) {
        let paths = [&mut self.ca, &mut self.cert, &mut self.key];
        for path in paths.into_iter().flatten() {
            *path = base.join(&*path);
            self.read
                .extend(fs::read(path).map(|bytes| Digest::of(&bytes)));
        }
    }

    /// Reads the files.
    pub(crate) fn load(&self) -> Result<Tls, TlsFault> {
        let mut tls = Tls::new();
        if let Some(path) = &self.ca {
            let fault = |error| TlsFault::of("ca", error);
            tls = tls.trusting(&read("ca", path)?).map_err(fault)?;
        }
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let chain = read("cert", cert)?;
                let secret = read("key", key)?;
                let fault = |error| TlsFault::of("cert", error);
                tls = tls.presenting(&chain, &secret).map_err(fault)?;
            }
            (Some(_), None) => return Err(TlsFault::new("cert", "there is no `key` to it")),
            (None, Some(_)) => return Err(TlsFault::new("key", "there is no `cert` to it")),
            (None, None) => {}
        }
        if let Some(name) = &self.server_name {
            let fault = |error| TlsFault::of("server_name", error);
            tls = tls.server_name(name).map_err(fault)?;
        }
        Ok(tls)
    }
}

impl TlsFault {
    pub(crate) fn new(key: &'static str, message: impl Into<String>) -> Self {
        Self {
            key,
            message: message.into(),
        }
    }

    fn of(key: &'static str, error: TlsError) -> Self {
        let key = match error {
            TlsError::Key(_) => "key",
            _ => key,
        };
        Self::new(key, error.to_string())
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsFault> {
    fs::read(path).map_err(|error| TlsFault::new(key, format!("the file cannot be read: {error}")))
}
