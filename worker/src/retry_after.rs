//! How long another server asks to be left alone.

use std::time::Duration;

use offload_service::clock;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The wait in `Retry-After` (RFC 9110 §10.2.3), in seconds or until a date in any of the three
/// forms of §5.6.7; `None` if there is none that can be read.
///
/// A date is compared with the answer's own `Date`: both are of the same clock, which need not be
/// right.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| Some(value.to_str().ok()?.trim()));
    let date = |text| httpdate::parse_http_date(text).ok();
    let wanted = text(RETRY_AFTER)?;
    // Digits and no sign. More of them than fit are longer than anybody waits.
    if !wanted.is_empty() && wanted.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(wanted.parse().unwrap_or(u64::MAX)));
    }
    let now = text(DATE).and_then(date).unwrap_or_else(|| clock::now().into());
    Some(date(wanted)?.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn seconds(headers: &[(&'static str, &str)]) -> Option<u64> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_wait_is_in_seconds_or_until_a_date_of_the_servers_clock() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:30 GMT");
        for (value, expected) in [
            ("8", Some(8)),
            (" 0 ", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(7)),
            ("Sun Nov  6 08:49:37 1994", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("-8", None),
            ("+8", None),
            ("8.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(&[date, ("retry-after", value)]), expected, "{value}");
        }
        assert_eq!(seconds(&[date]), None);
    }

    #[test]
    fn without_a_date_of_its_own_an_answer_is_of_now() {
        let at = httpdate::fmt_http_date(SystemTime::from(clock::now()) + Duration::from_secs(100));
        let wait = seconds(&[("retry-after", &at)]).unwrap();
        assert!((60..=100).contains(&wait), "{wait}");
    }
}
