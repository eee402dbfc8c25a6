//! Which hosts requests may name. A page of a name that its owner points at this machine reaches
//! every server on it; the name in `Host` is what gives it away.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode, header};

use crate::wire::{self, Body};

/// Decides which hosts requests may name.
#[derive(Clone, Default)]
pub struct HostCheck(Option<Arc<Accepts>>);

type Accepts = dyn Fn(&str) -> bool + Send + Sync;

impl HostCheck {
    /// Those for which `allows` is true; it gets the value of `Host`, port included. The default is
    /// any.
    #[must_use]
    pub fn new(allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(allows)))
    }

    /// The response to a request that names none, several, or one that is not allowed.
    pub(crate) fn refusal(&self, head: &Parts) -> Option<Response<Body>> {
        let allows = self.0.as_ref()?;
        let mut named = head.headers.get_all(header::HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Some(refusal(StatusCode::BAD_REQUEST, "A request names exactly one Host."));
        };
        let host = head.uri.authority().map(http::uri::Authority::as_str).or(host.to_str().ok()).unwrap_or_default();
        (!allows(host)).then(|| refusal(StatusCode::MISDIRECTED_REQUEST, "This server has no such host."))
    }
}

fn refusal(status: StatusCode, text: &'static str) -> Response<Body> {
    wire::response(status, "text/plain", text)
}

impl fmt::Debug for HostCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "HostCheck(some hosts)" } else { "HostCheck(any host)" })
    }
}
