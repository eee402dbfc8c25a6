//! `GET /order/{id}/events`: an order's changes as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::stream;
use serde::Deserialize;

use crate::{
    edge::limit_concurrency::Place,
    push::order_updates::{Follow, Told, told_of},
    request::authorized::Authorized,
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// More often than any usual proxy gives up on a silent connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Options {
    cancel_on_disconnect: bool,
}

problems!(Problems: InvalidOrderId, TokenMissing, TokenInvalid, OrderNotFound, NoPush, StorageUnavailable, TooManyConnections, Overloaded);

/// Follow an order by server-sent events
///
/// The status object at once, and again after each change; the event's id is its revision. The stream ends after the final
/// status; a client that connects again with that revision as Last-Event-ID gets 204, by which an EventSource stops.
#[utoipa::path(
    get,
    path = "/order/{id}/events",
    tag = "orders",
    operation_id = "followOrder",
    security(("order_token" = []), ("order_token_in_query" = [])),
    params(
        ("id" = String, Path, format = "uuid", description = "The order"),
        ("cancel_on_disconnect" = Option<bool>, Query, description = "true: cancel the order if it has not started when its last follower leaves"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last revision that the client has: it is not sent again"),
    ),
    responses(
        (status = 200, description = "A stream of status objects", content_type = "text/event-stream", body = String),
        (status = 204, description = "The order has ended, and the client knows it"),
        Problems,
    )
)]
pub(crate) async fn order_events(
    State(service): State<Arc<Service>>,
    Authorized(id): Authorized,
    Extension(place): Extension<Place>,
    options: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let cancels = options.is_ok_and(|o| o.cancel_on_disconnect);
    let has: u64 = headers.get(LAST_EVENT_ID).and_then(|v| v.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    let (follow, record) = Follow::start(&service, id, cancels).await?;
    let ended = record.state.status.is_final();
    let now = if record.state.revision > has { Some(told_of(&service, &record).await?) } else { None };
    if ended && now.is_none() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    // From here on it does nothing most of the time, and should keep nobody out.
    place.give_up();
    let events = stream::unfold(Some(Stream { follow, now, ended, greeted: false }), next);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // For nginx, which would otherwise keep events to itself until it has enough of them.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Stream {
    follow: Follow,
    /// The order as it was at first, until it is sent.
    now: Option<Told>,
    ended: bool,
    greeted: bool,
}

/// The next event, and what comes after it.
async fn next(stream: Option<Stream>) -> Option<(Result<Event, Infallible>, Option<Stream>)> {
    let mut stream = stream?;
    if !stream.greeted {
        stream.greeted = true;
        let greeting = Event::default().retry(RETRY).comment("following");
        return Some((Ok(greeting), Some(stream)));
    }
    let told = match stream.now.take() {
        Some(now) => now,
        None if stream.ended => return None,
        None => stream.follow.changed().await?,
    };
    stream.ended |= told.done;
    let object = std::str::from_utf8(&told.object).unwrap_or_default();
    let event = Event::default().id(told.revision.to_string()).data(object);
    // Dropping the rest ends the stream.
    let rest = (!stream.ended).then_some(stream);
    Some((Ok(event), rest))
}
