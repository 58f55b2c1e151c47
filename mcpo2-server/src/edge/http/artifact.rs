//! Artifacts over plain HTTP: `resources/read` in another dress, decided on and recorded as that.

mod reader;

use std::{ops::Range, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use mcpo2_artifact::{
    range::{HttpRange, HttpRangeError, content_range, unsatisfied_range},
    token::SignedReference,
};
use mcpo2_core::{ARTIFACT_SCHEME, Error, ErrorKind};

use self::reader::{Reader, Stat};
use super::{HttpEdge, Remote, admit, not_allowed, plain};
use crate::{app::Generation, refusal::Refusal, respond::HttpBody};

/// Behind it stands what stands behind `r/` in the URI of an artifact.
const PATH: &str = "/v1/artifacts/r/";

/// The URI of the artifact that this path names, if it names one: of a result, or of what a signed
/// reference names.
pub(crate) fn uri(path: &str) -> Option<String> {
    let id = path.strip_prefix(PATH)?;
    Some(match SignedReference::from_token(id) {
        Ok(reference) => reference.uri(),
        Err(_) => format!("{ARTIFACT_SCHEME}://r/{id}"),
    })
}

impl HttpEdge {
    /// Answers a GET or HEAD of this artifact.
    pub(crate) async fn artifact<B>(
        &self,
        generation: Arc<Generation>,
        uri: String,
        request: Request<B>,
        remote: &Remote,
    ) -> Response<HttpBody> {
        let (parts, _) = request.into_parts();
        let source = remote.source(&parts.headers);
        let principal = match admit(&generation, &parts, remote) {
            Ok(principal) => principal,
            Err(refusal) => return self.refuse(&refusal, source, None, 0),
        };
        if parts.method != Method::GET && parts.method != Method::HEAD {
            return self.refuse(&read_only(), source, Some(&principal), 0);
        }
        let reader = Reader {
            generation,
            principal,
            source,
            uri,
        };
        let media_type = reader.media_type();
        let stat = match reader.stat().await {
            Ok(stat) => stat,
            Err(error) => return plain(status(&error)),
        };
        let wanted = Wanted::of(&parts.headers, &stat);
        let mut response = match answer(reader, &stat, wanted, &parts.method).await {
            Ok(response) => response,
            Err(error) => return plain(status(&error)),
        };
        describe(response.headers_mut(), &stat, media_type);
        response
    }
}

/// What a client is to have.
enum Wanted {
    Whole,
    Part(Range<u64>),
    /// It has it already.
    Nothing,
    /// There is no such part.
    Unsatisfiable,
}

impl Wanted {
    fn of(headers: &HeaderMap, stat: &Stat) -> Self {
        let tag = tag(stat);
        let mut known = headers.get_all(header::IF_NONE_MATCH).iter();
        if known.any(|value| value.to_str().is_ok_and(|value| names(value, &tag))) {
            return Self::Nothing;
        }
        let stands = |value: &HeaderValue| value.as_bytes() == tag.as_bytes();
        let (Some(range), true) = (
            headers
                .get(header::RANGE)
                .and_then(|range| range.to_str().ok()),
            headers.get(header::IF_RANGE).is_none_or(stands),
        ) else {
            return Self::Whole;
        };
        let resolved = match range.parse::<HttpRange>() {
            Ok(range) => range.resolve(stat.size),
            Err(HttpRangeError::TooMany) => return Self::Unsatisfiable,
            Err(_) => return Self::Whole,
        };
        match resolved {
            Err(_) => Self::Unsatisfiable,
            // Several parts would be several messages in one; whoever asks may have the whole.
            Ok(ranges) => ranges.single().map_or(Self::Whole, Self::Part),
        }
    }
}

async fn answer(
    reader: Reader,
    stat: &Stat,
    wanted: Wanted,
    method: &Method,
) -> Result<Response<HttpBody>, Error> {
    let (status, part) = match wanted {
        Wanted::Nothing => return Ok(plain(StatusCode::NOT_MODIFIED)),
        Wanted::Unsatisfiable => {
            let mut response = plain(StatusCode::RANGE_NOT_SATISFIABLE);
            insert(
                &mut response,
                header::CONTENT_RANGE,
                unsatisfied_range(stat.size),
            );
            return Ok(response);
        }
        Wanted::Whole => (StatusCode::OK, 0..stat.size),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
    };
    let length = part.end - part.start;
    let range = content_range(&part, stat.size).filter(|_| status == StatusCode::PARTIAL_CONTENT);
    let mut response = match *method == Method::HEAD || length == 0 {
        true => plain(status),
        false => {
            // Before the status is told: the bytes may be more than a reference grants.
            let first = reader.next(&part).await?;
            let read = u64::try_from(first.len()).unwrap_or(u64::MAX);
            let rest = reader.stream(part.start.saturating_add(read)..part.end);
            let frames = stream::iter([Ok(first)]).chain(rest).map_ok(Frame::data);
            let mut response = Response::new(HttpBody::new(StreamBody::new(frames)));
            *response.status_mut() = status;
            response
        }
    };
    insert(&mut response, header::CONTENT_LENGTH, length.to_string());
    if let Some(range) = range {
        insert(&mut response, header::CONTENT_RANGE, range);
    }
    Ok(response)
}

/// What is true of each answer. A copy may be kept, and has to be asked for again: who may read is
/// decided each time.
fn describe(headers: &mut HeaderMap, stat: &Stat, media_type: &'static str) {
    if let Ok(tag) = HeaderValue::try_from(tag(stat)) {
        headers.insert(header::ETAG, tag);
    }
    for (name, value) in [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, "attachment"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn tag(stat: &Stat) -> String {
    format!("\"{}\"", stat.digest)
}

/// Whether the value of an `If-None-Match` has this tag among its own, weak ones included.
fn names(value: &str, tag: &str) -> bool {
    let mut each = value.split(',').map(str::trim);
    each.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn insert(response: &mut Response<HttpBody>, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What is denied answers as what is not there.
fn status(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Denied | ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Overloaded | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn read_only() -> Refusal {
    not_allowed().with_header(header::ALLOW, HeaderValue::from_static("GET, HEAD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_among_others_and_weakly() {
        let tag = "\"b3:00\"";
        for known in ["\"b3:00\"", "W/\"b3:00\"", "\"a\", \"b3:00\"", "*"] {
            assert!(names(known, tag), "{known}");
        }
        for other in ["", "b3:00", "\"b3:01\"", "\"a\",\"b\""] {
            assert!(!names(other, tag), "{other}");
        }
    }

    #[test]
    fn only_paths_of_artifacts_name_one() {
        assert_eq!(
            uri("/v1/artifacts/r/a").as_deref(),
            Some("mcpo2+artifact://r/a")
        );
        assert_eq!(uri("/v1/artifacts/a"), None);
        assert_eq!(uri("/mcp"), None);
    }
}
