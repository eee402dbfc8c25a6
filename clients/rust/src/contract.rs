//! Holds the types of this crate to the service's OpenAPI document, `openapi/openapi.json`: a
//! property that either side lacks, or that differs in type or optionality, fails a test.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::OpenApi;

use crate::{problem::Problem, receipt::Receipt, status::StatusObject, view::StatusView};

#[derive(OpenApi)]
#[openapi(components(schemas(Problem, Receipt, StatusObject, StatusView)))]
struct Types;

/// One property of a schema.
#[derive(Debug, PartialEq)]
struct Property {
    kind: String,
    /// Whether it may be absent or `null`.
    optional: bool,
}

/// The properties of a schema and of all that it refers to, by their paths, such as `eta.at`.
type Properties = BTreeMap<String, Property>;

/// An OpenAPI document, to look up what `$ref` refers to.
struct Document(Value);

impl Document {
    fn of_service() -> Self {
        Self(serde_json::from_str(include_str!("../../../openapi/openapi.json")).expect("JSON"))
    }

    fn of_client() -> Self {
        Self(serde_json::to_value(Types::openapi()).expect("JSON"))
    }

    fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or_else(|| panic!("the document has no {pointer}"))
    }

    fn component(&self, name: &str) -> Properties {
        let mut properties = Properties::new();
        self.collect(self.at(&format!("/components/schemas/{name}")), "", &mut properties);
        properties
    }

    /// The body of a response.
    fn response(&self, method: &str, path: &str, status: u16, media_type: &str) -> Properties {
        let escape = |text: &str| text.replace('~', "~0").replace('/', "~1");
        let media_type = escape(media_type);
        let pointer = format!("/paths/{}/{method}/responses/{status}/content/{media_type}/schema", escape(path));
        let mut properties = Properties::new();
        self.collect(self.at(&pointer), "", &mut properties);
        properties
    }

    /// Adds the properties of `schema`, whose own path is `path`.
    fn collect(&self, schema: &Value, path: &str, properties: &mut Properties) {
        let (schema, _) = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.collect(part, path, properties);
        }
        if let Some(items) = schema.get("items") {
            self.collect(items, &format!("{path}[]"), properties);
        }
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let (resolved, nullable) = self.resolve(property);
            let optional = nullable || !required.contains(&name.as_str());
            properties.insert(path.clone(), Property { kind: kind(resolved), optional });
            self.collect(property, &path, properties);
        }
    }

    /// The schema itself, behind references and alternatives to `null`, and whether it allows
    /// `null`.
    fn resolve<'a>(&'a self, schema: &'a Value) -> (&'a Value, bool) {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(self.at(reference.trim_start_matches('#')));
        }
        let is_null = |schema: &&Value| schema["type"] == "null";
        if let Some(alternatives) = schema["oneOf"].as_array() {
            let alternative = alternatives.iter().find(|s| !is_null(s)).expect("not `null` alone");
            return (self.resolve(alternative).0, alternatives.iter().any(|s| is_null(&s)));
        }
        let nullable = schema["type"].as_array().is_some_and(|types| types.iter().any(|t| t == "null"));
        (schema, nullable)
    }
}

/// The JSON type.
fn kind(schema: &Value) -> String {
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).find(|t| *t != "null"),
        text => text.as_str(),
    };
    types.unwrap_or(if schema["allOf"].is_array() { "object" } else { "any" }).to_owned()
}

/// Compares the properties of one type. `lenient` are those that the service always sends, and that
/// the client can do without.
fn assert_same(client: &Properties, service: &Properties, lenient: &[&str]) {
    assert!(!service.is_empty());
    let missing: Vec<_> = service.keys().filter(|path| !client.contains_key(*path)).collect();
    assert!(missing.is_empty(), "openapi.json has properties that the client lacks: {missing:?}");
    let surplus: Vec<_> = client.keys().filter(|path| !service.contains_key(*path)).collect();
    assert!(surplus.is_empty(), "the client has properties that openapi.json lacks: {surplus:?}");
    for (path, ours) in client {
        let theirs = &service[path];
        assert_eq!(ours.kind, theirs.kind, "the type of {path}");
        if !lenient.contains(&path.as_str()) {
            let (client, service) = (ours.optional, theirs.optional);
            assert_eq!(
                client, service,
                "whether {path} is optional: {client} in the client, {service} in openapi.json"
            );
        }
    }
}

#[test]
fn the_status_object_has_the_properties_of_openapi_json() {
    // An error may come from a proxy, and RFC 9457 requires no member of it.
    let lenient = ["error.type", "error.title", "error.status"];
    let (client, service) = (Document::of_client(), Document::of_service());
    assert_same(&client.component("StatusObject"), &service.component("StatusObject"), &lenient);
}

#[test]
fn the_status_view_has_the_properties_of_openapi_json() {
    // The URL is absent where the service gives credentials instead.
    let lenient = ["error.type", "error.title", "error.status", "status_url", "status_url_expires_at"];
    let service = Document::of_service().response("get", "/order/{id}", 200, "application/json");
    assert_same(&Document::of_client().component("StatusView"), &service, &lenient);
}

#[test]
fn the_receipt_has_the_properties_of_openapi_json() {
    // A receipt may be stored as its id and token alone.
    let lenient = [
        "read_token",
        "token_expires_at",
        "status",
        "status_url",
        "status_url_expires_at",
        "eta",
        "poll_after_ms",
        "links",
    ];
    let service = Document::of_service().response("post", "/order", 202, "application/json");
    assert_same(&Document::of_client().component("Receipt"), &service, &lenient);
}

#[test]
fn the_problem_has_the_properties_of_openapi_json() {
    let service = Document::of_service().response("post", "/order", 422, "application/problem+json");
    assert_same(&Document::of_client().component("Problem"), &service, &["type", "title", "status"]);
}

#[test]
fn every_status_of_openapi_json_is_known() {
    let service = Document::of_service();
    let (schema, _) = service.resolve(service.at("/components/schemas/StatusObject/properties/status"));
    let values = schema["enum"].as_array().expect("an enumeration").clone();
    let ours = [crate::Status::Pending, crate::Status::Processing, crate::Status::Completed]
        .into_iter()
        .chain([crate::Status::Failed, crate::Status::Cancelled]);
    assert_eq!(ours.map(|status| Value::from(status.as_str())).collect::<Vec<_>>(), values);
}

mod unknown_members {
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::json;

    use super::*;

    /// Adds a member to every object in a value.
    fn with_unknown(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                // Any member is known in labels.
                let of = |name: &str, value| if name == "labels" { Value::clone(value) } else { with_unknown(value) };
                let members = members.iter().map(|(name, value)| (name.clone(), of(name, value)));
                Value::Object(members.chain([("new_member".to_owned(), json!({"n": 1}))]).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(with_unknown).collect()),
            other => other.clone(),
        }
    }

    fn assert_kept<T: Serialize + DeserializeOwned>(value: &Value) {
        let sent = with_unknown(value);
        let parsed: T = serde_json::from_value(sent.clone()).expect("it is parsed");
        assert_eq!(serde_json::to_value(parsed).expect("it is written"), sent);
    }

    fn status_object() -> Value {
        json!({
            "id": "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", "status": "failed", "done": true, "revision": 3,
            "generation": 1, "attempt": 1, "created_at": "2026-11-20T12:00:00.123Z",
            "updated_at": "2026-11-20T12:00:01.123Z", "started_at": null, "finished_at": null,
            "progress": {"percent": 40, "message": "packing"},
            "eta": {"at": "2026-11-20T12:00:00.123Z", "earliest_at": "2026-11-20T12:00:00.123Z",
                "latest_at": "2026-11-20T12:00:00.123Z"},
            "poll_after_ms": 7600, "result": {"boxes": 1}, "result_url": null, "result_url_expires_at": null,
            "error": {"type": "x", "title": "x", "status": 500, "errors": [{"pointer": "/a", "detail": "d"}]},
            "renew": "https://api/order/x", "labels": {"customer": "acme"},
        })
    }

    fn links() -> Value {
        json!({"self": "https://api/order/x", "events": "https://api/order/x/events"})
    }

    #[test]
    fn a_status_object_is_passed_on_whole() {
        assert_kept::<StatusObject>(&status_object());
    }

    #[test]
    fn a_status_view_is_passed_on_whole() {
        let mut view = status_object();
        view["status_url"] = json!("https://s3/k");
        view["links"] = links();
        view["deliveries"] = json!([{"channel": "webhook", "revision": 3, "state": "retrying",
            "attempts": [{"at": "2026-11-20T12:00:00.123Z", "duration_ms": 5, "status": 500, "error": null}]}]);
        assert_kept::<StatusView>(&view);
    }

    #[test]
    fn a_receipt_is_stored_whole() {
        assert_kept::<Receipt>(&json!({
            "id": "x", "order_token": "v1.secret", "status": "pending", "poll_after_ms": 10692, "links": links(),
            "status_access": {"bucket": "b", "key": "k", "region": "r", "access_key_id": "a",
                "secret_access_key": "s", "session_token": "t", "expires_at": "2026-11-20T12:00:00.123Z"},
            "eta": {"seconds": 12.4, "p10_seconds": 9.0, "p90_seconds": 20.1, "at": "2026-11-20T12:00:12.123Z",
                "queue_depth": 37, "basis": "measured"},
        }));
    }

    #[test]
    fn debug_output_has_no_secret() {
        let view = json!({"status_url": "secret", "result_url": "secret", "order_token": "secret", "links": links(),
            "new_member": "secret"});
        let mut object = status_object();
        object.as_object_mut().expect("an object").extend(view.as_object().expect("an object").clone());
        let view: StatusView = serde_json::from_value(object).expect("a view");
        let receipt = json!({"id": "x", "order_token": "secret", "status_url": "secret", "new_member": "secret"});
        let receipt: Receipt = serde_json::from_value(receipt).expect("a receipt");
        let printed = format!("{view:?} {:?} {receipt:?}", view.object);
        assert!(!printed.contains("secret"), "{printed}");
    }
}
