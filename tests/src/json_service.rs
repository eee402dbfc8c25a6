//! An AWS service that speaks JSON, called without its SDK.

use anyhow::Context as _;
use aws_credential_types::Credentials;
use serde_json::Value;

use crate::{System, signer::Signer};

/// A service of a system, called with every permission.
pub(crate) struct JsonService {
    pub(crate) region: String,
    http: reqwest::Client,
    endpoint: String,
    credentials: Credentials,
    /// As signatures name it.
    name: &'static str,
    /// What comes before an operation in `x-amz-target`.
    target: &'static str,
}

impl JsonService {
    /// SQS.
    pub(crate) fn sqs(system: &System) -> Self {
        Self::of(system, "AWS_ENDPOINT_URL_SQS", "sqs", "AmazonSQS")
    }

    /// DynamoDB.
    pub(crate) fn dynamodb(system: &System) -> Self {
        Self::of(system, "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb", "DynamoDB_20120810")
    }

    fn of(system: &System, endpoint: &str, name: &'static str, target: &'static str) -> Self {
        let of = |name: &str| {
            let found = system.variables().into_iter().find(|(variable, _)| variable == name);
            found.map(|(_, value)| value).unwrap_or_default()
        };
        let (id, secret) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
        Self {
            region: of("AWS_REGION"),
            http: system.http.clone(),
            endpoint: of(endpoint),
            credentials: Credentials::new(id, secret, None, None, "tests"),
            name,
            target,
        }
    }

    /// Calls an operation; null for a response without a body.
    pub(crate) async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string();
        let target = format!("{}.{operation}", self.target);
        let signer = Signer { credentials: &self.credentials, region: &self.region, service: self.name };
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target.as_str())];
        let mut request = self.http.post(&self.endpoint);
        for (name, value) in signer.sign("POST", &self.endpoint, &headers, body.as_bytes())? {
            request = request.header(name, value);
        }
        let response = request.body(body).send().await?;
        let status = response.status();
        let text = response.text().await?;
        anyhow::ensure!(status.is_success(), "{operation}: {status}: {text}");
        serde_json::from_str(if text.is_empty() { "null" } else { &text })
            .with_context(|| format!("{operation}: {text}"))
    }
}
