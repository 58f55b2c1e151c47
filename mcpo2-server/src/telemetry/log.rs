use std::io::{self, IsTerminal as _, Write};

use regex::bytes::Regex;
use tracing_subscriber::{
    EnvFilter, fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::sparing::Sparing;
use crate::config::{Log, LogFormat};

/// Sends the server's log to standard error: text on a terminal, JSON elsewhere, and nothing that
/// looks like a credential.
///
/// `RUST_LOG` wins over the configuration. A second call does nothing.
pub fn init(log: &Log) {
    let level = log.level.as_str();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "warn,mcpo2={level},mcpo2_server={level},mcpo2_route={level}"
        ))
    });
    let text = match log.format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Redacted::new());
    // A host may have its own subscriber, and that one stays.
    let _ = if text {
        let lines = lines.with_ansi(io::stderr().is_terminal());
        lines.finish().with(Sparing::default()).try_init()
    } else {
        let lines = lines.json().flatten_event(true);
        lines.finish().with(Sparing::default()).try_init()
    };
}

/// Standard error, without credentials.
#[derive(Debug, Clone)]
struct Redacted {
    credential: Option<Regex>,
}

impl Redacted {
    fn new() -> Self {
        let credential = r"(?i:(bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}|\bmcpo2_[a-z0-9-]+_[A-Za-z0-9]{16,}|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*";
        Self {
            credential: Regex::new(credential).ok(),
        }
    }
}

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Redacted {
    /// `tracing` writes whole lines, so no credential is cut in two.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let clean = match &self.credential {
            Some(credential) => credential.replace_all(line, b"[redacted]".as_slice()),
            None => b"[a log line that could not be checked for credentials]\n".into(),
        };
        io::stderr().lock().write_all(&clean)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_recognised() {
        let credential = Redacted::new().credential.unwrap();
        for secret in [
            "Authorization: Bearer abcdefgh12345678",
            "mcpo2_ci_0123456789abcdef0123456789abcdef",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        ] {
            assert!(credential.is_match(secret.as_bytes()), "{secret}");
        }
        assert!(!credential.is_match(b"bearer of news"));
    }
}
