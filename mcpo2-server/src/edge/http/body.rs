use std::pin::pin;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt as _;
use mcpo2_core::Gather;

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
    match tokio::time::timeout(limits.time, gather(body, limits.bytes)).await {
        Ok(read) => read,
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            -32600,
            "slow_body",
            "the body took too long",
        )),
    }
}

async fn gather<B>(body: B, most: usize) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes> + Send,
{
    let mut whole = Gather::new(body.size_hint().exact());
    let mut body = pin!(body);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refusal::invalid("broken_body", "the body broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > most - whole.len() {
            return Err(too_large());
        }
        whole.push(data);
    }
    Ok(whole.finish())
}

fn too_large() -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        -32600,
        "body_too_large",
        "the body is too long",
    )
}
