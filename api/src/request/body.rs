//! Reads a request body within its limits.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::response::error::ApiError;

/// The largest body: 256 KiB.
const BODY_MAX_BYTES: usize = 256 * 1024;
const TOO_LARGE: ApiError = ApiError::BodyTooLarge { max_bytes: BODY_MAX_BYTES };
/// The longest that a body may take.
const READ_MAX: Duration = Duration::from_secs(10);

/// How much more than allowed is read and thrown away before the refusal. A server that closes on
/// unread bytes resets the connection, and many a client then reports the reset instead of the
/// answer.
const DRAIN_MAX_BYTES: usize = 1024 * 1024;
/// The longest that this may take.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// The whole body.
///
/// # Errors
/// If it is too large, too slow or incomplete.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    read_within(READ_MAX, headers, body).await
}

async fn read_within(time: Duration, headers: &HeaderMap, mut body: Body) -> Result<Bytes, ApiError> {
    if declared(headers) > BODY_MAX_BYTES {
        // A client that waits for `100 Continue` has sent nothing yet, and need not.
        if !headers.contains_key(header::EXPECT) {
            drain(body).await;
        }
        return Err(TOO_LARGE);
    }
    match timeout(time, collect(&mut body)).await {
        Err(_) => Err(ApiError::BodyTimeout),
        Ok(Err(ApiError::BodyTooLarge { .. })) => {
            drain(body).await;
            Err(TOO_LARGE)
        }
        Ok(result) => result,
    }
}

fn declared(headers: &HeaderMap) -> usize {
    // hyper refuses a length that is not a number; without the header the body is counted as it
    // arrives.
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    length.map_or(0, |l| l.parse().unwrap_or(usize::MAX))
}

async fn collect(body: &mut Body) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError::BodyIncomplete)?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > BODY_MAX_BYTES {
            return Err(TOO_LARGE);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn drain(mut body: Body) {
    let reading = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > DRAIN_MAX_BYTES {
                break;
            }
        }
    };
    // However this ends, the refusal is sent.
    let _ = timeout(DRAIN_MAX, reading).await;
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    async fn read_of(length: usize, declare: Option<usize>) -> Result<usize, ApiError> {
        let mut headers = HeaderMap::new();
        if let Some(n) = declare {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(n));
        }
        read(&headers, Body::from(vec![b' '; length])).await.map(|b| b.len())
    }

    #[tokio::test]
    async fn a_body_has_its_limit_whether_it_states_its_length_or_not() {
        for declare in [None, Some(BODY_MAX_BYTES)] {
            assert_eq!(read_of(BODY_MAX_BYTES, declare).await.unwrap(), BODY_MAX_BYTES);
        }
        for declare in [None, Some(BODY_MAX_BYTES + 1), Some(1)] {
            assert!(
                matches!(read_of(BODY_MAX_BYTES + 1, declare).await, Err(ApiError::BodyTooLarge { .. })),
                "{declare:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_not_waited_for() {
        let read = |body| async { read_within(Duration::from_millis(10), &HeaderMap::new(), body).await };
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        assert!(matches!(read(Body::from_stream(never)).await, Err(ApiError::BodyTimeout)));
        let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
        assert!(matches!(read(Body::from_stream(broken)).await, Err(ApiError::BodyIncomplete)));
    }
}
