//! An `AppSync` Events API: each order has a channel. At most five events in a call, each one a
//! string of JSON: <https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html>

use offload_domain::{event::StatusEvent, json::to_json};
use offload_service::settings::Secret;
use offload_stores::RequestSigner;
use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::json;
use url::Url;

use super::super::{attempt::AttemptResult, client};

const JSON: &str = "application/json";
/// `AppSync` drops a larger event without an error.
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

    pub(super) async fn deliver(&self, event: &StatusEvent) -> AttemptResult {
        let channel = format!("/orders/{}", event.subject);
        let event = to_json(event);
        if event.len() > EVENT_MAX_BYTES {
            let bytes = event.len();
            return AttemptResult::refused(format!("the event has {bytes} bytes; AppSync drops more than 240 KB"));
        }
        let body = json!({"channel": channel, "events": [event]}).to_string();
        match &self.key {
            Some(key) => {
                let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, JSON);
                client::attempt_result(request.header("x-api-key", key.expose()).body(body).send().await)
            }
            None => {
                let headers = [("content-type", JSON)];
                client::post_signed(&self.http, &self.signer, "appsync", self.url.as_str(), &headers, body).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use offload_domain::status::Status;
    use offload_service::settings::catalogue as c;
    use serde_json::Value;

    use super::{super::super::testing, *};

    /// In the shape of the documentation: `{"channel": "/default/channel", "events":
    /// ["{\"event_1\":\"data_1\"}"]}`, each event a string, with `x-api-key` or a signature for the
    /// service `appsync`.
    #[tokio::test]
    async fn appsync_gets_events_as_strings_on_the_channel_of_the_order() {
        let sent = testing::event(Status::Completed);
        for key in [Some("da2-key"), None] {
            let (url, received) = testing::receiver().await;
            let http = client::build(client::builder()).unwrap();
            let settings = testing::settings(key.map(|key| (c::APPSYNC_API_KEY, key)));
            let channel = Appsync::new(http, testing::signer().await, url, settings.appsync_api_key);
            assert_eq!(channel.deliver(&sent).await, AttemptResult::Delivered { status: 200 });
            let (headers, body) = received.lock().take().unwrap();
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["channel"], format!("/orders/{}", sent.subject));
            let events = body["events"].as_array().unwrap();
            let event: Value = serde_json::from_str(events[0].as_str().unwrap()).unwrap();
            assert_eq!((events.len(), event), (1, serde_json::to_value(&sent).unwrap()));
            assert_eq!(headers["content-type"], "application/json");
            match key {
                Some(key) => assert_eq!(headers["x-api-key"], key),
                None => assert!(headers["authorization"].to_str().unwrap().contains("/eu-west-1/appsync/aws4_request")),
            }
        }
    }
}
