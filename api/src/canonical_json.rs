//! One text per JSON value, whatever the white space and the order of members of its document.
//! Pure.

use serde_json::{Map, Value};

/// The document with the members of every object in order of their names.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, v)| (name, sorted(v))).collect();
            // serde_json sorts by itself unless some crate of the build asks it to keep the order:
            // do not rely on it.
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(Map::from_iter(members))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The canonical text, by which two requests are compared.
pub(crate) fn text(value: &Value) -> String {
    sorted(value.clone()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_white_space_do_not_matter_but_values_do() {
        let text = |s: &str| text(&serde_json::from_str(s).unwrap());
        assert_eq!(text(r#"{"a":1,"b":[{"x":1,"y":2}]}"#), text("{ \"b\" : [{\"y\":2,\n\"x\":1}], \"a\":1 }"));
        assert_ne!(text(r#"{"a":[1,2]}"#), text(r#"{"a":[2,1]}"#));
        assert_ne!(text(r#"{"a":1}"#), text(r#"{"a":"1"}"#));
    }
}
