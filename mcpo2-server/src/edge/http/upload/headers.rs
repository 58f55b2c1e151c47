use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, header};
use mcpo2_core::Digest;

use super::malformed;
use crate::refusal::Refusal;

pub(super) const COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const LIMIT: HeaderName = HeaderName::from_static("upload-limit");
const DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What the headers of a request say of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Announced {
    /// Whether the body ends it; of a POST without this header, it does.
    pub(super) complete: Option<bool>,
    pub(super) offset: Option<u64>,
    pub(super) length: Option<u64>,
    /// Of the whole (RFC 9530), by the algorithm `blake3`; others are not looked at.
    pub(super) digest: Option<Digest>,
    /// Whether the body is a part of one.
    pub(super) is_partial: bool,
}

impl Announced {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let complete = match text(headers, &COMPLETE, "Upload-Complete")? {
            None => None,
            Some("?0") => Some(false),
            Some("?1") => Some(true),
            Some(_) => return Err(malformed("Upload-Complete")),
        };
        let kind = headers.get(header::CONTENT_TYPE);
        Ok(Self {
            complete,
            offset: number(headers, &OFFSET, "Upload-Offset")?,
            length: number(headers, &LENGTH, "Upload-Length")?,
            digest: digest(headers)?,
            is_partial: kind.is_some_and(|kind| kind == "application/partial-upload"),
        })
    }
}

fn text<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'h str>, Refusal> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| malformed(shown))?;
            Ok(Some(text.trim()))
        }
        (Some(_), Some(_)) => Err(malformed(shown)),
    }
}

/// An integer of RFC 9651: up to 15 digits.
fn number(
    headers: &HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<u64>, Refusal> {
    let Some(text) = text(headers, name, shown)? else {
        return Ok(None);
    };
    let holds = (1..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match holds.then(|| text.parse()) {
        Some(Ok(number)) => Ok(Some(number)),
        _ => Err(malformed(shown)),
    }
}

fn digest(headers: &HeaderMap) -> Result<Option<Digest>, Refusal> {
    let mut found = None;
    for value in headers.get_all(&DIGEST) {
        let value = value.to_str().map_err(|_| malformed("Repr-Digest"))?;
        for member in value.split(',') {
            let Some(given) = member.trim().strip_prefix("blake3=") else {
                continue;
            };
            let bytes = given
                .strip_prefix(':')
                .and_then(|given| given.strip_suffix(':'))
                .and_then(|given| STANDARD.decode(given).ok())
                .and_then(|bytes| bytes.try_into().ok())
                .map(Digest::from_bytes);
            if bytes.is_none() || found.is_some() {
                return Err(malformed("Repr-Digest"));
            }
            found = bytes;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(given: &[(&'static str, &str)]) -> Option<Announced> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        Announced::of(&headers).ok()
    }

    #[test]
    fn headers_say_one_thing_or_are_refused() {
        let digest = Digest::of(b"abc");
        let written = format!(
            "sha-256=:AA==:, blake3=:{}:",
            STANDARD.encode(digest.as_bytes())
        );
        let announced = of(&[
            ("upload-complete", "?0"),
            ("upload-offset", "7"),
            ("upload-length", "100"),
            ("repr-digest", &written),
            ("content-type", "application/partial-upload"),
        ]);
        let expected = Announced {
            complete: Some(false),
            offset: Some(7),
            length: Some(100),
            digest: Some(digest),
            is_partial: true,
        };
        assert_eq!(announced, Some(expected));
        assert_eq!(of(&[]).unwrap().complete, None);
        for bad in [
            ("upload-complete", "1"),
            ("upload-complete", "true"),
            ("upload-offset", "-1"),
            ("upload-offset", "+1"),
            ("upload-offset", "1.0"),
            ("upload-offset", ""),
            ("upload-offset", "1000000000000000"),
            ("upload-length", "x"),
            ("repr-digest", "blake3=abc"),
            ("repr-digest", "blake3=:AAAA:"),
        ] {
            assert_eq!(of(&[bad]), None, "{bad:?}");
        }
        assert_eq!(of(&[("upload-offset", "1"), ("upload-offset", "1")]), None);
    }
}
