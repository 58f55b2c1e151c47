use http::{HeaderMap, StatusCode, Uri, header, request::Parts, uri::Authority};

use crate::refusal::Refusal;

/// Whom a request may be addressed to, and from which pages it may come: what keeps a foreign web
/// page, or a name that was rebound to us, from talking to the gateway.
#[derive(Debug)]
pub(crate) struct Guard {
    loopback: bool,
    hosts: Vec<Box<str>>,
    origins: Vec<Box<str>>,
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Guard {
    /// `loopback` says whether the loopback names are answered.
    pub(crate) fn new<'a>(
        loopback: bool,
        hosts: impl IntoIterator<Item = &'a String>,
        origins: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let own = |text: &String| text.to_ascii_lowercase().into();
        Self {
            loopback,
            hosts: hosts.into_iter().map(own).collect(),
            origins: origins.into_iter().map(own).collect(),
        }
    }

    pub(crate) fn check(&self, parts: &Parts) -> Result<(), Refusal> {
        let host = host(&parts.headers, &parts.uri).ok_or_else(|| {
            Refusal::invalid("bad_host", "the Host header is missing or malformed")
        })?;
        if !self.answers(&host) {
            return Err(forbidden(
                "host_not_allowed",
                "this host is not served here",
            ));
        }
        let mut origins = parts.headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if self.admits(origin.as_bytes(), &host) => Ok(()),
            _ => Err(forbidden(
                "origin_not_allowed",
                "this origin is not allowed",
            )),
        }
    }

    pub(crate) fn origins(&self) -> impl Iterator<Item = &str> {
        self.origins.iter().map(AsRef::as_ref)
    }

    fn answers(&self, host: &Authority) -> bool {
        let whole = host.as_str().to_ascii_lowercase();
        let name = host.host().to_ascii_lowercase();
        let listed = |allowed: &str| allowed == whole || allowed == name;
        self.hosts.iter().any(|allowed| listed(allowed))
            || self.loopback && LOOPBACK.contains(&&*name)
    }

    /// A page may come from a listed origin, or from the very host that it addresses.
    fn admits(&self, origin: &[u8], host: &Authority) -> bool {
        let Ok(origin) = std::str::from_utf8(origin) else {
            return false;
        };
        let origin = origin.to_ascii_lowercase();
        let same = origin.split_once("://").is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https") && authority == host.as_str().to_ascii_lowercase()
        });
        same || self.origins.iter().any(|allowed| **allowed == origin)
    }
}

/// The authority that a request is addressed to; HTTP/2 has it in the URI.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<Authority> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.parse().ok()?,
        (None, _) => uri.authority()?.clone(),
        (Some(_), Some(_)) => return None,
    };
    (!host.as_str().contains('@')).then_some(host)
}

fn forbidden(reason: &'static str, message: &'static str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, -32600, reason, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(guard: &Guard, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let mut request = http::Request::builder().uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        guard.check(&parts).map_err(|refusal| refusal.reason())
    }

    #[test]
    fn foreign_hosts_and_origins_are_refused() {
        let guard = Guard::new(
            true,
            &["mcp.example.com".into()],
            &["https://app.example.com".into()],
        );
        for host in [
            "localhost:8808",
            "127.0.0.1",
            "[::1]:1",
            "MCP.example.com:443",
        ] {
            assert_eq!(check(&guard, &[("host", host)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
        ] {
            assert_eq!(
                check(&guard, &[("host", host)]),
                Err("host_not_allowed"),
                "{host}"
            );
        }
        for host in ["a b", "localhost@evil.example", ""] {
            assert_eq!(check(&guard, &[("host", host)]), Err("bad_host"), "{host}");
        }
        let two = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(check(&guard, &two), Err("bad_host"));
        for origin in ["http://localhost:1", "https://app.example.com"] {
            assert_eq!(
                check(&guard, &[("host", "localhost:1"), ("origin", origin)]),
                Ok(())
            );
        }
        for origin in [
            "null",
            "http://localhost:2",
            "http://evil.example",
            "https://app.example.com.evil",
        ] {
            let headers = [("host", "localhost:1"), ("origin", origin)];
            assert_eq!(
                check(&guard, &headers),
                Err("origin_not_allowed"),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_public_address_answers_only_to_its_names() {
        let guard = Guard::new(false, &["mcp.example.com".into()], []);
        assert_eq!(
            check(&guard, &[("host", "localhost")]),
            Err("host_not_allowed")
        );
    }
}
