//! The connections that this server holds, by their ids.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use uuid::Uuid;

/// Events that wait for a connection to take them. Whoever is further behind is cut off, and gets the latest when it comes
/// back: a slow reader must cost neither memory nor anybody's time.
const BACKLOG: usize = 16;

/// The connections of one server.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Where events for these connections are POSTed to.
    endpoint: String,
    seats: Arc<Semaphore>,
    open: Mutex<HashMap<Uuid, mpsc::Sender<Bytes>>>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    Taken,
    /// There is no such connection, or not any more.
    Gone,
}

impl Hub {
    pub(crate) fn new(endpoint: String, max: usize) -> Arc<Self> {
        let seats = Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { endpoint, seats, open: Mutex::default() })
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A new connection, if there is a seat for it.
    pub(crate) fn connect(self: &Arc<Self>) -> Option<Connection> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        let (id, (sender, events)) = (Uuid::new_v4(), mpsc::channel(BACKLOG));
        self.open().insert(id, sender);
        Some(Connection { id, events, hub: Arc::clone(self), _seat: seat })
    }

    /// Hands an event to a connection.
    pub(crate) fn post(&self, id: Uuid, event: Bytes) -> Posted {
        let mut open = self.open();
        match open.get(&id).map(|connection| connection.try_send(event)) {
            Some(Ok(())) => Posted::Taken,
            Some(Err(_)) => {
                // Its receiver ends when its sender has gone.
                open.remove(&id);
                Posted::Gone
            }
            None => Posted::Gone,
        }
    }

    /// Whether there is such a connection.
    pub(crate) fn holds(&self, id: Uuid) -> bool {
        self.open().contains_key(&id)
    }

    /// Ends a connection; whether there was one.
    pub(crate) fn disconnect(&self, id: Uuid) -> bool {
        self.open().remove(&id).is_some()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.open().len()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Uuid, mpsc::Sender<Bytes>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's own end. When it is dropped, its id is forgotten.
#[derive(Debug)]
pub(crate) struct Connection {
    id: Uuid,
    events: mpsc::Receiver<Bytes>,
    hub: Arc<Hub>,
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.hub.endpoint()
    }

    /// The next event; `None` when the connection must end.
    pub(crate) async fn event(&mut self) -> Option<Bytes> {
        self.events.recv().await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.hub.disconnect(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_reaches_its_connection_as_long_as_it_is_there() {
        let hub = Hub::new("http://h".into(), 2);
        let (mut a, b) = (hub.connect().unwrap(), hub.connect().unwrap());
        assert!(hub.connect().is_none(), "no seat");
        assert_eq!(hub.post(a.id(), "x".into()), Posted::Taken);
        assert_eq!(a.event().await.unwrap(), "x");
        let gone = b.id();
        drop(b);
        assert_eq!((hub.post(gone, "x".into()), hub.len()), (Posted::Gone, 1));
        assert!(hub.connect().is_some());
        assert!(hub.disconnect(a.id()));
        assert_eq!(a.event().await, None);
    }

    #[tokio::test]
    async fn a_reader_that_is_too_slow_is_cut_off() {
        let hub = Hub::new("http://h".into(), 1);
        let mut slow = hub.connect().unwrap();
        for _ in 0..BACKLOG {
            assert_eq!(hub.post(slow.id(), "x".into()), Posted::Taken);
        }
        assert_eq!(hub.post(slow.id(), "x".into()), Posted::Gone);
        for _ in 0..BACKLOG {
            assert!(slow.event().await.is_some(), "what it has it may read");
        }
        assert_eq!(slow.event().await, None);
    }
}
