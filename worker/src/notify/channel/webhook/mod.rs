//! Webhooks: signed by Standard Webhooks 1.0, and sent to the public internet only.

mod breaker;
mod endpoints;
mod resolver;

#[cfg(test)]
mod tests;

use std::time::Duration;

use offload_domain::{
    event::EVENT_MEDIA_TYPE,
    json::to_json,
    notification::Notification,
    tenant::Tenant,
    trace::TraceContext,
    webhook::{Policy, Secrets},
};
use offload_service::{certificates, clock, settings::NotifierSettings, trace, trace_call};
use reqwest::{Client, header::CONTENT_TYPE};
use tracing::{Instrument as _, field::Empty};
use url::Url;

use super::super::{attempt::AttemptResult, client, retry::retry_permits};
use endpoints::{Endpoints, Lane};
use resolver::{Lookup, PolicyResolver, SystemLookup};

/// How long an endpoint that has not worked lately has for its answer.
const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Signs for each receiver with its own secret.
struct Signer {
    secrets: Secrets,
    /// Whether the operator's secret itself signs too.
    shared: bool,
}

impl Signer {
    fn sign(&self, tenant: &Tenant, url: &Url, id: &str, now: i64, body: &[u8]) -> String {
        let own = self.secrets.of_receiver(tenant, url).sign(id, now, body);
        if self.shared { format!("{own} {}", self.secrets.sign(id, now, body)) } else { own }
    }
}

pub(in crate::notify) struct Webhooks {
    http: Client,
    policy: Policy,
    signer: Signer,
    endpoints: Endpoints,
}

impl Webhooks {
    /// The channel, if there is a secret that signs webhooks.
    ///
    /// # Errors
    /// If the client cannot be built.
    pub(in crate::notify) fn configured(settings: &NotifierSettings) -> Result<Option<Self>, String> {
        let Some(secrets) = settings.webhook_secret.clone() else { return Ok(None) };
        if !certificates::are_there() {
            tracing::warn!("no webhook can be delivered by https: {}", certificates::MISSING);
        }
        let signer = Signer { secrets, shared: settings.webhook_shared_signature };
        let permits = settings.webhook_concurrency;
        let endpoints = Endpoints::new(permits, retry_permits(permits));
        Self::new(settings.webhook_policy.clone(), signer, endpoints, SystemLookup).map(Some)
    }

    fn new(policy: Policy, signer: Signer, endpoints: Endpoints, lookup: impl Lookup) -> Result<Self, String> {
        let resolver = PolicyResolver::new(policy.clone(), lookup);
        // A proxy would connect where it likes.
        let http = client::build(client::builder().no_proxy().dns_resolver(resolver))?;
        Ok(Self { http, policy, signer, endpoints })
    }

    /// Endpoints that are left alone for a while.
    pub(super) fn open_circuits(&self) -> usize {
        self.endpoints.open_circuits()
    }

    pub(super) async fn deliver(
        &self,
        url: &str,
        notification: &Notification,
        trace: Option<&TraceContext>,
    ) -> AttemptResult {
        let Notification { event, tenant, .. } = notification;
        // Again, and not only when the order was accepted: the operator may have changed the rules
        // since.
        let url = match self.policy.check(url) {
            Ok(url) => url,
            Err(e) => return AttemptResult::refused(format!("the webhook's URL is not allowed: {e}")),
        };
        let lane = if notification.is_retry() { Lane::Retry } else { Lane::First };
        let admitted = match self.endpoints.admit(tenant, &url.origin().ascii_serialization(), lane) {
            Ok(admitted) => admitted,
            Err(wait) => return AttemptResult::Deferred(wait),
        };
        let timeout = (!admitted.known).then_some(UNKNOWN_TIMEOUT);
        let result = self.post(tenant, url, &event.id, to_json(event), (timeout, trace)).await;
        // An endpoint that refuses one event may take the next; one that is overloaded or broken
        // will not.
        let healthy = match &result {
            AttemptResult::Failed(failure) => failure.status.is_some_and(|s| s < 500 && s != 429),
            _ => true,
        };
        self.endpoints.ended(admitted, healthy);
        result
    }

    /// How long nothing is sent to an endpoint yet, if its circuit is open for some tenant.
    pub(super) fn open_circuit(&self, origin: &str) -> Option<Duration> {
        self.endpoints.open_circuit(origin)
    }

    /// Sends an event of no order, whatever is known of the endpoint.
    pub(in crate::notify) async fn test(&self, tenant: &Tenant, url: &str, id: &str, body: String) -> AttemptResult {
        match self.policy.check(url) {
            Ok(url) => self.post(tenant, url, id, body, (Some(UNKNOWN_TIMEOUT), None)).await,
            Err(e) => AttemptResult::refused(format!("the webhook's URL is not allowed: {e}")),
        }
    }

    /// Signs an event and sends it.
    async fn post(
        &self,
        tenant: &Tenant,
        url: Url,
        id: &str,
        body: String,
        (timeout, trace): (Option<Duration>, Option<&TraceContext>),
    ) -> AttemptResult {
        let now = clock::now().timestamp();
        let span = trace_call!(
            "call",
            otel.name = "POST",
            otel.kind = "client",
            otel.status_code = Empty,
            error.type = Empty,
            http.request.method = "POST",
            http.response.status_code = Empty,
            server.address = url.host_str(),
            server.port = url.port_or_known_default().map(i64::from),
        );
        let signature = self.signer.sign(tenant, &url, id, now, body.as_bytes());
        let mut request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, EVENT_MEDIA_TYPE)
            .header("webhook-id", id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature);
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        for (name, value) in trace::of(&span).as_ref().or(trace).into_iter().flat_map(TraceContext::headers) {
            request = request.header(name, value);
        }
        let answered = request.body(body).send().instrument(span.clone()).await;
        client::record_answer(&span, &answered);
        client::attempt_result(answered)
    }
}
