//! `DELETE /order/{id}`: asks for cancellation.

use std::{sync::Arc, time::Duration};

use crate::{access::Authorized, edge::shed::Place, error::ApiError, service::Service, view::StatusView};
use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offload_domain::{
    id::OrderId, message::Envelope, order::OrderRecord, problem::Problem, status::Status, transition::Transition,
};
use offload_service::clock;
use offload_stores as aws;
use offload_stores::{Conflict, Kind};

/// Decisions made anew because a worker was faster. An order has few transitions.
const MAX_DECISIONS: usize = 5;

/// Cancel an order
///
/// An order that waits is cancelled at once. One that is being worked on is cancelled by its worker within seconds,
/// unless it ends first: follow `status_url` to see which.
#[utoipa::path(
    delete,
    path = "/order/{id}",
    tag = "orders",
    operation_id = "cancelOrder",
    security(("order_token" = []), ("order_token_in_query" = [])),
    params(("id" = String, Path, format = "uuid", description = "The order")),
    responses(
        (status = 200, description = "The order was cancelled before", body = StatusView),
        (status = 202, description = "Cancellation is asked for; status says whether it is done already", body = StatusView),
        (status = 400, description = "invalid-order-id", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "token-missing", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "token-invalid", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "order-not-found", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "order-already-ended: it is completed or failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "storage-unavailable, overloaded: try again after Retry-After", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel_order(
    State(service): State<Arc<Service>>,
    Authorized(id): Authorized,
    Extension(place): Extension<Place>,
) -> Result<Response, ApiError> {
    let own = Arc::clone(&service);
    let cancelled = service.background.to_the_end(async move {
        let cancelled = cancel(&own, id).await;
        drop(place);
        cancelled
    });
    let (status, record) = match cancelled.await? {
        Cancelled::Before(record) => (StatusCode::OK, record),
        Cancelled::Now(record) => (StatusCode::ACCEPTED, record),
    };
    Ok((status, Json(StatusView::of(&service, &record).await?)).into_response())
}

/// Who cancelled the order.
enum Cancelled {
    /// An earlier request, or its worker.
    Before(OrderRecord),
    /// This request, as far as it can be: an order that is being worked on is cancelled by its worker.
    Now(OrderRecord),
}

async fn cancel(service: &Service, id: OrderId) -> Result<Cancelled, ApiError> {
    let orders = &service.stores.orders;
    let mut record = orders.get(id).await?.ok_or(ApiError::OrderNotFound)?;
    for _ in 0..MAX_DECISIONS {
        let outcome = match record.state.status {
            Status::Completed | Status::Failed => return Err(ApiError::OrderAlreadyEnded(record.state.status)),
            Status::Cancelled => {
                // Whoever did it may not have got as far as the object.
                show(service, &record).await;
                return Ok(Cancelled::Before(record));
            }
            Status::Processing => orders.request_cancel(id).await.map(|()| Cancelled::Now(record)),
            Status::Pending => match record.state.apply(Transition::Cancel, clock::now()) {
                Ok(state) => match orders.store(id, &state, None).await {
                    Ok(cancelled) => {
                        show(service, &cancelled).await;
                        return Ok(Cancelled::Now(cancelled));
                    }
                    Err(conflict) => Err(conflict),
                },
                // A pending order can be cancelled; only an ended one refuses.
                Err(_) => return Err(ApiError::OrderAlreadyEnded(record.state.status)),
            },
        };
        record = match outcome {
            Ok(cancelled) => return Ok(cancelled),
            Err(Conflict::Changed(Some(newer))) => *newer,
            Err(Conflict::Changed(None)) => return Err(ApiError::OrderNotFound),
            Err(Conflict::Failed(e)) => return Err(e.into()),
        };
    }
    Err(aws::Error::new(Kind::Conflict, "dynamodb.UpdateItem", "too many writers of one order").into())
}

/// Cancels an order that nobody waits for any more, unless somebody has started it meanwhile.
pub(crate) async fn cancel_unstarted(service: &Service, record: OrderRecord) {
    let Ok(state) = record.state.apply(Transition::Cancel, clock::now()) else { return };
    match service.stores.orders.store(record.order.id, &state, None).await {
        Ok(cancelled) => {
            tracing::info!(order.id = %cancelled.order.id, "order cancelled: its last follower has left");
            show(service, &cancelled).await;
        }
        Err(Conflict::Changed(_)) => {}
        Err(Conflict::Failed(e)) => service.note("an order that nobody waits for could not be cancelled", &e),
    }
}

/// Makes the status object say that the order is cancelled. The order table says so already, and decides: what fails
/// here is left to a worker.
async fn show(service: &Service, record: &OrderRecord) {
    let published = service.stores.show(record, None, None).await;
    let Err(e) = published else { return };
    service.note("a cancelled order is not shown yet; a worker will do it", &e);
    // The order's own message may be a long time away, or was never sent: a worker that gets this one finds the order
    // ended, and shows it.
    let message = Envelope::new(record.order.id, None);
    if let Err(e) = service.stores.queue.send(&message, Duration::ZERO, record.order.traceparent.as_deref()).await {
        service.note("a cancelled order waits for its own message to be shown", &e);
    }
}
