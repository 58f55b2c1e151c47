use std::str::FromStr;

use anyhow::{Context as _, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// What is measured: a server of MCP over plain HTTP.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name under which it is reported.
    pub name: String,
    /// Where it listens.
    pub url: Uri,
    /// What each request carries besides what MCP wants, such as `Authorization`.
    pub headers: HeaderMap,
    /// The process whose CPU time, memory and descriptors are read.
    pub pid: Option<u32>,
}

impl Target {
    /// A target of this name at this URL.
    ///
    /// # Errors
    ///
    /// Where the URL is none of plain HTTP.
    pub fn new(name: impl Into<String>, url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("`{url}` is no URL"))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            bail!("`{url}` does not begin with http:// and a host; TLS is not spoken here");
        }
        Ok(Self {
            name: name.into(),
            url: uri,
            headers: HeaderMap::new(),
            pid: None,
        })
    }

    /// The same with the process behind it.
    #[must_use]
    pub fn with_pid(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// The same with a header on each request.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    pub(crate) fn authority(&self) -> String {
        let host = self.url.host().unwrap_or_default();
        format!("{host}:{}", self.url.port_u16().unwrap_or(80))
    }

    pub(crate) fn path(&self) -> &str {
        self.url.path_and_query().map_or("/", |path| path.as_str())
    }
}

/// `NAME=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(Self {
                name: name.into(),
                value: value.into(),
            }),
            _ => Err("this is NAME=VALUE".into()),
        }
    }
}

/// `Name: value`, as `curl -H` takes it.
#[derive(Debug, Clone)]
pub(crate) struct HeaderLine(pub(crate) HeaderName, pub(crate) HeaderValue);

impl FromStr for HeaderLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once(':').ok_or("this is `Name: value`")?;
        let name = name.trim().parse().map_err(|_| "this is no header name")?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| "this is no value")?;
        value.set_sensitive(true);
        Ok(Self(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_plain_http() {
        let target = Target::new("a", "http://localhost:1/mcp?x=1").unwrap();
        assert_eq!(target.authority(), "localhost:1");
        assert_eq!(target.path(), "/mcp?x=1");
        for wrong in ["https://localhost/mcp", "/mcp", "http://"] {
            Target::new("a", wrong).unwrap_err();
        }
    }

    #[test]
    fn a_header_line_is_parted_at_its_first_colon() {
        let HeaderLine(name, value) = "Authorization: Bearer a:b".parse().unwrap();
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("authorization", &b"Bearer a:b"[..])
        );
        "nothing".parse::<HeaderLine>().unwrap_err();
    }
}
