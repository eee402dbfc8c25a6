//! Who may call the api, and how it knows them.

use std::time::Duration;

use url::{Host, Url};

use crate::settings::{
    declare::settings,
    parser::{http_url, seconds, text},
    source::Source,
};

/// How the api knows its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// By API keys.
    Keys,
    /// By JSON Web Tokens that the api checks.
    Jwt,
    /// By the claims that API Gateway's authorizer has checked.
    Gateway,
    /// By a header that a trusted proxy sets.
    Header,
}

const METHODS: [(&str, AuthMethod); 4] = [
    ("keys", AuthMethod::Keys),
    ("jwt", AuthMethod::Jwt),
    ("gateway", AuthMethod::Gateway),
    ("header", AuthMethod::Header),
];

settings! {
    /// Who may call the api, and how it knows them.
    #[derive(Debug, Clone)]
    pub struct AuthSettings in "Callers", check check_auth {
        /// How callers are known: none (everybody may submit), or some of keys, jwt, gateway and
        /// header, separated by commas.
        pub methods: Vec<AuthMethod> = required(AUTH, methods),

        /// How long an API key is believed, or refused, without being read again, 0 to 300: as long
        /// as a revoked one may still work.
        pub key_cache: Duration = default(AUTH_CACHE_SECONDS, "30", seconds(0.0..=300.0)),

        /// With header: the name of the header in which a proxy states the caller, such as
        /// tenant=shop; name=jane; roles=submit view. Who reaches the api past that proxy can
        /// be anybody.
        pub header: Option<String> = optional(AUTH_HEADER, header_name),

        /// With jwt: the issuer that tokens must name (iss).
        pub jwt_issuer: Option<String> = optional(JWT_ISSUER, text),

        /// With jwt: the audience that tokens must name (aud).
        pub jwt_audience: Option<String> = optional(JWT_AUDIENCE, text),

        /// With jwt: the URL of the issuer's keys (JWKS), by https.
        pub jwt_jwks_url: Option<Url> = optional(JWT_JWKS_URL, jwks_url),

        /// With jwt: by how much the issuer's clock may be wrong, 0 to 600.
        pub jwt_leeway: Duration = default(JWT_LEEWAY_SECONDS, "30", seconds(0.0..=600.0)),

        /// With jwt or gateway: the claim that names the caller's tenant. If it is not set: all
        /// callers are of one tenant.
        pub tenant_claim: Option<String> = optional(JWT_TENANT_CLAIM, text),

        /// With jwt or gateway: the claim that lists the caller's roles, as words or in one text.
        pub roles_claim: String = default(JWT_ROLES_CLAIM, "roles", text),
    }
}

impl AuthSettings {
    /// Whether callers are known by this method.
    #[must_use]
    pub fn uses(&self, method: AuthMethod) -> bool {
        self.methods.contains(&method)
    }
}

fn methods(text: &str) -> Result<Vec<AuthMethod>, String> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let method = |word: &str| METHODS.iter().find(|(name, _)| *name == word.trim()).map(|(_, method)| *method);
    let found = text.split(',').map(method).collect::<Option<Vec<_>>>();
    found.ok_or_else(|| "is neither none nor a list of keys, jwt, gateway and header".to_owned())
}

/// A name as HTTP allows it, except those that clients must send themselves.
fn header_name(text: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let name = text.to_ascii_lowercase();
    let taken = ["authorization", "offload-token", "cookie", "host", "content-type"].contains(&name.as_str());
    if !name.is_empty() && name.bytes().all(allowed) && !taken {
        return Ok(name);
    }
    Err("is not the name of a header that a proxy can set".to_owned())
}

/// Who can change the keys on their way can be anybody.
fn jwks_url(text: &str) -> Result<Url, String> {
    let url = http_url(text)?;
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "https" || loopback { Ok(url) } else { Err("is not an https URL".to_owned()) }
}

fn check_auth(auth: &AuthSettings, source: &mut Source) {
    if auth.uses(AuthMethod::Jwt) {
        for (set, setting) in [
            (auth.jwt_issuer.is_some(), JWT_ISSUER),
            (auth.jwt_audience.is_some(), JWT_AUDIENCE),
            (auth.jwt_jwks_url.is_some(), JWT_JWKS_URL),
        ] {
            if !set {
                source.missing(setting);
            }
        }
    }
    if auth.uses(AuthMethod::Header) && auth.header.is_none() {
        source.missing(AUTH_HEADER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Setting, SettingsError, from_values};

    fn read(values: &[(Setting, &str)]) -> Result<AuthSettings, SettingsError> {
        from_values(values.iter().copied())
    }

    #[test]
    fn there_is_no_default_and_the_error_names_the_choices() {
        let error = read(&[]).unwrap_err().to_string();
        for word in ["OFFLOAD_AUTH", "none", "keys", "jwt", "gateway", "header"] {
            assert!(error.contains(word), "{word} is not in {error}");
        }
        for bad in ["none,keys", "key", "keys,", ","] {
            assert!(read(&[(AUTH, bad)]).is_err(), "{bad}");
        }
        assert!(read(&[(AUTH, "none")]).unwrap().methods.is_empty());
        assert_eq!(read(&[(AUTH, "keys, gateway")]).unwrap().methods, [AuthMethod::Keys, AuthMethod::Gateway]);
    }

    #[test]
    fn a_method_needs_its_settings() {
        let error = read(&[(AUTH, "jwt")]).unwrap_err().to_string();
        for name in ["OFFLOAD_JWT_ISSUER", "OFFLOAD_JWT_AUDIENCE", "OFFLOAD_JWT_JWKS_URL"] {
            assert!(error.contains(name), "{name} is not in {error}");
        }
        assert!(read(&[(AUTH, "header")]).unwrap_err().to_string().contains("OFFLOAD_AUTH_HEADER"));
        for (name, fits) in [("X-Caller", true), ("Authorization", false), ("a b", false)] {
            assert_eq!(read(&[(AUTH, "header"), (AUTH_HEADER, name)]).is_ok(), fits, "{name}");
        }
        for (url, fits) in [
            ("https://issuer.example/jwks", true),
            ("http://issuer.example/jwks", false),
            ("http://127.0.0.1:9/jwks", true),
            ("http://localhost/jwks", true),
        ] {
            let jwt = [(AUTH, "jwt"), (JWT_ISSUER, "i"), (JWT_AUDIENCE, "a"), (JWT_JWKS_URL, url)];
            assert_eq!(read(&jwt).is_ok(), fits, "{url}");
        }
    }
}
