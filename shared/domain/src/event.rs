//! The one event behind every push: a published status, as a `CloudEvent` (CloudEvents 1.0, JSON
//! format).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::OrderId,
    labels::Labels,
    status::{Status, StatusObject},
    time::rfc3339_millis,
};

/// The `type` of the events of orders.
pub const EVENT_TYPE: &str = "dev.status-offload.order.status";

/// The `type` of the event at the end of a group of orders.
pub const GROUP_EVENT_TYPE: &str = "dev.status-offload.group.status";

/// The `type` of an event by which an operator tests a receiver.
pub const TEST_EVENT_TYPE: &str = "dev.status-offload.webhook.test";

/// The revision of such an event: none of an order has it.
pub const TEST_REVISION: u64 = 0;

/// The media type of an event in structured mode.
pub const EVENT_MEDIA_TYPE: &str = "application/cloudevents+json";

const SPEC_VERSION: &str = "1.0";

/// An order's status has been published.
///
/// Events are delivered at least once and in any order. A receiver keeps the highest `revision` of
/// each `subject` and drops what is not higher; so the last thing it knows is what is stored in S3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusEvent {
    specversion: String,
    /// `{order}/{revision}`: the same for every delivery of this event, and for no other one of its
    /// source.
    pub id: String,
    /// The service that the order was placed with: its URL of orders.
    pub source: String,
    #[serde(rename = "type")]
    kind: String,
    /// The order.
    pub subject: OrderId,
    /// When the status was reached.
    #[serde(with = "rfc3339_millis")]
    pub time: DateTime<Utc>,
    datacontenttype: String,
    /// The revision of the status object, as an extension attribute. (CloudEvents' integers have 32
    /// bits: an order has a few dozen revisions.)
    pub revision: u64,
    /// The status object as it is stored in S3, and the order's labels.
    pub data: StatusObject,
}

impl StatusEvent {
    /// The event of a status object.
    #[must_use]
    pub fn of(data: StatusObject) -> Self {
        Self {
            specversion: SPEC_VERSION.to_owned(),
            id: format!("{}/{}", data.id, data.revision),
            // `renew` is the order's own URL.
            source: data.renew.rsplit_once('/').map_or(data.renew.as_str(), |(orders, _)| orders).to_owned(),
            kind: if data.counts.is_some() { GROUP_EVENT_TYPE } else { EVENT_TYPE }.to_owned(),
            subject: data.id,
            time: data.updated_at,
            datacontenttype: "application/json".to_owned(),
            revision: data.revision,
            data,
        }
    }

    /// An event of no order, by which an operator tests a receiver. `renew` is where an order with
    /// this id would be.
    #[must_use]
    pub fn test(id: OrderId, renew: String, now: DateTime<Utc>) -> Self {
        let event = Self::of(StatusObject {
            id,
            status: Status::Pending,
            done: false,
            revision: TEST_REVISION,
            generation: 1,
            attempt: 0,
            created_at: now,
            updated_at: now,
            started_at: None,
            finished_at: None,
            progress: None,
            eta: None,
            poll_after_ms: None,
            result: None,
            result_url: None,
            result_url_expires_at: None,
            error: None,
            renew,
            labels: Labels::default(),
            counts: None,
        });
        Self { kind: TEST_EVENT_TYPE.to_owned(), ..event }
    }

    /// Whether it tests a receiver.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.kind == TEST_EVENT_TYPE
    }

    /// The same for receivers that are not the order's own: without the presigned URL, by which
    /// anybody reads the result.
    #[must_use]
    pub fn for_anybody(mut self) -> Self {
        (self.data.result_url, self.data.result_url_expires_at) = (None, None);
        self
    }

    /// The same for receivers that the operator may not know, without the order's labels, which may
    /// be internal.
    #[must_use]
    pub fn for_the_public(self) -> Self {
        let mut event = self.for_anybody();
        event.data.labels = Labels::default();
        event
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        fixtures,
        order::{Order, OrderRecord},
    };

    #[test]
    fn an_event_is_a_cloud_event_of_the_object() {
        let at = DateTime::from_timestamp_millis(1_700_000_000_123).unwrap();
        let order = fixtures::order(at);
        let id = order.id;
        let order = Order { renew: format!("https://api.example/v1/order/{id}"), ..order };
        let window = crate::status::EtaWindow { at, earliest_at: at, latest_at: at };
        let mut object = OrderRecord::new(order, window, 700).status_object(None);
        object.result_url = Some("https://secret".into());
        let event = StatusEvent::of(object.clone());
        let written = serde_json::to_value(&event).unwrap();
        for (attribute, expected) in [
            ("specversion", json!("1.0")),
            ("id", json!(format!("{id}/1"))),
            ("source", json!("https://api.example/v1/order")),
            ("type", json!("dev.status-offload.order.status")),
            ("subject", json!(id)),
            ("time", json!("2023-11-14T22:13:20.123Z")),
            ("datacontenttype", json!("application/json")),
            ("revision", json!(1)),
            ("data", json!(object)),
        ] {
            assert_eq!(written[attribute], expected, "{attribute}");
        }
        assert_eq!(serde_json::from_value::<StatusEvent>(written).unwrap(), event);
        assert!(!serde_json::to_string(&event.for_anybody()).unwrap().contains("secret"));
    }
}
