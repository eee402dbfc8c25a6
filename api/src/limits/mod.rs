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
}

impl Limits {
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
        }
    }
}
