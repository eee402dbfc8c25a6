//! The variables `OTEL_…`.

use std::env;

use http::Uri;

/// The collector, for all that is sent.
pub(super) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A variable, unless it is empty, which means the same as not set.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Where something is sent: the whole URL by a variable of its own, or a path at the collector.
///
/// # Errors
/// A message for the operator. It does not quote the URL, which may hold a secret.
pub(super) fn endpoint(own: &str, path: &str) -> Result<Uri, String> {
    let (name, url) = match (variable(own), variable(ENDPOINT)) {
        (Some(url), _) => (own, url),
        (None, Some(base)) => (ENDPOINT, format!("{}/{path}", base.trim_end_matches('/'))),
        (None, None) => return Err(format!("neither {own} nor {ENDPOINT} is set")),
    };
    let uri: Uri = url.parse().map_err(|e| format!("{name} is no URL: {e}"))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some() => Ok(uri),
        _ => Err(format!("{name} is no URL that begins with http:// or https:// and has a host")),
    }
}
