//! `POST /orders`: many orders at once, each with its own result.

use std::sync::Arc;

use axum::{Extension, Json, body::Body, extract::State, http::HeaderMap};
use offload_domain::{group::Group, lane::Lane, problem::Problem};
use offload_service::clock;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    batch_acceptance::{self, AcceptedBatch, Outcome},
    caller::identity::Identity,
    client_address::ClientAddress,
    edge::{identity::OrderTrace, limit_concurrency::RequestPermit},
    request::{
        batch::{self, BatchSubmission},
        body::{self, ReadBody},
    },
    response::{error::ApiError, links::Links, receipt::Receipt, status_access::StatusAccess},
    route::problems::problems,
    service::Service,
};

problems!(
    Problems: InvalidJson, InvalidBatch, InvalidIdempotencyKey, BodyIncomplete, BodyTimeout,
    CredentialsMissing, CredentialsInvalid, RoleMissing, CallersUnavailable,
    IdempotencyKeyInUse, BodyTooLarge, UnsupportedMediaType, IdempotencyKeyReused,
    StorageUnavailable, Overloaded, TooManyRequests,
);

/// What became of the orders of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchReceipt {
    /// Orders that were accepted.
    accepted: usize,
    /// Orders that were not.
    refused: usize,
    /// The receipt of the group of those that were accepted: one status object with the counts of
    /// all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    group: Option<Receipt>,
    /// Of each order what `POST /order` would have answered, in the order in which they were sent.
    orders: Vec<OrderResult>,
}

/// What became of one order: a receipt if it was accepted, else a problem.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderResult {
    /// It was accepted.
    Receipt(Box<Receipt>),
    /// It was not, and nothing is done for it.
    Problem(Problem),
}

/// Submit many orders
///
/// Takes 1 to 1,000 orders and answers for each what `POST /order` would have answered: a receipt,
/// or its problem. An order that is refused refuses no other. With an `Idempotency-Key`, which is
/// that of the whole batch, a repeated request gives the same orders and finishes what an earlier
/// one left undone. Rate limits count each order.
#[utoipa::path(
    post,
    path = "/orders",
    tag = "orders",
    operation_id = "submitOrders",
    security((), ("caller" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, pattern = r#"^("([ !#-\[\]-~]|\\["\\]){1,255}"|[!#-\[\]-~]{1,255})$"#, description = "As of POST /order, for the whole batch: the same key with the same orders gives the same orders"),
        ("traceparent" = Option<String>, Header, description = "W3C trace context, passed on to the worker"),
        ("tracestate" = Option<String>, Header, description = "Goes with traceparent: 32 members and 512 characters at most. What is over that is dropped, and the whole if it is malformed"),
        ("x-request-id" = Option<String>, Header, description = "1 to 64 of A-Z a-z 0-9 . _ -; echoed in every answer"),
    ),
    request_body(content = ref("#/components/schemas/OrderBatch"), content_type = "application/json", description = "1 to 1,000 orders, each at most 256 KiB: a JSON array, or JSON lines with an order on each line. At most 4 MiB, or as OFFLOAD_BATCH_MAX_BYTES is set"),
    responses(
        (status = 200, description = "Each order has its result, whether it was accepted or not", body = BatchReceipt),
        Problems,
    )
)]
pub(crate) async fn submit_orders(
    State(service): State<Arc<Service>>,
    Extension(permit): Extension<RequestPermit>,
    Extension(trace): Extension<OrderTrace>,
    Extension(identity): Extension<Identity>,
    address: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BatchReceipt>, ApiError> {
    let tenant = identity.submitter(&service)?;
    let form = batch::form(&headers)?;
    let ReadBody { bytes, reserved } =
        body::read(service.settings.batch_max_bytes, &service.bodies, &headers, body).await?;
    let batch = BatchSubmission::check(&service, &headers, (&bytes, form), &trace, &tenant).await?;
    drop(bytes);
    let address = address.map(|Extension(address)| address);
    service.limits.check_batch(address, &tenant, batch.valid()).map_err(ApiError::TooManyRequests)?;
    let own = Arc::clone(&service);
    let accepting = async move {
        let outcomes = batch_acceptance::accept(&own, batch).await;
        drop((reserved, permit));
        outcomes
    };
    let AcceptedBatch { group, outcomes } = service.background.run_to_completion(accepting).await?;
    let accepted = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let refused = outcomes.len() - accepted;
    let orders = outcomes.into_iter().map(|outcome| result(&service, outcome)).collect();
    let group = match group {
        Some(group) => Some(receipt_of_group(&service, &group).await?),
        None => None,
    };
    Ok(Json(BatchReceipt { accepted, refused, group, orders }))
}

async fn receipt_of_group(service: &Service, group: &Group) -> Result<Receipt, ApiError> {
    let now = clock::now();
    let access = StatusAccess::of(service, group.id, Some(&group.expected(now)), now).await?;
    let inputs = service.estimator.inputs(Lane::Normal);
    let links = Links { this: service.public.group(group.id), events: None, websocket: None };
    Ok(Receipt::of_group(group, access, inputs, service.tokens_of_group(group), links, now))
}

fn result(service: &Service, outcome: Outcome) -> OrderResult {
    match outcome {
        Ok(accepted) => {
            let (tokens, links) = (service.tokens(&accepted.record), service.links(accepted.record.order.id));
            OrderResult::Receipt(Box::new(Receipt::new(accepted, tokens, links, clock::now())))
        }
        Err(e) => OrderResult::Problem(e.of_batch()),
    }
}

#[cfg(test)]
mod tests {
    use offload_service::settings::catalogue as c;

    use crate::{
        router::router,
        testing::{ORDER, call, request, service},
    };

    #[tokio::test]
    async fn a_batch_has_a_limit_of_its_own_and_fails_order_by_order() {
        let service = service(&[(c::BATCH_MAX_BYTES, "300000")]).await;
        let router = router(&service).unwrap();
        let post =
            |body: &str| call(&router, request("POST", "/orders", &[("content-type", "application/json")], body));
        let larger_than_one_order = format!("[{}{{}},7]", " ".repeat(280_000));
        let answer = post(&larger_than_one_order).await;
        assert_eq!((answer.status.as_u16(), answer.json()["refused"].as_u64()), (200, Some(2)));
        let orders = &answer.json()["orders"];
        for n in 0..2 {
            assert_eq!(orders[n]["problem"]["status"], 422);
            assert!(orders[n]["problem"].get("request_id").is_none(), "the answer has it");
        }
        // No store answers.
        let answer = post(&format!("[{ORDER}]")).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (503, "storage-unavailable"));
        let answer = post(&format!("[{}]", " ".repeat(300_000))).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (413, "body-too-large"));
    }
}
