use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode},
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::{failed, schema, tls::Tls};
use crate::index::{Error, ErrorKind};

const CONNECT: Duration = Duration::from_secs(5);
/// After how long without a sign of life what was sent is given up.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The name of the schema where none is said.
const SCHEMA: &str = "mcpo2_audit";

/// Where an index in PostgreSQL is, and of which ledger.
#[derive(Clone)]
pub struct PostgresOptions {
    config: Config,
    ledger: Box<str>,
    schema: Box<str>,
    tls: Option<Arc<ClientConfig>>,
}

impl PostgresOptions {
    /// The database at this URL, or of this connection string, for the ledger of this origin.
    ///
    /// Over TCP, the connection is under TLS and the certificate is verified, unless it says
    /// `sslmode=disable`.
    ///
    /// # Errors
    ///
    /// Where it is no URL or connection string.
    pub fn new(url: &str, ledger: impl Into<Box<str>>) -> Result<Self, Error> {
        let invalid = |error: postgres::Error| {
            let message = "no connection string of PostgreSQL";
            Error::new(ErrorKind::Invalid, message).with_source(error)
        };
        let mut config: Config = url.parse().map_err(invalid)?;
        let hosts = config.get_hosts();
        let local = !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
        match config.get_ssl_mode() {
            _ if local => config.ssl_mode(SslMode::Disable),
            SslMode::Prefer => config.ssl_mode(SslMode::Require),
            _ => &mut config,
        };
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE);
        }
        config.application_name("mcpo2-audit");
        Ok(Self {
            config,
            ledger: ledger.into(),
            schema: SCHEMA.into(),
            tls: None,
        })
    }

    /// The same in this schema: two ledgers in one database need one each.
    ///
    /// # Errors
    ///
    /// Where the name is not 1 to 63 of `a-z`, `0-9` and `_`, and a letter first.
    pub fn with_schema(mut self, name: &str) -> Result<Self, Error> {
        let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
        let mut bytes = name.bytes();
        let plain = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !starts || !plain || name.len() > 63 {
            let message = "a schema is named by a-z, 0-9 and _, and a letter first";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        self.schema = name.into();
        Ok(self)
    }

    /// The same with this TLS, in place of the authorities that the platform trusts.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<ClientConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Whether there is a password in the connection string.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    fn connect(&self) -> Result<Client, Error> {
        let tls = || match &self.tls {
            Some(tls) => Ok(Arc::clone(tls)),
            None => platform().map(Arc::new),
        };
        let client = match self.config.get_ssl_mode() {
            SslMode::Disable => self.config.connect(NoTls),
            _ => self.config.connect(Tls(tls()?)),
        };
        let mut client = client.map_err(failed)?;
        let session = format!(
            "SET search_path TO {}; SET statement_timeout = '60s'",
            self.schema
        );
        client.batch_execute(&session).map_err(failed)?;
        schema::migrate(&mut client, &self.schema, &self.ledger)?;
        Ok(client)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the connection string, which may have a password.
        f.debug_struct("PostgresOptions")
            .field("ledger", &self.ledger)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

fn platform() -> Result<ClientConfig, Error> {
    let tls = |error: rustls::Error| {
        Error::new(ErrorKind::Unavailable, "no TLS can be begun").with_source(error)
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(tls)?;
    let builder = builder.with_platform_verifier().map_err(tls)?;
    Ok(builder.with_no_client_auth())
}

/// A connection that is made anew when it is lost, each time after a longer pause.
pub(super) struct Link {
    options: PostgresOptions,
    client: Option<Client>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Link {
    pub(super) fn open(options: PostgresOptions) -> Result<Self, Error> {
        let client = Some(options.connect()?);
        Ok(Self {
            client,
            ..Self::new(options)
        })
    }

    /// One that is not there yet.
    pub(super) fn new(options: PostgresOptions) -> Self {
        Self {
            options,
            client: None,
            failures: 0,
            not_before: None,
        }
    }

    /// Does `work`, once more on a new connection where the old one turns out to be lost.
    ///
    /// INVARIANT: whatever is done so may be done twice.
    pub(super) fn run<T>(
        &mut self,
        mut work: impl FnMut(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(mut client) = self.client.take() {
            let done = work(&mut client);
            if !client.is_closed() {
                self.client = Some(client);
                return done;
            }
            if done.is_ok() {
                return done;
            }
        }
        let mut client = self.reconnect()?;
        let done = work(&mut client);
        if !client.is_closed() {
            self.client = Some(client);
        }
        done
    }

    fn reconnect(&mut self) -> Result<Client, Error> {
        if self.not_before.is_some_and(|time| Instant::now() < time) {
            let message = "PostgreSQL did not answer a moment ago";
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let connected = self.options.connect();
        match &connected {
            Ok(_) => (self.failures, self.not_before) = (0, None),
            Err(_) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10));
                self.failures = self.failures.saturating_add(1);
                self.not_before = Instant::now().checked_add(pause.min(LONGEST_PAUSE));
            }
        }
        connected
    }
}
