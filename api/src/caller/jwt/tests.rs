//! Every way in which a token can be wrong, against a server of keys on a loopback socket.

use std::sync::Arc;

use axum::{Router, http::StatusCode, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::json;
use url::Url;

use super::*;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "orders";
const LEEWAY: i64 = 30;

/// A key that never leaves the test that made it.
enum TestKey {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl TestKey {
    fn es256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap())
    }

    fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Es256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y), "use": "sig"})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(key.public_key().as_ref())})
            }
        }
    }

    /// A token with this header beside the algorithm, and these claims.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = match self {
            Self::Es256(key) => key.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(signature))
    }

    fn token(&self, kid: &str, claims: &Value) -> String {
        self.sign(&json!({"alg": self.algorithm(), "kid": kid}), claims)
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A server of keys: its answer, and how often it was asked.
#[derive(Clone, Default)]
struct Issuer(Arc<Mutex<(Option<Value>, usize)>>);

impl Issuer {
    async fn start(keys: Value) -> (Self, Url) {
        let issuer = Self::default();
        issuer.publish(&keys);
        let own = issuer.clone();
        let answer = async move || {
            let mut state = own.0.lock();
            state.1 += 1;
            state.0.as_ref().map(ToString::to_string).ok_or(StatusCode::SERVICE_UNAVAILABLE)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/keys", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(axum::serve(listener, Router::new().route("/keys", get(answer))).into_future());
        (issuer, url)
    }

    fn publish(&self, keys: &Value) {
        self.0.lock().0 = Some(json!({"keys": keys}));
    }

    fn go_down(&self) {
        self.0.lock().0 = None;
    }

    fn asked(&self) -> usize {
        self.0.lock().1
    }
}

fn tokens(url: Url, pause: Duration, max_age: Duration) -> Tokens {
    let jwks = Jwks::new(url).unwrap().with_times(pause, max_age);
    Tokens::of(ISSUER, AUDIENCE, Duration::from_secs(LEEWAY.unsigned_abs()), jwks).unwrap()
}

fn names() -> ClaimNames {
    ClaimNames { tenant: Some("tenant".to_owned()), roles: "roles".to_owned() }
}

fn now() -> i64 {
    clock::now().timestamp()
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "exp": now() + 60, "sub": "jane", "tenant": "shop", "roles": ["submit"]})
}

fn with(member: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[member] = value;
    claims
}

/// What became of a token: `ok`, or why not.
async fn outcome(tokens: &Tokens, token: &str) -> String {
    match tokens.caller(token, &names()).await {
        Ok(caller) => {
            assert_eq!((caller.tenant.as_str(), caller.roles.to_string().as_str()), ("shop", "submit"));
            "ok".to_owned()
        }
        Err(Refused::Invalid(why)) => why.to_owned(),
        Err(Refused::Unavailable(_)) => "unavailable".to_owned(),
        Err(refused) => panic!("{refused:?}"),
    }
}

const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_token_must_be_of_this_issuer_for_this_audience_and_this_time() {
    for key in [TestKey::es256(), TestKey::ed25519()] {
        let (_issuer, url) = Issuer::start(json!([key.jwk("k")])).await;
        let tokens = tokens(url, LONG, LONG);
        let without = |member: &str| {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(member);
            claims
        };
        for (claims, expected) in [
            (claims(), "ok"),
            (with("aud", json!(["other", AUDIENCE])), "ok"),
            (with("iss", json!("https://other.example")), "the token is of another issuer"),
            (with("aud", json!("other")), "the token is for another audience"),
            (with("aud", json!([])), "the token is for another audience"),
            (without("iss"), "the token lacks one of exp, iss and aud"),
            (without("aud"), "the token lacks one of exp, iss and aud"),
            (without("exp"), "the token lacks one of exp, iss and aud"),
            (with("exp", json!(now() - LEEWAY + 5)), "ok"),
            (with("exp", json!(now() - LEEWAY - 1)), "the token has expired"),
            (with("exp", json!("tomorrow")), "the token lacks one of exp, iss and aud"),
            (with("nbf", json!(now() + LEEWAY - 5)), "ok"),
            (with("nbf", json!(now() + LEEWAY + 5)), "the token is not valid yet"),
            (with("nbf", json!("tomorrow")), "the token's nbf is no time"),
            (with("tenant", json!("a b")), "its claims name no valid tenant"),
            (without("tenant"), "its claims name no valid tenant"),
        ] {
            assert_eq!(outcome(&tokens, &key.token("k", &claims)).await, expected, "{claims}");
        }
    }
}

#[tokio::test]
async fn only_the_issuers_keys_and_three_algorithms_are_believed() {
    let (key, other) = (TestKey::es256(), TestKey::es256());
    let mut encrypts = key.jwk("encrypts");
    encrypts["use"] = json!("enc");
    let (_issuer, url) = Issuer::start(json!([key.jwk("k"), encrypts, TestKey::ed25519().jwk("ed")])).await;
    let tokens = tokens(url, LONG, LONG);
    let unsigned = |alg: &str| {
        let header = json!({"alg": alg, "kid": "k"}).to_string();
        format!("{}.{}.", encode(header), encode(claims().to_string()))
    };
    // Signed by the public key as a secret would be, if the header were believed.
    let secret = key.sign(&json!({"alg": "HS256", "kid": "k"}), &claims());
    let crit = key.sign(&json!({"alg": "ES256", "kid": "k", "crit": ["b64"], "b64": false}), &claims());
    let good = key.token("k", &claims());
    let (head, _) = good.rsplit_once('.').unwrap();
    let mut changed = good.clone().into_bytes();
    let middle = good.find('.').unwrap() + 20;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    for (token, expected) in [
        (good.clone(), "ok"),
        (unsigned("none"), "the token cannot be read"),
        (unsigned("ES256"), "the token's signature is wrong"),
        (format!("{head}.{}", encode([0; 64])), "the token's signature is wrong"),
        (String::from_utf8(changed).unwrap(), "the token's signature is wrong"),
        (secret, "the token is not signed by RS256, ES256 or EdDSA"),
        (key.sign(&json!({"alg": "ES384", "kid": "k"}), &claims()), "the token is not signed by RS256, ES256 or EdDSA"),
        (crit, "the token has critical extensions"),
        (other.token("k", &claims()), "the token's signature is wrong"),
        (key.token("unknown", &claims()), "the issuer has no such key"),
        (key.token("encrypts", &claims()), "the issuer has no such key"),
        (key.token("ed", &claims()), "the issuer has no such key"),
        (key.sign(&json!({"alg": "ES256"}), &claims()), "ok"),
        ("a.b.c".to_owned(), "the token cannot be read"),
    ] {
        assert_eq!(outcome(&tokens, &token).await, expected, "{token}");
    }
}

#[tokio::test]
async fn a_token_signed_with_rsa_is_believed() {
    let key = json!({"kty": "RSA", "kid": "rsa", "alg": "RS256", "use": "sig", "e": "AQAB", "n": RSA_MODULUS});
    let (issuer, url) = Issuer::start(json!([key])).await;
    let tokens = tokens(url, Duration::ZERO, Duration::ZERO);
    assert_eq!(outcome(&tokens, RSA_TOKEN).await, "ok");
    let (head, _) = RSA_TOKEN.rsplit_once('.').unwrap();
    assert_eq!(outcome(&tokens, &format!("{head}.{}", encode([1; 256]))).await, "the token's signature is wrong");
    let mut other = key;
    other["alg"] = json!("PS256");
    issuer.publish(&json!([other]));
    assert_eq!(outcome(&tokens, RSA_TOKEN).await, "the issuer has no such key", "a key is for one algorithm");
}

#[tokio::test]
async fn a_key_that_is_rotated_in_is_found_and_one_that_is_withdrawn_is_not() {
    let (old, new) = (TestKey::es256(), TestKey::ed25519());
    let (issuer, url) = Issuer::start(json!([old.jwk("old")])).await;
    let tokens = tokens(url, Duration::ZERO, Duration::ZERO);
    let (old_token, new_token) = (old.token("old", &claims()), new.token("new", &claims()));
    assert_eq!(outcome(&tokens, &old_token).await, "ok");
    assert_eq!(outcome(&tokens, &new_token).await, "the issuer has no such key");
    issuer.publish(&json!([old.jwk("old"), new.jwk("new")]));
    assert_eq!(outcome(&tokens, &new_token).await, "ok");
    assert_eq!(outcome(&tokens, &old_token).await, "ok");
    issuer.publish(&json!([new.jwk("new")]));
    assert_eq!(outcome(&tokens, &old_token).await, "the issuer has no such key");
}

#[tokio::test]
async fn made_up_key_ids_do_not_become_requests_to_the_issuer() {
    let key = TestKey::es256();
    let (issuer, url) = Issuer::start(json!([key.jwk("k")])).await;
    let tokens = tokens(url, LONG, LONG);
    for n in 0..100 {
        let token = key.token(&format!("made-up-{n}"), &claims());
        assert_eq!(outcome(&tokens, &token).await, "the issuer has no such key");
    }
    assert_eq!(outcome(&tokens, &key.token("k", &claims())).await, "ok");
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn known_keys_are_good_while_the_issuer_is_down() {
    let (key, other) = (TestKey::es256(), TestKey::es256());
    let (issuer, url) = Issuer::start(json!([key.jwk("k")])).await;
    issuer.go_down();
    let tokens = tokens(url, Duration::ZERO, Duration::ZERO);
    let (good, later) = (key.token("k", &claims()), other.token("later", &claims()));
    assert_eq!(outcome(&tokens, &good).await, "unavailable", "nothing is known yet");
    issuer.publish(&json!([key.jwk("k")]));
    assert_eq!(outcome(&tokens, &good).await, "ok");
    issuer.go_down();
    assert_eq!(outcome(&tokens, &good).await, "ok");
    assert_eq!(outcome(&tokens, &later).await, "unavailable", "it may be a new key");
    issuer.publish(&json!([json!({"n": "x".repeat(300 * 1024)})]));
    assert_eq!(outcome(&tokens, &good).await, "ok", "a set that is too large is none");
    assert_eq!(outcome(&tokens, &later).await, "unavailable");
}

/// A token of the year 2099 by a key that was thrown away, and that key's public half.
const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoib3JkZXJzIiw\
     ic3ViIjoicnNhLWNhbGxlciIsImV4cCI6NDEwMjQ0NDgwMCwidGVuYW50Ijoic2hvcCIsInJvbGVzIjpbInN1Ym1pdCJdfQ.DgO2\
     QA9MdyrcozeMv8NJ9tpnJrpPZUzIuxoCF3Uh0VA3nsdgQmDFOyzurYy3KcdHxoSYnWiINvrRYNwPyZQ66OBzQ16DdLgLO3wx9jRh\
     5Hz83lpibOl8UIOgtfuGOqcnwwRfSo-92LsQ9dqz3KIB6hQCssS02FHuhU-zNh-G7xegKF6SS_zuykjekgU3Mb1FiCR0D798-70g\
     AB-qytgMXdH75ljjMW21vQIG4gCSJbTe_8l5NSS4e6DCWpqnSi6ndQzGwL121LGXrVDcVe2CgXM6l6x6kMR7wT2T4Wgef2XW99h9\
     G9bS5HfPZ2bT1xOujnJBSacNw8dr3Xxt0RQUdA";
const RSA_MODULUS: &str = "y6IsGleBpabsvMkoD6XbKK2hH5_ZUievda09D8650nDQYgWpaztfRfHv0zzQd1rCcuEsY-GJNrdtyFsSNBUz5-o0ECO0WPDroR2R\
     Hn-H9UeDRQcbjgx8OaReZS8VkQx6QpkvL7FcS9rn7JyHu1gpRGwa6a4cmL1QjcPioIpt7h9PDwWl2QPrl6JbXolIUKYaWmNtR_Cc\
     O-FDeSsokn8GW_Fbcus7hV7OTPvHMBgfLR9G_OECgwr4UpkcsM9NSDb7YTtuU4xgmjV96lPDakigNI5dMTtkl8H74NrVNXq8LU1u\
     LeCZ0s2ispAXz1ZZ7KmsS2mvGNbZ2B3F49a7rMEP6Q";
