//! What one address, one tenant and one order may take of this server.
//!
//! The state is this process's own: each server counts what reaches it. It is kept only of those
//! who came lately, and of a bounded number of them.

mod fields;
mod quota;
mod rate;
mod shares;

use std::sync::Arc;

use offload_domain::{id::OrderId, tenant::Tenant};
use offload_service::settings::LimitSettings;

pub(crate) use fields::{RATE_LIMIT, RATE_LIMIT_POLICY, insert_fields};
use quota::Quota;
pub(crate) use rate::{LimitReached, RateLimit, SubscriptionRate};
pub(crate) use shares::{Share, Shares};

use crate::client_address::ClientAddress;

/// How many seconds' worth of requests and bytes an address or a tenant may send at once.
const BURST_SECONDS: u32 = 2;

/// The limits of one server.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) requests: RateLimit<ClientAddress>,
    pub(crate) body_bytes: RateLimit<ClientAddress>,
    pub(crate) in_service: Arc<Shares<ClientAddress>>,
    pub(crate) requests_of_tenant: RateLimit<Tenant>,
    pub(crate) in_service_of_tenant: Arc<Shares<Tenant>>,
    pub(crate) subscribers: Arc<Shares<OrderId>>,
    pub(crate) subscribers_of_tenant: Arc<Shares<Tenant>>,
}

/// Counts a subscription among those of its order, and of its tenant, until it is dropped.
#[derive(Debug)]
pub(crate) struct SubscriberShare {
    _of_order: Share<OrderId>,
    /// The default tenant's have no limit: whose callers are all of it has nobody to protect.
    _of_tenant: Option<Share<Tenant>>,
}

impl Limits {
    /// The share of a subscription to an order of a tenant, which has one of the order's; `None` if
    /// the tenant has as many as it may.
    pub(crate) fn subscriber(&self, of_order: Share<OrderId>, tenant: &Tenant) -> Option<SubscriberShare> {
        let of_tenant = match tenant.is_default() {
            true => None,
            false => Some(self.subscribers_of_tenant.take(tenant.clone())?),
        };
        Some(SubscriberShare { _of_order: of_order, _of_tenant: of_tenant })
    }

    /// Counts a message of a WebSocket as a request of its address and its tenant, as far as they
    /// are known; whether it may be carried out.
    pub(crate) fn admits_message(&self, address: Option<ClientAddress>, tenant: Option<&Tenant>) -> bool {
        let tenant = tenant.filter(|tenant| !tenant.is_default());
        address.is_none_or(|address| self.requests.check(&address, 1).is_ok())
            && tenant.is_none_or(|tenant| self.requests_of_tenant.check(tenant, 1).is_ok())
    }

    /// Counts the orders of a batch, of which its request was the first.
    ///
    /// # Errors
    /// If they are more than may come now of the address or of the tenant.
    pub(crate) fn check_batch(
        &self,
        address: Option<ClientAddress>,
        tenant: &Tenant,
        orders: usize,
    ) -> Result<(), LimitReached> {
        let Some(address) = address else { return Ok(()) };
        let more = u32::try_from(orders.saturating_sub(1)).unwrap_or(u32::MAX);
        self.requests.check(&address, more)?;
        if !tenant.is_default() {
            self.requests_of_tenant.check(tenant, more)?;
        }
        Ok(())
    }

    pub(crate) fn new(settings: &LimitSettings) -> Self {
        let requests = Quota {
            what: "requests from this address",
            policy: "requests",
            unit: None,
            per_second: settings.requests_per_second,
        };
        let bytes = Quota {
            what: "bytes from this address",
            policy: "bytes",
            unit: Some("content-bytes"),
            per_second: settings.body_bytes_per_second,
        };
        let of_tenant = Quota {
            what: "requests of this tenant",
            policy: "tenant-requests",
            unit: None,
            per_second: settings.requests_per_second_of_tenant,
        };
        Self {
            requests: RateLimit::new(requests, BURST_SECONDS),
            body_bytes: RateLimit::new(bytes, BURST_SECONDS),
            in_service: Shares::new(settings.requests_at_once),
            requests_of_tenant: RateLimit::new(of_tenant, BURST_SECONDS),
            in_service_of_tenant: Shares::new(settings.requests_at_once_of_tenant),
            subscribers: Shares::new(settings.subscribers_per_order),
            subscribers_of_tenant: Shares::new(settings.subscribers_per_tenant),
        }
    }
}
