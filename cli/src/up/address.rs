//! Addresses to listen on: how they are written, and which are fit for a development stack.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Parses `HOST:PORT`, where the host is an IP address or `localhost`, or a bare port of 127.0.0.1.
///
/// # Errors
/// What to write instead.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    let local = |port: &str| port.parse().ok().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    text.parse()
        .ok()
        .or_else(|| local(text))
        .or_else(|| local(text.strip_prefix("localhost:")?))
        .ok_or_else(|| "write an IP address and a port, such as 127.0.0.1:9000, or a port alone".to_owned())
}

/// Refuses an address that other machines can reach, unless `allow_remote`, and a port given twice.
///
/// # Errors
/// The flag, and what is wrong with it.
pub(super) fn check(listeners: &[(&'static str, SocketAddr)], allow_remote: bool) -> Result<(), String> {
    for (i, (flag, address)) in listeners.iter().enumerate() {
        if !allow_remote && !is_loopback(address.ip()) {
            return Err(format!(
                "{flag} {address}: other machines can reach this address, and the stack is made for development. \
                 Use 127.0.0.1, or add --allow-remote if you trust that network"
            ));
        }
        let same = |(_, other): &&(&str, SocketAddr)| address.port() != 0 && other == address;
        if let Some((other, _)) = listeners[..i].iter().find(same) {
            return Err(format!("{other} and {flag} are both {address}: give each a port of its own"));
        }
    }
    Ok(())
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_parsed_in_every_usual_form() {
        for (text, address) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("9000", "127.0.0.1:9000"),
            ("0", "127.0.0.1:0"),
            ("localhost:1", "127.0.0.1:1"),
            ("[::1]:80", "[::1]:80"),
            ("0.0.0.0:80", "0.0.0.0:80"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), address, "{text}");
        }
        for text in ["", ":", ":9000", "65536", "127.0.0.1", "example.com:80", "-1", "localhost"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn remote_access_needs_a_flag_of_its_own() {
        let of = |text: &str| [("--api", parse(text).unwrap())];
        for text in ["0.0.0.0:1", "[::]:1", "192.168.0.4:1"] {
            assert!(check(&of(text), false).unwrap_err().contains("--allow-remote"), "{text}");
            assert!(check(&of(text), true).is_ok(), "{text}");
        }
        for text in ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(check(&of(text), false).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_port_is_used_once() {
        let (a, b) = (parse("1").unwrap(), parse("0").unwrap());
        assert!(check(&[("--api", a), ("--s3", a)], false).unwrap_err().contains("--api and --s3"));
        assert!(check(&[("--api", b), ("--s3", b)], false).is_ok());
    }
}
