//! Which host a request may name, and which web page may send it. A page of a name that its owner
//! points at this machine (DNS rebinding) reaches every server on it; the name in `Host` is what
//! gives it away.

use std::net::IpAddr;

use url::{Host, Url};

/// A host that requests may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRule {
    /// This machine, by any of its names: `localhost`, names below it, and loopback addresses.
    Loopback,
    /// Any IP address: no name, so nobody can point it elsewhere.
    Address,
    /// One host, in lower case.
    Named(String),
}

impl HostRule {
    /// A list of rules, separated by commas.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let rule = |text: &str| match text {
            "loopback" => Ok(Self::Loopback),
            "addresses" => Ok(Self::Address),
            name => match host_of(name) {
                Some(host) => Ok(Self::Named(host.to_string())),
                None => Err(format!("\"{name}\" is not a host such as api.example.com")),
            },
        };
        text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(rule).collect()
    }

    /// Whether requests may name this host: the value of `Host`, with or without a port.
    #[must_use]
    pub fn allows(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        match self {
            Self::Loopback => is_loopback(&host),
            Self::Address => !matches!(host, Host::Domain(_)),
            Self::Named(name) => *name == host.to_string(),
        }
    }
}

/// Whether a page of this origin (the value of `Origin`) is one of this machine.
#[must_use]
pub fn is_loopback_origin(origin: &str) -> bool {
    let url = Url::parse(origin).ok().filter(|url| url.origin().ascii_serialization() == origin);
    url.is_some_and(|url| url.host().is_some_and(|host| is_loopback(&host.to_owned())))
}

/// The host of `host[:port]`, in lower case; `None` if it is none.
fn host_of(authority: &str) -> Option<Host> {
    // Only host and port: a URL's other parts would be cut off in silence.
    if authority.is_empty() || authority.contains(['/', '\\', '?', '#', '@', ' ']) {
        return None;
    }
    let url = Url::parse(&format!("http://{authority}/")).ok()?;
    match url.host()?.to_owned() {
        Host::Domain(name) => Some(Host::Domain(name.trim_end_matches('.').to_owned())),
        address => Some(address),
    }
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_points_at_this_machine_is_not_one_of_its_own() {
        let allows = |rule: &str, host: &str| HostRule::list(rule).unwrap().iter().any(|rule| rule.allows(host));
        for own in ["localhost", "LocalHost:8080", "b.localhost:9000", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080"] {
            assert!(allows("loopback", own), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "",
            "a@localhost",
            "localhost/x",
            "local host",
            "[::2]",
            "localhost:x",
        ] {
            assert!(!allows("loopback", other), "{other}");
        }
        assert!(allows("loopback, api.example.com", "API.example.com.:443"));
        assert!(!allows("loopback, api.example.com", "x.api.example.com"));
        assert!(allows("addresses", "192.0.2.1:1") && allows("addresses", "[2001:db8::1]"));
        assert!(!allows("addresses", "evil.example"));
        assert!(HostRule::list("a b").is_err() && HostRule::list("https://x").is_err());
    }

    #[test]
    fn an_origin_is_of_this_machine_by_its_host() {
        for own in ["http://localhost", "http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:5173"] {
            assert!(is_loopback_origin(own), "{own}");
        }
        for other in ["null", "https://evil.example", "http://localhost.evil.example", "http://localhost/", "file://"] {
            assert!(!is_loopback_origin(other), "{other}");
        }
    }
}
