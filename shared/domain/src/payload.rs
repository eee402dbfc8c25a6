//! An order's payload: the text of its own members, as the client sent it.

use std::{fmt, ops::Range};

use serde::{
    Serialize, Serializer,
    de::{DeserializeOwned, Deserializer as _, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use crate::{
    canonical_json::canonical,
    json::remove_mark,
    json_check::{Contents, Fault, check},
    json_text::JsonText,
    problem::Violation,
};

/// The reserved member of a request, which is no part of the order.
const OPTIONS: &str = "options";

/// The JSON object that the work gets. Nothing between the client and the work rewrites it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(JsonText);

impl Payload {
    /// A payload as it was stored.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn stored(text: String) -> Result<Self, serde_json::Error> {
        JsonText::parse(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Reads what `T` needs of it.
    ///
    /// # Errors
    /// If it is not of this shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

/// Without members.
impl Default for Payload {
    fn default() -> Self {
        Self(JsonText::from(Value::Object(serde_json::Map::new())))
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// The body of a request for an order: an object that every receiver reads alike.
pub struct OrderDocument {
    text: String,
    contents: Contents,
    options: Option<Options>,
}

/// Where the member `options` is in the text.
#[derive(Debug, Clone)]
struct Options {
    /// What goes when the member does: with the comma that belonged to it.
    cut: Range<usize>,
    value: Range<usize>,
}

/// Why a body is no order.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAnOrder {
    /// It is not JSON. The text names the place, and quotes nothing.
    Syntax(String),
    /// It is JSON of a kind that no schema can accept.
    Invalid(Vec<Violation>),
}

impl OrderDocument {
    /// Checks a body, without a tree of its values.
    ///
    /// # Errors
    /// [`NotAnOrder`]
    pub fn parse(mut body: Vec<u8>) -> Result<Self, NotAnOrder> {
        remove_mark(&mut body);
        let text = String::from_utf8(body).map_err(|e| {
            NotAnOrder::Syntax(format!("the text is not UTF-8 after byte {}", e.utf8_error().valid_up_to()))
        })?;
        let contents = check(&text).map_err(|fault| match fault {
            Fault::Syntax(e) => NotAnOrder::Syntax(e.to_string()),
            Fault::Violation(violation) => NotAnOrder::Invalid(vec![violation]),
        })?;
        if !text.trim_ascii_start().starts_with('{') {
            let detail = "an order is a JSON object".to_owned();
            return Err(NotAnOrder::Invalid(vec![Violation { pointer: String::new(), detail }]));
        }
        let found = serde_json::Deserializer::from_str(&text).deserialize_map(FindOptions { text: &text });
        let options = found.map_err(|e| NotAnOrder::Syntax(e.to_string()))?;
        Ok(Self { text, contents, options })
    }

    /// How much is in it.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.contents
    }

    /// The whole text, `options` included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text of the member `options`, if there is one.
    #[must_use]
    pub fn options(&self) -> Option<&str> {
        self.options.as_ref().map(|options| &self.text[options.value.clone()])
    }

    /// The canonical text, by which two requests are compared: of the whole, `options` included.
    ///
    /// # Panics
    /// Never: the text was checked.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical(&self.text).expect("the text is JSON")
    }

    /// The order's own members. The member `options` is cut out of the text, and the rest of it
    /// stays as it is.
    ///
    /// # Panics
    /// Never: an object without one of its members is an object.
    #[must_use]
    pub fn into_payload(mut self) -> Payload {
        if let Some(options) = self.options {
            self.text.replace_range(options.cut, "");
        }
        Payload(JsonText::parse(self.text).expect("the text is JSON"))
    }
}

/// Without the text, which is a client's data.
impl fmt::Debug for OrderDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderDocument({} bytes)", self.text.len())
    }
}

/// Finds the member `options` of an object.
struct FindOptions<'a> {
    text: &'a str,
}

impl FindOptions<'_> {
    /// Where a part of the text is in it.
    fn range(&self, part: &RawValue) -> Range<usize> {
        let start = part.get().as_ptr().addr() - self.text.as_ptr().addr();
        start..start + part.get().len()
    }
}

impl<'de> Visitor<'de> for FindOptions<'de> {
    type Value = Option<Options>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut end_before = None;
        let mut found: Option<Options> = None;
        while let Some((name, value)) = members.next_entry::<&RawValue, &RawValue>()? {
            let (name_at, value_at) = (self.range(name), self.range(value));
            match &mut found {
                // The comma after it goes with it; what is before it stays.
                Some(options) if options.cut.end == options.value.end => options.cut.end = name_at.start,
                Some(_) => {}
                None if is_options(name.get()) => {
                    found = Some(Options { cut: name_at.start..value_at.end, value: value_at });
                }
                None => end_before = Some(value_at.end),
            }
        }
        Ok(found.map(|options| match end_before {
            // It is the last one: the comma before it goes with it.
            Some(end) if options.cut.end == options.value.end => Options { cut: end..options.cut.end, ..options },
            _ => options,
        }))
    }
}

fn is_options(name: &str) -> bool {
    // A name may be spelled with escapes.
    serde_json::from_str::<String>(name).is_ok_and(|n| n == OPTIONS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The options and the payload of a body.
    fn split(body: &str) -> (Option<String>, String) {
        let document = OrderDocument::parse(body.into()).unwrap();
        (document.options().map(str::to_owned), document.into_payload().as_str().to_owned())
    }

    #[test]
    fn the_options_are_cut_out_and_the_rest_is_as_it_was_sent() {
        for (body, options, payload) in [
            (" {\"a\" : 1E+2 } \n", None, "{\"a\" : 1E+2 }"),
            (r#"{"options":{"a":1},"n":-0}"#, Some(r#"{"a":1}"#), r#"{"n":-0}"#),
            (r#"{ "n":18446744073709551617 , "options" : {} }"#, Some("{}"), r#"{ "n":18446744073709551617 }"#),
            ("{\"a\":1,\n \"options\":null,\n \"b\":2}", Some("null"), "{\"a\":1,\n \"b\":2}"),
            (
                r#"{"a":{"options":1},"\u006fptions":[1],"b":"\u00e9\/"}"#,
                Some("[1]"),
                r#"{"a":{"options":1},"b":"\u00e9\/"}"#,
            ),
            ("{ \"options\" : 1 }", Some("1"), "{  }"),
            ("{}", None, "{}"),
        ] {
            assert_eq!(split(body), (options.map(str::to_owned), payload.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_no_order_is_refused_with_its_place() {
        let pointer = |body: &str| match OrderDocument::parse(body.into()) {
            Err(NotAnOrder::Invalid(violations)) => violations[0].pointer.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(pointer("[]"), "");
        assert_eq!(pointer("7"), "");
        assert_eq!(pointer(r#"{"options":{},"options":{}}"#), "/options");
        assert_eq!(pointer(r#"{"a":[{"x":1,"x":1}]}"#), "/a/0/x");
        let syntax = |body: &[u8]| match OrderDocument::parse(body.into()) {
            Err(NotAnOrder::Syntax(place)) => place,
            other => panic!("{other:?}"),
        };
        assert_eq!(syntax(b"{\"a\":\"\xff\"}"), "the text is not UTF-8 after byte 6");
        assert_eq!(syntax(b"{\n\"n\":1e999}"), "number out of range at line 2 column 9");
        assert!(syntax(b"{\"secret\":}").contains("line 1 column 11"));
    }

    #[test]
    fn a_payload_is_read_in_part_and_printed_without_its_text() {
        #[derive(serde::Deserialize)]
        struct Kind {
            kind: String,
        }
        let payload = Payload::stored(r#"{"kind":"report","n":123456789012345678901234}"#.to_owned()).unwrap();
        assert_eq!(payload.read::<Kind>().unwrap().kind, "report");
        assert!(payload.read::<Vec<u8>>().is_err());
        assert!(!format!("{payload:?}").contains("report"));
        assert_eq!(Payload::default().as_str(), "{}");
    }

    proptest! {
        #[test]
        fn a_text_without_options_is_its_own_payload(name in "[a-n]{0,8}", digits in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?") {
            let body = format!("{{\"{name}\": {digits}}}");
            prop_assert_eq!(split(&body), (None, body));
        }

        #[test]
        fn options_are_cut_from_any_place(before in 0usize..4, after in 0usize..4, space in "[ \\n\\t]{0,3}") {
            let members = |from: usize, n: usize| (from..from + n).map(|i| format!("\"m{i}\":{space}1e{i}"));
            let all: Vec<_> = members(0, before).chain([format!("\"options\"{space}:{{}}")]).chain(members(9, after)).collect();
            let rest: Vec<_> = members(0, before).chain(members(9, after)).collect();
            let (options, payload) = split(&format!("{{{}}}", all.join(&format!("{space},{space}"))));
            prop_assert_eq!(options.as_deref(), Some("{}"));
            prop_assert_eq!(payload, format!("{{{}}}", rest.join(&format!("{space},{space}"))));
        }
    }
}
