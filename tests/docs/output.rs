//! What a page says that a command prints.

/// Whether a text is as expected, where `…` stands for any text.
///
/// # Errors
/// The first part that is missing.
pub(crate) fn fits(expected: &str, text: &str) -> Result<(), String> {
    let (expected, text) = (expected.trim_end(), text.trim_end());
    let missing = |part: &str| format!("{part:?} is missing in what it prints:\n{text}");
    let parts: Vec<&str> = expected.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return if text == expected { Ok(()) } else { Err(missing(expected)) };
    };
    let mut rest = text.strip_prefix(first).ok_or_else(|| missing(first))?;
    for part in middle {
        let at = rest.find(part).ok_or_else(|| missing(part))?;
        rest = &rest[at + part.len()..];
    }
    if rest.ends_with(last) { Ok(()) } else { Err(missing(last)) }
}

#[test]
fn an_output_fits_whatever_its_open_parts_are() {
    for (expected, text) in
        [("304\n", "304\n"), ("{\"id\":\"…\",…}", "{\"id\":\"x\",\"a\":1}"), ("a…", "abc"), ("…", "")]
    {
        assert_eq!(fits(expected, text), Ok(()), "{expected}");
    }
    for (expected, text) in [("304", "304 Not Modified"), ("a…c", "abd"), ("a", "ba"), ("a…b…", "bba")] {
        assert!(fits(expected, text).is_err(), "{expected}");
    }
}
