//! Webhooks: signed by Standard Webhooks 1.0, and sent to the public internet only.

mod breaker;
mod endpoints;
mod resolver;
mod sign;

#[cfg(test)]
mod tests;

use offload_domain::{
    event::{EVENT_MEDIA_TYPE, StatusEvent},
    json::to_json,
    webhook::Policy,
};
use offload_service::{
    clock,
    settings::{Errors, NotifierSettings, Secret, catalogue::WEBHOOK_SECRET},
};
use reqwest::{Client, header::CONTENT_TYPE};

use super::super::{attempt::AttemptResult, client};
use breaker::Admission;
use endpoints::Endpoints;
use resolver::{Lookup, PolicyResolver, SystemLookup};
use sign::Signer;

pub(super) struct Webhooks {
    http: Client,
    policy: Policy,
    signer: Signer,
    endpoints: Endpoints,
}

/// Reports a secret that cannot be used.
pub(super) fn check(settings: &NotifierSettings, errors: &mut Errors<'_>) {
    if let Err(e) = signer(settings) {
        errors.refuse(WEBHOOK_SECRET, e);
    }
}

fn signer(settings: &NotifierSettings) -> Result<Option<Signer>, String> {
    let parse = |secrets: &Secret| Signer::parse(secrets.expose());
    settings.webhook_secret.as_ref().map(parse).transpose().map_err(|e| format!("cannot be used: {e}"))
}

impl Webhooks {
    /// The channel, if there is a secret that signs webhooks.
    ///
    /// # Errors
    /// If the secret cannot be used, or the client cannot be built.
    pub(super) fn configured(settings: &NotifierSettings) -> Result<Option<Self>, String> {
        // Never the value: this goes to a log.
        let signer = signer(settings).map_err(|e| format!("{} {e}", WEBHOOK_SECRET.variable()))?;
        signer.map(|signer| Self::new(settings.webhook_policy.clone(), signer, SystemLookup)).transpose()
    }

    fn new(policy: Policy, signer: Signer, lookup: impl Lookup) -> Result<Self, String> {
        let resolver = PolicyResolver::new(policy.clone(), lookup);
        // A proxy would connect where it likes.
        let http = client::build(client::builder().no_proxy().dns_resolver(resolver))?;
        Ok(Self { http, policy, signer, endpoints: Endpoints::new() })
    }

    pub(super) async fn deliver(&self, url: &str, event: &StatusEvent) -> AttemptResult {
        // Again, and not only when the order was accepted: the operator may have changed the rules
        // since.
        let url = match self.policy.check(url) {
            Ok(url) => url,
            Err(e) => return AttemptResult::refused(format!("the webhook's URL is not allowed: {e}")),
        };
        let endpoint = url.origin().ascii_serialization();
        match self.endpoints.admit(&endpoint) {
            Admission::Go => {}
            Admission::Open(wait) | Admission::Busy(wait) => return AttemptResult::Deferred(wait),
        }
        let body = to_json(event);
        let now = clock::now().timestamp();
        let signature = self.signer.sign(&event.id, now, &body);
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, EVENT_MEDIA_TYPE)
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature);
        let result = client::attempt_result(request.body(body).send().await);
        // An endpoint that refuses one event may take the next; one that is overloaded or broken
        // will not.
        let healthy = match &result {
            AttemptResult::Failed(failure) => failure.status.is_some_and(|s| s < 500 && s != 429),
            _ => true,
        };
        self.endpoints.ended(&endpoint, healthy);
        result
    }
}
