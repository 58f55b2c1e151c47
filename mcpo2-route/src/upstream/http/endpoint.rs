use std::fmt;

use http::{HeaderMap, Uri, uri::PathAndQuery};

use super::{address::Network, tls::Tls};

/// Where a module listens, and the headers that the gateway identifies itself with there.
///
/// Redirects from there are not followed, so the headers go nowhere else.
///
/// Neither is ever shown: not by `Debug`, not in an error that a caller sees.
#[derive(Clone)]
pub struct Endpoint {
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
    pub(super) network: Network,
    pub(super) tls: Tls,
}

/// Why an address is none of a module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is neither `http` nor `https`.
    #[error("the scheme of a module's URL is `http` or `https`")]
    Scheme,
    /// It names no host.
    #[error("the URL of a module names a host")]
    Host,
    /// It leads to another scheme, host or port than the endpoint that named it.
    #[error("the URL leads elsewhere")]
    Elsewhere,
    /// It carries a user name or a password, which belong into headers.
    #[error("the URL of a module carries no user name")]
    UserInfo,
    /// The certificates are of no use: those of the platform, or ours with its key.
    #[error("the certificates cannot be used")]
    Tls(#[source] mcpo2_core::BoxError),
}

impl Endpoint {
    /// An endpoint at this absolute URL; each request carries the headers.
    ///
    /// It is in the network that its [host says](Network::of_host), and over `https` it is who
    /// the platform's authorities say.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] where the URL is not fit.
    pub fn new(url: Uri, mut headers: HeaderMap) -> Result<Self, EndpointError> {
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(EndpointError::Scheme);
        }
        let authority = url.authority().ok_or(EndpointError::Host)?;
        if authority.host().is_empty() {
            return Err(EndpointError::Host);
        }
        if authority.as_str().contains('@') {
            return Err(EndpointError::UserInfo);
        }
        headers
            .values_mut()
            .for_each(|value| value.set_sensitive(true));
        let network = Network::of_host(authority.host());
        Ok(Self {
            url,
            headers,
            network,
            tls: Tls::new(),
        })
    }

    /// The same in this network: addresses elsewhere are not dialled.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// The same with these certificates, which are for `https` alone.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The endpoint that a module names in what it says, as a URL or a path: with the same headers,
    /// so only at the same scheme, host and port.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use mcpo2_route::upstream::http::Endpoint;
    ///
    /// let sse = Endpoint::new("https://mcp.example.com/sse".parse()?, HeaderMap::new())?;
    /// assert!(sse.named("/messages?session=1").is_ok());
    /// assert!(sse.named("https://mcp.example.com:443/messages").is_ok());
    /// assert!(sse.named("//elsewhere.example.com/messages").is_err());
    /// assert!(sse.named("http://mcp.example.com/messages").is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EndpointError::Elsewhere`] where it is none of that.
    pub fn named(&self, reference: &str) -> Result<Self, EndpointError> {
        let elsewhere = |_| EndpointError::Elsewhere;
        let is_path = reference.starts_with('/') && !reference.starts_with("//");
        let path = match is_path {
            true => reference.parse::<PathAndQuery>().map_err(elsewhere)?,
            false => {
                let url: Uri = reference.parse().map_err(|_| EndpointError::Elsewhere)?;
                if origin(&url).is_none() || origin(&url) != origin(&self.url) {
                    return Err(EndpointError::Elsewhere);
                }
                url.into_parts()
                    .path_and_query
                    .unwrap_or(PathAndQuery::from_static("/"))
            }
        };
        let mut parts = self.url.clone().into_parts();
        parts.path_and_query = Some(path);
        let url = Uri::from_parts(parts).map_err(|_| EndpointError::Elsewhere)?;
        Ok(Self {
            url,
            ..self.clone()
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.scheme_str() == Some("https")
    }
}

/// Scheme, host and port, where a URL has them and no user.
fn origin(url: &Uri) -> Option<(&str, String, u16)> {
    let port = match url.scheme_str()? {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority = url.authority()?;
    let host = authority.host().to_ascii_lowercase();
    let is_user = authority.as_str().contains('@');
    let port = authority.port_u16().unwrap_or(port);
    (!is_user).then_some((url.scheme_str()?, host, port))
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("network", &self.network)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &'static str) -> Result<Endpoint, EndpointError> {
        Endpoint::new(Uri::from_static(url), HeaderMap::new())
    }

    #[test]
    fn an_address_that_is_no_module_is_refused() {
        assert!(endpoint("https://module.example:8443/mcp?x=1").is_ok());
        assert!(matches!(
            endpoint("ftp://module.example"),
            Err(EndpointError::Scheme)
        ));
        assert!(matches!(endpoint("/mcp"), Err(EndpointError::Scheme)));
        assert!(matches!(
            endpoint("http://me:pw@module.example"),
            Err(EndpointError::UserInfo)
        ));
    }

    #[test]
    fn debug_shows_neither_address_nor_credentials() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer s3cret".parse().unwrap());
        let url = Uri::from_static("https://module.example/mcp");
        let debug = format!("{:?}", Endpoint::new(url, headers).unwrap());
        assert!(debug.contains("authorization"));
        assert!(
            !debug.contains("s3cret") && !debug.contains("example"),
            "{debug}"
        );
    }
}
