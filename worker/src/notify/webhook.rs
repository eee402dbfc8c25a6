//! Webhooks: signed by Standard Webhooks 1.0, and sent to the public internet only.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use offload_domain::{
    event::EVENT_MEDIA_TYPE,
    notification::{Notification, Target},
    webhook::{Admission, Policy, Signer},
};
use offload_service::clock;
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    header::CONTENT_TYPE,
};
use tokio::net::lookup_host;

use super::{Channel, Failure, Outcome, client, endpoints::Endpoints};

pub(super) struct Webhooks {
    http: Client,
    policy: Policy,
    signer: Signer,
    endpoints: Endpoints,
}

impl Webhooks {
    pub(super) fn new(policy: Policy, signer: Signer) -> Result<Self, String> {
        Self::resolving(policy, signer, SystemNames)
    }

    /// With another way to look names up than the system's.
    fn resolving(policy: Policy, signer: Signer, names: impl Names) -> Result<Self, String> {
        let resolver = Guard { policy: policy.clone(), names: Arc::new(names) };
        // A proxy would connect where it likes.
        let http = client::builder().no_proxy().dns_resolver(Arc::new(resolver)).build();
        let http = http.map_err(|e| format!("no HTTP client can be made: {e}"))?;
        Ok(Self { http, policy, signer, endpoints: Endpoints::new() })
    }
}

#[async_trait]
impl Channel for Webhooks {
    async fn deliver(&self, notification: &Notification) -> Outcome {
        let Target::Webhook { url } = &notification.target else { return Outcome::Gone { status: 410 } };
        let refused = |error: String| Outcome::Refused(Failure { status: None, error, retry_after: None });
        // Again, and not only when the order came: the operator may have closed what was open then.
        let url = match self.policy.check(url) {
            Ok(url) => url,
            Err(e) => return refused(format!("the webhook's URL is not allowed: {e}")),
        };
        let body = match serde_json::to_string(&notification.event) {
            Ok(body) => body,
            Err(e) => return refused(e.to_string()),
        };
        let endpoint = url.origin().ascii_serialization();
        match self.endpoints.admit(&endpoint) {
            Admission::Go => {}
            Admission::Open(wait) | Admission::Busy(wait) => return Outcome::NotNow(wait),
        }
        let now = clock::now().timestamp();
        let signature = self.signer.sign(&notification.event.id, now, &body);
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, EVENT_MEDIA_TYPE)
            .header("webhook-id", &notification.event.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature);
        let outcome = client::outcome(request.body(body).send().await);
        // An endpoint that refuses one event may well take the next; what is overloaded or broken will not.
        let well = match &outcome {
            Outcome::Failed(failure) => failure.status.is_some_and(|s| s < 500 && s != 429),
            _ => true,
        };
        self.endpoints.ended(&endpoint, well);
        outcome
    }
}

/// Looks names up.
trait Names: Send + Sync + 'static {
    fn look_up(&self, host: String) -> impl Future<Output = std::io::Result<Vec<SocketAddr>>> + Send;
}

struct SystemNames;

impl Names for SystemNames {
    async fn look_up(&self, host: String) -> std::io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, 0)).await?.collect())
    }
}

/// Looks a name up and lets through what is allowed. A connection is made to the very addresses that come out of here, so a
/// name that leads elsewhere the next time gains nothing.
struct Guard<N> {
    policy: Policy,
    names: Arc<N>,
}

impl<N: Names> Resolve for Guard<N> {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, names, host) = (self.policy.clone(), Arc::clone(&self.names), name.as_str().to_owned());
        Box::pin(async move {
            let found = names.look_up(host.clone()).await?;
            let mut allowed = Vec::with_capacity(found.len());
            for address in found {
                // One address that is not allowed is reason enough: an honest name has none.
                policy.check_resolved(&host, address.ip())?;
                allowed.push(address);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
