//! IPv4 addresses within IPv6 addresses. Pure.
//!
//! A translator, a tunnel or the operating system itself connects to the address within, so
//! whatever is judged of an address is judged of that one too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address, and each address that is or may be reached through it.
pub(super) fn reached_by(ip: IpAddr) -> Vec<IpAddr> {
    let mut reached = vec![ip];
    if let IpAddr::V6(v6) = ip {
        reached.extend(within(v6).into_iter().map(IpAddr::V4));
    }
    reached
}

fn within(ip: Ipv6Addr) -> Vec<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    // Where RFC 6052 puts the address behind a prefix of 48, 56 and 64 bits: its bits 64 to 71 are
    // left out.
    let bytes = ip.octets();
    let at = |positions: [usize; 4]| Ipv4Addr::from(positions.map(|n| bytes[n]));
    match ip.segments() {
        // ::ffff:0:0/96, mapped: the operating system connects to the IPv4 address. And ::/96,
        // compatible, which was meant for tunnels; `::` and `::1` are no IPv4 addresses.
        [0, 0, 0, 0, 0, 0xffff, high, low] => vec![v4(high, low)],
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => vec![v4(high, low)],
        // ::ffff:0:0:0/96, translated (RFC 2765).
        [0, 0, 0, 0, 0xffff, 0, high, low] => vec![v4(high, low)],
        // 64:ff9b::/96, NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => vec![v4(high, low)],
        // 64:ff9b:1::/48, NAT64 within a network (RFC 8215), whose operator chooses the length of
        // the prefix.
        [0x64, 0xff9b, 1, .., high, low] => {
            vec![v4(high, low), at([6, 7, 9, 10]), at([7, 9, 10, 11]), at([9, 10, 11, 12])]
        }
        // 2002::/16, 6to4 (RFC 3056).
        [0x2002, high, low, ..] => vec![v4(high, low)],
        // 2001::/32, Teredo (RFC 4380): the server, and the client with its bits inverted.
        [0x2001, 0, high, low, .., client_high, client_low] => {
            vec![v4(high, low), v4(!client_high, !client_low)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_within_another_is_found_in_every_spelling() {
        for ip in [
            "::ffff:10.1.2.3",
            "::10.1.2.3",
            "::ffff:0:10.1.2.3",
            "64:ff9b::10.1.2.3",
            "64:ff9b:1::10.1.2.3",
            "64:ff9b:1:a01:2:300::",
            "64:ff9b:1:fe0a:1:203::",
            "64:ff9b:1:fffe:a:102:300:0",
            "2002:a01:203::1",
            "2001:0:a01:203::",
            "2001:0:53aa:64c:0:0:f5fe:fdfc",
        ] {
            let reached = reached_by(ip.parse().unwrap());
            assert!(reached.contains(&IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3))), "{ip}: {reached:?}");
        }
        for ip in ["::", "::1", "2606:4700::1111", "10.1.2.3", "fe80::1"] {
            assert_eq!(reached_by(ip.parse().unwrap()).len(), 1, "{ip}");
        }
    }
}
