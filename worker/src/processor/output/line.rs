//! One line of output.

use std::collections::BTreeMap;

use offload_domain::{json::without_mark, json_check::check_slice, json_text::JsonText};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// A line.
#[derive(Debug, PartialEq)]
pub(super) enum OutputLine {
    /// Nothing but white space.
    Blank,
    /// `{"progress": 40, "message": "packing"}`; the message may be missing.
    Progress { percent: u8, message: Option<String> },
    /// A progress line that cannot be read. It is only advice, and no reason to fail work that may
    /// be done.
    Useless,
    /// `{"log": "packed A-1"}`: the text, or the JSON of any other value.
    Log(String),
    /// `{"result": ...}`
    Result(JsonText),
    /// `{"error": "text for the client", "retry": true}`; `retry` may be missing.
    Error { detail: String, retry: Option<bool> },
}

/// Why a line cannot be read. None of the texts quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error(
        "is not JSON; only progress, log, result and error lines belong there (a program's logs go to standard error)"
    )]
    NotJson,
    #[error("is not a JSON object")]
    NotAnObject,
    #[error("must have exactly one of the members progress, log, result and error")]
    NotOneOfThree,
    #[error("has an unknown member; beside error there may be a retry, and beside result none")]
    UnknownMember,
    #[error("has an error that is not a string")]
    Error,
    #[error("has a retry that is neither true nor false")]
    Retry,
}

/// Reads a line without its line feed.
pub(super) fn parse(line: &[u8]) -> Result<OutputLine, LineError> {
    let line = without_mark(line);
    if line.trim_ascii().is_empty() {
        return Ok(OutputLine::Blank);
    }
    if let Some(advice) = advice(line) {
        return Ok(advice);
    }
    check_slice(line).map_err(|_| LineError::NotJson)?;
    // Only where each member is in the line: a result may be large, and is passed on as it is.
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(line).map_err(|_| LineError::NotAnObject)?;
    let parsed = match (members.remove("progress"), members.remove("result"), members.remove("error")) {
        (None, Some(result), None) => OutputLine::Result(result.into()),
        (None, None, Some(error)) => {
            let retry = optional(&mut members, "retry").ok_or(LineError::Retry)?;
            OutputLine::Error { detail: read(error).ok_or(LineError::Error)?, retry }
        }
        _ => return Err(LineError::NotOneOfThree),
    };
    if members.is_empty() { Ok(parsed) } else { Err(LineError::UnknownMember) }
}

/// A line that has a progress or a log, and neither a result nor an error, which must be read
/// exactly. What it has beside it may be anything.
fn advice(line: &[u8]) -> Option<OutputLine> {
    let text = String::from_utf8_lossy(line);
    // A raw value may hold escapes that are no text, such as half of a surrogate pair.
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(&text).ok()?;
    if members.contains_key("result") || members.contains_key("error") {
        return None;
    }
    let Some(progress) = members.get("progress") else {
        let log = members.get("log")?;
        // What is no text, half of a surrogate pair too, is logged as it is written.
        return Some(OutputLine::Log(read(log).unwrap_or_else(|| log.get().to_owned())));
    };
    Some(match read::<f64>(progress) {
        Some(progress) => {
            let message = members.get("message").and_then(|message| read(message));
            OutputLine::Progress { percent: percent(progress), message }
        }
        None => OutputLine::Useless,
    })
}

/// From 0 to 100. A fraction is cut off: `100 * i / n` is no whole number in most languages, and
/// may be a little more than 100.
fn percent(progress: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
    let percent = progress.clamp(0.0, 100.0) as u8;
    percent
}

/// The value, if it is of this type.
fn read<T: DeserializeOwned>(value: &RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// A member that may be missing or null: `Some(None)` then, and `None` if it is of another type.
fn optional<T: DeserializeOwned>(members: &mut BTreeMap<String, &RawValue>, name: &str) -> Option<Option<T>> {
    members.remove(name).map_or(Some(None), read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_read() {
        let progress =
            |percent, message: Option<&str>| OutputLine::Progress { percent, message: message.map(Into::into) };
        let result = |text: &str| OutputLine::Result(JsonText::parse(text.to_owned()).unwrap());
        let error = |retry| OutputLine::Error { detail: "no stock".into(), retry };
        for (text, line) in [
            ("", OutputLine::Blank),
            (" \t\r", OutputLine::Blank),
            ("\u{feff}", OutputLine::Blank),
            ("\u{feff}{\"result\":null}", result("null")),
            (r#"{"progress": 40, "message": "packing"}"#, progress(40, Some("packing"))),
            (r#"{"progress":0}"#, progress(0, None)),
            (r#"{"progress":100,"message":null}"#, progress(100, None)),
            ("{\"progress\":33.9}\r", progress(33, None)),
            (r#"{"progress":100.00000000000001}"#, progress(100, None)),
            (r#"{"progress":1e300}"#, progress(100, None)),
            (r#"{"progress":-0.1}"#, progress(0, None)),
            (r#"{"progress":1,"percent":2,"retry":true}"#, progress(1, None)),
            (r#"{"progress":1,"message":2}"#, progress(1, None)),
            (r#"{"progress":1,"message":"\ud83d"}"#, progress(1, None)),
            (r#"{"progress":"40"}"#, OutputLine::Useless),
            (r#"{"progress":null,"message":"packing"}"#, OutputLine::Useless),
            (r#"{"progress":1e999}"#, OutputLine::Useless),
            (r#"{"log":"packed\nA-1"}"#, OutputLine::Log("packed\nA-1".into())),
            (r#"{"log":{"sku": "A-1"},"level":"info"}"#, OutputLine::Log(r#"{"sku": "A-1"}"#.into())),
            (r#"{"log":"\ud83d"}"#, OutputLine::Log(r#""\ud83d""#.into())),
            (r#"{"log":null}"#, OutputLine::Log("null".into())),
            (r#"{"log":"a","progress":1}"#, progress(1, None)),
            (r#"{"result":null}"#, result("null")),
            (r#"{"result": [1E+2,-0, "two"] }"#, result(r#"[1E+2,-0, "two"]"#)),
            (r#"{"error":"no stock"}"#, error(None)),
            (r#"{"error":"no stock","retry":true}"#, error(Some(true))),
            (r#"{"error":"no stock","retry":false}"#, error(Some(false))),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(line), "{text}");
        }
    }

    #[test]
    fn each_error_has_its_own_text() {
        for (text, error) in [
            ("packing", LineError::NotJson),
            (r#"{"progress":1}{"progress":2}"#, LineError::NotJson),
            (r#"{"progress":NaN}"#, LineError::NotJson),
            ("[40]", LineError::NotAnObject),
            ("40", LineError::NotAnObject),
            ("{}", LineError::NotOneOfThree),
            (r#"{"message":"packing"}"#, LineError::NotOneOfThree),
            (r#"{"progress":1,"result":2}"#, LineError::NotOneOfThree),
            (r#"{"result":1,"message":"done"}"#, LineError::UnknownMember),
            (r#"{"error":null}"#, LineError::Error),
            (r#"{"error":{"text":"no stock"}}"#, LineError::Error),
            (r#"{"error":"no stock","retry":"yes"}"#, LineError::Retry),
            (r#"{"result":"\ud800"}"#, LineError::NotJson),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(error), "{text}");
        }
        assert_eq!(parse(b"{\"result\":\"\xff\"}"), Err(LineError::NotJson));
        let message = Some("\u{fffd}!".to_owned());
        let lossy = parse(b"{\"progress\":1,\"message\":\"\xff!\"}");
        assert_eq!(lossy, Ok(OutputLine::Progress { percent: 1, message }), "advice is read as far as it can be");
    }
}
