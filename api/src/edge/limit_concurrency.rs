//! Limits the number of requests in service. More are refused at once, while the service can still
//! answer.

use std::sync::Arc;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use offload_domain::tenant::Tenant;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

#[derive(Debug)]
struct Permits {
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<Share<ClientAddress>>,
    of_tenant: Option<Share<Tenant>>,
}

impl RequestPermit {
    /// Lets another request in.
    pub(crate) fn release(&self) {
        self.0.lock().take();
    }

    /// Holds one of the requests of a tenant too, until it is released.
    pub(crate) fn hold(&self, of_tenant: Share<Tenant>) {
        if let Some(permits) = &mut *self.0.lock() {
            permits.of_tenant = Some(of_tenant);
        }
    }
}

/// A request in service needs one of `permits`.
pub(crate) async fn limit_concurrency(
    service: &Service,
    permits: Arc<Semaphore>,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let client = request.extensions().get::<ClientAddress>().copied();
    let share = match client.map(|client| service.limits.in_service.take(client)) {
        None => None,
        Some(Some(share)) => Some(share),
        Some(None) => {
            let reached = LimitReached { what: "requests of this address in service", retry_after: 1, fields: None };
            return ApiError::TooManyRequests(reached).into_response();
        }
    };
    let Ok(permit) = permits.try_acquire_owned() else {
        return ApiError::Overloaded.into_response();
    };
    let permits = Permits { _of_all: permit, _of_address: share, of_tenant: None };
    let permit = RequestPermit(Arc::new(Mutex::new(Some(permits))));
    request.extensions_mut().insert(permit.clone());
    let response = next(request).await;
    drop(permit);
    response
}
