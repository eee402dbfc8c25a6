//! Who sends a request: every way by which the settings let callers be known.

mod bearer;
mod claims;
pub(crate) mod console;
mod gateway;
mod header;
pub(crate) mod identity;
mod jwks;
mod jwt;
mod key;
mod key_cache;
pub(crate) mod refused;
mod signature;

use axum::http::request::Parts;
use offload_domain::{api_key::ApiKey, caller::Caller};
use offload_service::settings::{AuthMethod, AuthSettings, ConsoleSettings};
use offload_stores::Stores;

pub(crate) use self::bearer::bearer;
use self::{
    claims::ClaimNames,
    console::{Console, Known},
    jwt::Tokens,
    key::Keys,
    refused::Refused,
};

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
    /// Where the console is on.
    console: Option<Console>,
}

/// What is known of who sends a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authenticated {
    /// Who it is; `None` without credentials.
    pub(crate) caller: Option<Caller>,
    /// How, if it is by the console.
    pub(crate) console: Option<Known>,
}

impl Authenticated {
    fn caller(caller: Option<Caller>) -> Self {
        Self { caller, console: None }
    }

    fn operator(known: Known) -> Self {
        Self { caller: Some(Console::operator()), console: Some(known) }
    }
}

impl Callers {
    /// # Errors
    /// If a client for the issuer's keys cannot be built.
    pub(crate) fn new(settings: &AuthSettings, console: &ConsoleSettings, stores: &Stores) -> Result<Self, String> {
        let claims = ClaimNames { tenant: settings.tenant_claim.clone(), roles: settings.roles_claim.clone() };
        Ok(Self {
            known: !settings.methods.is_empty(),
            keys: settings.uses(AuthMethod::Keys).then(|| Keys::new(stores.orders.clone(), settings.key_cache)),
            tokens: if settings.uses(AuthMethod::Jwt) { Tokens::new(settings)? } else { None },
            gateway: settings.uses(AuthMethod::Gateway),
            header: settings.header.clone().filter(|_| settings.uses(AuthMethod::Header)),
            claims,
            console: Console::new(console),
        })
    }

    /// How operators are known, where the console is on.
    pub(crate) fn console(&self) -> Option<&Console> {
        self.console.as_ref()
    }

    /// Whether anybody can have a role: without callers and without a console nobody has.
    pub(crate) fn have_roles(&self) -> bool {
        self.known || self.console.is_some()
    }

    /// Whether callers are known at all. If not, everybody may submit, and nobody has a role.
    pub(crate) fn are_known(&self) -> bool {
        self.known
    }

    /// Who sends a request; `None` if it has no credentials.
    ///
    /// # Errors
    /// If it has some, and they are not valid or cannot be checked.
    pub(crate) async fn authenticate(&self, parts: &Parts) -> Result<Authenticated, Refused> {
        let Some(console) = &self.console else { return Ok(Authenticated::caller(self.known_caller(parts).await?)) };
        if console.by_key(&parts.headers) {
            return Ok(Authenticated::operator(Known::Key));
        }
        // Credentials that a program chose go before those that a browser sends by itself.
        if let Some(caller) = self.known_caller(parts).await? {
            return Ok(Authenticated::caller(Some(caller)));
        }
        Ok(console.by_browser(parts)?.map_or_else(Authenticated::default, Authenticated::operator))
    }

    /// Who sends a request, by the ways of the settings.
    async fn known_caller(&self, parts: &Parts) -> Result<Option<Caller>, Refused> {
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
