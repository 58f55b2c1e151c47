use std::{io, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue};
use mcpo2_core::{BoxError, Module as Registered};
use mcpo2_rmcp::{Guard, InProcess};
use mcpo2_route::{
    Connection, Registry,
    upstream::{
        ClientInfo, Limits,
        http::{Endpoint as Address, HttpUpstream, Replicas},
        line::PipeUpstream,
        stdio::{Command, StdioUpstream, Support},
    },
};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

use super::Generation;
use crate::{
    builtin,
    config::{BuiltinModule, Config, HttpModule, Module, StdioModule, Transport},
};

/// What the gateway says it is, to clients and to modules.
pub(super) fn ours() -> ClientInfo {
    ClientInfo::new("mcpo2", env!("CARGO_PKG_VERSION"))
}

/// The modules of a configuration, each with a connection that opens on its first call, or that
/// it had before.
pub(super) fn connect(
    config: &Config,
    before: Option<&Generation>,
) -> Result<Vec<Arc<Registered>>, BoxError> {
    let modules = config.modules.iter();
    let each = modules.map(
        |module| match before.and_then(|before| known(module, before)) {
            Some((as_written, registered)) if as_written == module => Ok(Arc::clone(registered)),
            // Its address and its limits are the same: only what is known of it changed.
            Some((_, registered)) => Ok(module.registered(registered.endpoint().clone())),
            None => Ok(module.registered(connection(module)?.into_endpoint())),
        },
    );
    each.collect()
}

/// The module as it was, if it is reached the same way.
fn known<'a>(module: &Module, before: &'a Generation) -> Option<(&'a Module, &'a Arc<Registered>)> {
    let mut written = before.config().modules.iter();
    let as_written = written
        .find(|known| known.id == module.id)
        .filter(|known| (&known.transport, &known.limits) == (&module.transport, &module.limits))?;
    let registered = before.registry().module(module.id.as_str())?;
    Some((as_written, registered))
}

/// Says what tenants count at each module.
pub(super) fn weigh(registry: &Registry, config: &Config) {
    let weights = Arc::new(config.http.admission.weights.clone());
    for module in registry.modules() {
        if let Some(connection) = module.endpoint().get::<Connection>() {
            connection.weigh(Arc::clone(&weights));
        }
    }
}

fn connection(module: &Module) -> Result<Connection, BoxError> {
    let limits = limits(module);
    Ok(match &module.transport {
        Transport::Http(http) => self::http(http, &limits)?,
        Transport::Stdio(child) => {
            tell_confinement(module, child);
            Connection::new(stdio(child, &limits), &limits)
        }
        Transport::Builtin(part) => Connection::new(in_process(part, &limits), &limits),
    })
}

fn limits(module: &Module) -> Limits {
    let written = &module.limits;
    let mut limits = Limits::default();
    limits.concurrency = written.concurrency;
    limits.eject_after = written.eject_after;
    limits.connect = written.connect_timeout;
    limits.idle = written.timeout;
    limits.total = written.max_timeout;
    limits.response_bytes = written.max_response_bytes;
    limits.sessions = written.max_sessions;
    limits.exclusive = written.max_exclusive;
    limits.waiting = written.max_waiting;
    limits
}

fn http(module: &HttpModule, limits: &Limits) -> Result<Connection, BoxError> {
    let mut headers = HeaderMap::new();
    for (name, secret) in &module.headers {
        let mut value = HeaderValue::from_str(secret.expose())
            .map_err(|_| format!("the header `{name}` of a module is no header value"))?;
        value.set_sensitive(true);
        headers.insert(name.parse::<HeaderName>()?, value);
    }
    let at = |url: &String| -> Result<HttpUpstream, BoxError> {
        let endpoint = Address::new(url.parse()?, headers.clone())?.tls(module.tls.load()?);
        let endpoint = match module.network {
            Some(network) => endpoint.network(network.into()),
            None => endpoint,
        };
        Ok(HttpUpstream::new(endpoint, ours(), limits.clone())?)
    };
    let first = at(&module.url)?;
    if module.replicas.is_empty() {
        return Ok(Connection::new(first, limits));
    }
    let others = module.replicas.iter().map(at);
    let each: Result<Vec<_>, _> = std::iter::once(Ok(first)).chain(others).collect();
    Ok(Connection::new(Replicas::new(each?, limits), limits))
}

/// Says in the log how far the kernel keeps a confinement that is asked for.
fn tell_confinement(module: &Module, child: &StdioModule) {
    let sandbox = child.sandbox.compile();
    let Some(confinement) = &sandbox.confinement else {
        return;
    };
    let (support, module) = (Support::of_this_kernel(), &module.id);
    if !support.suffices(confinement) {
        tracing::error!(%module, "the kernel cannot confine the module, so it will not start");
    } else if !support.all {
        tracing::warn!(%module, "the kernel confines the module in part: files, not all else");
    } else {
        tracing::info!(%module, "the kernel confines the module");
    }
}

fn stdio(module: &StdioModule, limits: &Limits) -> StdioUpstream {
    let mut command = Command::new(&module.command)
        .args(&module.args)
        .inherit(&module.inherit_env)
        .sandbox(module.sandbox.compile());
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
