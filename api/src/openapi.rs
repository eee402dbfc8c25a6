//! The OpenAPI document: the routes' own descriptions, and the order schema.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use offload_domain::{
    batch,
    problem::{Problem, Violation},
    schema::{OPTIONS, OrderSchema},
    status::StatusObject,
};
use serde_json::{Map, Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "status-offload",
        description = "Accepts orders whose work takes longer than a request may. Each order gets a small status object in S3, which clients read directly by a presigned URL instead of polling this service."
    ),
    components(schemas(StatusObject, Problem, Violation)),
    tags(
        (name = "orders", description = "Submit, read, cancel and subscribe to orders"),
        (name = "operations", description = "For operators of the service")
    ),
    modifiers(&OrderToken)
)]
struct Api;

/// The ways to send an order's token, and a caller's credentials.
struct OrderToken;

impl Modify for OrderToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_with(Components::default);
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The order_token of the order"));
        components.add_security_scheme("order_token", SecurityScheme::Http(bearer.build()));
        let query = ApiKeyValue::with_description("token", "The read_token of the order, where headers cannot be set");
        let header = ApiKeyValue::with_description("Offload-Token", "The same, beside a caller's own Authorization");
        components.add_security_scheme("order_token_in_header", SecurityScheme::ApiKey(ApiKey::Header(header)));
        components.add_security_scheme("order_token_in_query", SecurityScheme::ApiKey(ApiKey::Query(query)));
        let session = ApiKeyValue::with_description("offload_console", "A session of the console (OFFLOAD_CONSOLE)");
        components.add_security_scheme("console", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
        let caller = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let caller = caller.description(Some("An API key or a JSON Web Token, where callers are known (OFFLOAD_AUTH)"));
        components.add_security_scheme("caller", SecurityScheme::Http(caller.build()));
    }
}

/// The document as it is served, made when somebody reads it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Document(Arc<LazyLock<Bytes, Box<dyn FnOnce() -> Bytes + Send>>>);

impl Document {
    pub(crate) fn new(make: impl FnOnce() -> Value + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(move || make().to_string().into()))))
    }

    pub(crate) fn json(&self) -> Bytes {
        Bytes::clone(&self.0)
    }
}

/// The whole document, from those of the routes, for orders of this schema. Members are sorted, so
/// that it is the same from every build.
pub(crate) fn document(routes: utoipa::openapi::OpenApi, schema: &OrderSchema) -> Value {
    let mut openapi = Api::openapi();
    openapi.info.license = None;
    openapi.merge(routes);
    let mut document = serde_json::to_value(openapi).expect("a document of OpenAPI is made to be JSON");
    let options: Value = serde_json::from_str(OPTIONS).expect("the options are checked when a schema is compiled");
    // An event stream is no JSON string, and no schema describes it.
    document["paths"]["/order/{id}/events"]["get"]["responses"]["200"]["content"]["text/event-stream"] = json!({});
    document["paths"]["/admin/events"]["get"]["responses"]["200"]["content"]["text/event-stream"] = json!({});
    for path in ["/admin/session", "/admin/actions"] {
        document["paths"][path]["post"]["requestBody"]["required"] = true.into();
    }
    // The attribute of the route has no word for it.
    document["paths"]["/order"]["post"]["requestBody"]["required"] = true.into();
    let body = &mut document["paths"]["/orders"]["post"]["requestBody"];
    body["required"] = true.into();
    for lines in ["application/x-ndjson", "application/jsonl"] {
        // Each line is an order, which no schema of a whole text describes.
        body["content"][lines] = json!({"schema": {"type": "string"}});
    }
    document["components"]["schemas"]["OrderBatch"] = json!({
        "type": "array", "minItems": 1, "maxItems": batch::ORDERS_MAX, "items": {"$ref": "#/components/schemas/OrderRequest"},
    });
    document["components"]["schemas"]["OrderRequest"] = order_request(schema.document(), options);
    document.sort_all_objects();
    document
}

/// The schema of a request: the order's own members, and the reserved member `options` beside them.
fn order_request(order: &Value, options: Value) -> Value {
    let mut request = match order {
        Value::Object(members) => Value::Object(members.clone()),
        // `true`: a team that takes anything.
        _ => json!({"type": "object"}),
    };
    admit_options(&mut request);
    if let Value::Object(root) = &mut request {
        // With an id of its own, so that its references to #/$defs are resolved within it.
        root.entry("$id").or_insert_with(|| "urn:status-offload:order".into());
        let mut options = options;
        if let Value::Object(members) = &mut options {
            members.remove("$schema");
            members.insert(
                "description".into(),
                "Options of the service: when the order may start and must end, its callbacks and its labels".into(),
            );
        }
        properties(root).insert("options".into(), options);
    }
    request
}

/// Admits `options` wherever a schema of the whole document admits only the members that it names:
/// the validator removes them before it checks the order.
fn admit_options(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    let closed = |name: &str| members.get(name) == Some(&Value::Bool(false));
    if closed("additionalProperties") || closed("unevaluatedProperties") {
        properties(members).insert("options".into(), Value::Bool(true));
    }
    for (name, part) in members.iter_mut() {
        match (name.as_str(), part) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => parts.iter_mut().for_each(admit_options),
            ("then" | "else", part) => admit_options(part),
            ("dependentSchemas" | "$defs", Value::Object(parts)) => parts.values_mut().for_each(admit_options),
            _ => {}
        }
    }
}

fn properties(schema: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if !properties.is_object() {
        *properties = json!({});
    }
    properties.as_object_mut().expect("it has just been made an object")
}
