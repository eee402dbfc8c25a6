//! Tables of the reference that come from the OpenAPI document.

use std::collections::BTreeMap;

use serde_json::Value;

use super::root;

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("openapi/openapi.json")).unwrap()).unwrap()
}

/// Every operation, with its method and path.
fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods)| -> Vec<_> {
        let methods: &Value = methods;
        let methods = methods.as_object().unwrap();
        methods.iter().map(|(method, operation)| (method.to_uppercase(), path, operation)).collect()
    };
    paths.iter().flat_map(|(path, item)| methods((path.as_str(), item))).collect()
}

/// The routes: what a client asks, and what it does.
pub(super) fn routes() -> String {
    let document = document();
    let mut rows = vec!["| route | does | answers |".to_owned(), "|---|---|---|".to_owned()];
    for (method, path, operation) in operations(&document) {
        let answers: Vec<&str> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        let summary = operation["summary"].as_str().unwrap_or_default();
        rows.push(format!("| `{method} {path}` | {summary} | {} |", answers.join(", ")));
    }
    rows.join("\n")
}

/// The members of a schema, with their types and what the document says of them.
pub(super) fn members(schema: &str) -> String {
    let document = document();
    let schema = &document["components"]["schemas"][schema];
    let properties = properties(&document, schema);
    assert!(!properties.is_empty(), "the document has no such schema");
    let mut rows = vec!["| member | type | meaning |".to_owned(), "|---|---|---|".to_owned()];
    for (name, property) in properties {
        let own = std::iter::once(property).chain(options(property)).find_map(|p| p["description"].as_str());
        let meaning = own.or_else(|| referred(&document, property)["description"].as_str());
        let meaning = meaning.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        rows.push(format!("| `{name}` | {} | {} |", kind(&document, property), meaning.replace('|', "\\|")));
    }
    rows.join("\n")
}

/// The properties of a schema, and of all that it is made of.
fn properties<'a>(document: &'a Value, schema: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let own = schema["properties"].as_object().into_iter().flatten();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let parts = parts.flat_map(|part| properties(document, referred(document, part)));
    own.chain(parts).collect()
}

/// The schemas of which a property is one, or all.
fn options(property: &Value) -> impl Iterator<Item = &Value> {
    property["oneOf"].as_array().into_iter().chain(property["allOf"].as_array()).flatten()
}

/// The schema that a property refers to, or itself.
fn referred<'a>(document: &'a Value, property: &'a Value) -> &'a Value {
    let reference = std::iter::once(property).chain(options(property)).find_map(|p| p["$ref"].as_str());
    reference.and_then(|r| document.pointer(r.trim_start_matches('#'))).unwrap_or(property)
}

fn kind(document: &Value, property: &Value) -> String {
    let schema = referred(document, property);
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().filter_map(Value::as_str).map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", ");
    }
    let types = match &property["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ if !std::ptr::eq(schema, property) => {
            let null = property["oneOf"].as_array().is_some_and(|o| o.iter().any(|p| p["type"] == "null"));
            if null { vec!["object", "null"] } else { vec!["object"] }
        }
        _ => vec!["any"],
    };
    let format = property["format"].as_str().filter(|f| !f.starts_with("int") && *f != "double");
    let format = format.map(|f| format!(" ({f})")).unwrap_or_default();
    format!("{}{format}", types.join(" or "))
}

/// The routes that answer with each problem, by its slug.
pub(super) fn routes_by_problem() -> BTreeMap<String, Vec<String>> {
    let document = document();
    let mut found = BTreeMap::<String, Vec<String>>::new();
    for (method, path, operation) in operations(&document) {
        for response in operation["responses"].as_object().unwrap().values() {
            for slug in slugs(response["description"].as_str().unwrap_or_default()) {
                found.entry(slug.to_owned()).or_default().push(format!("`{method} {path}`"));
            }
        }
    }
    found
}

/// The slugs that a description lists, one a line: `` `order-expired`: The order … ``.
fn slugs(description: &str) -> impl Iterator<Item = &str> {
    description.lines().filter_map(|line| line.strip_prefix('`')?.split_once("`: ")).map(|(slug, _)| slug)
}

#[test]
fn the_slugs_of_a_description_are_what_its_lines_begin_with() {
    let description = "`invalid-order`: The order is not valid\n`key-reused`: The key; see `Retry-After`: later";
    assert_eq!(slugs(description).collect::<Vec<_>>(), ["invalid-order", "key-reused"]);
    assert_eq!(slugs("The order has ended").count(), 0);
}
