//! How many connections each address has open.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::client_address::ClientAddress;

/// Between two lines in the log about connections that were refused.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The connections of each address to one listener.
#[derive(Debug)]
pub(crate) struct PeerConnections {
    /// The most that an address may have; `None` for no limit.
    max: Option<u32>,
    /// Whose connections are not counted.
    unlimited: Vec<IpNet>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<ClientAddress, u32>,
    refused: u64,
    logged: Option<Instant>,
}

/// Counts a connection until it is dropped.
#[derive(Debug)]
pub(crate) struct PeerPermit(Option<(Arc<PeerConnections>, ClientAddress)>);

impl PeerConnections {
    pub(crate) fn new(max: Option<u32>, unlimited: Vec<IpNet>) -> Arc<Self> {
        Arc::new(Self { max, unlimited, state: Mutex::default() })
    }

    /// Counts a connection, unless its address has too many.
    pub(crate) fn connect(self: &Arc<Self>, ip: IpAddr) -> Option<PeerPermit> {
        let Some(max) = self.max else { return Some(PeerPermit(None)) };
        let canonical = ip.to_canonical();
        if self.unlimited.iter().any(|net| net.contains(&canonical)) {
            return Some(PeerPermit(None));
        }
        let address = ClientAddress::from(ip);
        let mut state = self.state.lock();
        let open = state.open.entry(address).or_insert(0);
        if *open >= max {
            state.record_refusal(ip, max);
            return None;
        }
        *open += 1;
        Some(PeerPermit(Some((Arc::clone(self), address))))
    }
}

impl State {
    /// An operator must learn of it, but not once for each connection.
    fn record_refusal(&mut self, ip: IpAddr, max: u32) {
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

impl Drop for PeerPermit {
    fn drop(&mut self) {
        let Some((peers, address)) = self.0.take() else { return };
        if let Entry::Occupied(mut open) = peers.state.lock().open.entry(address) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
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
        assert!(peers.state.lock().open.is_empty(), "nothing is kept of addresses without connections");
        let open = PeerConnections::new(None, Vec::new());
        assert!((0..9).map(|_| open.connect(ip("192.0.2.1"))).all(|permit| permit.is_some()));
    }
}
