//! Callers that a trusted proxy states in a header: `tenant=shop; name=jane; roles=submit view`.
//!
//! The header is believed. Who reaches the api past the proxy, or whose own header the proxy
//! lets through, can be anybody.

use axum::http::HeaderMap;
use offload_domain::caller::{Caller, Roles};
use offload_domain::tenant::Tenant;

use super::refused::Refused;

const UNREADABLE: Refused = Refused::Invalid("the proxy's header cannot be read");

/// The caller that the header states; `None` without it.
///
/// # Errors
/// If it is not of that form, or there are two: the client may have sent one.
pub(super) fn caller(headers: &HeaderMap, name: &str) -> Result<Option<Caller>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(UNREADABLE);
    }
    let (mut tenant, mut caller, mut roles) = (Tenant::default(), "unnamed", Roles::default());
    for member in value.to_str().map_err(|_| UNREADABLE)?.split(';') {
        let (key, value) = member.split_once('=').ok_or(UNREADABLE)?;
        match key.trim() {
            "tenant" => tenant = value.trim().parse().map_err(|_| UNREADABLE)?,
            "name" => caller = value.trim(),
            "roles" => roles = Roles::parse(value).map_err(|_| UNREADABLE)?,
            _ => return Err(UNREADABLE),
        }
    }
    Ok(Some(Caller::new(tenant, caller, roles)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<Caller>, Refused> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-caller", value.parse().unwrap());
        }
        caller(&headers, "x-caller")
    }

    #[test]
    fn a_caller_is_read_from_the_proxys_header_and_nothing_is_guessed() {
        let found = of(&["tenant=shop; name=jane doe; roles=submit view"]).unwrap().unwrap();
        assert_eq!((found.tenant.as_str(), found.name.as_str()), ("shop", "jane doe"));
        assert_eq!(found.roles.to_string(), "submit,view");
        assert!(of(&[]).unwrap().is_none());
        for bad in ["", "shop", "tenant=a b", "tenant=shop; role=admin", "roles=root"] {
            assert!(of(&[bad]).is_err(), "{bad}");
        }
        assert!(of(&["tenant=a", "tenant=b"]).is_err(), "one of them may be the client's own");
    }
}
