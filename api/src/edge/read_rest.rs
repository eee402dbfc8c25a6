//! Reads what is left of a body that a handler did not want, so that its client reads the answer. A
//! server that closes on unread bytes resets the connection, and many a client then reports the
//! reset instead of the answer (RFC 9112 §9.6).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
    response::Response,
};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;

/// The most that is read and thrown away.
const REST_MAX_BYTES: usize = 1024 * 1024;
/// The longest that this may take.
const REST_MAX: Duration = Duration::from_secs(2);

/// A body of which the rest is kept when its reader drops it.
struct Returned {
    body: Body,
    /// Its client waits for `100 Continue`: until it is read, nothing of it is sent, and need not.
    unsent: bool,
    rest: Arc<Mutex<Option<Body>>>,
}

pub(crate) async fn read_rest(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    if request.body().is_end_stream() {
        return next(request).await;
    }
    let unsent = request.headers().contains_key(header::EXPECT);
    let rest = Arc::new(Mutex::new(None));
    let response = next(request.map(|body| Body::new(Returned { body, unsent, rest: Arc::clone(&rest) }))).await;
    let unread = rest.lock().take();
    if let Some(body) = unread {
        // However this ends, the answer is sent.
        let _ = timeout(REST_MAX, throw_away(body)).await;
    }
    response
}

async fn throw_away(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > REST_MAX_BYTES {
            break;
        }
    }
}

impl HttpBody for Returned {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.unsent = false;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        if !self.unsent && !self.body.is_end_stream() {
            *self.rest.lock() = Some(std::mem::take(&mut self.body));
        }
    }
}
