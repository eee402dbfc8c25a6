//! A request for many orders, each checked by itself, before any call to AWS.

use axum::http::HeaderMap;
use offload_domain::{
    batch::{Entry, Form, NotABatch, entries},
    idempotency::IdempotencyKey,
    payload::{NotAnOrder, OrderDocument},
    tenant::Tenant,
};
use tokio::task::yield_now;

use super::{
    body::ORDER_MAX_BYTES,
    submission::{Submission, idempotency_key, is_json, is_json_lines},
};
use crate::{edge::identity::OrderTrace, response::error::ApiError, service::Service};

/// Violations of one order that are listed: a thousand orders must not buy a long answer.
const VIOLATIONS_MAX: usize = 3;
/// Orders that are checked before other requests have their turn.
const CHECKED_AT_ONCE: usize = 32;
/// Before the texts of all orders in what a key's fingerprint is made from, so that no single order
/// has the fingerprint of a batch.
const FINGERPRINT: &str = "orders";

/// The orders of a request, each of which has passed every check or not.
#[derive(Debug)]
pub(crate) struct BatchSubmission {
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) orders: Vec<Result<Submission, ApiError>>,
}

/// How the orders of a body are written.
///
/// # Errors
/// If it is declared as neither JSON nor JSON lines.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    if is_json(headers) {
        Ok(Form::Array)
    } else if is_json_lines(headers) {
        Ok(Form::Lines)
    } else {
        Err(ApiError::UnsupportedMediaType)
    }
}

impl BatchSubmission {
    /// Checks each order as that of a single request.
    ///
    /// # Errors
    /// If the body is no list of orders, or the headers are not valid.
    pub(crate) async fn check(
        service: &Service,
        headers: &HeaderMap,
        (body, form): (&[u8], Form),
        trace: &OrderTrace,
        tenant: &Tenant,
    ) -> Result<Self, ApiError> {
        let entries = entries(body, form).map_err(|e| match e {
            NotABatch::Syntax(place) => ApiError::InvalidJson(place),
            NotABatch::Invalid(why) => ApiError::InvalidBatch(why),
        })?;
        let key = idempotency_key(tenant, headers, || canonical(&entries))?;
        let mut orders = Vec::with_capacity(entries.len());
        for (n, entry) in entries.iter().enumerate() {
            if n % CHECKED_AT_ONCE == CHECKED_AT_ONCE - 1 {
                yield_now().await;
            }
            orders.push(check_one(service, entry, trace, tenant).await);
        }
        Ok(Self { key, orders })
    }

    /// How many orders have passed.
    pub(crate) fn valid(&self) -> usize {
        self.orders.iter().filter(|order| order.is_ok()).count()
    }
}

async fn check_one(
    service: &Service,
    entry: &Entry<'_>,
    trace: &OrderTrace,
    tenant: &Tenant,
) -> Result<Submission, ApiError> {
    if entry.text.len() > ORDER_MAX_BYTES {
        return Err(ApiError::BodyTooLarge { max_bytes: ORDER_MAX_BYTES });
    }
    let document = OrderDocument::parse(entry.text.into()).map_err(|e| match e {
        NotAnOrder::Syntax(place) => ApiError::InvalidJson(entry.placed(&place)),
        invalid @ NotAnOrder::Invalid(_) => short(invalid.into()),
    })?;
    let tree = service.trees.reserve(document.contents().tree_bytes).await?;
    let submission = Submission::of_batch(&service.settings.schema, document, trace, tenant).map_err(short)?;
    drop(tree);
    submission.check_deployment(service).map_err(short)?;
    Ok(submission)
}

fn short(error: ApiError) -> ApiError {
    match error {
        ApiError::InvalidOrder(mut violations) => {
            violations.truncate(VIOLATIONS_MAX);
            ApiError::InvalidOrder(violations)
        }
        other => other,
    }
}

/// What two batches are compared by: their orders, whatever their form. One that is no order is
/// compared by its text.
fn canonical(entries: &[Entry<'_>]) -> String {
    let mut all = FINGERPRINT.to_owned();
    for entry in entries {
        all.push('\n');
        match OrderDocument::parse(entry.text.into()) {
            Ok(document) => all.push_str(&document.canonical()),
            Err(_) => all.push_str(entry.text),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};
    use offload_domain::trace::TraceContext;

    use super::*;
    use crate::testing::{ORDER, service};

    fn headers(values: &[(&'static str, &str)]) -> HeaderMap {
        HeaderMap::from_iter(values.iter().map(|(n, v)| (n.parse().unwrap(), HeaderValue::from_str(v).unwrap())))
    }

    async fn check(body: &str, form: Form, key: Option<&str>) -> Result<BatchSubmission, ApiError> {
        let headers = headers(&key.map(|key| ("idempotency-key", key)).into_iter().collect::<Vec<_>>());
        let (trace, tenant) = (OrderTrace(TraceContext::of_parent("t".into())), Tenant::default());
        BatchSubmission::check(&*service(&[]).await, &headers, (body.as_bytes(), form), &trace, &tenant).await
    }

    #[test]
    fn a_batch_is_json_or_json_lines() {
        let of = |value: &str| form(&headers(&[(header::CONTENT_TYPE.as_str(), value)])).ok();
        for (value, expected) in [
            ("application/json", Some(Form::Array)),
            ("application/x-ndjson", Some(Form::Lines)),
            ("application/jsonl; charset=utf-8", Some(Form::Lines)),
            ("application/jsonl; charset=latin1", None),
            ("text/csv", None),
        ] {
            assert_eq!(of(value), expected, "{value}");
        }
    }

    #[tokio::test]
    async fn each_order_is_checked_by_itself_and_a_bad_one_refuses_no_other() {
        let large = format!("{{\"kind\":\"{}\"}}", "x".repeat(ORDER_MAX_BYTES));
        let lines = [ORDER, "{\"kind\":", "", "{\"kind\":\"other\"}", &large, "{\"a\":1,\"a\":1}", "[]", ORDER];
        let batch = check(&lines.join("\n"), Form::Lines, None).await.unwrap();
        assert_eq!((batch.orders.len(), batch.valid()), (7, 2));
        let [first, syntax, kind, too_large, twice, array, last] = &*batch.orders else { panic!() };
        assert!(first.is_ok() && last.is_ok());
        assert!(matches!(syntax, Err(ApiError::InvalidJson(place)) if place.contains("line 2 column 8")), "{syntax:?}");
        assert!(matches!(too_large, Err(ApiError::BodyTooLarge { .. })));
        for invalid in [kind, twice, array] {
            assert!(matches!(invalid, Err(ApiError::InvalidOrder(_))), "{invalid:?}");
        }
        let options = "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}";
        let many = check(&format!("[{{\"options\":{options}}}]"), Form::Array, None).await.unwrap();
        let [Err(ApiError::InvalidOrder(violations))] = &*many.orders else { panic!() };
        assert!(violations.len() <= VIOLATIONS_MAX);
    }

    #[tokio::test]
    async fn a_key_belongs_to_the_orders_and_not_to_the_form_of_the_body() {
        let key = async |body: &str, form| check(body, form, Some("k")).await.unwrap().key.unwrap();
        let lines = key("{\"kind\":\"report\",\"rows\":3}\n{\"rows\":4,\"kind\":\"report\"}", Form::Lines).await;
        let array = "[{\"rows\":3.0,\"kind\":\"report\"}, {\"kind\":\"report\",\"rows\":4}]";
        assert_eq!(lines, key(array, Form::Array).await);
        assert_ne!(lines, key("[{\"kind\":\"report\",\"rows\":3}]", Form::Array).await);
        let single = Submission::check(
            &service(&[]).await.settings.schema,
            &headers(&[("idempotency-key", "k")]),
            OrderDocument::parse(ORDER.into()).unwrap(),
            OrderTrace(TraceContext::of_parent("t".into())),
            Tenant::default(),
        );
        let single = single.unwrap().key.unwrap();
        let batch = key(&format!("[{ORDER}]"), Form::Array).await;
        assert_eq!(single.hash, batch.hash);
        assert_ne!(single.fingerprint, batch.fingerprint, "an order and a batch of it are not the same request");
    }
}
