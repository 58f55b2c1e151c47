use http::Uri;
use mcpo2_artifact::blob::ObjectBlobs;
use object_store::aws::AmazonS3Builder;

use super::Fault;
use crate::config::Bucket;

/// What is signed for where an endpoint has no regions.
const REGION: &str = "us-east-1";

pub(super) fn open(bucket: &Bucket) -> Result<ObjectBlobs, Fault> {
    let (name, prefix) = name_and_prefix(&bucket.url)?;
    let options = ObjectBlobs::client_options().with_allow_http(bucket.allow_http);
    let mut client = AmazonS3Builder::new()
        .with_client_options(options)
        .with_retry(ObjectBlobs::retry_config())
        .with_bucket_name(name)
        .with_region(region(bucket)?)
        .with_access_key_id(there("access_key_id", &bucket.access_key_id)?)
        .with_secret_access_key(there(
            "secret_access_key",
            bucket.secret_access_key.expose(),
        )?);
    if let Some(endpoint) = &bucket.endpoint {
        client = client.with_endpoint(checked(endpoint, bucket.allow_http)?);
    }
    let client = client.build().map_err(|error| Fault {
        key: None,
        message: error.to_string().into(),
    })?;
    Ok(ObjectBlobs::bucket(client, prefix))
}

/// The name of the bucket, and the prefix, which may be empty.
fn name_and_prefix(url: &str) -> Result<(&str, &str), Fault> {
    // Refused as it is written: whatever reads it otherwise would mean another place.
    let wrong = fault("url");
    let rest = url.strip_prefix("s3://");
    let rest = rest.ok_or_else(|| wrong("the URL does not begin with s3://"))?;
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if !(3..=63).contains(&name.len()) || !name.bytes().all(is_name) {
        let message = "the name of a bucket has 3 to 63 of a-z, 0-9, `.` and `-`";
        return Err(wrong(message));
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let is_part = |part: &str| {
        let is_known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(is_known)
    };
    if !prefix.is_empty() && !prefix.split('/').all(is_part) {
        let message = "the parts of a prefix have letters, digits, `.`, `_` and `-`";
        return Err(wrong(message));
    }
    Ok((name, prefix))
}

fn region(bucket: &Bucket) -> Result<&str, Fault> {
    let wrong = fault("region");
    match (&bucket.region, &bucket.endpoint) {
        (Some(region), _) => {
            // It becomes a part of the name of a host.
            let is_known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            match !region.is_empty() && region.bytes().all(is_known) {
                true => Ok(region),
                false => Err(wrong("a region has a-z, 0-9 and `-`")),
            }
        }
        (None, Some(_)) => Ok(REGION),
        (None, None) => Err(wrong("a bucket without an `endpoint` needs a `region`")),
    }
}

/// The endpoint, as the client takes it.
fn checked(endpoint: &str, allow_http: bool) -> Result<&str, Fault> {
    // What is wrong is not repeated: a password may stand in it.
    let wrong = fault("endpoint");
    let uri: Uri = endpoint
        .parse()
        .map_err(|_| wrong("the endpoint is no URL"))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if allow_http => {}
        Some("http") => return Err(wrong("the endpoint is not https, and `allow_http` not set")),
        _ => return Err(wrong("the endpoint does not begin with https://")),
    }
    if authority.contains('@') {
        return Err(wrong("the endpoint holds a user or a password"));
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || endpoint.contains('#') {
        return Err(wrong("the endpoint has a path"));
    }
    Ok(endpoint.strip_suffix('/').unwrap_or(endpoint))
}

fn there<'a>(key: &'static str, text: &'a str) -> Result<&'a str, Fault> {
    match text.trim().is_empty() {
        true => Err(fault(key)("this is empty")),
        false => Ok(text),
    }
}

fn fault(key: &'static str) -> impl Fn(&'static str) -> Fault {
    move |message| Fault {
        key: Some(key),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_bucket_or_another_place_than_it_seems_is_refused() {
        let parts = |url| name_and_prefix(url).ok();
        assert_eq!(parts("s3://library"), Some(("library", "")));
        assert_eq!(parts("s3://library/"), Some(("library", "")));
        assert_eq!(parts("s3://li.b-1/gw/one/"), Some(("li.b-1", "gw/one")));
        for url in [
            "library",
            "S3://library",
            "gs://library/gw",
            "s3://",
            "s3:///gw",
            "s3://ab",
            "s3://Library",
            "s3://user:pass@library/gw",
            "s3://library:443/gw",
            "s3://library//gw",
            "s3://library/gw//",
            "s3://library/../gw",
            "s3://library/gw/.",
            "s3://library/g w",
            "s3://library/gw?a=b",
            "s3://library/%2e%2e",
            "s3://library/gw#a",
            "s3://библиотека/gw",
        ] {
            assert_eq!(parts(url), None, "{url}");
        }
    }

    #[test]
    fn endpoint_is_a_host_and_clear_text_is_asked_for() {
        let https = "https://s3.example.com:9000";
        assert_eq!(checked(https, false).unwrap(), https);
        assert_eq!(checked("https://[::1]/", false).unwrap(), "https://[::1]");
        let http = "http://127.0.0.1:9000";
        assert_eq!(checked(http, true).unwrap(), http);
        assert!(checked(http, false).is_err());
        for endpoint in [
            "",
            "s3.example.com",
            "/path",
            "ftp://s3.example.com",
            "https://user:pass@s3.example.com",
            "https://s3.example.com/bucket",
            "https://s3.example.com?a=b",
            "https://s3.example.com#a",
            "https://",
        ] {
            assert!(checked(endpoint, true).is_err(), "{endpoint}");
        }
    }
}
