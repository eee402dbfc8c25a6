//! The OpenAPI document: the committed one, with the order schema of this deployment.

#[cfg(all(test, feature = "console"))]
mod generated;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use offload_domain::schema::{OPTIONS, OrderSchema};
use serde_json::{Map, Value, json};

/// As the routes describe themselves, for orders of the built-in schema.
const COMMITTED: &str = include_str!("../../openapi/openapi.json");

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

/// The document of this build, for orders of this schema. Members are sorted, so that it is the
/// same from every build.
pub(crate) fn document(schema: &OrderSchema) -> Value {
    let mut document: Value = serde_json::from_str(COMMITTED).expect("a test writes it");
    #[cfg(not(feature = "console"))]
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.remove("/admin/cost");
    }
    let mut request = order_request(schema);
    request.sort_all_objects();
    document["components"]["schemas"]["OrderRequest"] = request;
    document
}

/// The schema of a request: the order's own members, and the reserved member `options` beside them.
fn order_request(schema: &OrderSchema) -> Value {
    let mut request = match schema.document() {
        Value::Object(members) => Value::Object(members.clone()),
        // `true`: a team that takes anything.
        _ => json!({"type": "object"}),
    };
    admit_options(&mut request);
    if let Value::Object(root) = &mut request {
        // With an id of its own, so that its references to #/$defs are resolved within it.
        root.entry("$id").or_insert_with(|| "urn:status-offload:order".into());
        let mut options: Value =
            serde_json::from_str(OPTIONS).expect("the options are checked when a schema is compiled");
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
