//! A Mercure hub: each order is a topic. <https://mercure.rocks/spec#publication>

use offload_domain::{event::StatusEvent, json::to_json};
use offload_service::settings::Secret;
use reqwest::{Client, header::CONTENT_TYPE};
use url::{Url, form_urlencoded::Serializer};

use super::super::{attempt::AttemptResult, client};

const FORM: &str = "application/x-www-form-urlencoded";

pub(super) struct Mercure {
    http: Client,
    hub: Url,
    jwt: Option<Secret>,
}

impl Mercure {
    pub(super) fn new(http: Client, hub: Url, jwt: Option<Secret>) -> Self {
        Self { http, hub, jwt }
    }

    pub(super) async fn deliver(&self, event: &StatusEvent) -> AttemptResult {
        let mut request = self.http.post(self.hub.clone());
        if let Some(jwt) = &self.jwt {
            request = request.bearer_auth(jwt.expose());
        }
        client::attempt_result(request.header(CONTENT_TYPE, FORM).body(form(event)).send().await)
    }
}

/// The request's body.
fn form(event: &StatusEvent) -> String {
    let mut form = Serializer::new(String::new());
    // Private: only clients that may read this very topic get it.
    form.append_pair("topic", &event.data.renew).append_pair("private", "on");
    form.append_pair("id", &format!("urn:uuid:{}", event.id.replace('/', ":"))).append_pair("type", "status");
    form.append_pair("data", &to_json(event));
    form.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use offload_domain::status::Status;
    use offload_service::settings::catalogue as c;
    use serde_json::Value;

    use super::{super::super::testing, *};

    /// In the shape of the specification: a form with `topic`, `data`, `private`, `id` and `type`,
    /// and a bearer token.
    #[tokio::test]
    async fn a_mercure_hub_gets_a_private_update_of_the_orders_topic() {
        let (url, received) = testing::receiver().await;
        let event = testing::event(Status::Completed);
        let settings = testing::settings([(c::MERCURE_JWT, "a.b.c")]);
        let hub = Mercure::new(client::build(client::builder()).unwrap(), url, settings.mercure_jwt);
        assert_eq!(hub.deliver(&event).await, AttemptResult::Delivered { status: 200 });
        let (headers, body) = received.lock().take().unwrap();
        let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let members = ["topic", "private", "type"].map(|name| form[name].as_str());
        assert_eq!(members, ["https://api.example/order/x", "on", "status"]);
        assert_eq!(serde_json::from_str::<Value>(&form["data"]).unwrap(), serde_json::to_value(&event).unwrap());
        assert_eq!(headers["authorization"], "Bearer a.b.c");
        assert_eq!(headers["content-type"], FORM);
    }
}
