//! What one client, and one tenant, may take of an api server.

use std::time::Duration;

use crate::settings::{
    declare::settings,
    parser::{limit, number, seconds},
};

settings! {
    /// What one client, and one tenant, may take of an api server. An address is an IPv4 address or
    /// the /64 of an IPv6 one; behind trusted-proxies it is the client's, not the proxy's.
    #[derive(Debug, Clone)]
    pub struct LimitSettings in "Limits" {
        /// Requests a second of one address, twice as many at once; none for no limit. Those beyond
        /// it get 429.
        pub requests_per_second: Option<u32> = default(MAX_REQUESTS_PER_SECOND, "1000", limit(1_000_000)),

        /// Bytes of bodies a second of one address, twice as many at once; none for no limit. What
        /// is beyond it gets 429.
        pub body_bytes_per_second: Option<u32> = default(MAX_BODY_BYTES_PER_SECOND, "16777216", body_bytes),

        /// Requests of one address in service at once, none for no limit. Those beyond it get 429.
        /// Long polls and event streams do not count while they wait.
        pub requests_at_once: Option<u32> = default(MAX_REQUESTS_PER_ADDRESS, "512", limit(1_000_000)),

        /// Requests a second of one tenant, twice as many at once; none for no limit. Those beyond
        /// it get 429. Nothing limits the tenant default.
        pub requests_per_second_of_tenant: Option<u32> =
            default(MAX_REQUESTS_PER_SECOND_OF_TENANT, "5000", limit(1_000_000)),

        /// Requests of one tenant in service at once, none for no limit. Those beyond it get 429.
        /// Long polls and event streams do not count while they wait.
        pub requests_at_once_of_tenant: Option<u32> = default(MAX_REQUESTS_PER_TENANT, "768", limit(1_000_000)),

        /// Event streams, long polls and subscriptions of WebSockets to orders of one tenant at
        /// once, none for no limit. Those beyond it get 503. Nothing limits the tenant default.
        pub subscribers_per_tenant: Option<u32> = default(MAX_SUBSCRIBERS_PER_TENANT, "5000", limit(1_000_000)),

        /// Event streams, long polls and subscriptions of WebSockets to one order at once, none for
        /// no limit. Those beyond it get 429.
        pub subscribers_per_order: Option<u32> = default(MAX_SUBSCRIBERS_PER_ORDER, "100", limit(1_000_000)),

        /// Orders that one WebSocket may be subscribed to at once.
        pub subscriptions_per_connection: usize = default(MAX_SUBSCRIPTIONS_PER_CONNECTION, "100", number(1..=10_000)),

        /// Messages to subscribe or unsubscribe a second of one WebSocket, twenty times as many at
        /// once; none for no limit. Those beyond it are answered with a problem. They count as
        /// requests of their address and their tenant too.
        pub subscription_messages_per_second: Option<u32> =
            default(MAX_SUBSCRIPTION_MESSAGES_PER_SECOND, "10", limit(100_000)),

        /// WebSockets at once that have not subscribed to an order yet. Those with a token in their
        /// URL or header do not count.
        pub connections_without_token: usize = default(MAX_CONNECTIONS_WITHOUT_TOKEN, "500", number(0..=1_000_000)),

        /// How long a WebSocket may take to subscribe to a first order, 1 to 3600. Then it is
        /// closed.
        pub subscribe_within: Duration = default(SUBSCRIBE_WITHIN_SECONDS, "10", seconds(1.0..=3_600.0)),
    }
}

/// The largest body must fit into what may come at once.
fn body_bytes(text: &str) -> Result<Option<u32>, String> {
    match limit(1_000_000_000)(text)? {
        Some(bytes) if bytes < 131_072 => Err("is less than half of the largest body, 131072".to_owned()),
        bytes => Ok(bytes),
    }
}
