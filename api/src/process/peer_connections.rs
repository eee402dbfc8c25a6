//! How many connections each address has open.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::{
    client_address::ClientAddress,
    limits::{Share, Shares},
};

/// Between two lines in the log about connections that were refused.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The connections of each address to one listener.
#[derive(Debug)]
pub(crate) struct PeerConnections {
    open: Arc<Shares<ClientAddress>>,
    /// Whose connections are not counted.
    unlimited: Vec<IpNet>,
    log: Mutex<RefusalLog>,
}

#[derive(Debug, Default)]
struct RefusalLog {
    refused: u64,
    logged: Option<Instant>,
}

/// Counts a connection until it is dropped.
#[derive(Debug)]
pub(crate) struct PeerPermit(#[expect(dead_code, reason = "dropping it counts")] Option<Share<ClientAddress>>);

impl PeerConnections {
    /// With the most that an address may have; `None` for no limit.
    pub(crate) fn new(max: Option<u32>, unlimited: Vec<IpNet>) -> Self {
        Self { open: Shares::new(max), unlimited, log: Mutex::default() }
    }

    /// Counts a connection, unless its address has too many.
    pub(crate) fn connect(&self, ip: IpAddr) -> Option<PeerPermit> {
        let canonical = ip.to_canonical();
        if self.unlimited.iter().any(|net| net.contains(&canonical)) {
            return Some(PeerPermit(None));
        }
        let share = self.open.take(ip.into());
        if share.is_none() {
            self.log.lock().record(ip, self.open.max().unwrap_or_default());
        }
        share.map(|share| PeerPermit(Some(share)))
    }
}

impl RefusalLog {
    /// An operator must learn of it, but not once for each connection.
    fn record(&mut self, ip: IpAddr, max: u32) {
        self.refused += 1;
        if self.logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            self.logged = Some(Instant::now());
            tracing::warn!(
                peer.address = %ip,
                refused = self.refused,
                "an address has {max} connections open, and more were refused; is it a proxy? see OFFLOAD_TRUSTED_PROXIES"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_the_connections_of_others() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let peers = PeerConnections::new(Some(2), vec!["10.0.0.0/8".parse().unwrap()]);
        let held: Vec<_> = (0..2).map(|_| peers.connect(ip("2001:db8::1")).unwrap()).collect();
        assert!(peers.connect(ip("2001:db8::ffff")).is_none(), "the same network");
        assert!(peers.connect(ip("2001:db8:0:1::1")).is_some() && peers.connect(ip("192.0.2.1")).is_some());
        let proxied: Vec<_> = (0..9).map(|_| peers.connect(ip("::ffff:10.0.0.1")).unwrap()).collect();
        drop((held, proxied));
        assert!(peers.connect(ip("2001:db8::1")).is_some());
        let open = PeerConnections::new(None, Vec::new());
        assert!((0..9).map(|_| open.connect(ip("192.0.2.1"))).all(|permit| permit.is_some()));
    }
}
