use http::Uri;
use serde_json::{Value, json};

use super::IdentityError;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What clients may learn of this gateway as a resource of OAuth (RFC 9728).
#[derive(Debug, Clone)]
pub struct ProtectedResource {
    url: String,
    origin: String,
    path: String,
    issuer: Option<String>,
}

impl ProtectedResource {
    pub(super) fn new(url: &str, issuer: Option<&str>) -> Result<Self, IdentityError> {
        let wrong =
            |what| IdentityError::resource(format!("`{url}` is no URL of a resource: {what}"));
        if url
            .bytes()
            .any(|b| !b.is_ascii_graphic() || b"\"\\#?".contains(&b))
        {
            return Err(wrong("it has a query, a fragment, a quote or a space"));
        }
        let uri: Uri = url.parse().map_err(|_| wrong("it cannot be read"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("it needs a scheme and a host"));
        };
        let is_local = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
        if scheme != "https" && !(scheme == "http" && is_local) {
            return Err(wrong("it must begin with https://"));
        }
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            path: uri.path().trim_end_matches('/').to_owned(),
            url: url.to_owned(),
            issuer: issuer.map(str::to_owned),
        })
    }

    /// The path at which its metadata is served: the well-known one, before the resource's own.
    #[must_use]
    pub fn metadata_path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.path)
    }

    /// The URL of its metadata, as challenges name it.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        format!("{}{}", self.origin, self.metadata_path())
    }

    /// The metadata, as it is served.
    #[must_use]
    pub fn metadata(&self) -> Value {
        let mut document = json!({
            "resource": self.url,
            "bearer_methods_supported": ["header"],
            "resource_name": "MCPO2",
        });
        if let (Some(issuer), Some(document)) = (&self.issuer, document.as_object_mut()) {
            document.insert("authorization_servers".into(), json!([issuer]));
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_path_stands_before_that_of_the_resource() {
        let of = |url| ProtectedResource::new(url, Some("https://id.example.com")).unwrap();
        let url = of("https://mcp.example.com/mcp").metadata_url();
        assert_eq!(
            url,
            "https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
        );
        let root = of("https://mcp.example.com/");
        assert_eq!(root.metadata_path(), WELL_KNOWN);
        let document = root.metadata();
        assert_eq!(document["resource"], "https://mcp.example.com/");
        assert_eq!(
            document["authorization_servers"],
            json!(["https://id.example.com"])
        );
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        for bad in [
            "",
            "mcp",
            "/mcp",
            "http://mcp.example.com",
            "https://a/#x",
            "https://a/?q=1",
            "https://a/\"b",
        ] {
            assert!(ProtectedResource::new(bad, None).is_err(), "{bad}");
        }
        assert!(ProtectedResource::new("http://localhost:8808/mcp", None).is_ok());
    }
}
