//! Where a webhook may go: to the public internet over https, unless the operator says otherwise. What stands here is what
//! keeps a client from having the service call its own network (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Where webhooks may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Over http and https to this very machine: for development.
    pub loopback: bool,
    /// To nowhere else, if it is not empty.
    pub allow: Vec<Rule>,
    /// Not there, whatever else is said.
    pub deny: Vec<Rule>,
}

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

/// Why a webhook may not go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The text is no absolute URL.
    #[error("it is not a URL such as https://hooks.example.com/orders")]
    NotAUrl,
    /// Another scheme.
    #[error("only https is allowed")]
    Scheme,
    /// A user name or a password in the URL: they would not be sent, and would be in the way of people who read it.
    #[error("it must not have a user name or password in it")]
    Credentials,
    /// The host or its network is denied, or is not among those that are allowed.
    #[error("this host is not allowed here")]
    Host,
    /// An address that is not one of the public internet.
    #[error("its address is not a public one")]
    Address,
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
                return Ok(Self::V6(net));
            }
            match text.parse() {
                Ok(IpAddr::V4(ip)) => return Ok(Self::V4(Ipv4Net::from(ip))),
                Ok(IpAddr::V6(ip)) => return Ok(Self::V6(Ipv6Net::from(ip))),
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

    fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        match self {
            Self::Host(name) => name.trim_end_matches('.') == host,
            Self::Below(suffix) => host.ends_with(suffix.trim_end_matches('.')),
            Self::V4(_) | Self::V6(_) => false,
        }
    }

    fn holds(&self, ip: IpAddr) -> bool {
        match (self, ip) {
            (Self::V4(net), IpAddr::V4(ip)) => net.contains(&ip),
            (Self::V6(net), IpAddr::V6(ip)) => net.contains(&ip),
            _ => false,
        }
    }
}

impl Policy {
    /// Everything that can be said of a URL without looking its host up.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check(&self, url: &str) -> Result<Url, Forbidden> {
        let url = Url::parse(url).map_err(|_| Forbidden::NotAUrl)?;
        let host = url.host().ok_or(Forbidden::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::Credentials);
        }
        let here = self.loopback
            && match &host {
                Host::Domain(name) => *name == "localhost",
                Host::Ipv4(ip) => ip.is_loopback(),
                Host::Ipv6(ip) => ip.is_loopback(),
            };
        if url.scheme() != "https" && !(here && url.scheme() == "http") {
            return Err(Forbidden::Scheme);
        }
        match &host {
            Host::Domain(name) => self.check_name(name)?,
            Host::Ipv4(ip) => self.check_address((*ip).into(), false)?,
            Host::Ipv6(ip) => self.check_address((*ip).into(), false)?,
        }
        Ok(url)
    }

    fn check_name(&self, name: &str) -> Result<(), Forbidden> {
        if self.deny.iter().any(|rule| rule.names(name)) {
            return Err(Forbidden::Host);
        }
        // A network may be allowed too; which one it is only the look-up tells.
        let by_network = || self.allow.iter().any(|rule| matches!(rule, Rule::V4(_) | Rule::V6(_)));
        if self.allow.is_empty() || self.allow.iter().any(|rule| rule.names(name)) || by_network() {
            return Ok(());
        }
        Err(Forbidden::Host)
    }

    /// Whether a connection may be made to this address, to which a host led. To be asked for every connection, of the very
    /// address that is connected to: a name may lead elsewhere the next time.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check_resolved(&self, host: &str, ip: IpAddr) -> Result<(), Forbidden> {
        let by_name = self.allow.iter().any(|rule| rule.names(host));
        self.check_address(ip, by_name)
    }

    fn check_address(&self, ip: IpAddr, allowed_by_name: bool) -> Result<(), Forbidden> {
        if self.deny.iter().any(|rule| rule.holds(ip)) {
            return Err(Forbidden::Host);
        }
        if self.loopback && ip.is_loopback() {
            return Ok(());
        }
        // A network that the operator names is allowed even if it is a private one: that is what naming it is for.
        if self.allow.iter().any(|rule| rule.holds(ip)) {
            return Ok(());
        }
        if !is_public(ip) {
            return Err(Forbidden::Address);
        }
        if self.allow.is_empty() || allowed_by_name { Ok(()) } else { Err(Forbidden::Host) }
    }
}

/// Whether an address is one of the public internet, by the registries of special-purpose addresses of IANA (RFC 6890 and
/// its updates). Addresses that carry an IPv4 address within (mapped, translated, tunnelled) are as public as that one is.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_unspecified()
        || a == 0 // "this network"
        || ip.is_private()
        || (a == 100 && (64..128).contains(&b)) // shared address space: carrier-grade NAT
        || ip.is_loopback()
        || ip.is_link_local() // instance metadata among it
        || (a == 192 && b == 0 && c == 0) // IETF protocol assignments
        || ip.is_documentation()
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && (b == 18 || b == 19)) // benchmarks
        || ip.is_multicast()
        || a >= 240; // reserved, broadcast among it
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // ::ffff:0:0/96, IPv4-mapped: the operating system connects to the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        // 64:ff9b::/96, NAT64: a translator connects to it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // 2002::/16, 6to4: a relay sends to it.
        [0x2002, high, low, ..] => v4(high, low),
        // Of the rest only 2000::/3 is given out, but for what is special in it: 2001::/23 (protocol assignments, Teredo
        // among them), 2001:db8::/32 and 3fff::/20 (documentation), 5f00::/16 is outside.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &str, deny: &str, loopback: bool) -> Policy {
        Policy { loopback, allow: Rule::list(allow).unwrap(), deny: Rule::list(deny).unwrap() }
    }

    #[test]
    fn only_public_addresses_are_public() {
        for ip in [
            "8.8.8.8",
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "64:ff9b::808:808",
            "::ffff:8.8.8.8",
            "2002:808:808::1",
            "2001:4860::8888",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::10.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:53aa:64c:0:0:f5ff:fffe",
            "2001:db8::1",
            "2001:10::1",
            "2001:20::1",
            "2002:a00:1::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn a_url_is_refused_for_what_can_be_told_of_it() {
        use Forbidden as F;
        let open = Policy::default();
        for (url, expected) in [
            ("https://hooks.example.com/x?y=z", Ok(())),
            ("https://8.8.8.8/", Ok(())),
            ("https://[2606:4700::1111]:8443/", Ok(())),
            ("http://hooks.example.com/", Err(F::Scheme)),
            ("ftp://hooks.example.com/", Err(F::Scheme)),
            ("hooks.example.com", Err(F::NotAUrl)),
            ("", Err(F::NotAUrl)),
            ("data:text/plain,x", Err(F::NotAUrl)),
            ("https://user:pass@hooks.example.com/", Err(F::Credentials)),
            ("https://127.0.0.1/", Err(F::Address)),
            ("https://2130706433/", Err(F::Address)), // the same, as a number
            ("https://0x7f.1/", Err(F::Address)),
            ("https://169.254.169.254/latest/meta-data/", Err(F::Address)),
            ("https://[::ffff:10.0.0.1]/", Err(F::Address)),
            ("https://[::1]/", Err(F::Address)),
            ("http://127.0.0.1/", Err(F::Scheme)),
        ] {
            assert_eq!(open.check(url).map(drop), expected, "{url}");
        }
    }

    #[test]
    fn this_machine_is_allowed_for_development_only() {
        let p = policy("", "", true);
        for url in ["http://127.0.0.1:9/x", "http://localhost:9/x", "http://[::1]/x", "https://127.0.0.1/"] {
            assert!(p.check(url).is_ok(), "{url}");
        }
        assert_eq!(p.check("http://10.0.0.1/").map(drop), Err(Forbidden::Scheme));
        assert_eq!(p.check("https://10.0.0.1/").map(drop), Err(Forbidden::Address));
        assert!(p.check_resolved("localhost", IpAddr::V4(Ipv4Addr::LOCALHOST)).is_ok());
        assert!(p.check_resolved("rebound.example", "10.0.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn lists_allow_and_deny() {
        let p = policy("*.example.com, api.example.org, 10.1.0.0/16", "bad.example.com, 8.8.8.0/24", false);
        for (url, expected) in [
            ("https://a.example.com/", Ok(())),
            ("https://A.EXAMPLE.com./", Ok(())),
            ("https://bad.example.com/", Err(Forbidden::Host)),
            ("https://api.example.org/", Ok(())),
            ("https://10.1.2.3/", Ok(())),
            ("https://10.2.2.3/", Err(Forbidden::Address)),
            ("https://8.8.8.8/", Err(Forbidden::Host)),
            ("https://9.9.9.9/", Err(Forbidden::Host)),
        ] {
            assert_eq!(p.check(url).map(drop), expected, "{url}");
        }
        let resolved = |host: &str, ip: &str| p.check_resolved(host, ip.parse().unwrap());
        assert_eq!(resolved("a.example.com", "9.9.9.9"), Ok(()));
        assert_eq!(resolved("a.example.com", "8.8.8.8"), Err(Forbidden::Host));
        assert_eq!(resolved("a.example.com", "192.168.0.1"), Err(Forbidden::Address));
        assert_eq!(resolved("other.example", "10.1.0.9"), Ok(()));
        assert_eq!(resolved("other.example", "9.9.9.9"), Err(Forbidden::Host));
        for wrong in ["https://x", "a b", "10.0.0.0/33", "*."] {
            assert!(Rule::list(wrong).is_err(), "{wrong}");
        }
    }
}
