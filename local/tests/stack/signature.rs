//! Requests signed by hand, where no SDK of this workspace sends them: to STS, and with wrong
//! signatures.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{RequestBuilder, Response};
use sha2::{Digest, Sha256};

use crate::clients::{Clients, now};

/// The key that signs.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl Key {
    pub(crate) fn root() -> Self {
        Self { id: "local".to_owned(), secret: "local-secret".to_owned(), token: None }
    }
}

/// A POST to `url` for `service`, signed at `at`.
pub(crate) fn signed(
    http: &reqwest::Client,
    url: &str,
    service: &str,
    key: &Key,
    at: DateTime<Utc>,
    body: &str,
) -> RequestBuilder {
    let host = url.strip_prefix("http://").unwrap();
    let (stamp, date) = (at.format("%Y%m%dT%H%M%SZ").to_string(), at.format("%Y%m%d").to_string());
    let token = key.token.as_ref().map(|token| format!("x-amz-security-token:{token}\n")).unwrap_or_default();
    let names = if key.token.is_some() { "host;x-amz-date;x-amz-security-token" } else { "host;x-amz-date" };
    let canonical = format!(
        "POST\n/\n\nhost:{host}\nx-amz-date:{stamp}\n{token}\n{names}\n{}",
        hex(&Sha256::digest(body.as_bytes()))
    );
    let scope = format!("{date}/us-east-1/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let signing_key = ["us-east-1", service, "aws4_request"]
        .iter()
        .fold(mac(format!("AWS4{}", key.secret).as_bytes(), &date), |key, part| mac(&key, part));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        key.id,
        hex(&mac(&signing_key, &to_sign))
    );
    let request = http.post(url).header("authorization", authorization).header("x-amz-date", stamp);
    let request = match &key.token {
        Some(token) => request.header("x-amz-security-token", token),
        None => request,
    };
    request.body(body.to_owned())
}

fn mac(key: &[u8], part: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(part.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The two JSON services, by URL, scope, target and error codes.
fn json_services(clients: &Clients) -> [(String, &'static str, &'static str); 2] {
    let endpoints = clients.stack.endpoints();
    [
        (endpoints.sqs.clone(), "sqs", "AmazonSQS.ListQueues"),
        (endpoints.dynamodb.clone(), "dynamodb", "DynamoDB_20120810.ListTables"),
    ]
}

async fn refusal(response: Response) -> String {
    assert!(response.status().is_client_error(), "{response:?}");
    let body: serde_json::Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["__type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned()
}

#[tokio::test]
async fn sqs_and_dynamodb_accept_only_a_valid_signature() {
    let clients = Clients::start().await;
    let at = DateTime::<Utc>::from(now());
    for (url, service, target) in json_services(&clients) {
        let send = |key: Key, at: DateTime<Utc>, scope: &'static str| {
            let request = signed(&clients.http, &url, scope, &key, at, "{}");
            request.header("x-amz-target", target).header("content-type", "application/x-amz-json-1.0").send()
        };
        assert_eq!(send(Key::root(), at, service).await.unwrap().status(), 200, "{service}");

        let wrong_secret = Key { secret: "guessed".to_owned(), ..Key::root() };
        assert_eq!(refusal(send(wrong_secret, at, service).await.unwrap()).await, "InvalidSignatureException");
        let unknown = Key { id: "AKIASTRANGER".to_owned(), ..Key::root() };
        assert_eq!(refusal(send(unknown, at, service).await.unwrap()).await, "UnrecognizedClientException");
        let stray_token = Key { token: Some("token".to_owned()), ..Key::root() };
        assert_eq!(refusal(send(stray_token, at, service).await.unwrap()).await, "UnrecognizedClientException");
        assert_eq!(refusal(send(Key::root(), at, "s3").await.unwrap()).await, "InvalidSignatureException");
        for off in [-16, 16] {
            let skewed = at + chrono::TimeDelta::minutes(off);
            assert_eq!(refusal(send(Key::root(), skewed, service).await.unwrap()).await, "InvalidSignatureException");
        }

        let unsigned = clients.http.post(&url).header("x-amz-target", target).body("{}").send().await.unwrap();
        assert_eq!(refusal(unsigned).await, "MissingAuthenticationTokenException");
        let changed = signed(&clients.http, &url, service, &Key::root(), at, "{}").header("x-amz-target", target);
        assert_eq!(refusal(changed.body("{ }").send().await.unwrap()).await, "InvalidSignatureException");
    }
}
