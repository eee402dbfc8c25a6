//! Where a webhook may go: to the public internet over https, unless the operator says otherwise.
//! This keeps a client from making the service call its own network (server-side request forgery).

use std::net::IpAddr;

use url::{Host, Url};

use super::{embedded::reached_by, public_address::is_public, rule::Rule};

/// Where webhooks may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Over http and https to this very machine: for development.
    pub loopback: bool,
    /// If it is not empty, nowhere else.
    pub allow: Vec<Rule>,
    /// Never there, whatever the other rules say.
    pub deny: Vec<Rule>,
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
    /// A user name or a password in the URL: they would not be sent, only read by people.
    #[error("it must not have a user name or password in it")]
    Credentials,
    /// The host or its network is denied, or is not among those that are allowed.
    #[error("this host is not allowed here")]
    Host,
    /// An address that is not one of the public internet.
    #[error("its address is not a public one")]
    Address,
}

impl Policy {
    /// Checks everything about a URL that needs no lookup of its host.
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
                Host::Ipv6(ip) => ip.to_canonical().is_loopback(),
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
        // A network may be allowed too; the lookup decides whether the host is in it.
        let by_network = || self.allow.iter().any(|rule| matches!(rule, Rule::V4(_) | Rule::V6(_)));
        if self.allow.is_empty() || self.allow.iter().any(|rule| rule.names(name)) || by_network() {
            return Ok(());
        }
        Err(Forbidden::Host)
    }

    /// Whether a connection may be made to this address, to which a host resolved. To be checked
    /// for every connection, with the very address of the connection: a host may resolve
    /// differently the next time.
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check_resolved(&self, host: &str, ip: IpAddr) -> Result<(), Forbidden> {
        let by_name = self.allow.iter().any(|rule| rule.names(host));
        self.check_address(ip, by_name)
    }

    fn check_address(&self, ip: IpAddr, allowed_by_name: bool) -> Result<(), Forbidden> {
        let reached = reached_by(ip);
        if self.deny.iter().any(|rule| reached.iter().any(|ip| rule.holds(*ip))) {
            return Err(Forbidden::Host);
        }
        if self.loopback && ip.to_canonical().is_loopback() {
            return Ok(());
        }
        // A network that the operator names is allowed even if it is private: that is why it is
        // named. Through a translator or a tunnel it is another way there, which must be named
        // itself.
        if self.allow.iter().any(|rule| rule.holds(ip.to_canonical()) || rule.holds(ip)) {
            return Ok(());
        }
        if !is_public(ip) {
            return Err(Forbidden::Address);
        }
        if self.allow.is_empty() || allowed_by_name { Ok(()) } else { Err(Forbidden::Host) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn policy(allow: &str, deny: &str, loopback: bool) -> Policy {
        Policy { loopback, allow: Rule::list(allow).unwrap(), deny: Rule::list(deny).unwrap() }
    }

    #[test]
    fn a_url_is_refused_without_a_lookup() {
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
    fn a_denied_network_is_denied_in_every_spelling() {
        let p = policy("", "8.8.8.0/24, ::ffff:9.9.9.0/120", false);
        let hosts = [
            "8.8.8.8",
            "0x8.0x8.0x808",
            "010.8.8.8",
            "134744072",
            "[::ffff:8.8.8.8]",
            "[::ffff:808:808]",
            "[::8.8.8.8]",
            "[64:ff9b::8.8.8.8]",
            "[2002:808:808::1]",
            "[2001:0:808:808::]",
            "[2001:0:1:1:0:0:f7f7:f7f7]",
            "[64:ff9b:1::8.8.8.8]",
            "9.9.9.9",
            "[::ffff:9.9.9.9]",
            "[64:ff9b::9.9.9.9]",
        ];
        for host in hosts {
            assert_eq!(p.check(&format!("https://{host}/")).map(drop), Err(Forbidden::Host), "{host}");
        }
        for ip in ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:1:1:0:0:f7f7:f7f7"] {
            assert_eq!(p.check_resolved("a.example", ip.parse().unwrap()), Err(Forbidden::Host), "{ip}");
        }
        assert!(p.check("https://[64:ff9b::1.1.1.1]/").is_ok());
    }

    #[test]
    fn an_allowed_network_is_no_way_through_a_tunnel() {
        let p = policy("10.1.0.0/16", "", false);
        assert_eq!(p.check("https://[::ffff:10.1.2.3]/").map(drop), Ok(()), "the same address");
        for host in ["[64:ff9b::10.1.2.3]", "[2002:a01:203::1]", "[::10.1.2.3]"] {
            assert_eq!(p.check(&format!("https://{host}/")).map(drop), Err(Forbidden::Address), "{host}");
        }
        let p = policy("", "", true);
        assert!(p.check("http://[::ffff:127.0.0.1]:9/").is_ok());
        assert_eq!(p.check("https://[64:ff9b::127.0.0.1]/").map(drop), Err(Forbidden::Address));
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
