//! Sends to the queue what the service never would.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use offload_shared::clock;
use offload_tests::System;
use serde_json::json;

/// A sender to the queue of orders of a system.
pub(crate) struct Sender {
    http: reqwest::Client,
    endpoint: String,
    queue_url: String,
    region: String,
    credentials: Credentials,
}

impl Sender {
    pub(crate) fn to(system: &System) -> Self {
        let of = |name: &str| {
            let found = system.variables().into_iter().find(|(variable, _)| variable == name);
            found.map(|(_, value)| value).unwrap_or_default()
        };
        let (id, secret) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
        Self {
            http: system.http.clone(),
            endpoint: of("AWS_ENDPOINT_URL_SQS"),
            queue_url: system.store_settings().queue_url,
            region: of("AWS_REGION"),
            credentials: Credentials::new(id, secret, None, None, "bench"),
        }
    }

    /// Sends a body as it is.
    pub(crate) async fn send(&self, body: &str) -> anyhow::Result<()> {
        let body = json!({"QueueUrl": self.queue_url, "MessageBody": body}).to_string();
        let (kind, target) = ("application/x-amz-json-1.0", "AmazonSQS.SendMessage");
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sqs")
            .time(SystemTime::from(clock::now()))
            .settings(SigningSettings::default())
            .build()?;
        let headers = [("content-type", kind), ("x-amz-target", target)];
        let signable = SignableBody::Bytes(body.as_bytes());
        let signable = SignableRequest::new("POST", &self.endpoint, headers.into_iter(), signable)?;
        let (instructions, _) = sign(signable, &params.into())?.into_parts();
        let mut request =
            http::Request::post(&self.endpoint).header("content-type", kind).header("x-amz-target", target);
        for (name, value) in instructions.headers() {
            request = request.header(name, value);
        }
        let request = reqwest::Request::try_from(request.body(body)?)?;
        let answer = self.http.execute(request).await?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "the queue says {status}: {}", answer.text().await?);
        Ok(())
    }
}
