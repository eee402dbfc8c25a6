//! What the operator's lists of allowed and denied receivers are made of.

use std::net::IpAddr;

use ipnet::{Ipv4Net, Ipv6Net};
use url::Host;

/// A host, hosts below a domain, or a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// `hooks.example.com`.
    Host(String),
    /// `*.example.com`, here as `.example.com`.
    Below(String),
    /// `203.0.113.0/24`.
    V4(Ipv4Net),
    /// `2001:db8::/32`.
    V6(Ipv6Net),
}

impl Rule {
    /// A list of rules, separated by commas.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let rule = |text: &str| {
            if let Ok(net) = text.parse() {
                return Ok(Self::V4(net));
            }
            if let Ok(net) = text.parse() {
                return Ok(Self::v6(net));
            }
            match text.parse() {
                Ok(IpAddr::V4(ip)) => return Ok(Self::V4(Ipv4Net::from(ip))),
                Ok(IpAddr::V6(ip)) => return Ok(Self::v6(Ipv6Net::from(ip))),
                Err(_) => {}
            }
            let (below, name) = match text.strip_prefix("*.") {
                Some(name) => (true, name),
                None => (false, text),
            };
            // As URLs have them: in lower case, and IDNA.
            match Host::parse(name) {
                Ok(Host::Domain(name)) if below => Ok(Self::Below(format!(".{name}"))),
                Ok(Host::Domain(name)) => Ok(Self::Host(name)),
                _ => Err(format!(
                    "\"{text}\" is neither a host such as *.example.com nor a network such as 203.0.113.0/24"
                )),
            }
        };
        text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(rule).collect()
    }

    /// A network; one of mapped addresses (`::ffff:0:0/96`) is the IPv4 network that it is.
    fn v6(net: Ipv6Net) -> Self {
        let mapped = net.addr().to_ipv4_mapped().zip(net.prefix_len().checked_sub(96));
        match mapped.and_then(|(ip, length)| Ipv4Net::new(ip, length).ok()) {
            Some(net) => Self::V4(net),
            None => Self::V6(net),
        }
    }

    /// Whether the rule names this host.
    pub(super) fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        match self {
            Self::Host(name) => name.trim_end_matches('.') == host,
            Self::Below(suffix) => host.ends_with(suffix.trim_end_matches('.')),
            Self::V4(_) | Self::V6(_) => false,
        }
    }

    /// Whether the rule names a network that this address is in.
    pub(super) fn holds(&self, ip: IpAddr) -> bool {
        match (self, ip) {
            (Self::V4(net), IpAddr::V4(ip)) => net.contains(&ip),
            (Self::V6(net), IpAddr::V6(ip)) => net.contains(&ip),
            _ => false,
        }
    }
}
