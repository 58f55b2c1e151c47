use std::{io, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use mcpo2_core::{BoxError, Module as Registered};
use mcpo2_rmcp::{Guard, InProcess};
use mcpo2_route::{
    Connection,
    upstream::{
        ClientInfo, Limits,
        http::{Endpoint, HttpUpstream},
        line::PipeUpstream,
        stdio::{Command, StdioUpstream},
    },
};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

use crate::{
    builtin,
    config::{BuiltinModule, Config, HttpModule, Module, StdioModule, Transport},
};

/// What the gateway says it is, to clients and to modules.
pub(super) fn ours() -> ClientInfo {
    ClientInfo::new("mcpo2", env!("CARGO_PKG_VERSION"))
}

/// The modules of a configuration, each with a connection that opens on its first call.
pub(super) fn connect(config: &Config) -> Result<Vec<Arc<Registered>>, BoxError> {
    config.modules.iter().map(connect_one).collect()
}

fn connect_one(module: &Module) -> Result<Arc<Registered>, BoxError> {
    let limits = limits(module);
    let connection = match &module.transport {
        Transport::Http(http) => Connection::new(self::http(http, &limits)?, &limits),
        Transport::Stdio(child) => Connection::new(stdio(child, &limits), &limits),
        Transport::Builtin(part) => Connection::new(in_process(part, &limits), &limits),
    };
    let builder = Registered::builder(
        module.id.clone(),
        module.family.clone(),
        connection.into_endpoint(),
    );
    let builder = builder.approval(module.approval).tier(module.tier);
    Ok(match &module.region {
        Some(region) => builder.region(region.clone()).build(),
        None => builder.build(),
    })
}

fn limits(module: &Module) -> Limits {
    let written = &module.limits;
    let mut limits = Limits::default();
    limits.concurrency = written.concurrency;
    limits.connect = written.connect_timeout;
    limits.idle = written.timeout;
    limits.total = written.max_timeout;
    limits.response_bytes = written.max_response_bytes;
    limits.sessions = written.max_sessions;
    limits
}

fn http(module: &HttpModule, limits: &Limits) -> Result<HttpUpstream, BoxError> {
    let mut headers = HeaderMap::new();
    for (name, secret) in &module.headers {
        let mut value = HeaderValue::from_str(secret.expose())
            .map_err(|_| format!("the header `{name}` of a module is no header value"))?;
        value.set_sensitive(true);
        headers.insert(name.parse::<HeaderName>()?, value);
    }
    let endpoint = Endpoint::new(module.url.parse()?, headers)?;
    Ok(HttpUpstream::new(endpoint, ours(), limits.clone())?)
}

fn stdio(module: &StdioModule, limits: &Limits) -> StdioUpstream {
    let mut command = Command::new(&module.command)
        .args(&module.args)
        .inherit(&module.inherit_env);
    for (name, secret) in &module.env {
        command = command.env(name, secret.expose());
    }
    if let Some(cwd) = &module.cwd {
        command = command.cwd(cwd);
    }
    StdioUpstream::new(command, ours(), limits.clone())
}

fn in_process(
    part: &BuiltinModule,
    limits: &Limits,
) -> PipeUpstream<impl Fn() -> io::Result<Pipe> + use<>> {
    let module = builtin::Server::new(part.name, &part.root);
    PipeUpstream::new(ours(), limits.clone(), move || {
        let InProcess {
            reader,
            writer,
            guard,
        } = module.start();
        Ok((reader, writer, guard))
    })
}

type Pipe = (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>, Guard);
