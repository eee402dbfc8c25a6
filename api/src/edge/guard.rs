//! A panic costs its own request and no other.

use std::panic::AssertUnwindSafe;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use crate::response::error::ApiError;

/// What a handler shares with others are AWS clients, semaphores and counters, none of which a panic leaves half done.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answer.unwrap_or_else(|_| ApiError::Panicked.into_response())
}
