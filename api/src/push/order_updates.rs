//! Following one order on a connection of its own: what event streams and held requests do.

use std::sync::Arc;

use bytes::Bytes;
use offload_domain::{id::OrderId, lifetime, notification::Holder, order::OrderRecord, status::StatusObject};
use offload_lifecycle::publish;
use offload_service::clock;
use offload_stores::{Error, Watcher};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::sleep_until;

use super::{connections::Connection, subscription::Watching};
use crate::{response::error::ApiError, service::Service};

/// One connection, and the one order that it follows.
#[derive(Debug)]
pub(crate) struct Follow {
    service: Arc<Service>,
    // Dropped in this order: the row goes before the connection, so that nothing is sent in vain.
    watching: Watching,
    connection: Connection,
    /// The last revision that the client has.
    seen: u64,
}

/// What a client is told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) revision: u64,
    pub(crate) done: bool,
    /// The status object.
    pub(crate) object: Bytes,
}

impl Follow {
    /// Follows an order from now on; with the order as it is.
    pub(crate) async fn start(
        service: &Arc<Service>,
        order: OrderId,
        cancels: bool,
    ) -> Result<(Self, OrderRecord), ApiError> {
        let hub = service.hub.as_ref().ok_or(ApiError::NoPush)?;
        let connection = hub.connect().ok_or(ApiError::TooManyConnections)?;
        let (connection_id, endpoint) = (connection.id().to_string(), connection.endpoint().to_owned());
        let watcher = Watcher { connection: connection_id, holder: Holder::ApiServer, endpoint, cancels };
        let watched = Watching::start(service, order, watcher).await?;
        let (watching, record) = watched.ok_or(ApiError::OrderNotFound)?;
        Ok((Self { service: Arc::clone(service), watching, connection, seen: record.state.revision }, record))
    }

    /// Waits for a change; `None` when the service ends, or the connection must.
    pub(crate) async fn changed(&mut self) -> Option<Told> {
        loop {
            let told = tokio::select! {
                event = self.connection.event() => told(&event?),
                () = sleep_until(self.watching.renew_at()) => match self.watching.renew().await {
                    Ok(Some(record)) => told_of(&self.service, &record).await.ok(),
                    // Past its retention.
                    Ok(None) => return None,
                    Err(e) => {
                        self.service.note("cannot renew a connection's interest in its order", &e);
                        return None;
                    }
                },
                () = self.service.stop.cancelled() => return None,
            };
            let Some(told) = told.filter(|told| told.revision > self.seen) else { continue };
            self.seen = told.revision;
            self.watching.ended |= told.done;
            return Some(told);
        }
    }
}

/// An event as it came.
#[derive(Deserialize)]
struct Posted<'a> {
    revision: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Ends {
    done: bool,
}

fn told(event: &[u8]) -> Option<Told> {
    let posted: Posted<'_> = serde_json::from_slice(event).ok()?;
    let object = posted.data.get();
    let Ends { done } = serde_json::from_str(object).ok()?;
    Some(Told { revision: posted.revision, done, object: Bytes::copy_from_slice(object.as_bytes()) })
}

/// A record as it is told.
///
/// # Errors
/// If the URL of its result cannot be signed.
pub(crate) async fn told_of(service: &Service, record: &OrderRecord) -> Result<Told, Error> {
    // A status object is texts and numbers: it can always be written.
    let object = serde_json::to_vec(&object_of(service, record).await?).unwrap_or_default();
    Ok(Told { revision: record.state.revision, done: record.state.status.is_final(), object: object.into() })
}

/// The status object of a record, with a fresh URL of its result if that stands in S3.
///
/// # Errors
/// If the URL cannot be signed.
pub(crate) async fn object_of(service: &Service, record: &OrderRecord) -> Result<StatusObject, Error> {
    let now = clock::now();
    let ttl = lifetime::status_url_ttl(record.state.eta.as_ref(), now, &service.settings.status_url_ttl);
    publish::status_object(&service.stores, record, ttl, now).await
}
