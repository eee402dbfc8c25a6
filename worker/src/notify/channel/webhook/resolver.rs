//! Resolves the hosts of webhooks, and lets only allowed addresses through.

use std::{io, net::SocketAddr, sync::Arc};

use offload_domain::webhook::Policy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

/// Looks hosts up.
pub(super) trait Lookup: Send + Sync + 'static {
    fn lookup(&self, host: String) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// By the system's resolver.
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    async fn lookup(&self, host: String) -> io::Result<Vec<SocketAddr>> {
        Ok(lookup_host((host, 0)).await?.collect())
    }
}

/// Resolves a host and lets allowed addresses through. The connection is made to these very
/// addresses, so a host that resolves differently the next time gains nothing.
pub(super) struct PolicyResolver<L> {
    policy: Policy,
    lookup: Arc<L>,
}

impl<L> PolicyResolver<L> {
    pub(super) fn new(policy: Policy, lookup: L) -> Self {
        Self { policy, lookup: Arc::new(lookup) }
    }
}

impl<L: Lookup> Resolve for PolicyResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup, host) = (self.policy.clone(), Arc::clone(&self.lookup), name.as_str().to_owned());
        Box::pin(async move {
            let found = lookup.lookup(host.clone()).await?;
            for address in &found {
                // One address that is not allowed refuses them all: an honest host has none.
                policy.check_resolved(&host, address.ip())?;
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
