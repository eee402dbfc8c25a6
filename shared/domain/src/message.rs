//! The message in the queue.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    id::OrderId,
    lane::Priority,
    status::EtaWindow,
    tenant::{OfTenant, Tenant},
    time::rfc3339_millis,
};

/// The version of the message that this code writes and reads.
pub const VERSION: u32 = 1;

/// Says which order to work on. The order itself is in the order table, so a message is small, and
/// a stale or repeated one can do no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`VERSION`].
    pub v: u32,
    /// The order.
    pub id: OrderId,
    /// The key of its status object.
    pub key: String,
    /// The `ETag` of the pending status object, so that the first overwrite needs no read.
    pub etag: Option<String>,
    /// When a client polls that object first, by the schedule. Absent where it has been polled
    /// before, and in messages of older versions.
    #[serde(with = "rfc3339_millis::option", default, skip_serializing_if = "Option::is_none")]
    pub first_poll_at: Option<DateTime<Utc>>,
    /// When the order will be done, by the estimate for its client. Absent where nothing was said
    /// of it, and in messages of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<EtaWindow>,
    /// Whose order it is. Absent for the default tenant, and in messages of older versions.
    #[serde(default, skip_serializing_if = "Tenant::is_default")]
    pub tenant: Tenant,
    /// How urgent it is, so that it can be sent again without reading the order.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
    /// Not to be started before, so that a worker that gets it too early need not read the order.
    #[serde(with = "rfc3339_millis::option", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
}

impl OfTenant for Envelope {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// The body is not a message that this code can act on.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableMessage {
    /// Not JSON, or not of this shape.
    #[error("not a message of this service")]
    Shape(#[source] serde_json::Error),
    /// Written by a newer version.
    #[error("message version {0}; this worker reads version {VERSION}")]
    Version(u32),
}

impl Envelope {
    /// The message for an order whose pending status object has this `ETag`.
    #[must_use]
    pub fn new(id: OrderId, etag: Option<String>) -> Self {
        let (tenant, priority) = (Tenant::default(), Priority::default());
        Self {
            v: VERSION,
            id,
            key: id.status_key(),
            etag,
            first_poll_at: None,
            eta: None,
            tenant,
            priority,
            not_before: None,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`UnreadableMessage`]; it never quotes the body.
    pub fn parse(body: &str) -> Result<Self, UnreadableMessage> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        match serde_json::from_str::<Versioned>(body) {
            Ok(Versioned { v: VERSION }) => serde_json::from_str(body).map_err(UnreadableMessage::Shape),
            Ok(Versioned { v }) => Err(UnreadableMessage::Version(v)),
            Err(e) => Err(UnreadableMessage::Shape(e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: &[&str] = &[
        "{",
        "}",
        "\"v\":1",
        "\"v\":1.0",
        "\"v\":2",
        ",",
        "\"id\":\"0198f0c2-1f5e-7000-8000-000000000000\"",
        "\"key\":\"status/x\"",
        "\"etag\":null",
        "\"tenant\":\"shop\"",
        "\"tenant\":\"\"",
        "\"priority\":\"high\"",
        "\"priority\":\"\"",
        "\"first_poll_at\":\"2026-01-01T00:00:00.000Z\"",
        "\"not_before\":\"2026-01-01T00:00:00.000Z\"",
        "\"not_before\":1e400",
        "[",
        "]",
        "\\",
        "\u{feff}",
        "-0",
    ];

    #[test]
    fn a_message_survives_the_wire_and_others_are_recognised() {
        let e = Envelope::new(OrderId::new(chrono::DateTime::UNIX_EPOCH), Some("\"abc\"".into()));
        assert_eq!(Envelope::parse(&serde_json::to_string(&e).unwrap()).unwrap(), e);
        assert!(matches!(Envelope::parse(r#"{"v":2,"id":7}"#), Err(UnreadableMessage::Version(2))));
        let shop = Envelope { tenant: "shop".parse().unwrap(), priority: Priority::High, ..e.clone() };
        assert_eq!(Envelope::parse(&serde_json::to_string(&shop).unwrap()).unwrap(), shop);
        let json = serde_json::to_string(&e).unwrap();
        for absent in ["tenant", "priority", "first_poll_at", "\"eta\""] {
            assert!(!json.contains(absent), "{absent}: as older workers know it");
        }
        for bad in ["", "nonsense", "[]", r#"{"v":1}"#, r#"{"v":1,"id":"x","key":"k"}"#] {
            assert!(matches!(Envelope::parse(bad), Err(UnreadableMessage::Shape(_))), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics_and_what_is_read_reads_the_same_again(
            body in prop::collection::vec(prop::sample::select(PIECES), 0..12).prop_map(|pieces| pieces.concat()),
        ) {
            if let Ok(envelope) = Envelope::parse(&body) {
                let written = serde_json::to_string(&envelope).unwrap();
                prop_assert_eq!(Envelope::parse(&written).unwrap(), envelope);
            }
        }
    }
}
