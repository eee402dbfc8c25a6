//! Connections that an api server keeps open for events.

use std::net::SocketAddr;

use offload_domain::internal::InternalKey;
use url::Url;

use crate::settings::{
    declare::settings,
    parser::{address, http_url, number, usable},
};

settings! {
    /// What authenticates workers to api servers.
    pub(super) struct InternalSecret in "Push" {
        /// Secret of at least 32 bytes that api servers and workers share. With it, and a queue of
        /// notifications, the api serves event streams, WebSockets and long polls.
        pub(super) key: Option<InternalKey> = optional(secret INTERNAL_SECRET, usable(InternalKey::new)),
    }
}

settings! {
    /// How workers reach the connections that an api server keeps open.
    #[derive(Debug, Clone)]
    pub struct PushSettings in "Push", if key {
        /// What authenticates workers.
        pub key: InternalKey = group(InternalSecret, |secret| secret.key),

        /// Address and port on which an api server receives notifications for its connections.
        pub listen: SocketAddr = default(INTERNAL_LISTEN, "127.0.0.1:0", address),

        /// URL of internal-listen as workers reach it. If it is not set: http:// and that address.
        /// Name the host where the address is 0.0.0.0.
        pub url: Option<Url> = optional(INTERNAL_URL, http_url),

        /// Connections that workers may have open to internal-listen at once.
        pub internal_max_connections: usize = default(INTERNAL_MAX_CONNECTIONS, "2048", number(1..=1_000_000)),

        /// Event streams, WebSockets and long polls that one api server keeps open.
        pub max_connections: usize = default(MAX_OPEN_CONNECTIONS, "10000", number(0..=1_000_000)),
    }
}
