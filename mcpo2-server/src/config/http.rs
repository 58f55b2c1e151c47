use std::{net::SocketAddr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    admission::Admission,
    sessions::Sessions,
    tls::Tls,
    unit::{duration, size},
};

/// The HTTP edge.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http {
    /// Where MCP is served.
    pub path: String,
    /// The values of `Host` that are answered, such as `mcp.example.com` or
    /// `mcp.example.com:8443`. On a loopback address the loopback names are always answered; on
    /// any other at least one must be named, so that no foreign name can be rebound to us.
    pub allowed_hosts: Vec<String>,
    /// The values of `Origin` that browsers may come from, such as `https://app.example.com`.
    /// A request without `Origin` is no browser's and passes.
    pub allowed_origins: Vec<String>,
    /// The longest body of a request.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub max_body_bytes: usize,
    /// The longest headers of a request, all together.
    #[serde(with = "size")]
    #[schemars(with = "super::schema::Size")]
    pub max_header_bytes: usize,
    /// Connections at once; one more waits.
    pub max_connections: usize,
    /// How long things may take.
    pub timeouts: HttpTimeouts,
    /// The sessions of clients of revisions that have them.
    pub sessions: Sessions,
    /// How much is taken on at once, and from whom; over stdio as well.
    pub admission: Admission,
    /// The certificate, if TLS ends here. Without it, HTTP is plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Lets another process listen on the same address (`SO_REUSEPORT`), so that a new one can
    /// take over from an old one. Whoever has the same user can.
    pub reuse_port: bool,
    /// Where `/livez`, `/readyz` and `/metrics` are served, if not beside MCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub admin_listen: Option<SocketAddr>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            path: "/mcp".into(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_body_bytes: 4 << 20,
            max_header_bytes: 64 << 10,
            max_connections: 10_000,
            timeouts: HttpTimeouts::default(),
            sessions: Sessions::default(),
            admission: Admission::default(),
            tls: None,
            reuse_port: false,
            admin_listen: None,
        }
    }
}

/// How long things at the HTTP edge may take.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpTimeouts {
    /// Until the headers of a request are there.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub headers: Duration,
    /// Until the body of a request is there.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub body: Duration,
    /// Until a client that is sent something reads on; one that does not is cut off.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub write: Duration,
    /// Until a call is answered, whatever its module allows.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub request: Duration,
    /// How long a shutdown goes on as before and only says that it is not ready, so that who
    /// balances the load looks elsewhere.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub notice: Duration,
    /// How long a shutdown waits for the calls that run.
    #[serde(with = "duration")]
    #[schemars(with = "super::schema::Duration")]
    pub drain: Duration,
}

impl Default for HttpTimeouts {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            request: Duration::from_secs(600),
            notice: Duration::ZERO,
            drain: Duration::from_secs(30),
        }
    }
}
