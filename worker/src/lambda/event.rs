//! What an invocation asks for. Pure.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

/// One invocation's event.
#[derive(Debug)]
pub(super) enum Event {
    /// Messages of the queue of orders.
    Orders(Vec<SqsMessage>),
    /// Messages of its dead-letter queue.
    DeadLetters(Vec<SqsMessage>),
    /// Look for what falls due: `{"offload": "sweep"}`, by a schedule.
    Sweep,
}

/// The event is none that a worker knows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// Neither records nor a command.
    #[error("the event is neither a batch of SQS nor {{\"offload\": \"sweep\"}}")]
    Shape,
    /// Messages of another queue than the settings name.
    #[error(
        "the event is of the queue \"{0}\", which is neither that of orders nor its dead-letter queue by the settings"
    )]
    Queue(String),
}

impl Event {
    /// Reads an event; `orders` and `dead` are the names of the queues.
    pub(super) fn read(payload: Value, orders: &str, dead: Option<&str>) -> Result<Self, Unknown> {
        if payload.get("offload").and_then(Value::as_str) == Some("sweep") {
            return Ok(Self::Sweep);
        }
        let event: SqsEvent = serde_json::from_value(payload).map_err(|_| Unknown::Shape)?;
        let arn = event.records.first().and_then(|m| m.event_source_arn.clone()).ok_or(Unknown::Shape)?;
        // A batch is of one queue.
        let name = arn.rsplit(':').next().unwrap_or_default();
        if name == orders {
            Ok(Self::Orders(event.records))
        } else if Some(name) == dead {
            Ok(Self::DeadLetters(event.records))
        } else {
            Err(Unknown::Queue(name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn batch(queue: &str) -> Value {
        json!({"Records": [{
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d", "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": "Test message.", "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO", "ApproximateFirstReceiveTimestamp": "1545082649185"},
            "messageAttributes": {}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3", "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-2:123456789012:{queue}"), "awsRegion": "us-east-2"
        }]})
    }

    #[test]
    fn an_event_is_told_by_its_queue() {
        let read = |payload| Event::read(payload, "orders", Some("orders-dead"));
        assert!(matches!(read(batch("orders")), Ok(Event::Orders(m)) if m.len() == 1));
        assert!(matches!(read(batch("orders-dead")), Ok(Event::DeadLetters(_))));
        assert!(matches!(read(json!({"offload": "sweep"})), Ok(Event::Sweep)));
        assert!(matches!(read(batch("other")), Err(Unknown::Queue(name)) if name == "other"));
        for nonsense in [json!({}), json!([]), json!({"Records": []}), json!({"offload": "dance"})] {
            assert!(matches!(read(nonsense.clone()), Err(Unknown::Shape)), "{nonsense}");
        }
    }
}
