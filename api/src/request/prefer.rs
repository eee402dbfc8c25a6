//! The `Prefer` header (RFC 7240), with the one preference `wait=N`. Pure.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The longest long poll: below the idle timeout of every usual proxy. A client that wants to wait
/// longer sends another request.
const WAIT_MAX_SECONDS: u64 = 60;

pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The header asks to wait, and cannot be read. The RFC would have us ignore it, as we do what asks
/// for something else; but a client that asks to wait and gets its answer at once would poll in a
/// tight loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Prefer is a list such as wait=20, where wait has a whole number of seconds; more than {WAIT_MAX_SECONDS} count as {WAIT_MAX_SECONDS}"
)]
pub(crate) struct InvalidPrefer;

/// How long the client wants to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    seconds: u64,
}

impl Wait {
    /// The wait that a request asks for, if it asks for one.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, InvalidPrefer> {
        for line in headers.get_all(PREFER) {
            // "If any preference is specified more than once, only the first instance is to be
            // considered."
            match line.to_str().map_err(|_| InvalidPrefer).and_then(wait_of) {
                Ok(Some(wait)) => return Ok(Some(wait)),
                Ok(None) => {}
                Err(invalid) if mentions_wait(line.as_bytes()) => return Err(invalid),
                Err(_) => {}
            }
        }
        Ok(None)
    }

    pub(crate) fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The value of `Preference-Applied`: what was really applied.
    pub(crate) fn applied(self) -> HeaderValue {
        let value = HeaderValue::try_from(format!("wait={}", self.seconds));
        value.expect("a number of seconds is a header value")
    }
}

fn mentions_wait(line: &[u8]) -> bool {
    line.windows(b"wait".len()).any(|word| word.eq_ignore_ascii_case(b"wait"))
}

fn wait_of(line: &str) -> Result<Option<Wait>, InvalidPrefer> {
    for preference in split(line, b',')? {
        // After a semicolon come parameters; `wait` has none.
        let preference = split(preference, b';')?.first().copied().unwrap_or_default();
        let (name, value) = match preference.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (preference.trim(), None),
        };
        if !name.is_empty() && !is_token(name) {
            return Err(InvalidPrefer);
        }
        if name.eq_ignore_ascii_case("wait") {
            return seconds(value.unwrap_or_default()).map(Some);
        }
    }
    Ok(None)
}

fn seconds(value: &str) -> Result<Wait, InvalidPrefer> {
    // The RFC makes a quoted value the same as a bare one.
    let digits = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidPrefer);
    }
    // Digits that do not fit are a number all the same, and beyond the longest wait.
    let seconds = digits.parse().unwrap_or(u64::MAX).min(WAIT_MAX_SECONDS);
    Ok(Wait { seconds })
}

/// The parts between separators, except those in quoted strings.
fn split(text: &str, separator: u8) -> Result<Vec<&str>, InvalidPrefer> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b if b == separator && !quoted => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    if quoted { Err(InvalidPrefer) } else { Ok(parts) }
}

fn is_token(s: &str) -> bool {
    s.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wait(lines: &[&str]) -> Result<Option<u64>, InvalidPrefer> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_str(line).unwrap());
        }
        Wait::of(&headers).map(|w| w.map(|w| w.seconds))
    }

    const PIECES: &[&[u8]] = &[
        b"wait",
        b"WAIT",
        b"=",
        b"\"",
        b"\\",
        b",",
        b";",
        b" ",
        b"\t",
        b"0",
        b"7",
        b"99999999999999999999",
        b"-1",
        b"1.5",
        b"respond-async",
        b"\xe9",
        b"\xff",
    ];

    #[test]
    fn the_wait_is_found_among_other_preferences() {
        for (lines, expected) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async", "WAIT = \"7\" ; x=y"], Some(7)),
            (&["foo=\"a, wait=3, b\", wait=4"], Some(4)),
            (&["foo=\"\\\", wait=3\""], None),
            (&["wait=5, wait=abc"], Some(5)),
            (&["wait=0"], Some(0)),
            (&["wait=61"], Some(60)),
            (&["wait=99999999999999999999999"], Some(60)),
            (&["return=minimal,,"], None),
            (&[""], None),
            (&["x=\"open", "a b"], None),
            (&["a b", "wait=2"], Some(2)),
            (&[], None),
        ] {
            assert_eq!(wait(lines), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn a_wait_that_is_no_number_is_refused() {
        for line in [
            "wait=abc",
            "wait=-1",
            "wait=1.5",
            "wait",
            "wait=",
            "wait=\"\"",
            "wait=+1",
            "x=\"open, WAIT=1",
            "a b, wait=1",
        ] {
            assert_eq!(wait(&[line]), Err(InvalidPrefer), "{line}");
        }
    }

    #[test]
    fn the_preference_applied_is_the_wait() {
        assert_eq!(Wait { seconds: 60 }.applied(), "wait=60");
        assert_eq!(Wait { seconds: 60 }.duration(), Duration::from_secs(60));
    }

    proptest! {
        #[test]
        fn no_header_panics_or_asks_for_more_than_the_longest_wait(
            lines in prop::collection::vec(prop::collection::vec(prop::sample::select(PIECES), 0..12), 0..4),
        ) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(PREFER, HeaderValue::from_bytes(&line.concat()).unwrap());
            }
            if let Ok(Some(wait)) = Wait::of(&headers) {
                prop_assert!(wait.duration() <= Duration::from_secs(WAIT_MAX_SECONDS));
                let mut applied = HeaderMap::new();
                applied.insert(PREFER, wait.applied());
                prop_assert_eq!(Wait::of(&applied), Ok(Some(wait)));
            }
        }
    }
}
