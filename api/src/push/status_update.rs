//! What a subscriber needs of a status event.

use bytes::Bytes;
use offload_domain::{id::OrderId, json::to_json, order::OrderRecord};
use offload_stores::Error;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::service::Service;

/// A status of an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StatusUpdate {
    pub(crate) order: OrderId,
    pub(crate) revision: u64,
    /// Whether the status is final.
    pub(crate) done: bool,
    /// The status object as JSON.
    pub(crate) object: Bytes,
}

/// The members of a status event that are read; the status object is passed on as it is.
#[derive(Deserialize)]
struct Event<'a> {
    subject: OrderId,
    revision: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct Data {
    done: bool,
}

impl StatusUpdate {
    /// Reads a status event as the notifier POSTs it; `None` if it is none.
    pub(crate) fn parse(event: &Bytes) -> Option<Self> {
        let Event { subject, revision, data } = serde_json::from_slice(event).ok()?;
        let object = data.get();
        let Data { done } = serde_json::from_str(object).ok()?;
        Some(Self { order: subject, revision, done, object: event.slice_ref(object.as_bytes()) })
    }

    /// The order as it is.
    ///
    /// # Errors
    /// If the URL of its result cannot be signed.
    pub(crate) async fn of(service: &Service, record: &OrderRecord) -> Result<Self, Error> {
        let object = to_json(&service.status_object(record).await?);
        let state = &record.state;
        Ok(Self {
            order: record.order.id,
            revision: state.revision,
            done: state.status.is_final(),
            object: object.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use offload_domain::{event::StatusEvent, fixtures};

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn an_event_gives_the_same_update_as_its_order() {
        let service = testing::service(&[]).await;
        let record = fixtures::record(chrono::DateTime::UNIX_EPOCH);
        let event = serde_json::to_vec(&StatusEvent::of(record.status_object(None))).unwrap();
        let update = StatusUpdate::parse(&event.into()).unwrap();
        assert_eq!(update, StatusUpdate::of(&service, &record).await.unwrap());
        assert_eq!((update.order, update.revision, update.done), (record.order.id, 1, false));
        for nonsense in ["", "{}", r#"{"subject":"x","revision":1,"data":{"done":true}}"#] {
            assert_eq!(StatusUpdate::parse(&nonsense.into()), None, "{nonsense}");
        }
    }
}
