//! W3C trace context: <https://www.w3.org/TR/trace-context/>.

/// The length of a header of version 00.
const LENGTH: usize = 55;
/// Members that a `tracestate` may have.
const MEMBERS_MAX: usize = 32;
/// Characters of a `tracestate` that are passed on.
const STATE_MAX: usize = 512;
/// A member that is longer is left out first where there are more.
const LONG_MEMBER: usize = 128;
/// Characters of a key, and of a value.
const PART_MAX: usize = 256;

/// The trace context of a request, as it goes with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The header `traceparent`, of version 00.
    pub parent: String,
    /// The header `tracestate`, if there is one that is well formed.
    pub state: Option<String>,
}

impl TraceContext {
    /// The context of a request that has these headers `tracestate`; `None` without a
    /// `traceparent` that is well formed.
    #[must_use]
    pub fn read<'a>(parent: &str, states: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        Some(Self { parent: read_traceparent(parent)?, state: read_tracestate(states) })
    }

    /// One that has only this `traceparent`.
    #[must_use]
    pub fn of_parent(parent: String) -> Self {
        Self { parent, state: None }
    }

    /// The id of the trace, for log lines.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        trace_id(&self.parent)
    }

    /// The headers that pass it on.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let state = self.state.as_deref().map(|state| ("tracestate", state));
        [("traceparent", self.parent.as_str())].into_iter().chain(state)
    }
}

/// What is passed on of the headers `tracestate` of a request (section 3.3 of the recommendation):
/// 32 members and 512 characters at most, of which long members and then the last ones are left
/// out. `None` if nothing is, or a member is not well formed or is there twice: a receiver would
/// drop all of it.
#[must_use]
pub fn read_tracestate<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let all = headers.into_iter().flat_map(|header| header.split(',')).map(|member| member.trim_matches([' ', '\t']));
    for member in all.filter(|member| !member.is_empty()).take(MEMBERS_MAX) {
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) || members.iter().any(|(known, _)| *known == key) {
            return None;
        }
        members.push((key, member));
    }
    let length = |members: &[(&str, &str)]| members.iter().map(|(_, member)| member.len() + 1).sum::<usize>();
    while length(&members) > STATE_MAX + 1 {
        let long = members.iter().rposition(|(_, member)| member.len() > LONG_MEMBER);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    let members: Vec<&str> = members.into_iter().map(|(_, member)| member).collect();
    (!members.is_empty()).then(|| members.join(","))
}

fn is_key(key: &str) -> bool {
    let begins = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(&b);
    begins && key.len() <= PART_MAX && key.bytes().all(allowed)
}

fn is_value(value: &str) -> bool {
    (1..=PART_MAX).contains(&value.len()) && value.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'=')
}

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
    fn a_state_is_passed_on_within_its_bounds() {
        let read = |headers: &[&str]| read_tracestate(headers.iter().copied());
        for (headers, passed) in [
            (&["rojo=00f067aa0ba902b7"][..], Some("rojo=00f067aa0ba902b7")),
            (&["a=1 , b=2,,\tc= 3 "], Some("a=1,b=2,c= 3")),
            (&["a=1", "fw529a3039@dt=b:2;c"], Some("a=1,fw529a3039@dt=b:2;c")),
            (&["0a_-*/=~!"], Some("0a_-*/=~!")),
            (&[], None),
            (&["", " , "], None),
            (&["a"], None),
            (&["a=1,A=2"], None),
            (&["a=1=2"], None),
            (&["a=\u{e9}"], None),
            (&["a=1\u{7f}"], None),
            (&["=1"], None),
            (&["a="], None),
            (&["a b=1"], None),
            (&["a=1", "a=2"], None),
        ] {
            assert_eq!(read(headers).as_deref(), passed, "{headers:?}");
        }
        let long = format!("k={}", "v".repeat(PART_MAX));
        assert_eq!(read(&[&long]).as_deref(), Some(&*long));
        assert_eq!(read(&[&format!("{long}v")]), None);
        assert_eq!(read(&[&format!("{}=v", "k".repeat(PART_MAX + 1))]), None);
    }

    #[test]
    fn what_is_over_the_bounds_of_a_state_is_dropped_and_the_rest_passed_on() {
        let many: Vec<String> = (0..40).map(|n| format!("k{n}=v")).collect();
        let passed = read_tracestate([&*many.join(",")]).unwrap();
        assert_eq!(passed, many[..MEMBERS_MAX].join(","));
        let short: Vec<String> = (0..4).map(|n| format!("s{n}={}", "v".repeat(100))).collect();
        let long = format!("long={}", "v".repeat(200));
        let all = format!("{long},{}", short.join(","));
        assert_eq!(read_tracestate([&*all]).unwrap(), short.join(","), "long members go first");
        let full: Vec<String> = (0..6).map(|n| format!("s{n}={}", "v".repeat(100))).collect();
        let passed = read_tracestate([&*full.join(",")]).unwrap();
        assert_eq!(passed, full[..4].join(","), "and then the last ones");
        let exact = format!("a={},b={}", "v".repeat(125), "w".repeat(256));
        let exact = format!("{exact},c={}", "x".repeat(STATE_MAX - exact.len() - 3));
        assert_eq!((exact.len(), read_tracestate([&*exact])), (STATE_MAX, Some(exact.clone())));
    }

    #[test]
    fn a_state_goes_with_a_parent_alone() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(TraceContext::read("nonsense", ["a=1"]), None);
        let headers = |state| TraceContext::read(good, [state]).unwrap();
        let with = headers("a=1");
        assert_eq!(with.headers().collect::<Vec<_>>(), [("traceparent", good), ("tracestate", "a=1")]);
        assert_eq!(headers("nonsense"), TraceContext::of_parent(good.to_owned()));
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
        fn a_state_that_is_passed_on_is_read_again_as_it_is(text in "[a-z=, @\u{e9}~\t0-9]{0,600}") {
            if let Some(passed) = read_tracestate([&*text]) {
                prop_assert!(passed.len() <= STATE_MAX && passed.split(',').count() <= MEMBERS_MAX);
                prop_assert_eq!(read_tracestate([&*passed]), Some(passed));
            }
        }

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
