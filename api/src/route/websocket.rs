//! `GET /ws`: the updates of many orders over one WebSocket.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    client_address::ClientAddress,
    edge::{cors::allows_websocket, limit_concurrency::RequestPermit},
    push::{
        session::Session,
        websocket::{Action, MESSAGE_MAX_BYTES},
    },
    request::{
        authorized::open_any,
        query::{OfQuery, wish},
    },
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

/// What a connection may have in its buffers: messages are small, and there may be thousands of
/// connections.
const BUFFER_BYTES: usize = 2 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WebSocketQuery {
    token: Option<String>,
    #[serde(deserialize_with = "wish")]
    cancel_on_disconnect: bool,
}

problems!(
    Problems: InvalidQuery, TokenInvalid, TokenExpired, TokenReadOnly, OriginNotAllowed, NotAWebSocket, NoPush, TooManyConnections, Overloaded,
    TooManyRequests,
);

/// Subscribe to orders over a WebSocket
///
/// With the token of an order, or without one and then `{"action":"subscribe","token":"…"}` for
/// each order. A client gets a CloudEvent with the status object of each order that it is
/// subscribed to, at once and after each change, and a problem object for each message that cannot
/// be carried out.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "orders",
    operation_id = "openWebSocket",
    security((), ("order_token" = []), ("order_token_in_header" = []), ("order_token_in_query" = [])),
    params(("cancel_on_disconnect" = Option<bool>, Query, description = "true: cancel the order if it has not started when its last subscriber leaves")),
    responses(
        (status = 101, description = "The connection is a WebSocket"),
        Problems,
    )
)]
pub(crate) async fn websocket(
    State(service): State<Arc<Service>>,
    Extension(permit): Extension<RequestPermit>,
    address: Option<Extension<ClientAddress>>,
    OfQuery(query): OfQuery<WebSocketQuery>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let connections = service.connections.as_ref().ok_or(ApiError::NoPush)?;
    if !allows_websocket(&service.settings.cors_origins, &headers) {
        return Err(ApiError::OriginNotAllowed);
    }
    let WebSocketQuery { token, cancel_on_disconnect: cancels } = query;
    let first = match open_any(&service.settings.token_keys, &headers, token.as_deref()) {
        Some(opened) => Some(Action::subscribe(opened?, cancels).map_err(|_| ApiError::TokenReadOnly)?),
        None => None,
    };
    let upgrade = upgrade.ok().filter(|_| has_key(&headers)).ok_or(ApiError::NotAWebSocket)?;
    let connection = match first {
        Some(_) => connections.connect(),
        None => connections.connect_without_token(),
    };
    let connection = connection.ok_or(ApiError::TooManyConnections)?;
    permit.release();
    let address = address.map(|Extension(address)| address);
    let own = Arc::clone(&service);
    let upgrade = upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(0).max_write_buffer_size(BUFFER_BYTES * 64);
    Ok(upgrade.max_message_size(MESSAGE_MAX_BYTES).max_frame_size(MESSAGE_MAX_BYTES).on_upgrade(move |socket| {
        // Counted among the tasks that end before the service does.
        let tracker = own.background.tracker();
        tracker.track_future(Session::new(own, socket, connection, address).run(first))
    }))
}

/// Whether the handshake has one key of 16 bytes (RFC 6455 §4.2.1).
fn has_key(headers: &HeaderMap) -> bool {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else { return false };
    STANDARD.decode(key).is_ok_and(|key| key.len() == 16)
}
