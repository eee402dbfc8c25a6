//! What the routes describe of themselves, which is committed.

use std::path::Path;

use offload_domain::{
    batch,
    problem::{Problem, Violation},
    schema::{BUILT_IN, OrderSchema},
    status::StatusObject,
};
use serde_json::{Value, json};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{COMMITTED, document, order_request};
use crate::route;

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

fn built_in() -> OrderSchema {
    OrderSchema::parse(BUILT_IN).expect("the built-in schema compiles")
}

/// The whole document, from those of the routes.
fn generated() -> Value {
    let mut openapi = Api::openapi();
    openapi.info.license = None;
    openapi.merge(route::described());
    let mut document = serde_json::to_value(openapi).expect("a document of OpenAPI is made to be JSON");
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
    document["components"]["schemas"]["OrderRequest"] = order_request(&built_in());
    document.sort_all_objects();
    document
}

/// Set to write the file instead of comparing it.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn openapi_is_committed_as_it_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json");
    let text = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if text == committed {
        return;
    }
    let place = text.lines().zip(committed.lines()).position(|(new, old)| new != old).map_or(0, |i| i + 1);
    panic!(
        "openapi/openapi.json is not what the code generates (first at line {place}); \
         run `{UPDATE}=1 cargo test -p offload-api --lib openapi` and commit it"
    );
}

#[test]
fn the_committed_document_is_the_served_one() {
    assert_eq!(document(&built_in()), serde_json::from_str::<Value>(COMMITTED).unwrap());
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = generated();
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.contains(&"#/components/schemas/OrderRequest".to_owned()));
    for reference in references {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|v| collect(v, references));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, references)),
        _ => {}
    }
}

#[test]
fn the_document_has_a_teams_own_schema_with_the_options_in_it() {
    let own = json!({"type": "object", "additionalProperties": false, "properties": {"colour": {"$ref": "#/$defs/c"}},
                     "$defs": {"c": {"enum": ["red"]}}});
    let document = document(&OrderSchema::parse(&own.to_string()).unwrap());
    let request = &document["components"]["schemas"]["OrderRequest"];
    assert_eq!(request["$defs"]["c"]["enum"], json!(["red"]));
    assert!(request["$id"].is_string(), "its references are its own");
    assert_eq!(request["properties"]["options"]["properties"]["deadline_seconds"]["minimum"], 1);
    assert_eq!(request["additionalProperties"], false);

    // The built-in one closes its branches, which must let the options through as the validator
    // does.
    let built_in = &generated()["components"]["schemas"]["OrderRequest"];
    for branch in built_in["allOf"].as_array().unwrap() {
        assert_eq!(branch["then"]["properties"]["options"], json!(true));
    }
    assert!(OrderSchema::parse(&built_in.to_string()).is_ok(), "it is a schema itself");
}

#[test]
fn every_number_of_a_request_has_its_greatest_value_in_the_document() {
    let document = generated();
    let methods = document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let (mut unbounded, mut numbers) = (Vec::new(), 0);
    for request in methods.flat_map(|method| [&method["parameters"], &method["requestBody"]]) {
        let mut schemas = vec![request];
        let mut seen = Vec::new();
        while let Some(schema) = schemas.pop() {
            if let Some(reference) = schema["$ref"].as_str()
                && !seen.contains(&reference)
                && let Some(target) = document.pointer(&reference[1..])
            {
                seen.push(reference);
                schemas.push(target);
            }
            let is = |name: &str| {
                schema["type"] == name || schema["type"].as_array().is_some_and(|t| t.contains(&json!(name)))
            };
            if is("integer") || is("number") {
                numbers += 1;
                unbounded.extend(schema.get("maximum").is_none().then_some(schema));
            }
            match schema {
                Value::Object(members) => schemas.extend(members.values()),
                Value::Array(items) => schemas.extend(items),
                _ => {}
            }
        }
    }
    assert!(numbers > 10 && unbounded.is_empty(), "{numbers}: {unbounded:?}");
}
