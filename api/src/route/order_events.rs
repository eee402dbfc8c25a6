//! `GET /order/{id}/events`: an order's updates as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde::Deserialize;

use crate::{
    edge::limit_concurrency::RequestPermit,
    push::{order_updates::OrderUpdates, status_update::StatusUpdate},
    request::{
        authorized::Authorized,
        order_path::OrderPath,
        query::{OfQuery, wish},
    },
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// More often than any usual proxy ends a silent connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EventsQuery {
    #[serde(deserialize_with = "wish")]
    cancel_on_disconnect: bool,
}

problems!(
    Problems: InvalidOrderId, InvalidQuery, TokenMissing, TokenInvalid, TokenExpired, TokenReadOnly, CredentialsInvalid, RoleMissing,
    CallersUnavailable, OrderNotFound, NoPush, StorageUnavailable, TooManyConnections, Overloaded, TooManyRequests,
    TooManySubscribers,
);

/// Subscribe to an order by server-sent events
///
/// The status object at once, and again after each change; the event's id is its revision. The
/// stream ends after the final status. A client that connects again with that revision as
/// Last-Event-ID gets 204, which stops an EventSource.
#[utoipa::path(
    get,
    path = "/order/{id}/events",
    tag = "orders",
    operation_id = "subscribeToOrder",
    security(("order_token" = []), ("order_token_in_header" = []), ("order_token_in_query" = []), ("caller" = [])),
    params(
        OrderPath,
        ("cancel_on_disconnect" = Option<bool>, Query, description = "true: cancel the order if it has not started when its last subscriber leaves"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last revision that the client has: it is not sent again"),
    ),
    responses(
        (status = 200, description = "A stream of status objects", content_type = "text/event-stream", body = String),
        (status = 204, description = "The order has ended, and the client has its last revision"),
        Problems,
    )
)]
pub(crate) async fn order_events(
    State(service): State<Arc<Service>>,
    authorized: Authorized,
    Extension(permit): Extension<RequestPermit>,
    OfQuery(query): OfQuery<EventsQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if method == Method::HEAD {
        // It is safe (RFC 9110 §9.2.1): it subscribes nobody, and cancels nothing.
        authorized.read(&service).await?;
        service.connections.as_ref().ok_or(ApiError::NoPush)?;
        return Ok([(header::CONTENT_TYPE, "text/event-stream")].into_response());
    }
    let cancels = query.cancel_on_disconnect;
    let id = authorized.subscribe(&service, cancels).await?;
    let has: u64 = headers.get(LAST_EVENT_ID).and_then(|v| v.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    let (updates, record) = OrderUpdates::subscribe(&service, id, cancels).await?;
    let ended = record.state.status.is_final();
    let first = if record.state.revision > has { Some(StatusUpdate::of(&service, &record).await?) } else { None };
    if ended && first.is_none() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    // From here on the request only waits, and must not keep others out.
    permit.release();
    let events = stream::unfold(Some(EventStream { updates, first, ended, greeted: false }), next);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // For nginx, which otherwise buffers events until it has enough of them.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct EventStream {
    updates: OrderUpdates,
    /// The order as it was at first, until it is sent.
    first: Option<StatusUpdate>,
    ended: bool,
    greeted: bool,
}

/// The next event, and the rest of the stream.
async fn next(stream: Option<EventStream>) -> Option<(Result<Event, Infallible>, Option<EventStream>)> {
    let mut stream = stream?;
    if !stream.greeted {
        stream.greeted = true;
        let greeting = Event::default().retry(RETRY).comment("subscribed");
        return Some((Ok(greeting), Some(stream)));
    }
    let update = match stream.first.take() {
        Some(first) => first,
        None if stream.ended => return None,
        None => stream.updates.next().await?,
    };
    stream.ended |= update.done;
    let object = std::str::from_utf8(&update.object).unwrap_or_default();
    let event = Event::default().id(update.revision.to_string()).data(object);
    // Dropping the rest ends the stream.
    let rest = (!stream.ended).then_some(stream);
    Some((Ok(event), rest))
}
