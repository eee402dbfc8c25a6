//! The routes by which the notifier reaches this server's connections: API Gateway's Management
//! API, for requests signed with the internal secret.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::post,
};
use http_body_util::{BodyExt, Limited};
use offload_domain::internal::{InternalKey, SIGNATURE, TIMESTAMP};
use offload_service::clock;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::connections::{Gone, PushConnections};
use crate::edge::read_rest::read_rest;

/// API Gateway's own limit for a message.
const BODY_MAX_BYTES: usize = 128 * 1024;
/// The longest that a body may take. Workers are near.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// The internal routes.
pub(crate) fn router(connections: Arc<PushConnections>, key: InternalKey) -> Router {
    Router::new()
        .route("/@connections/{id}", post(post_to_connection).get(get_connection).delete(delete_connection))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(from_fn_with_state(Arc::new(key), authenticate))
        .layer(from_fn(async |request: Request, next: Next| {
            read_rest(request, async |request| next.run(request).await).await
        }))
        .with_state(connections)
}

/// Lets signed requests through.
async fn authenticate(State(key): State<Arc<InternalKey>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    // Before a signature is checked anybody can be the sender: such a request buys little memory,
    // for a short time.
    let now = clock::now().timestamp();
    if !InternalKey::is_plausible(now, text(&parts.headers, TIMESTAMP), text(&parts.headers, SIGNATURE)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let length = text(&parts.headers, header::CONTENT_LENGTH.as_str()).parse().unwrap_or(0);
    if length > BODY_MAX_BYTES {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let body = match timeout(BODY_TIME_MAX, Limited::new(body, BODY_MAX_BYTES).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    if !is_signed(&key, &parts.headers, &parts.method, parts.uri.path(), &body) {
        // As API Gateway answers a request whose signature is not valid.
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(Request::from_parts(parts, body.into())).await
}

fn is_signed(key: &InternalKey, headers: &HeaderMap, method: &Method, path: &str, body: &[u8]) -> bool {
    let (timestamp, signature) = (text(headers, TIMESTAMP), text(headers, SIGNATURE));
    key.verify(clock::now().timestamp(), timestamp, signature, method.as_str(), path, body)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

async fn post_to_connection(
    State(connections): State<Arc<PushConnections>>,
    Path(id): Path<String>,
    event: Bytes,
) -> StatusCode {
    match parse(&id).and_then(|id| connections.post(id, event)) {
        Ok(()) => StatusCode::OK,
        Err(Gone) => StatusCode::GONE,
    }
}

async fn get_connection(State(connections): State<Arc<PushConnections>>, Path(id): Path<String>) -> Response {
    match parse(&id) {
        Ok(known) if connections.contains(known) => Json(json!({"connectionId": id})).into_response(),
        _ => StatusCode::GONE.into_response(),
    }
}

async fn delete_connection(State(connections): State<Arc<PushConnections>>, Path(id): Path<String>) -> StatusCode {
    match parse(&id).and_then(|id| connections.disconnect(id)) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(Gone) => StatusCode::GONE,
    }
}

/// No connection has an id that is no UUID.
fn parse(id: &str) -> Result<Uuid, Gone> {
    id.parse().map_err(|_| Gone)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn only_requests_signed_with_the_secret_reach_a_connection() {
        let (connections, key) =
            (PushConnections::new("http://h".into(), 9, 0), InternalKey::new(&"k".repeat(32)).unwrap());
        let other = InternalKey::new(&"o".repeat(32)).unwrap();
        let mut connection = connections.connect().unwrap();
        let path = format!("/@connections/{}", connection.subscriber(false).connection);
        let now = clock::now().timestamp();
        let ask = async |method: &str, path: &str, key: Option<&InternalKey>, at: i64, body: &'static str| {
            let mut request = Request::builder().method(method).uri(path);
            if let Some(key) = key {
                request = request.header(TIMESTAMP, at).header(SIGNATURE, key.sign(at, method, path, body.as_bytes()));
            }
            let router = router(Arc::clone(&connections), InternalKey::new(&"k".repeat(32)).unwrap());
            router.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap().status().as_u16()
        };
        assert_eq!(ask("POST", &path, None, now, "event").await, 403);
        assert_eq!(ask("POST", &path, Some(&other), now, "event").await, 403);
        assert_eq!(ask("POST", &path, Some(&key), now - 3_600, "event").await, 403);
        assert_eq!(ask("POST", &path, Some(&key), now, "event").await, 200);
        assert_eq!(connection.event().await.unwrap(), "event");
        assert_eq!(ask("GET", &path, Some(&key), now, "").await, 200);
        assert_eq!(ask("DELETE", &path, Some(&key), now, "").await, 204);
        assert_eq!(connection.event().await, None);
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(ask(method, &path, Some(&key), now, "").await, 410, "{method}");
            assert_eq!(ask(method, "/@connections/nonsense", Some(&key), now, "").await, 410, "{method}");
        }
    }
}
