//! At most so many requests in service; more are refused at once, while the service can still say so.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{response::error::ApiError, service::Service};

/// A request's place among those in service. It is shared with the work that goes on when the client has left, and
/// given up early by a request that is held and does nothing.
#[derive(Debug, Clone)]
pub(crate) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// Makes room for another request.
    pub(crate) fn give_up(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

pub(crate) async fn shed(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    let Ok(permit) = Arc::clone(&service.places).try_acquire_owned() else {
        return ApiError::Overloaded.into_response();
    };
    let place = Place::new(permit);
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    drop(place);
    response
}
