use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::BodyLimits;
use crate::refusal::Refusal;

/// Reads a body within its limits; more is never kept.
pub(super) async fn read<B>(body: B, limits: BodyLimits) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: std::fmt::Display,
{
    if body.size_hint().lower() > u64::try_from(limits.bytes).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let body = body.map_err(|error| error.to_string());
    let read = Box::pin(Limited::new(body, limits.bytes)).collect();
    match tokio::time::timeout(limits.time, read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::invalid("broken_body", "the body broke off")),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            -32600,
            "slow_body",
            "the body took too long",
        )),
    }
}

fn too_large() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        -32600,
        "body_too_large",
        "the body is too long",
    )
}
