use std::{collections::HashSet, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use mcpo2_core::TenantId;
use mcpo2_route::upstream::{
    ClientInfo, Limits,
    http::{AddressKind, Endpoint, HttpUpstream, Network},
    stdio::Support,
};

use super::{Context, Diagnostic, unknown};
use crate::config::{Confine, HttpModule, ModuleLimits, StdioModule, Transport};

/// Headers that the gateway itself writes, or that say where a message ends.
const OUR_HEADERS: [&str; 14] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "last-event-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// Checks each module by itself, and that no two have the same id.
pub(super) fn check(context: &mut Context<'_>) {
    let mut seen = HashSet::new();
    for (index, module) in context.config.modules.iter().enumerate() {
        let path = format!("modules/{index}");
        if !seen.insert(&module.id) {
            let message = format!("module `{}` is there twice", module.id);
            context.value(
                &format!("{path}/id"),
                Diagnostic::error("duplicate-module", message),
            );
        }
        match &module.transport {
            Transport::Http(http) => check_http(context, &format!("{path}/http"), http),
            Transport::Stdio(stdio) => check_stdio(context, &format!("{path}/stdio"), stdio),
            Transport::Builtin(_) => {}
        }
        check_limits(context, &format!("{path}/limits"), &module.limits);
        check_tenants(
            context,
            &path,
            module.tenants.as_deref().unwrap_or_default(),
        );
    }
}

/// A tenant of whom nobody can call is a typing error.
pub(super) fn check_tenants(context: &mut Context<'_>, path: &str, tenants: &[TenantId]) {
    let Some(known) = super::policy::tenants(context.config) else {
        return;
    };
    for (at, tenant) in tenants.iter().enumerate() {
        if !known.contains(tenant.as_str()) {
            let known = known.iter().map(String::as_str);
            let (message, help) = unknown("caller of tenant", tenant.as_str(), known);
            let finding = Diagnostic::warning("unknown-tenant", message).maybe_help(help);
            context.value(&format!("{path}/tenants/{at}"), finding);
        }
    }
}

fn check_http(context: &mut Context<'_>, path: &str, module: &HttpModule) {
    check_url(context, (path, "url"), &module.url, module);
    for (index, url) in module.replicas.iter().enumerate() {
        check_url(context, (path, &format!("replicas/{index}")), url, module);
    }
    check_headers(context, path, module);
}

/// Checks one of the addresses of a module.
fn check_url(context: &mut Context<'_>, (path, key): (&str, &str), url: &str, module: &HttpModule) {
    let at = format!("{path}/{key}");
    let uri = match parse_url(url) {
        Ok(uri) => Some(uri),
        Err(problem) => {
            // The URL itself is not repeated: where it is wrong, a password may stand in it.
            let finding = Diagnostic::error("invalid-url", format!("the URL {problem}"))
                .help("write the MCP endpoint, such as `https://mcp.example.com/mcp`");
            context.value(&at, finding);
            None
        }
    };
    if let Some(uri) = &uri {
        check_network(context, (path, &at), uri, module);
        check_tls(context, path, uri, module);
    }
    let is_clear = uri
        .as_ref()
        .is_some_and(|uri| uri.scheme_str() == Some("http") && !is_local(uri));
    if is_clear && !module.headers.is_empty() {
        let message = "the headers of this module go over the network in clear";
        context.value(
            &at,
            Diagnostic::warning("clear-text", message).help("use https://"),
        );
    }
}

fn check_headers(context: &mut Context<'_>, path: &str, module: &HttpModule) {
    for (name, value) in &module.headers {
        let path = format!("{path}/headers/{name}");
        let lower = name.to_ascii_lowercase();
        if HeaderName::try_from(name.as_str()).is_err() {
            context.key(
                &path,
                Diagnostic::error("invalid-header", "this is no name of a header"),
            );
        } else if OUR_HEADERS.contains(&lower.as_str()) || lower.starts_with("mcp-") {
            let message = format!("the header `{name}` is the gateway's own");
            context.key(&path, Diagnostic::error("invalid-header", message));
        } else if HeaderValue::try_from(value.expose()).is_err() {
            let message = format!(
                "the value of the header `{name}` has a line break or another control character"
            );
            context.key(&path, Diagnostic::error("invalid-header", message));
        } else if is_sensitive(&lower) && context.is_literal(&path) {
            context.secret_in_clear(&path);
        }
    }
}

/// Whether a module whose address is known can be in its network.
fn check_network(
    context: &mut Context<'_>,
    (path, at): (&str, &str),
    uri: &Uri,
    module: &HttpModule,
) {
    let host = uri.host().unwrap_or_default();
    let network = match module.network {
        Some(network) => network.into(),
        None => Network::of_host(host),
    };
    let key = match module.network {
        Some(_) => format!("{path}/network"),
        None => at.to_owned(),
    };
    let (what, kind) = match host.trim_matches(['[', ']']).parse() {
        Ok(address) if network.allows(address) => return,
        Ok(address) => (address.to_string(), AddressKind::of(address)),
        Err(_) if Network::of_host(host) == Network::Loopback => match network {
            Network::Loopback | Network::Any => return,
            _ => (host.to_owned(), AddressKind::Loopback),
        },
        Err(_) => return,
    };
    let message = format!("{what} is {kind}, and not in the network `{network}`");
    let finding = Diagnostic::error("wrong-network", message);
    let finding = match kind {
        AddressKind::Reserved => finding.help("no module can be there"),
        AddressKind::LinkLocal | AddressKind::Metadata => {
            finding.help("only `network: any` reaches such an address")
        }
        _ => finding.help("leave `network` out: the host says it"),
    };
    context.value(&key, finding);
}

fn check_tls(context: &mut Context<'_>, path: &str, uri: &Uri, module: &HttpModule) {
    if module.tls.is_empty() {
        return;
    }
    if uri.scheme_str() != Some("https") {
        let message = "the URL is not https, so there is no TLS";
        let finding = Diagnostic::error("invalid-tls", message);
        context.key(&format!("{path}/tls"), finding);
        return;
    }
    let loaded = module
        .tls
        .load()
        .map_err(|fault| (fault.key, fault.message));
    let used = loaded.and_then(|tls| {
        if module.tls.cert.is_none() {
            return Ok(());
        }
        // Whether certificate and key belong together shows where both are used.
        let endpoint = Endpoint::new(uri.clone(), HeaderMap::new());
        let endpoint = endpoint.map_err(|error| ("cert", error.to_string()))?;
        HttpUpstream::new(endpoint.tls(tls), ClientInfo::default(), Limits::default())
            .map(drop)
            .map_err(|error| ("cert", cause(&error)))
    });
    if let Err((key, message)) = used {
        let finding = Diagnostic::error("invalid-tls", message);
        context.value(&format!("{path}/tls/{key}"), finding);
    }
}

fn cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn check_stdio(context: &mut Context<'_>, path: &str, module: &StdioModule) {
    if module.command.trim().is_empty() {
        let message = "the command is empty";
        context.value(
            &format!("{path}/command"),
            Diagnostic::error("invalid-value", message),
        );
    } else if module.args.is_empty() && module.command.contains(' ') {
        let message = "the command has a space, and no arguments";
        let finding = Diagnostic::warning("suspicious-command", message)
            .help("no shell reads it: write the arguments under `args`");
        context.value(&format!("{path}/command"), finding);
    }
    if let Some(confine) = &module.sandbox.confine {
        check_confine(context, &format!("{path}/sandbox/confine"), module, confine);
    }
    for (name, value) in &module.env {
        let path = format!("{path}/env/{name}");
        if name.is_empty() || name.contains(['=', '\0']) || value.expose().contains('\0') {
            let message = "this is no variable of an environment";
            context.key(&path, Diagnostic::error("invalid-value", message));
        } else if is_sensitive(&name.to_ascii_lowercase()) && context.is_literal(&path) {
            context.secret_in_clear(&path);
        }
    }
}

/// What is missing here may be there where the file is served, so it is a warning.
fn check_confine(context: &mut Context<'_>, path: &str, module: &StdioModule, confine: &Confine) {
    let sandbox = module.sandbox.compile();
    let confinement = sandbox.confinement.as_ref();
    if confinement.is_some_and(|asked| !Support::of_this_kernel().suffices(asked)) {
        let message = "the kernel of this machine cannot confine it so: it would not start here";
        context.key(path, Diagnostic::warning("no-confinement", message));
    }
    for (key, paths) in [("read", &confine.read), ("write", &confine.write)] {
        for (index, _) in paths.iter().enumerate().filter(|(_, path)| !path.exists()) {
            let message = "it is not there: the module would not start";
            let finding = Diagnostic::warning("missing-path", message);
            context.value(&format!("{path}/{key}/{index}"), finding);
        }
    }
}

fn check_limits(context: &mut Context<'_>, path: &str, limits: &ModuleLimits) {
    for (key, is_zero) in [
        ("concurrency", limits.concurrency == 0),
        ("connect_timeout", limits.connect_timeout.is_zero()),
        ("timeout", limits.timeout.is_zero()),
        ("max_timeout", limits.max_timeout.is_zero()),
        ("max_response_bytes", limits.max_response_bytes == 0),
        ("max_sessions", limits.max_sessions == 0),
        ("max_exclusive", limits.max_exclusive == 0),
        ("max_waiting", limits.max_waiting == 0),
    ] {
        if is_zero {
            let message = format!("`{key}` is 0: nothing would pass");
            context.value(
                &format!("{path}/{key}"),
                Diagnostic::error("invalid-value", message),
            );
        }
    }
    if limits.timeout > limits.max_timeout && limits.max_timeout > Duration::ZERO {
        let message = "`timeout` is longer than `max_timeout`";
        context.value(
            &format!("{path}/timeout"),
            Diagnostic::error("invalid-value", message),
        );
    }
}

fn parse_url(url: &str) -> Result<Uri, &'static str> {
    let uri: Uri = url.parse().map_err(|_| "cannot be read")?;
    let authority = uri.authority().ok_or("has no host")?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("begins with neither http:// nor https://");
    }
    if authority.as_str().contains('@') {
        return Err("holds a user or a password; use `headers` for credentials");
    }
    if authority.host().is_empty() {
        return Err("has no host");
    }
    Ok(uri)
}

pub(super) fn is_local(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn is_sensitive(name: &str) -> bool {
    [
        "authorization",
        "token",
        "secret",
        "password",
        "api-key",
        "api_key",
        "apikey",
        "cookie",
    ]
    .iter()
    .any(|part| name.contains(part))
}
