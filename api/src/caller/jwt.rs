//! Callers with a JSON Web Token of the issuer that the settings name (RFC 7519, RFC 8725).

use std::time::Duration;

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use offload_domain::caller::Caller;
use offload_service::{clock, settings::AuthSettings};
use serde_json::{Map, Value};

use super::{claims::ClaimNames, jwks::Jwks, refused::Refused, signature};

/// Checks tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    issuer: String,
    audience: String,
    leeway: Duration,
    jwks: Jwks,
}

impl Tokens {
    /// The checker of the settings; `None` if one is missing, which they refuse.
    ///
    /// # Errors
    /// If an HTTP client cannot be built.
    pub(super) fn new(settings: &AuthSettings) -> Result<Option<Self>, String> {
        let (Some(issuer), Some(audience), Some(url)) =
            (&settings.jwt_issuer, &settings.jwt_audience, &settings.jwt_jwks_url)
        else {
            return Ok(None);
        };
        Self::of(issuer, audience, settings.jwt_leeway, Jwks::new(url.clone())?).map(Some)
    }

    fn of(issuer: &str, audience: &str, leeway: Duration, jwks: Jwks) -> Result<Self, String> {
        signature::install();
        Ok(Self { issuer: issuer.to_owned(), audience: audience.to_owned(), leeway, jwks })
    }

    /// Whether a bearer's text has the form of a token: three parts.
    pub(super) fn are_meant(text: &str) -> bool {
        text.split('.').count() == 3
    }

    /// Who has this token.
    ///
    /// # Errors
    /// If it is not valid now and here, or the issuer's keys cannot be fetched.
    pub(super) async fn caller(&self, token: &str, names: &ClaimNames) -> Result<Caller, Refused> {
        let header = decode_header(token).map_err(|_| Refused::Invalid("the token cannot be read"))?;
        // Before any key is fetched: `none`, and the algorithms of secrets, have none.
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(Refused::Invalid("the token is not signed by RS256, ES256 or EdDSA"));
        }
        // We understand no extension, and one that is marked as critical must be understood.
        if header.crit.is_some() {
            return Err(Refused::Invalid("the token has critical extensions"));
        }
        let keys = self.jwks.keys(header.kid.as_deref()).await?;
        let mut refused = Refused::Invalid("the issuer has no such key");
        for key in keys.iter().filter(|key| may_sign(key, header.alg)) {
            match self.claims(token, key, header.alg) {
                Ok(claims) => {
                    self.check_time(&claims)?;
                    return names.caller(&claims);
                }
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    fn claims(&self, token: &str, key: &Jwk, algorithm: Algorithm) -> Result<Map<String, Value>, Refused> {
        let key = DecodingKey::from_jwk(key).map_err(|_| Refused::Invalid("the issuer's key cannot be used"))?;
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // The library asks the system for the time; ours is that of AWS.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        let decoded = decode::<Map<String, Value>>(token, &key, &validation).map_err(|e| match e.kind() {
            ErrorKind::InvalidIssuer => Refused::Invalid("the token is of another issuer"),
            ErrorKind::InvalidAudience => Refused::Invalid("the token is for another audience"),
            ErrorKind::MissingRequiredClaim(_) => Refused::Invalid("the token lacks one of exp, iss and aud"),
            ErrorKind::InvalidSignature => Refused::Invalid("the token's signature is wrong"),
            _ => Refused::Invalid("the token is not valid"),
        })?;
        Ok(decoded.claims)
    }

    /// Whether the token is good now. Times are in seconds and may have fractions.
    fn check_time(&self, claims: &Map<String, Value>) -> Result<(), Refused> {
        let now = clock::now().timestamp_micros() as f64 / 1e6;
        let leeway = self.leeway.as_secs_f64();
        let ends = claims.get("exp").and_then(Value::as_f64).ok_or(Refused::Invalid("the token's exp is no time"))?;
        if now >= ends + leeway {
            return Err(Refused::Invalid("the token has expired"));
        }
        match claims.get("nbf").map(Value::as_f64) {
            Some(None) => Err(Refused::Invalid("the token's nbf is no time")),
            Some(Some(begins)) if now < begins - leeway => Err(Refused::Invalid("the token is not valid yet")),
            _ => Ok(()),
        }
    }
}

/// Whether a key is for signatures of this algorithm.
fn may_sign(key: &Jwk, algorithm: Algorithm) -> bool {
    let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let (named, fits) = match (algorithm, &key.algorithm) {
        (Algorithm::RS256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::RS256, true),
        (Algorithm::ES256, AlgorithmParameters::EllipticCurve(ec)) => {
            (KeyAlgorithm::ES256, ec.curve == EllipticCurve::P256)
        }
        (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(pair)) => {
            (KeyAlgorithm::EdDSA, pair.curve == EllipticCurve::Ed25519)
        }
        _ => return false,
    };
    signs && fits && key.common.key_algorithm.is_none_or(|algorithm| algorithm == named)
}

#[cfg(test)]
mod tests;
