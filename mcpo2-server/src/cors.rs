use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Lets the pages of these origins, and no others, read answers.
pub(crate) fn layer<'a>(origins: impl Iterator<Item = &'a str>) -> CorsLayer {
    let origins: Vec<_> = origins
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    let mcp = [
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
        "last-event-id",
        "traceparent",
    ];
    let asked = [header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT];
    let headers = asked.into_iter().chain(mcp.map(HeaderName::from_static));
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(headers.collect::<Vec<_>>())
        .expose_headers([
            HeaderName::from_static("mcp-session-id"),
            header::WWW_AUTHENTICATE,
        ])
}
