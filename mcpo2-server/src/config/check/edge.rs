use http::Uri;

use super::{Context, Diagnostic};
use crate::{identity::Authenticator, serve::Tls};

/// Checks what faces the callers.
pub(super) fn check(context: &mut Context<'_>) {
    public_bind(context);
    http(context);
    names(context);
    identity(context);
}

/// What is reachable from elsewhere must know who calls, and by which name.
fn public_bind(context: &mut Context<'_>) {
    let config = context.config;
    let identity = &config.identity;
    let has_credentials = !identity.api_keys.is_empty() || identity.jwt.is_some();
    if config.listen.ip().is_loopback() {
        if !has_credentials && identity.anonymous.is_none() {
            let finding = Diagnostic::warning("nobody-can-call", "nobody can call over HTTP")
                .help("give `identity` one of `api_keys`, `jwt` and `anonymous`");
            context.key("identity", finding);
        }
        return;
    }
    let listen = config.listen;
    if !has_credentials {
        let message =
            format!("{listen} is not a loopback address, and callers cannot show who they are");
        let finding = Diagnostic::error("public-without-authentication", message)
            .help("add `identity.api_keys` or `identity.jwt`, or listen on 127.0.0.1");
        context.value("listen", finding);
    }
    if identity.anonymous.is_some() {
        let message =
            format!("anonymous callers are for loopback addresses only, and {listen} is none");
        let finding = Diagnostic::error("public-anonymous", message)
            .help("remove `anonymous`, or listen on 127.0.0.1");
        context.key("identity/anonymous", finding);
    }
    if config.http.allowed_hosts.is_empty() {
        let message =
            format!("{listen} is not a loopback address, so `http.allowed_hosts` must name a host");
        let finding = Diagnostic::error("public-without-hosts", message)
            .help("name what clients write in the URL, such as `mcp.example.com`");
        context.key(
            if context.tree.get("http").is_some() {
                "http"
            } else {
                "listen"
            },
            finding,
        );
    }
}

fn http(context: &mut Context<'_>) {
    let http = &context.config.http;
    let uri = http.path.parse::<Uri>().ok();
    let is_path = http.path.starts_with('/') && uri.is_some_and(|uri| uri.query().is_none());
    if !is_path || ["/livez", "/readyz", "/metrics", "/admin/reload"].contains(&http.path.as_str())
    {
        let message = format!("`{}` is no path to serve MCP at", http.path);
        let finding =
            Diagnostic::error("invalid-value", message).help("write a path such as `/mcp`");
        context.value("http/path", finding);
    }
    for (key, number) in [
        ("max_body_bytes", http.max_body_bytes),
        ("max_header_bytes", http.max_header_bytes),
        ("max_connections", http.max_connections),
    ] {
        if number == 0 {
            let finding =
                Diagnostic::error("invalid-value", format!("`{key}` is 0: nothing would pass"));
            context.value(&format!("http/{key}"), finding);
        }
    }
    let timeouts = &http.timeouts;
    for (key, time) in [
        ("headers", timeouts.headers),
        ("body", timeouts.body),
        ("write", timeouts.write),
        ("request", timeouts.request),
    ] {
        if time.is_zero() {
            let finding =
                Diagnostic::error("invalid-value", format!("`{key}` is 0: nothing would pass"));
            context.value(&format!("http/timeouts/{key}"), finding);
        }
    }
    if let Some(Err(error)) = http.tls.as_ref().map(Tls::new) {
        let finding = Diagnostic::error("invalid-tls", error.to_string());
        context.key("http/tls", finding);
    }
    if let Some(admin) = http.admin_listen {
        if admin == context.config.listen {
            let finding = Diagnostic::error("invalid-value", format!("{admin} is also `listen`"));
            context.value(
                "http/admin_listen",
                finding.help("leave it out to serve both there"),
            );
        } else if !admin.ip().is_loopback() {
            let message = "`/metrics` has no authentication, and is not on a loopback address";
            context.value(
                "http/admin_listen",
                Diagnostic::warning("public-admin", message),
            );
        }
    }
}

fn names(context: &mut Context<'_>) {
    let http = &context.config.http;
    for (index, host) in http.allowed_hosts.iter().enumerate() {
        let is_host = host.parse::<http::uri::Authority>().is_ok() && !host.contains(['@', '*']);
        if !is_host {
            let finding = Diagnostic::error("invalid-value", format!("`{host}` is no host"))
                .help("write a name, and a port if it is not the usual: `mcp.example.com:8443`");
            context.value(&format!("http/allowed_hosts/{index}"), finding);
        }
    }
    for (index, origin) in http.allowed_origins.iter().enumerate() {
        let uri = origin.parse::<Uri>().ok();
        let is_origin = uri.as_ref().is_some_and(|uri| {
            uri.scheme().is_some() && uri.authority().is_some() && uri.path() == "/"
        });
        if !is_origin || origin.ends_with('/') || origin.contains(['@', '*', '?']) {
            let finding = Diagnostic::error("invalid-value", format!("`{origin}` is no origin"))
                .help("write a scheme and a host: `https://app.example.com`");
            context.value(&format!("http/allowed_origins/{index}"), finding);
        }
    }
}

fn identity(context: &mut Context<'_>) {
    if let Err(error) = Authenticator::new(&context.config.identity) {
        let path = format!("identity/{}", error.path().replace('.', "/"));
        let message = error.message().to_owned();
        context.value(&path, Diagnostic::error("invalid-identity", message));
    }
}
