//! `POST /order`: validates, accepts, `202`. No check costs a call to AWS.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use offload_domain::{idempotency::IdempotencyKey, order::OrderOptions, problem::Violation, schema::OrderSchema};
use offload_service::clock;
use serde_json::Value;

use crate::{
    acceptance::{self, Placed, Submission},
    canonical_json,
    edge::{identity::TraceContext, limit_concurrency::Place},
    long_poll::{Held, hold},
    request::body,
    request::prefer::{PREFERENCE_APPLIED, Wait},
    response::error::ApiError,
    response::receipt::{Particulars, Receipt},
    response::status_view::StatusView,
    route::problems::problems,
    service::Service,
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request as its headers and its body say it.
#[derive(Debug)]
struct Request {
    submission: Submission,
    wait: Option<Wait>,
}

problems!(Problems: InvalidJson, InvalidPrefer, InvalidIdempotencyKey, BodyIncomplete, BodyTimeout, IdempotencyKeyInUse, OrderExpired, BodyTooLarge, UnsupportedMediaType, InvalidOrder, IdempotencyKeyReused, StorageUnavailable, Overloaded);

/// Place an order
///
/// Answers at once with a presigned URL of the order's status object in S3, and with an honest estimate of when to look
/// at it. With an `Idempotency-Key` a repeated request gives the same order, and finishes what an earlier try left.
#[utoipa::path(
    post,
    path = "/order",
    tag = "orders",
    operation_id = "submitOrder",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters, bare or quoted; the same key gives the same order"),
        ("Prefer" = Option<String>, Header, description = "wait=N: hold the request for up to N seconds (60 at most) and answer 200 if the order has ended by then"),
        ("traceparent" = Option<String>, Header, description = "W3C trace context; it follows the order to its worker"),
        ("x-request-id" = Option<String>, Header, description = "1 to 64 of A-Z a-z 0-9 . _ -; echoed in every answer"),
    ),
    request_body(content = ref("#/components/schemas/OrderRequest"), content_type = "application/json", description = "The order, at most 256 KiB"),
    responses(
        (status = 202, description = "Accepted", body = Receipt, headers(
            ("Location" = String, description = "The order"),
            ("Retry-After" = u64, description = "The estimate in whole seconds"),
            ("Preference-Applied" = Option<String>, description = "wait=N, if the request was held"),
        )),
        (status = 200, description = "The order has ended within the wait that was preferred", body = StatusView, headers(
            ("Location" = String, description = "The order"),
            ("Preference-Applied" = String, description = "wait=N"),
        )),
        Problems,
    )
)]
pub(crate) async fn submit_order(
    State(service): State<Arc<Service>>,
    Extension(place): Extension<Place>,
    Extension(trace): Extension<TraceContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if !is_json(&headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let body = body::read(&headers, body).await?;
    let Request { submission, wait } = check(&service.settings.schema, &headers, &body, trace)?;
    check_callbacks(&service, &submission.options)?;
    let (own, with) = (Arc::clone(&service), place.clone());
    let Placed { record, reading, grounds } = service
        .background
        .to_the_end(async move {
            let placed = acceptance::accept(&own, submission).await;
            drop(with);
            placed
        })
        .await?;
    let id = record.order.id;
    let order_token = service.settings.token_keys.sign(id);
    let Held { record, applied } = match wait {
        Some(wait) => hold(&service, &place, record, wait, |_, done| done).await?,
        None => Held { record, applied: None },
    };
    let mut response = if applied.is_some() && record.state.status.is_final() {
        let view = StatusView::of(&service, &record).await?;
        Json(StatusView { order_token: Some(order_token), ..view }).into_response()
    } else {
        let particulars = Particulars { reading, order_token, links: service.links(id), grounds };
        let receipt = Receipt::new(&record, particulars, clock::now());
        let mut response = (StatusCode::ACCEPTED, Json(&receipt)).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, receipt.retry_after().into());
        response
    };
    let location = HeaderValue::try_from(service.public.order_path(id));
    response.headers_mut().insert(header::LOCATION, location.expect("a URL's path and a UUID are visible ASCII"));
    if let Some(wait) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, wait.applied());
    }
    Ok(response)
}

/// Everything that can be told from the request alone.
fn check(schema: &OrderSchema, headers: &HeaderMap, body: &[u8], trace: TraceContext) -> Result<Request, ApiError> {
    let document: Value = serde_json::from_slice(body).map_err(|e| ApiError::InvalidJson(e.to_string()))?;
    let key = idempotency_key(headers, &document);
    let (payload, options) = schema.validate(document).map_err(ApiError::InvalidOrder)?;
    let wait = Wait::of(headers)?;
    Ok(Request { submission: Submission { payload, options, key: key?, traceparent: trace.0 }, wait })
}

/// Whether this deployment can tell whom the order names, and may.
fn check_callbacks(service: &Service, options: &OrderOptions) -> Result<(), ApiError> {
    let tells = service.stores.notifications.is_some();
    let violation = |member: &str, detail: String| Violation { pointer: format!("/options/{member}"), detail };
    let mut violations = Vec::new();
    if let Some(url) = &options.webhook_url {
        match service.settings.webhooks.as_ref().filter(|_| tells).map(|policy| policy.check(url)) {
            Some(Ok(_)) => {}
            Some(Err(why)) => violations.push(violation("webhook_url", why.to_string())),
            None => violations.push(violation("webhook_url", "this deployment calls no webhooks".to_owned())),
        }
    }
    if options.task_token.is_some() && !tells {
        violations.push(violation("task_token", "this deployment tells no Step Functions tasks".to_owned()));
    }
    if violations.is_empty() { Ok(()) } else { Err(ApiError::InvalidOrder(violations)) }
}

/// The key, with a fingerprint of what the body says rather than of how it is written.
fn idempotency_key(headers: &HeaderMap, document: &Value) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(ApiError::InvalidIdempotencyKey);
    }
    let key = IdempotencyKey::parse(key.as_bytes(), canonical_json::text(document).as_bytes());
    key.map(Some).map_err(|_| ApiError::InvalidIdempotencyKey)
}

/// Whether the body is declared as JSON: `application/json` or any `application/…+json`, in UTF-8, not compressed.
fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("?").to_ascii_lowercase());
    if text(header::CONTENT_ENCODING).is_some_and(|e| e != "identity") {
        return false;
    }
    let Some(content_type) = text(header::CONTENT_TYPE) else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let subtype = parts.next().and_then(|t| t.strip_prefix("application/"));
    let utf8 = |p: &str| p.strip_prefix("charset=").is_none_or(|c| matches!(c.trim_matches('"'), "utf-8" | "utf8"));
    subtype.is_some_and(|s| s == "json" || (s.len() > "+json".len() && s.ends_with("+json"))) && parts.all(utf8)
}

#[cfg(test)]
mod tests {
    use offload_domain::schema::BUILT_IN;

    use super::*;

    const ORDER: &str = r#"{"kind":"report","rows":3}"#;

    fn checked(headers: &[(&'static str, &str)], body: &str) -> Result<Request, ApiError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        check(&OrderSchema::parse(BUILT_IN).unwrap(), &map, body.as_bytes(), TraceContext("t".into()))
    }

    #[test]
    fn the_content_type_must_be_json_in_utf_8() {
        let of = |value: &str| is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]));
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/x.y+json",
        ] {
            assert!(of(good), "{good}");
        }
        for bad in [
            "text/json",
            "application/json; charset=latin1",
            "application/jsonp",
            "application/+json",
            "json",
            "text/plain",
        ] {
            assert!(!of(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
        let gzip = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")];
        assert!(!is_json(&HeaderMap::from_iter(gzip.map(|(n, v)| (n, v.parse().unwrap())))));
    }

    #[test]
    fn the_place_of_a_slip_in_the_json_is_told_and_the_body_is_not() {
        let Err(ApiError::InvalidJson(detail)) = checked(&[], "{\n  \"kind\": secret}") else { panic!() };
        assert!(detail.contains("line 2 column") && !detail.contains("secret"), "{detail}");
        assert!(matches!(checked(&[], ""), Err(ApiError::InvalidJson(_))));
        assert!(matches!(checked(&[], &"[".repeat(100_000)), Err(ApiError::InvalidJson(_))));
        assert!(matches!(checked(&[], "[]"), Err(ApiError::InvalidOrder(_))));
    }

    #[test]
    fn the_key_stands_for_what_the_body_says_and_comes_once() {
        let key = |body: &str| checked(&[("idempotency-key", "k")], body).unwrap().submission.key.unwrap();
        assert_eq!(key(ORDER), key("{ \"rows\" : 3, \"kind\" : \"report\" }"));
        assert_ne!(key(ORDER), key(r#"{"kind":"report","rows":4}"#));
        assert_ne!(key(ORDER), key(r#"{"kind":"report","rows":3,"options":{"delay_seconds":1}}"#));
        for bad in [&[("idempotency-key", "a"), ("idempotency-key", "a")][..], &[("idempotency-key", "")]] {
            assert!(matches!(checked(bad, ORDER), Err(ApiError::InvalidIdempotencyKey)), "{bad:?}");
        }
        assert!(checked(&[], ORDER).unwrap().submission.key.is_none());
    }

    #[test]
    fn an_order_is_checked_before_its_headers() {
        let bad = [("idempotency-key", ""), ("prefer", "wait=abc")];
        assert!(matches!(checked(&bad, "{}"), Err(ApiError::InvalidOrder(_))));
        assert!(matches!(checked(&bad, ORDER), Err(ApiError::InvalidPrefer(_))));
        assert!(checked(&[("prefer", "wait=5")], ORDER).unwrap().wait.is_some());
    }
}
