//! Operators with the console's key, or with a session that it opened.
//!
//! Without a key the console is open: everybody who reaches this machine by its own name is an
//! administrator. `offload up` alone starts one so, on loopback.
//!
//! A browser sends a cookie whichever page asks, and reaches an open console from any page. What a
//! page of another origin asks for is refused by `Sec-Fetch-Site`, which no page can set.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts, uri::Authority};
use chrono::{DateTime, Utc};
use offload_domain::{
    caller::{Caller, Role, Roles},
    console_key::ConsoleKeys,
    host::HostRule,
    tenant::Tenant,
};
use offload_service::{clock, settings::ConsoleSettings};

use super::{bearer::bearer, refused::Refused};

/// The cookie of a session.
pub(crate) const COOKIE: &str = "offload_console";
/// Says from where a page asks. <https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What an open console opens to its own pages and to programs.
const ADMIN: &str = "/admin/";
/// What it opens to its own pages alone.
const SUBMIT: &str = "/order";

/// How operators are known.
#[derive(Debug)]
pub(crate) struct Console {
    /// None where it is open.
    keys: Option<ConsoleKeys>,
}

/// By what an operator is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// By the key itself.
    Key,
    /// By a session, which ends then.
    Session(DateTime<Utc>),
    /// By being on this machine.
    Open,
}

impl Console {
    /// The console, where it is on.
    pub(super) fn new(settings: &ConsoleSettings) -> Option<Self> {
        settings.on.then(|| Self { keys: settings.keys.clone() })
    }

    /// The keys; `None` for an open console.
    pub(crate) fn keys(&self) -> Option<&ConsoleKeys> {
        self.keys.as_ref()
    }

    /// Whether the bearer's text is the key.
    pub(super) fn by_key(&self, headers: &HeaderMap) -> bool {
        let keys = self.keys.as_ref().zip(bearer(headers));
        keys.is_some_and(|(keys, text)| keys.admit(text))
    }

    /// Whether a page of the console's own origin sends a request, or a program.
    pub(crate) fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        matches!(site, None | Some(b"same-origin")) && is_of_own_origin(headers)
    }

    /// Whether a request is an operator's, by its cookie or because the console is open.
    ///
    /// # Errors
    /// If a page of another origin sends it, or its session has ended.
    pub(super) fn by_browser(&self, parts: &Parts) -> Result<Option<Known>, Refused> {
        let write = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let site = parts.headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        match &self.keys {
            Some(keys) => {
                let Some(session) = cookie(&parts.headers) else { return Ok(None) };
                let own = matches!((site, write), (Some(b"same-origin"), _) | (None | Some(b"none"), false));
                if !own {
                    return Err(Refused::CrossSite);
                }
                match keys.open(session, clock::now()) {
                    Some(until) => Ok(Some(Known::Session(until))),
                    None => Err(Refused::Invalid("the session has ended: open the console again with its key")),
                }
            }
            None if parts.uri.path().starts_with(ADMIN) => {
                let own = matches!((site, write), (None | Some(b"same-origin"), _) | (Some(b"none"), false));
                if own && names_this_machine(parts) && is_of_own_origin(&parts.headers) {
                    Ok(Some(Known::Open))
                } else {
                    Err(Refused::CrossSite)
                }
            }
            // Whatever else submits an order is a client, and may be one without credentials.
            None if parts.uri.path() == SUBMIT && is_by_page(parts, site) => {
                let own = names_this_machine(parts) && is_of_own_origin(&parts.headers);
                Ok(own.then_some(Known::Open))
            }
            None => Ok(None),
        }
    }

    /// Who an operator is to the routes.
    pub(crate) fn operator() -> Caller {
        Caller::new(Tenant::default(), "console", Roles::from(vec![Role::Admin]))
    }
}

/// The session of a request.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Whether a page sends a request, and not a program: of this origin, as far as its browser says.
fn is_by_page(parts: &Parts, site: Option<&[u8]>) -> bool {
    match site {
        Some(site) => site == b"same-origin",
        None => parts.headers.contains_key(header::ORIGIN),
    }
}

/// Whether the request calls this machine by a name that no one else can give it.
fn names_this_machine(parts: &Parts) -> bool {
    let host = parts.headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let host = parts.uri.authority().or(host.as_ref());
    host.is_some_and(|host| HostRule::Loopback.allows(host.as_str()))
}

/// Whether the page that asks, if one does, is of the origin that it calls: for browsers that send
/// no `Sec-Fetch-Site`.
fn is_of_own_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    origin.is_some() && origin == host
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use chrono::TimeDelta;

    use super::*;

    fn parts(method: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_open_console_is_open_to_its_own_pages_and_to_programs() {
        let open = Console { keys: None };
        let known = |method, path, headers: &[(&str, &str)]| open.by_browser(&parts(method, path, headers));
        let host = ("host", "localhost:8080");
        for headers in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("origin", "http://localhost:8080")],
            &[("host", "127.0.0.1:8080")],
            &[("host", "[::1]:8080")],
        ] {
            assert_eq!(known("POST", "/admin/actions", headers).unwrap(), Some(Known::Open), "{headers:?}");
        }
        assert_eq!(known("GET", "/admin/counts", &[host, ("sec-fetch-site", "none")]).unwrap(), Some(Known::Open));
        for headers in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://localhost:3000")],
            &[host, ("origin", "null")],
            &[("host", "console.evil.example")],
            &[],
        ] {
            assert!(matches!(known("POST", "/admin/actions", headers), Err(Refused::CrossSite)), "{headers:?}");
        }
        for headers in [&[host, ("sec-fetch-site", "same-origin")][..], &[host, ("origin", "http://localhost:8080")]] {
            assert_eq!(known("POST", "/order", headers).unwrap(), Some(Known::Open), "{headers:?}");
            assert_eq!(known("GET", "/order/x", headers).unwrap(), None, "it opens no other route");
        }
        for headers in [
            &[host][..],
            &[host, ("sec-fetch-site", "cross-site")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "http://localhost:3000")],
            &[("host", "console.evil.example"), ("sec-fetch-site", "same-origin")],
        ] {
            assert_eq!(known("POST", "/order", headers).unwrap(), None, "a client: {headers:?}");
        }
    }

    #[test]
    fn a_session_is_believed_of_its_own_pages_alone() {
        let keys = ConsoleKeys::parse(&"k".repeat(32)).unwrap();
        let session = keys.session(clock::now() + TimeDelta::hours(1));
        let console = Console { keys: Some(keys) };
        let cookie = format!("a=b; {COOKIE}={session}");
        let known = |method, site: Option<&str>| {
            let mut headers = vec![("cookie", cookie.as_str())];
            headers.extend(site.map(|site| ("sec-fetch-site", site)));
            console.by_browser(&parts(method, "/admin/actions", &headers))
        };
        for (method, site) in
            [("GET", None), ("GET", Some("none")), ("GET", Some("same-origin")), ("POST", Some("same-origin"))]
        {
            assert!(matches!(known(method, site), Ok(Some(Known::Session(_)))), "{method} {site:?}");
        }
        for (method, site) in [
            ("GET", Some("cross-site")),
            ("GET", Some("same-site")),
            ("POST", None),
            ("POST", Some("none")),
            ("DELETE", Some("cross-site")),
        ] {
            assert!(matches!(known(method, site), Err(Refused::CrossSite)), "{method} {site:?}");
        }
        let ended = format!("{COOKIE}=v1.AAAA");
        assert!(matches!(console.by_browser(&parts("GET", "/", &[("cookie", &ended)])), Err(Refused::Invalid(_))));
        assert_eq!(console.by_browser(&parts("GET", "/", &[])).unwrap(), None);
        let bearer = |text: &str| parts("GET", "/", &[("authorization", &format!("Bearer {text}"))]).headers;
        assert!(console.by_key(&bearer(&"k".repeat(32))) && !console.by_key(&bearer(&"k".repeat(33))));
    }
}
