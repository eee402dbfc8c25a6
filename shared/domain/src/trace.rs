//! W3C trace context: <https://www.w3.org/TR/trace-context/#traceparent-header>.

/// The length of a header of version 00.
const LENGTH: usize = 55;

/// The trace context of a `traceparent` header, as a header of version 00. A higher version is read
/// as far as it is known (section 4.3 of the recommendation); `None` if it is not well formed.
#[must_use]
pub fn read_traceparent(value: &str) -> Option<String> {
    let version = value.get(..2).filter(|v| v.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))?;
    let (known, more) = value.split_at_checked(LENGTH)?;
    // What a later version adds comes after a dash.
    let fits = more.is_empty() || (version != "00" && more.starts_with('-'));
    let read = format!("00{}", known.get(2..)?);
    (version != "ff" && fits && is_traceparent(&read)).then_some(read)
}

/// Whether this is a well-formed `traceparent` header of version 00.
#[must_use]
pub fn is_traceparent(value: &str) -> bool {
    let hex = |s: &str, len: usize| s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = value.split('-');
    let (Some(version), Some(trace), Some(span), Some(flags), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    version == "00"
        && hex(trace, 32)
        && hex(span, 16)
        && hex(flags, 2)
        && trace.bytes().any(|b| b != b'0')
        && span.bytes().any(|b| b != b'0')
}

/// The trace id of a checked `traceparent`, for log lines.
#[must_use]
pub fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: &[&str] = &[
        "00",
        "01",
        "-",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
        "00000000000000000000000000000000",
        "4BF92F35",
        " ",
        "é",
        "\0",
    ];

    #[test]
    fn only_a_well_formed_context_is_passed_on() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(good));
        assert_eq!(trace_id(good), "4bf92f3577b34da6a3ce929d0e0e4736");
        for bad in [
            "",
            "00",
            &good.to_uppercase(),
            &format!("{good}-00"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
            assert_eq!(read_traceparent(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_higher_version_is_read_as_far_as_it_is_known() {
        let rest = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let known = format!("00-{rest}");
        for text in [known.clone(), format!("cc-{rest}"), format!("01-{rest}-what-comes"), format!("cc-{rest}-")] {
            assert_eq!(read_traceparent(&text).as_deref(), Some(&*known), "{text}");
        }
        for bad in
            [format!("ff-{rest}"), format!("CC-{rest}"), format!("cc-{rest}.x"), format!("0é-{rest}"), "cc".into()]
        {
            assert_eq!(read_traceparent(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_has_the_one_form(
            text in prop::collection::vec(prop::sample::select(PIECES), 0..9).prop_map(|pieces| pieces.concat()),
        ) {
            if is_traceparent(&text) {
                prop_assert_eq!(text.len(), 55);
                prop_assert!(text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            }
            prop_assert!(text.contains(trace_id(&text)));
        }
    }
}
