//! `POST /order`: checks, accepts, `202`. No check costs a call to AWS.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use offload_domain::payload::OrderDocument;
use offload_service::clock;

use crate::{
    acceptance::{self, AcceptedOrder},
    caller::identity::Identity,
    edge::{identity::OrderTrace, limit_concurrency::RequestPermit},
    long_poll::{LongPolled, long_poll},
    request::{
        body::{self, ORDER_MAX_BYTES, ReadBody},
        prefer::{PREFERENCE_APPLIED, Wait},
        submission::{Submission, is_json},
    },
    response::{error::ApiError, receipt::Receipt, status_view::StatusView},
    route::problems::problems,
    service::Service,
};

problems!(
    Problems: InvalidJson, InvalidPrefer, InvalidIdempotencyKey, BodyIncomplete, BodyTimeout,
    CredentialsMissing, CredentialsInvalid, RoleMissing, CallersUnavailable,
    IdempotencyKeyInUse, OrderExpired, BodyTooLarge, UnsupportedMediaType, InvalidOrder, IdempotencyKeyReused,
    StorageUnavailable, Overloaded, TooManyRequests,
);

/// Submit an order
///
/// Answers at once with a presigned URL of the order's status object in S3, and with an honest
/// estimate of when to poll it. With an `Idempotency-Key`, a repeated request gives the same order
/// and finishes what an earlier one left undone.
#[utoipa::path(
    post,
    path = "/order",
    tag = "orders",
    operation_id = "submitOrder",
    security((), ("caller" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, pattern = r#"^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-\[\]-~]{1,255})$"#, description = "1 to 255 characters of ASCII: a string in double quotes (RFC 9651), or bare without spaces, quotes and backslashes; the same key of the same tenant gives the same order. Where callers are not known (OFFLOAD_AUTH=none) it must be unguessable, such as a random UUID: anybody who sends the same key and body gets the same order, with its tokens"),
        ("Prefer" = Option<String>, Header, description = "wait=N: a long poll of up to N seconds (60 at most), answered with 200 if the order has ended by then"),
        ("traceparent" = Option<String>, Header, description = "W3C trace context, passed on to the worker"),
        ("tracestate" = Option<String>, Header, description = "Goes with traceparent: 32 members and 512 characters at most. What is over that is dropped, and the whole if it is malformed"),
        ("x-request-id" = Option<String>, Header, description = "1 to 64 of A-Z a-z 0-9 . _ -; echoed in every answer"),
    ),
    request_body(content = ref("#/components/schemas/OrderRequest"), content_type = "application/json", description = "The order, at most 256 KiB"),
    responses(
        (status = 202, description = "Accepted", body = Receipt, headers(
            ("Location" = String, description = "The order"),
            ("Retry-After" = u64, description = "The estimate in whole seconds"),
            ("Preference-Applied" = Option<String>, description = "wait=N, if the request waited"),
        ), links(
            ("order" = (operation_id = "getOrder", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancelOrder", parameters(("id" = "$response.body#/id")))),
            ("events" = (operation_id = "subscribeToOrder", parameters(("id" = "$response.body#/id")))),
            ("deliveries" = (operation_id = "listDeliveries", parameters(("id" = "$response.body#/id")))),
            ("erase" = (operation_id = "eraseOrder", parameters(("id" = "$response.body#/id")))),
        )),
        (status = 200, description = "The order has ended within the preferred wait", body = StatusView, headers(
            ("Location" = String, description = "The order"),
            ("Preference-Applied" = String, description = "wait=N"),
        )),
        Problems,
    )
)]
pub(crate) async fn submit_order(
    State(service): State<Arc<Service>>,
    Extension(permit): Extension<RequestPermit>,
    Extension(trace): Extension<OrderTrace>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, ApiError> {
    // Not by extractors, which would clone the headers.
    let (Parts { headers, .. }, body) = request.into_parts();
    let tenant = identity.submitter(&service)?;
    if !is_json(&headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let ReadBody { bytes, reserved } = body::read(ORDER_MAX_BYTES, &service.bodies, &headers, body).await?;
    let document = OrderDocument::parse(bytes)?;
    let tree = service.trees.reserve(document.contents().tree_bytes).await?;
    let submission = Submission::check(&service.settings.schema, &headers, document, trace, tenant)?;
    drop(tree);
    let wait = Wait::of(&headers)?;
    submission.check_deployment(&service)?;
    let (own, own_permit) = (Arc::clone(&service), permit.clone());
    let accepting = async move {
        let accepted = acceptance::accept(&own, submission).await;
        drop((reserved, own_permit));
        accepted
    };
    let AcceptedOrder { record, access, inputs } = service.background.run_to_completion(accepting).await?;
    let id = record.order.id;
    let tokens = service.tokens(&record);
    let LongPolled { record, applied } = match wait {
        Some(wait) => long_poll(&service, &permit, record, wait, |_, done| done).await?,
        None => LongPolled { record, applied: None },
    };
    let mut response = if applied.is_some() && record.state.status.is_final() {
        let view = StatusView::of(&service, &record).await?;
        Json(view.with_tokens(tokens)).into_response()
    } else {
        let accepted = AcceptedOrder { record, access, inputs };
        let receipt = Receipt::new(accepted, tokens, service.links(id), clock::now());
        let retry_after = [(header::RETRY_AFTER, HeaderValue::from(receipt.retry_after()))];
        (StatusCode::ACCEPTED, retry_after, Json(receipt)).into_response()
    };
    let location = HeaderValue::try_from(service.public.order_path(id));
    response.headers_mut().insert(header::LOCATION, location.expect("a URL's path and a UUID are visible ASCII"));
    if let Some(wait) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, wait.applied());
    }
    Ok(response)
}
