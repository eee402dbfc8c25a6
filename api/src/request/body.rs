//! Reads a request body within its limits.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::{
    byte_budget::{ByteBudget, ReservedBytes},
    response::error::ApiError,
};

/// The largest order: 256 KiB.
pub(crate) const ORDER_MAX_BYTES: usize = 256 * 1024;
/// The longest that a body may take.
const READ_MAX: Duration = Duration::from_secs(10);

/// A whole body, and its bytes in the budget.
#[derive(Debug)]
pub(crate) struct ReadBody {
    pub(crate) bytes: Vec<u8>,
    /// To be kept as long as anything of the body is.
    pub(crate) reserved: ReservedBytes,
}

/// Reads a body of at most `max_bytes`, once the budget has room for it.
///
/// # Errors
/// If it is too large, too slow or incomplete, or there is no room in time.
pub(crate) async fn read(
    max_bytes: usize,
    budget: &ByteBudget,
    headers: &HeaderMap,
    body: Body,
) -> Result<ReadBody, ApiError> {
    read_within(READ_MAX, max_bytes, budget, headers, body).await
}

async fn read_within(
    time: Duration,
    max_bytes: usize,
    budget: &ByteBudget,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<ReadBody, ApiError> {
    // Until the body is polled its bytes wait in the kernel, at the client's expense.
    let length = declared(headers).unwrap_or(max_bytes);
    if length > max_bytes {
        return Err(ApiError::BodyTooLarge { max_bytes });
    }
    let mut reserved = budget.reserve(length).await?;
    match timeout(time, collect(&mut body, length, max_bytes)).await {
        Err(_) => Err(ApiError::BodyTimeout),
        Ok(Err(e)) => Err(e),
        Ok(Ok(bytes)) => {
            reserved.shrink_to(bytes.len());
            Ok(ReadBody { bytes, reserved })
        }
    }
}

/// The length that the headers state. hyper refuses one that is not a number.
fn declared(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    Some(length.parse().unwrap_or(usize::MAX))
}

async fn collect(body: &mut Body, length: usize, max_bytes: usize) -> Result<Vec<u8>, ApiError> {
    let mut whole = Vec::with_capacity(length);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::BodyIncomplete)?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > max_bytes {
            return Err(ApiError::BodyTooLarge { max_bytes });
        }
        whole.extend_from_slice(&data);
    }
    // Without a length there was room for the largest.
    whole.shrink_to_fit();
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use bytes::Bytes;

    use super::*;

    async fn read_of(length: usize, declare: Option<usize>) -> Result<usize, ApiError> {
        let mut headers = HeaderMap::new();
        if let Some(n) = declare {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(n));
        }
        let budget = ByteBudget::new(256 * 1024);
        let read = read(ORDER_MAX_BYTES, &budget, &headers, Body::from(vec![b' '; length])).await?;
        assert!(budget.reserve(ORDER_MAX_BYTES - length).await.is_ok(), "no more is reserved than there is");
        Ok(read.bytes.len())
    }

    #[tokio::test]
    async fn a_body_has_its_limit_whether_it_states_its_length_or_not() {
        for declare in [None, Some(ORDER_MAX_BYTES)] {
            assert_eq!(read_of(ORDER_MAX_BYTES, declare).await.unwrap(), ORDER_MAX_BYTES);
        }
        for declare in [None, Some(ORDER_MAX_BYTES + 1), Some(1)] {
            assert!(
                matches!(read_of(ORDER_MAX_BYTES + 1, declare).await, Err(ApiError::BodyTooLarge { .. })),
                "{declare:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let budget = ByteBudget::new(256 * 1024);
        let headers = HeaderMap::new();
        let read = |body| read_within(Duration::from_millis(10), ORDER_MAX_BYTES, &budget, &headers, body);
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        assert!(matches!(read(Body::from_stream(never)).await, Err(ApiError::BodyTimeout)));
        let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
        assert!(matches!(read(Body::from_stream(broken)).await, Err(ApiError::BodyIncomplete)));
        assert!(budget.reserve(ORDER_MAX_BYTES).await.is_ok(), "what is not read is given back");
    }
}
