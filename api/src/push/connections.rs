//! The connections that this server holds, by their ids.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use offload_domain::notification::Holder;
use offload_stores::Subscriber;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

/// Events that wait until a connection takes them. A connection that is further behind is cut off,
/// and gets the latest event when it comes back: a slow reader must cost neither memory nor others'
/// time.
const BACKLOG: usize = 16;

/// The connections of one server.
#[derive(Debug)]
pub(crate) struct PushConnections {
    /// The URL to which events for these connections are POSTed.
    endpoint: String,
    permits: Arc<Semaphore>,
    /// For those of clients that have sent no token yet: they take no permit of the others.
    without_token: Arc<Semaphore>,
    open: Mutex<HashMap<Uuid, mpsc::Sender<Bytes>>>,
}

/// There is no such connection, or not any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

impl PushConnections {
    /// Room for `max` connections, and `without_token` more whose clients have sent no token.
    pub(crate) fn new(endpoint: String, max: usize, without_token: usize) -> Arc<Self> {
        let permits = |n: usize| Arc::new(Semaphore::new(n.min(Semaphore::MAX_PERMITS)));
        let (permits, without_token) = (permits(max), permits(without_token));
        Arc::new(Self { endpoint, permits, without_token, open: Mutex::default() })
    }

    /// A new connection of a client that has sent a token, if there is room for it.
    pub(crate) fn connect(self: &Arc<Self>) -> Option<PushConnection> {
        self.connect_by(&self.permits, true)
    }

    /// A new connection of a client that has sent no token yet, if there is room for it.
    pub(crate) fn connect_without_token(self: &Arc<Self>) -> Option<PushConnection> {
        self.connect_by(&self.without_token, false)
    }

    fn connect_by(self: &Arc<Self>, permits: &Arc<Semaphore>, has_token: bool) -> Option<PushConnection> {
        let permit = Arc::clone(permits).try_acquire_owned().ok()?;
        let (id, (sender, events)) = (Uuid::new_v4(), mpsc::channel(BACKLOG));
        self.open.lock().insert(id, sender);
        Some(PushConnection { id, events, connections: Arc::clone(self), permit, has_token })
    }

    /// Passes an event on to a connection.
    pub(crate) fn post(&self, id: Uuid, event: Bytes) -> Result<(), Gone> {
        let mut open = self.open.lock();
        let sent = open.get(&id).ok_or(Gone)?.try_send(event);
        sent.map_err(|_| {
            // Its receiver ends when its sender has gone.
            open.remove(&id);
            Gone
        })
    }

    /// Whether there is such a connection.
    pub(crate) fn contains(&self, id: Uuid) -> bool {
        self.open.lock().contains_key(&id)
    }

    /// Ends a connection.
    pub(crate) fn disconnect(&self, id: Uuid) -> Result<(), Gone> {
        self.open.lock().remove(&id).map(drop).ok_or(Gone)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.open.lock().len()
    }
}

/// A connection's own end. When it is dropped, its id is forgotten.
#[derive(Debug)]
pub(crate) struct PushConnection {
    id: Uuid,
    events: mpsc::Receiver<Bytes>,
    connections: Arc<PushConnections>,
    permit: OwnedSemaphorePermit,
    has_token: bool,
}

impl PushConnection {
    /// This connection as the subscriber of an order; with `cancels`, the order is cancelled if it
    /// has not started when its last subscriber leaves.
    pub(crate) fn subscriber(&self, cancels: bool) -> Subscriber {
        let (connection, endpoint) = (self.id.to_string(), self.connections.endpoint.clone());
        Subscriber { connection, holder: Holder::ApiServer, endpoint, cancels }
    }

    /// Counts it among those of clients that have sent a token from now on; whether there is room.
    pub(crate) fn count_token(&mut self) -> bool {
        if !self.has_token {
            let Ok(permit) = Arc::clone(&self.connections.permits).try_acquire_owned() else { return false };
            self.permit = permit;
            self.has_token = true;
        }
        true
    }

    /// The next event; `None` when the connection must end.
    pub(crate) async fn event(&mut self) -> Option<Bytes> {
        self.events.recv().await
    }
}

impl Drop for PushConnection {
    fn drop(&mut self) {
        // It may have been disconnected already.
        let _ = self.connections.disconnect(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_reaches_its_connection_as_long_as_it_is_there() {
        let connections = PushConnections::new("http://h".into(), 2, 1);
        let (mut a, b) = (connections.connect().unwrap(), connections.connect().unwrap());
        assert!(connections.connect().is_none(), "no room");
        assert_eq!(connections.post(a.id, "x".into()), Ok(()));
        assert_eq!(a.event().await.unwrap(), "x");
        let gone = b.id;
        drop(b);
        assert_eq!((connections.post(gone, "x".into()), connections.len()), (Err(Gone), 1));
        assert!(connections.connect().is_some());
        assert_eq!(connections.disconnect(a.id), Ok(()));
        assert_eq!(a.event().await, None);
    }

    #[test]
    fn clients_without_a_token_take_nothing_of_those_with_one() {
        let connections = PushConnections::new("http://h".into(), 2, 1);
        let mut without = connections.connect_without_token().unwrap();
        assert!(connections.connect_without_token().is_none());
        let first = connections.connect().unwrap();
        assert!(without.count_token() && without.count_token());
        assert!(connections.connect().is_none());
        let mut late = connections.connect_without_token().unwrap();
        assert!(!late.count_token(), "no room");
        drop(first);
        assert!(late.count_token());
    }

    #[tokio::test]
    async fn a_reader_that_is_too_slow_is_cut_off() {
        let connections = PushConnections::new("http://h".into(), 1, 0);
        let mut slow = connections.connect().unwrap();
        for _ in 0..BACKLOG {
            assert_eq!(connections.post(slow.id, "x".into()), Ok(()));
        }
        assert_eq!(connections.post(slow.id, "x".into()), Err(Gone));
        for _ in 0..BACKLOG {
            assert!(slow.event().await.is_some(), "it may read what it has");
        }
        assert_eq!(slow.event().await, None);
    }
}
