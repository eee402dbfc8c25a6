//! Limits what one address may send, before anything is known of who it is.

use axum::{
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};

use crate::{
    client_address::Peer, limits::insert_fields, request::body::ORDER_MAX_BYTES, response::error::ApiError,
    service::Service,
};

/// The route whose bodies may be larger.
const BATCHES: &str = "/orders";

pub(crate) async fn limit_clients(
    service: &Service,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    // Where API Gateway accepted the connection, its throttles hold.
    let Some(Peer(peer)) = request.extensions().get().copied() else { return next(request).await };
    let client = service.proxies.client(peer, request.headers());
    let max_bytes = if request.uri().path() == BATCHES { service.settings.batch_max_bytes } else { ORDER_MAX_BYTES };
    let bytes = body_bytes(request.headers(), max_bytes);
    let counted = service.limits.requests.check(&client, 1);
    let counted = counted.and_then(|fields| service.limits.body_bytes.check(&client, bytes).map(|_| fields));
    let fields = match counted {
        Ok(fields) => fields,
        Err(reached) => return ApiError::TooManyRequests(reached).into_response(),
    };
    request.extensions_mut().insert(client);
    let mut response = next(request).await;
    if let Some(fields) = fields {
        insert_fields(response.headers_mut(), fields);
    }
    response
}

/// What the body of a request may have: what it states, or the most that is read.
fn body_bytes(headers: &HeaderMap, max_bytes: usize) -> u32 {
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let bytes = match stated {
        Some(bytes) => bytes.min(max_bytes),
        None if headers.contains_key(header::TRANSFER_ENCODING) => max_bytes,
        None => 0,
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
