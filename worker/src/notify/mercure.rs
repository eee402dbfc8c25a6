//! A Mercure hub: each order is a topic. <https://mercure.rocks/spec#publication>

use async_trait::async_trait;
use offload_domain::notification::Notification;
use offload_service::settings::Secret;
use reqwest::{Client, header::CONTENT_TYPE};
use url::{Url, form_urlencoded::Serializer};

use super::{Channel, Outcome, client};

pub(super) struct Mercure {
    http: Client,
    hub: Url,
    jwt: Option<Secret>,
}

impl Mercure {
    pub(super) fn new(http: Client, hub: Url, jwt: Option<Secret>) -> Self {
        Self { http, hub, jwt }
    }
}

/// The request's body.
fn form(notification: &Notification) -> String {
    let event = &notification.event;
    let mut form = Serializer::new(String::new());
    // Private: only who may read this very topic gets it.
    form.append_pair("topic", &event.data.renew).append_pair("private", "on");
    form.append_pair("id", &format!("urn:uuid:{}", event.id.replace('/', ":"))).append_pair("type", "status");
    form.append_pair("data", &serde_json::to_string(event).unwrap_or_default());
    form.finish()
}

#[async_trait]
impl Channel for Mercure {
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let mut request = self.http.post(self.hub.clone());
        if let Some(jwt) = &self.jwt {
            request = request.bearer_auth(jwt.expose());
        }
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(notification));
        client::outcome(request.send().await)
    }
}
