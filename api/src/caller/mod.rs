//! Who sends a request: every way by which the settings let callers be known.

mod claims;
mod gateway;
mod header;
pub(crate) mod identity;
mod jwks;
mod jwt;
mod key;
mod key_cache;
pub(crate) mod refused;
mod signature;

use axum::http::{HeaderMap, header as headers, request::Parts};
use offload_domain::{api_key::ApiKey, caller::Caller};
use offload_service::settings::{AuthMethod, AuthSettings};
use offload_stores::Stores;

use self::{claims::ClaimNames, jwt::Tokens, key::Keys, refused::Refused};

/// The ways by which callers are known; none where everybody may submit.
#[derive(Debug)]
pub(crate) struct Callers {
    known: bool,
    keys: Option<Keys>,
    tokens: Option<Tokens>,
    gateway: bool,
    /// The header of a trusted proxy.
    header: Option<String>,
    claims: ClaimNames,
}

impl Callers {
    /// # Errors
    /// If a client for the issuer's keys cannot be built.
    pub(crate) fn new(settings: &AuthSettings, stores: &Stores) -> Result<Self, String> {
        let claims = ClaimNames { tenant: settings.tenant_claim.clone(), roles: settings.roles_claim.clone() };
        Ok(Self {
            known: !settings.methods.is_empty(),
            keys: settings.uses(AuthMethod::Keys).then(|| Keys::new(stores.orders.clone(), settings.key_cache)),
            tokens: if settings.uses(AuthMethod::Jwt) { Tokens::new(settings)? } else { None },
            gateway: settings.uses(AuthMethod::Gateway),
            header: settings.header.clone().filter(|_| settings.uses(AuthMethod::Header)),
            claims,
        })
    }

    /// Whether callers are known at all. If not, everybody may submit, and nobody has a role.
    pub(crate) fn are_known(&self) -> bool {
        self.known
    }

    /// Who sends a request; `None` if it has no credentials.
    ///
    /// # Errors
    /// If it has some, and they are not valid or cannot be checked.
    pub(crate) async fn authenticate(&self, parts: &Parts) -> Result<Option<Caller>, Refused> {
        if !self.known {
            return Ok(None);
        }
        if self.gateway
            && let Some(caller) = gateway::caller(parts, &self.claims)?
        {
            return Ok(Some(caller));
        }
        if let Some(name) = &self.header
            && let Some(caller) = header::caller(&parts.headers, name)?
        {
            return Ok(Some(caller));
        }
        match bearer(&parts.headers) {
            // It may be an order's token, or what a proxy has checked already.
            Some(text) if !self.checks(text) => Ok(None),
            Some(text) => self.by_bearer(text).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether a bearer's text is meant for one of the ways that read it.
    fn checks(&self, text: &str) -> bool {
        (self.keys.is_some() && ApiKey::is_meant(text)) || (self.tokens.is_some() && Tokens::are_meant(text))
    }

    async fn by_bearer(&self, text: &str) -> Result<Caller, Refused> {
        match (&self.keys, &self.tokens) {
            (Some(keys), _) if ApiKey::is_meant(text) => keys.caller(text).await,
            (_, Some(tokens)) => tokens.caller(text, &self.claims).await,
            _ => Err(Refused::Invalid("there is no such way to authenticate here")),
        }
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750; the scheme's case does not matter).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(headers::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_in_any_spelling_of_its_scheme() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(headers::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        for good in ["Bearer v1.x", "bearer v1.x", "BEARER  v1.x "] {
            assert_eq!(of(good).as_deref(), Some("v1.x"), "{good}");
        }
        for none in ["Basic v1.x", "Bearer", "Bearer ", "v1.x", ""] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
