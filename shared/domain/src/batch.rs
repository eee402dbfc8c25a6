//! Many orders in one body: a JSON array, or JSON lines. Pure.
//!
//! A body is only cut into the texts of its orders here. Each of them is then checked as the body
//! of a single order is.

use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::text_without_mark;

/// Orders that one batch has at most.
pub const ORDERS_MAX: usize = 1_000;

/// How the orders are written one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON array.
    Array,
    /// An order on each line; empty lines are left out. <https://jsonlines.org>
    Lines,
}

/// The text of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// As it was sent; of a line it need not be JSON.
    pub text: &'a str,
    /// On which line it is, counted from 1, if each has one of its own.
    pub line: Option<usize>,
}

impl Entry<'_> {
    /// What a parser says of the text, with the place where it is in the whole body.
    #[must_use]
    pub fn placed(&self, fault: &str) -> String {
        match (self.line, fault.rsplit_once(" at line 1 column ")) {
            (Some(line), Some((what, column))) => format!("{what} at line {line} column {column}"),
            (Some(line), None) => format!("{fault}, in line {line}"),
            (None, _) => fault.to_owned(),
        }
    }
}

/// Why a body is no batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotABatch {
    /// It is not JSON: the text names the place, and quotes nothing.
    Syntax(String),
    /// It is no list of 1 to [`ORDERS_MAX`] orders.
    Invalid(String),
}

/// The orders of a body, in their order.
///
/// # Errors
/// [`NotABatch`].
pub fn entries(body: &[u8], form: Form) -> Result<Vec<Entry<'_>>, NotABatch> {
    let text = str::from_utf8(body)
        .map_err(|e| NotABatch::Syntax(format!("the text is not UTF-8 after byte {}", e.valid_up_to())))?;
    let text = text_without_mark(text);
    let (entries, count) = match form {
        Form::Array => of_array(text)?,
        Form::Lines => of_lines(text),
    };
    match count {
        0 => Err(NotABatch::Invalid("the batch has no order".to_owned())),
        1..=ORDERS_MAX => Ok(entries),
        _ => Err(NotABatch::Invalid(format!("a batch has at most {ORDERS_MAX} orders, and this one has {count}"))),
    }
}

/// With the number of all of them, of which no more are kept than a batch has.
fn of_array(text: &str) -> Result<(Vec<Entry<'_>>, usize), NotABatch> {
    if !text.trim_ascii_start().starts_with('[') {
        return Err(match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => NotABatch::Invalid("a batch is a JSON array of orders".to_owned()),
            Err(e) => NotABatch::Syntax(e.to_string()),
        });
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let found = json.deserialize_seq(Elements).and_then(|found| json.end().map(|()| found));
    found.map_err(|e| NotABatch::Syntax(e.to_string()))
}

fn of_lines(text: &str) -> (Vec<Entry<'_>>, usize) {
    let mut all = text.lines().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let kept: Vec<_> = all.by_ref().take(ORDERS_MAX).map(|(n, text)| Entry { text, line: Some(n + 1) }).collect();
    let count = kept.len() + all.count();
    (kept, count)
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = (Vec<Entry<'de>>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array of orders")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let (mut kept, mut count) = (Vec::new(), 0);
        while let Some(element) = elements.next_element::<&RawValue>()? {
            count += 1;
            if count <= ORDERS_MAX {
                kept.push(Entry { text: element.get(), line: None });
            }
        }
        Ok((kept, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str, form: Form) -> Vec<&str> {
        entries(body.as_bytes(), form).unwrap().iter().map(|entry| entry.text).collect()
    }

    fn refused(body: &[u8], form: Form) -> NotABatch {
        entries(body, form).unwrap_err()
    }

    #[test]
    fn each_order_keeps_the_text_that_was_sent() {
        let array = "\u{feff} [ {\"n\":1.0, \"s\":\"[,]\"} ,{ },7\n]";
        assert_eq!(texts(array, Form::Array), ["{\"n\":1.0, \"s\":\"[,]\"}", "{ }", "7"]);
        let lines = "{\"a\":1}\r\n\n  \n{\"b\": [\n{}";
        assert_eq!(texts(lines, Form::Lines), ["{\"a\":1}", "{\"b\": [", "{}"]);
        let places: Vec<_> = entries(lines.as_bytes(), Form::Lines).unwrap().iter().map(|e| e.line.unwrap()).collect();
        assert_eq!(places, [1, 4, 5]);
    }

    #[test]
    fn a_batch_has_one_to_a_thousand_orders() {
        let lines = |n: usize| "{}\n".repeat(n);
        let array = |n: usize| format!("[{}]", vec!["{}"; n].join(","));
        assert_eq!(texts(&lines(ORDERS_MAX), Form::Lines).len(), ORDERS_MAX);
        assert_eq!(texts(&array(ORDERS_MAX), Form::Array).len(), ORDERS_MAX);
        for (body, form) in [
            (lines(ORDERS_MAX + 1), Form::Lines),
            (array(ORDERS_MAX + 1), Form::Array),
            (lines(0), Form::Lines),
            (array(0), Form::Array),
            ("{}".to_owned(), Form::Array),
        ] {
            assert!(matches!(refused(body.as_bytes(), form), NotABatch::Invalid(_)), "{body:.20}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let syntax = |body: &[u8]| match refused(body, Form::Array) {
            NotABatch::Syntax(place) => place,
            other => panic!("{other:?}"),
        };
        assert!(syntax(b"[{},\n secret]").contains("line 2 column 2"));
        assert!(syntax(b"").contains("line 1"));
        assert!(syntax(b"[{}] {}").contains("line 1 column 6"));
        assert_eq!(syntax(b"[\"\xff\"]"), "the text is not UTF-8 after byte 2");
        let entry = |line| Entry { text: "", line };
        assert_eq!(entry(Some(7)).placed("expected value at line 1 column 3"), "expected value at line 7 column 3");
        assert_eq!(entry(Some(7)).placed("not UTF-8"), "not UTF-8, in line 7");
        assert_eq!(entry(None).placed("not UTF-8"), "not UTF-8");
    }
}
