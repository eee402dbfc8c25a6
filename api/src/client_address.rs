//! Where a request comes from: the address by which clients are distinguished before they have
//! said who they are.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use offload_service::settings::ForwardedHeader;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies in a row that are read from one header. More than any deployment has.
const HOPS_MAX: usize = 32;

/// The other end of a connection that a server of ours accepted. A request without it came another
/// way, as in a function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 one, which is the least that
/// anybody is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// The proxies that are believed, and where they write a client's address.
#[derive(Debug, Clone)]
pub(crate) struct Proxies {
    pub(crate) trusted: Vec<IpNet>,
    pub(crate) header: ForwardedHeader,
}

impl Proxies {
    /// Whether connections from there are a proxy's.
    pub(crate) fn has(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.trusted.iter().any(|net| net.contains(&ip))
    }

    /// The client of a request that came from `peer`: the last address that no trusted proxy has.
    /// What is before it in the header was written by somebody else, and may be a lie.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer;
        let hops = match self.header {
            ForwardedHeader::XForwardedFor => hops(headers, &X_FORWARDED_FOR, address),
            ForwardedHeader::Forwarded => hops(headers, &header::FORWARDED, forwarded_for),
        };
        for hop in hops {
            if !self.has(client) {
                break;
            }
            // A proxy that does not say where a request came from stands for its client.
            let Some(address) = hop else { break };
            client = address;
        }
        client.into()
    }
}

/// The elements of a list in a header, from the last one on.
fn hops<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    read: fn(&str) -> Option<IpAddr>,
) -> impl Iterator<Item = Option<IpAddr>> + use<'a> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    let texts = lines.into_iter().rev().map(|line| line.to_str().unwrap_or_default());
    texts.flat_map(|line| line.rsplit(',')).take(HOPS_MAX).map(move |hop| read(hop.trim()))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    if let Some((ip, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.split_once(':').and_then(|(ip, _)| ip.parse().ok())
}

/// The parameter `for` of an element of `Forwarded` (RFC 7239).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    })?;
    address(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(header: ForwardedHeader, peer: &str, lines: &[(HeaderName, &'static str)]) -> ClientAddress {
        let mut headers = HeaderMap::new();
        for (name, line) in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        let proxies = Proxies { trusted: vec!["10.0.0.0/8".parse().unwrap()], header };
        proxies.client(ip(peer), &headers)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_addresses() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let of = |header, peer, name: &HeaderName, line| client(header, peer, &[(name.clone(), line)]);
        for (peer, line, expected) in [
            ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.7, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "203.0.113.7, 198.51.100.1:443, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("::ffff:10.0.0.1", "2001:db8:0:1::7", "2001:db8:0:1::8"),
        ] {
            assert_eq!(of(XForwardedFor, peer, &X_FORWARDED_FOR, line), ip(expected).into(), "{peer} {line}");
        }
        let line = "for=203.0.113.7, For=\"[2001:db8::1]:80\";proto=https, for=10.0.0.2;by=x";
        assert_eq!(of(Forwarded, "10.0.0.1", &header::FORWARDED, line), ip("2001:db8::1").into());
        // A header that this deployment's proxies do not write may be the client's own.
        assert_eq!(of(Forwarded, "10.0.0.1", &X_FORWARDED_FOR, "198.51.100.1"), ip("10.0.0.1").into());
        let lines = [(X_FORWARDED_FOR, "203.0.113.7"), (X_FORWARDED_FOR, "198.51.100.1")];
        assert_eq!(client(XForwardedFor, "10.0.0.1", &lines), ip("198.51.100.1").into());
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(ClientAddress::from(ip("2001:db8::1")), ClientAddress::from(ip("2001:db8::2:3:4:5")));
        assert_ne!(ClientAddress::from(ip("2001:db8::1")), ClientAddress::from(ip("2001:db8:0:1::1")));
        assert_eq!(ClientAddress::from(ip("::ffff:192.0.2.1")), ClientAddress::from(ip("192.0.2.1")));
    }
}
