//! An `AppSync` Events API: each order has a channel. At most five events in a call, each one a string of JSON:
//! <https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html>

use async_trait::async_trait;
use offload_domain::notification::Notification;
use offload_service::settings::Secret;
use offload_stores::RequestSigner;
use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::json;
use url::Url;

use super::{Channel, Failure, Outcome, client};

const JSON: &str = "application/json";
/// What is larger vanishes without an error.
const EVENT_MAX_BYTES: usize = 240_000;

pub(super) struct Appsync {
    http: Client,
    signer: RequestSigner,
    url: Url,
    key: Option<Secret>,
}

impl Appsync {
    pub(super) fn new(http: Client, signer: RequestSigner, url: Url, key: Option<Secret>) -> Self {
        Self { http, signer, url, key }
    }
}

#[async_trait]
impl Channel for Appsync {
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let event = serde_json::to_string(&notification.event).unwrap_or_default();
        if event.len() > EVENT_MAX_BYTES {
            let error = format!("the event has {} bytes, and AppSync drops what has more than 240 KB", event.len());
            return Outcome::Refused(Failure { status: None, error, retry_after: None });
        }
        let body = json!({"channel": format!("/orders/{}", notification.event.subject), "events": [event]}).to_string();
        match &self.key {
            Some(key) => {
                let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, JSON);
                client::outcome(request.header("x-api-key", key.expose()).body(body).send().await)
            }
            None => {
                client::post_signed(
                    &self.http,
                    &self.signer,
                    "appsync",
                    self.url.as_str(),
                    &[("content-type", JSON)],
                    body,
                )
                .await
            }
        }
    }
}
