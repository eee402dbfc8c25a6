//! The header fields `RateLimit` and `RateLimit-Policy`, as structured fields (RFC 9651).
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/11/>

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::quota::Quota;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// States what a client may still send, beside what is stated already: both fields are lists.
pub(crate) fn insert_fields(headers: &mut HeaderMap, (state, policy): (String, String)) {
    for (name, value) in [(RATE_LIMIT, state), (RATE_LIMIT_POLICY, policy)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(name, value);
        }
    }
}

/// Both values: what is left of `burst`, and when all of it is there again or, if nothing is left,
/// when something is; and the policy. Names are plain ASCII, and need no escapes.
pub(super) fn rate_limit(quota: &Quota, burst: u32, left: u32, seconds: u64) -> (String, String) {
    let Quota { policy, unit, per_second, .. } = quota;
    let window = burst / per_second.unwrap_or(burst).max(1);
    let unit = unit.map(|unit| format!(";qu=\"{unit}\"")).unwrap_or_default();
    (format!("\"{policy}\";r={left};t={seconds}"), format!("\"{policy}\";q={burst}{unit};w={window}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_lists_of_strings_with_parameters() {
        let bytes = Quota { what: "bytes", policy: "bytes", unit: Some("content-bytes"), per_second: Some(100) };
        let (state, policy) = rate_limit(&bytes, 200, 7, 2);
        assert_eq!(state, "\"bytes\";r=7;t=2");
        assert_eq!(policy, "\"bytes\";q=200;qu=\"content-bytes\";w=2");
    }
}
