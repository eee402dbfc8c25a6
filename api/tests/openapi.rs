//! The committed OpenAPI document is the one that the code generates.

use std::path::Path;

use offload_domain::schema::{BUILT_IN, OrderSchema};
use serde_json::{Value, json};

fn document() -> Value {
    offload_api::openapi_document(&OrderSchema::parse(BUILT_IN).expect("the built-in schema compiles"))
}

/// Set to write the file instead of comparing it.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn openapi_is_committed_as_it_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
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
         run `{UPDATE}=1 cargo test -p offload-api openapi` and commit it"
    );
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = document();
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
    let document = offload_api::openapi_document(&OrderSchema::parse(&own.to_string()).unwrap());
    let request = &document["components"]["schemas"]["OrderRequest"];
    assert_eq!(request["$defs"]["c"]["enum"], json!(["red"]));
    assert!(request["$id"].is_string(), "its references are its own");
    assert_eq!(request["properties"]["options"]["properties"]["deadline_seconds"]["minimum"], 1);
    assert_eq!(request["additionalProperties"], false);

    // The built-in one closes its branches, which must let the options through as the validator
    // does.
    let built_in = &self::document()["components"]["schemas"]["OrderRequest"];
    for branch in built_in["allOf"].as_array().unwrap() {
        assert_eq!(branch["then"]["properties"]["options"], json!(true));
    }
    assert!(offload_domain::schema::OrderSchema::parse(&built_in.to_string()).is_ok(), "it is a schema itself");
}

#[test]
fn every_number_of_a_request_has_its_greatest_value_in_the_document() {
    let document = document();
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
