//! A request for an order, checked before any call to AWS.

use axum::http::{HeaderMap, HeaderValue, header};
use offload_domain::{
    idempotency::IdempotencyKey,
    order::OrderOptions,
    payload::{OrderDocument, Payload},
    problem::Violation,
    schema::OrderSchema,
    tenant::Tenant,
    trace::TraceContext,
};

use crate::{edge::identity::OrderTrace, response::error::ApiError, service::Service};

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The order of a request that has passed every check.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) tenant: Tenant,
    pub(crate) payload: Payload,
    pub(crate) options: OrderOptions,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) trace: TraceContext,
}

impl Submission {
    /// Checks the document against the schema, and then the headers.
    pub(crate) fn check(
        schema: &OrderSchema,
        headers: &HeaderMap,
        document: OrderDocument,
        trace: OrderTrace,
        tenant: Tenant,
    ) -> Result<Self, ApiError> {
        let options = options_of(schema, &document)?;
        let key = idempotency_key(&tenant, headers, || document.canonical())?;
        Ok(Self { tenant, payload: document.into_payload(), options, key, trace: trace.0 })
    }

    /// Checks a document of a batch, whose key is that of all.
    pub(crate) fn of_batch(
        schema: &OrderSchema,
        document: OrderDocument,
        trace: &OrderTrace,
        tenant: &Tenant,
    ) -> Result<Self, ApiError> {
        let options = options_of(schema, &document)?;
        let (tenant, trace) = (tenant.clone(), trace.0.clone());
        Ok(Self { tenant, payload: document.into_payload(), options, key: None, trace })
    }

    /// Whether this deployment can do what the order's options ask for.
    pub(crate) fn check_deployment(&self, service: &Service) -> Result<(), ApiError> {
        let notifies = service.stores.notifications.is_some();
        let violation = |member: &str, detail: String| Violation { pointer: format!("/options/{member}"), detail };
        let mut violations = Vec::new();
        if let Some(url) = &self.options.webhook_url {
            match service.settings.webhooks.as_ref().filter(|_| notifies).map(|policy| policy.check(url)) {
                Some(Ok(_)) => {}
                Some(Err(why)) => violations.push(violation("webhook_url", why.to_string())),
                None => violations.push(violation("webhook_url", "this deployment calls no webhooks".to_owned())),
            }
        }
        if self.options.task_token.is_some() && !notifies {
            let detail = "this deployment does not call back Step Functions tasks".to_owned();
            violations.push(violation("task_token", detail));
        }
        let priority = self.options.priority;
        if !service.stores.order_queues.has(priority.into()) {
            let detail = format!("this deployment has no queue for orders of the priority {}", priority.as_str());
            violations.push(violation("priority", detail));
        }
        if violations.is_empty() { Ok(()) } else { Err(ApiError::InvalidOrder(violations)) }
    }
}

fn options_of(schema: &OrderSchema, document: &OrderDocument) -> Result<OrderOptions, ApiError> {
    let options = schema.validate(document).map_err(ApiError::InvalidOrder)?;
    let contradictions = options.contradictions();
    if contradictions.is_empty() { Ok(options) } else { Err(ApiError::InvalidOrder(contradictions)) }
}

/// The key, with a fingerprint of the body's value, to its last digit, and not of its text.
pub(crate) fn idempotency_key(
    tenant: &Tenant,
    headers: &HeaderMap,
    canonical: impl FnOnce() -> String,
) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(ApiError::InvalidIdempotencyKey);
    }
    let key = IdempotencyKey::parse(tenant, key.as_bytes(), canonical().as_bytes());
    key.map(Some).map_err(|_| ApiError::InvalidIdempotencyKey)
}

/// Whether the body is declared as JSON: `application/json` or any `application/…+json`, in UTF-8,
/// not compressed.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    is_of(headers, |subtype| subtype == "json" || (subtype.len() > "+json".len() && subtype.ends_with("+json")))
}

/// The same for JSON lines, which have two names.
pub(crate) fn is_json_lines(headers: &HeaderMap) -> bool {
    is_of(headers, |subtype| matches!(subtype, "x-ndjson" | "jsonl"))
}

fn is_of(headers: &HeaderMap, allowed: impl Fn(&str) -> bool) -> bool {
    let text = |name| headers.get(name).map(|v: &HeaderValue| v.to_str().unwrap_or("?").to_ascii_lowercase());
    if text(header::CONTENT_ENCODING).is_some_and(|e| e != "identity") {
        return false;
    }
    let Some(content_type) = text(header::CONTENT_TYPE) else { return false };
    let mut parts = content_type.split(';').map(str::trim);
    let subtype = parts.next().and_then(|t| t.strip_prefix("application/"));
    let utf8 = |p: &str| p.strip_prefix("charset=").is_none_or(|c| matches!(c.trim_matches('"'), "utf-8" | "utf8"));
    subtype.is_some_and(allowed) && parts.all(utf8)
}

#[cfg(test)]
mod tests {
    use offload_domain::schema::BUILT_IN;

    use super::*;

    const ORDER: &str = r#"{"kind":"report","rows":3}"#;

    fn check(headers: &[(&'static str, &str)], body: &str) -> Result<Submission, ApiError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let document = OrderDocument::parse(body.into())?;
        let schema = OrderSchema::parse(BUILT_IN).unwrap();
        Submission::check(&schema, &map, document, OrderTrace(TraceContext::of_parent("t".into())), Tenant::default())
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
    fn a_syntax_error_is_answered_with_its_place_and_not_with_the_body() {
        let Err(ApiError::InvalidJson(detail)) = check(&[], "{\n  \"kind\": secret}") else { panic!() };
        assert!(detail.contains("line 2 column") && !detail.contains("secret"), "{detail}");
        assert!(matches!(check(&[], ""), Err(ApiError::InvalidJson(_))));
        for bad in ["[]", r#"{"kind":"report","rows":1,"rows":1}"#, &"[".repeat(100_000)] {
            assert!(matches!(check(&[], bad), Err(ApiError::InvalidOrder(_))));
        }
    }

    #[test]
    fn a_key_belongs_to_the_value_of_the_body_and_is_sent_once() {
        let key = |body: &str| check(&[("idempotency-key", "k")], body).unwrap().key.unwrap();
        assert_eq!(key(ORDER), key("{ \"rows\" : 3, \"kind\" : \"report\" }"));
        assert_eq!(key(ORDER), key(r#"{"kind":"r\u0065port","rows":3.0e0}"#));
        assert_ne!(key(ORDER), key(r#"{"kind":"report","rows":4}"#));
        assert_ne!(key(ORDER), key(r#"{"kind":"report","rows":3,"options":{"delay_seconds":1}}"#));
        for bad in [&[("idempotency-key", "a"), ("idempotency-key", "a")][..], &[("idempotency-key", "")]] {
            assert!(matches!(check(bad, ORDER), Err(ApiError::InvalidIdempotencyKey)), "{bad:?}");
        }
        assert!(check(&[], ORDER).unwrap().key.is_none());
    }

    #[test]
    fn an_order_is_checked_before_its_headers() {
        let bad = [("idempotency-key", "")];
        assert!(matches!(check(&bad, "{}"), Err(ApiError::InvalidOrder(_))));
        assert!(matches!(check(&bad, ORDER), Err(ApiError::InvalidIdempotencyKey)));
    }
}
