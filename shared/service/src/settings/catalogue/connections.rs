//! Who may connect, and how a client is recognised.

use std::{net::SocketAddr, time::Duration};

use ipnet::IpNet;
use offload_domain::host::HostRule;

use crate::settings::{
    declare::settings,
    parser::{address, boolean, limit, networks, one_of, seconds, usable},
    source::Source,
};

settings! {
    /// Who may connect, and how a client is recognised.
    #[derive(Debug, Clone)]
    pub struct ConnectionSettings in "Connections", check check_admin {
        /// Address and port for operators and monitoring, to be kept from clients: the probes, the
        /// metrics, the routes below /admin and the console. Where it is set, /metrics is served
        /// nowhere else.
        pub admin_listen: Option<SocketAddr> = optional(ADMIN_LISTEN, address),

        /// Whether the routes below /admin and the console are served on that address alone: true
        /// or false.
        pub admin_listen_only: bool = default(ADMIN_LISTEN_ONLY, "false", boolean),

        /// Whether clients may read /docs and /openapi.json: true or false.
        pub docs: bool = default(DOCS, "true", boolean),

        /// Hosts that requests may name, separated by commas, such as api.example.com, loopback
        /// (this machine by any of its names) or addresses (any IP address). Others get 421. If it
        /// is not set: any host.
        pub hosts: Option<Vec<HostRule>> = optional(HOSTS, usable(HostRule::list)),

        /// Networks of the proxies in front of the api, separated by commas, such as 10.0.0.0/16.
        /// Only they are believed when they name a client's address. If it is not set: none.
        pub trusted_proxies: Vec<IpNet> = fallback(TRUSTED_PROXIES, networks, Vec::new),

        /// The header in which these proxies name the client's address: x-forwarded-for or
        /// forwarded (RFC 7239). The other one is not read: clients could send it.
        pub forwarded_by: ForwardedHeader = default(FORWARDED_HEADER, "x-forwarded-for",
            one_of(&[("x-forwarded-for", ForwardedHeader::XForwardedFor), ("forwarded", ForwardedHeader::Forwarded)])),

        /// Connections that one address (of IPv6: one /64) may have open at once; none for no
        /// limit. A further one is closed at once. Trusted proxies have no limit.
        pub max_per_address: Option<u32> = default(MAX_CONNECTIONS_PER_ADDRESS, "1000", limit(1_000_000)),

        /// The longest that a client may read nothing of an answer that waits to be sent, 1 to 600.
        /// Then its connection is closed. Waiting without an answer to send has no limit here.
        pub write_timeout: Duration = default(WRITE_TIMEOUT_SECONDS, "30", seconds(1.0..=600.0)),
    }
}

fn check_admin(connections: &ConnectionSettings, source: &mut Source) {
    if connections.admin_listen_only && connections.admin_listen.is_none() {
        let (only, listen) = (ADMIN_LISTEN_ONLY.variable(), ADMIN_LISTEN.variable());
        source.error(format!("{only} is true, and {listen} is missing: operators could call nothing"));
    }
}

/// The header in which proxies name a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: 192.0.2.1, 10.0.0.1`.
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1, for="[2001:db8::1]:80"`.
    Forwarded,
}
