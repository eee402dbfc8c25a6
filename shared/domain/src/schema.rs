//! The JSON Schema (2020-12) of orders: the built-in one or a team's own.

use jsonschema::Validator;
use serde_json::Value;

use crate::{json::text_without_mark, order::OrderOptions, payload::OrderDocument, problem::Violation};

/// The built-in schema.
pub const BUILT_IN: &str = include_str!("../schemas/order.json");

/// The schema of the reserved member `options`.
pub const OPTIONS: &str = include_str!("../schemas/options.json");

/// At most so many violations are listed: a hostile document should not buy a long answer.
const MAX_VIOLATIONS: usize = 20;

/// Of a document with more values than this only the first violation is listed: the validator makes
/// the list of all before it gives the first.
const LISTED_MAX_VALUES: usize = 2_000;

/// Checks orders.
#[derive(Debug)]
pub struct OrderSchema {
    order: Validator,
    options: Validator,
    document: Value,
}

/// The schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The text is not JSON.
    #[error("the order schema is not JSON")]
    Json(#[source] serde_json::Error),
    /// The JSON is not a schema.
    #[error("the order schema is not a valid JSON Schema: {0}")]
    Schema(String),
}

impl OrderSchema {
    /// Compiles a schema. References to other documents are not resolved: a schema is one document.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let document: Value = serde_json::from_str(text_without_mark(text)).map_err(SchemaError::Json)?;
        let options: Value = serde_json::from_str(OPTIONS).map_err(SchemaError::Json)?;
        let compile = |d: &Value| jsonschema::draft202012::new(d).map_err(|e| SchemaError::Schema(e.to_string()));
        Ok(Self { order: compile(&document)?, options: compile(&options)?, document })
    }

    /// The schema of the built-in kinds.
    ///
    /// # Panics
    /// Never: a test parses the text, which is part of the program.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in schema is a schema")
    }

    /// The schema itself, for the OpenAPI document.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Checks a request's order and its options. While it does so there is a tree of the document's
    /// values, of about [`Contents::tree_bytes`](crate::json_check::Contents::tree_bytes).
    ///
    /// # Errors
    /// Every violation, each with its JSON pointer; at most 20, and of a large document the first.
    pub fn validate(&self, document: &OrderDocument) -> Result<OrderOptions, Vec<Violation>> {
        let violation = |pointer: &str, detail: String| vec![Violation { pointer: pointer.to_owned(), detail }];
        let tree = serde_json::from_str(document.as_str()).map_err(|e| violation("", e.to_string()))?;
        let Value::Object(mut members) = tree else {
            return Err(violation("", "an order is a JSON object".to_owned()));
        };
        let all = document.contents().values <= LISTED_MAX_VALUES;
        let options = members.remove("options");
        let mut violations = violations(&self.order, &Value::Object(members), "", all);
        if let Some(options) = &options {
            violations.extend(self::violations(&self.options, options, "/options", all));
            violations.truncate(MAX_VIOLATIONS);
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        match options {
            Some(o) => serde_json::from_value(o).map_err(|e| violation("/options", e.to_string())),
            None => Ok(OrderOptions::default()),
        }
    }
}

fn violations(validator: &Validator, document: &Value, prefix: &str, all: bool) -> Vec<Violation> {
    let violation = |e: jsonschema::ValidationError<'_>| Violation {
        pointer: format!("{prefix}{}", e.instance_path()),
        // The value itself is masked: it may be private or long, and the pointer says where it is.
        detail: e.masked_with("the value").to_string(),
    };
    if all {
        return validator.iter_errors(document).take(MAX_VIOLATIONS).map(violation).collect();
    }
    validator.validate(document).err().map(violation).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(body: &Value) -> OrderDocument {
        OrderDocument::parse(body.to_string().into()).unwrap()
    }

    fn check(body: &Value) -> Result<OrderOptions, Vec<String>> {
        let schema = OrderSchema::parse(BUILT_IN).unwrap();
        schema.validate(&document(body)).map_err(|f| f.into_iter().map(|f| f.pointer).collect())
    }

    fn fulfilment(items: &Value) -> Value {
        json!({"kind": "fulfilment", "items": items})
    }

    #[test]
    fn the_built_in_kinds_are_taken() {
        assert!(check(&fulfilment(&json!([{"sku": "A-1", "quantity": 1}]))).is_ok());
        let options =
            check(&json!({"kind": "report", "rows": 10, "delay_ms": 5, "options": {"deadline_seconds": 60}})).unwrap();
        assert_eq!(options.deadline_seconds, Some(60));
    }

    #[test]
    fn each_violation_is_reported_with_its_pointer() {
        let item = json!({"sku": "A", "quantity": 1});
        let at = |body: Value| check(&body).unwrap_err();
        assert_eq!(at(fulfilment(&json!([{"sku": "A", "quantity": 0}]))), ["/items/0/quantity"]);
        assert_eq!(at(fulfilment(&json!([{"sku": "A", "quantity": 1001}, item]))), ["/items/0/quantity"]);
        assert_eq!(at(fulfilment(&Value::Array(vec![item.clone(); 101]))), ["/items"]);
        assert_eq!(at(fulfilment(&json!([]))), ["/items"]);
        assert_eq!(at(json!({"kind": "fulfilment", "items": [item], "x": 1})), [""]);
        assert_eq!(at(json!({"kind": "other"})), ["/kind"]);
        assert_eq!(at(json!({"items": [item]})), [""]);
        assert_eq!(at(json!({"kind": "report", "rows": 1, "options": {"colour": 1}})), ["/options"]);
        assert_eq!(
            at(json!({"kind": "report", "rows": -1, "options": {"delay_seconds": -1}})),
            ["/rows", "/options/delay_seconds"]
        );
    }

    #[test]
    fn a_hostile_document_buys_a_short_answer() {
        let bad = json!({"sku": 1, "quantity": "secret-value"});
        let violations = |items: usize| {
            let order = document(&fulfilment(&Value::Array(vec![bad.clone(); items])));
            OrderSchema::parse(BUILT_IN).unwrap().validate(&order).unwrap_err()
        };
        for (items, listed) in [(100, MAX_VIOLATIONS), (LISTED_MAX_VALUES, 1)] {
            let violations = violations(items);
            assert_eq!(violations.len(), listed);
            assert!(violations.iter().all(|f| !f.detail.contains("secret-value")), "{violations:?}");
        }
    }
}
