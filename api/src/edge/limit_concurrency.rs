//! Limits the number of requests in service. More are refused at once, while the service can still
//! answer.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    client_address::ClientAddress,
    limits::{LimitReached, Share},
    response::error::ApiError,
    service::Service,
};

/// Counts a request among those in service. It is shared with the work that goes on when the client
/// has left, and released early by a request that only waits.
#[derive(Debug, Clone)]
pub(crate) struct RequestPermit(Arc<Mutex<Option<Permits>>>);

/// One of all requests, and one of its client's.
type Permits = (OwnedSemaphorePermit, Option<Share<ClientAddress>>);

impl RequestPermit {
    /// Lets another request in.
    pub(crate) fn release(&self) {
        self.0.lock().take();
    }
}

pub(crate) async fn limit_concurrency(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get::<ClientAddress>().copied();
    let share = match client.map(|client| service.limits.in_service.take(client)) {
        None => None,
        Some(Some(share)) => Some(share),
        Some(None) => {
            let reached = LimitReached { what: "requests in service", retry_after: 1, fields: None };
            return ApiError::TooManyRequests(reached).into_response();
        }
    };
    let Ok(permit) = Arc::clone(&service.request_permits).try_acquire_owned() else {
        return ApiError::Overloaded.into_response();
    };
    let permit = RequestPermit(Arc::new(Mutex::new(Some((permit, share)))));
    request.extensions_mut().insert(permit.clone());
    let response = next.run(request).await;
    drop(permit);
    response
}
