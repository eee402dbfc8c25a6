//! What an invocation is for. Pure.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

/// One invocation's event.
#[derive(Debug)]
pub(super) enum Event {
    /// Messages of one of the queues of orders: its place among them, and they.
    Orders(usize, Vec<SqsMessage>),
    /// Messages of its dead-letter queue.
    DeadLetters(Vec<SqsMessage>),
    /// Messages of one of the queues of notifications.
    Notifications(Vec<SqsMessage>),
    /// Records of the order table's stream.
    Changes(Vec<Change>),
    /// Sweep, on schedule: `{"offload": "sweep"}`.
    Sweep,
}

/// The names of the queues.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Queues<'a> {
    /// Of orders.
    pub(super) orders: &'a [&'a str],
    /// Their dead-letter queue.
    pub(super) dead: Option<&'a str>,
    /// Of notifications, and of webhooks.
    pub(super) notifications: &'a [&'a str],
}

/// A change of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// Names the record, if it must come again.
    pub(super) sequence_number: String,
    /// The row before, if there was one and the stream contains it.
    pub(super) before: Option<Value>,
    /// The row after, if there is one.
    pub(super) after: Option<Value>,
}

/// The event is unknown to a worker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    /// Neither records nor a command.
    #[error("the event is neither a batch of SQS or of a DynamoDB stream nor {{\"offload\": \"sweep\"}}")]
    Shape,
    /// Messages of another queue than the settings name.
    #[error(
        "the event is of the queue \"{0}\", which by the settings is neither that of orders, nor its dead-letter queue, nor that of notifications"
    )]
    Queue(String),
}

impl Event {
    /// Reads an event.
    pub(super) fn read(mut payload: Value, queues: Queues<'_>) -> Result<Self, Unknown> {
        if payload.get("offload").and_then(Value::as_str) == Some("sweep") {
            return Ok(Self::Sweep);
        }
        if payload["Records"][0]["eventSource"] == "aws:dynamodb" {
            return changes(payload["Records"].take());
        }
        let event: SqsEvent = serde_json::from_value(payload).map_err(|_| Unknown::Shape)?;
        let arn = event.records.first().and_then(|m| m.event_source_arn.clone()).ok_or(Unknown::Shape)?;
        // A batch is of one queue.
        let name = arn.rsplit(':').next().unwrap_or_default();
        if let Some(lane) = queues.orders.iter().position(|orders| *orders == name) {
            Ok(Self::Orders(lane, event.records))
        } else if Some(name) == queues.dead {
            Ok(Self::DeadLetters(event.records))
        } else if queues.notifications.contains(&name) {
            Ok(Self::Notifications(event.records))
        } else {
            Err(Unknown::Queue(name.to_owned()))
        }
    }
}

fn changes(records: Value) -> Result<Event, Unknown> {
    let Value::Array(records) = records else { return Err(Unknown::Shape) };
    let change = |mut record: Value| {
        let change = &mut record["dynamodb"];
        let sequence_number = change["SequenceNumber"].as_str().ok_or(Unknown::Shape)?.to_owned();
        let mut image = |name: &str| Some(change[name].take()).filter(Value::is_object);
        Ok(Change { sequence_number, before: image("OldImage"), after: image("NewImage") })
    };
    records.into_iter().map(change).collect::<Result<_, _>>().map(Event::Changes)
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
    fn an_event_is_recognized_by_its_queue() {
        let queues = Queues {
            orders: &["orders-high", "orders"],
            dead: Some("orders-dead"),
            notifications: &["notifications", "webhooks"],
        };
        let read = |payload| Event::read(payload, queues);
        for queue in queues.notifications {
            assert!(matches!(read(batch(queue)), Ok(Event::Notifications(m)) if m.len() == 1));
        }
        // Shaped as https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
        let stream = json!({"Records": [{"eventID": "1", "eventName": "MODIFY", "eventSource": "aws:dynamodb",
            "dynamodb": {"Keys": {"pk": {"S": "a"}}, "NewImage": {"pk": {"S": "a"}}, "SequenceNumber": "111"}}]});
        let image = json!({"pk": {"S": "a"}});
        let change = Change { sequence_number: "111".into(), before: None, after: Some(image) };
        assert!(matches!(read(stream), Ok(Event::Changes(c)) if c == [change]));
        assert!(matches!(read(batch("orders")), Ok(Event::Orders(1, m)) if m.len() == 1));
        assert!(matches!(read(batch("orders-high")), Ok(Event::Orders(0, m)) if m.len() == 1));
        assert!(matches!(read(batch("orders-dead")), Ok(Event::DeadLetters(_))));
        assert!(matches!(read(json!({"offload": "sweep"})), Ok(Event::Sweep)));
        assert!(matches!(read(batch("other")), Err(Unknown::Queue(name)) if name == "other"));
        for nonsense in [json!({}), json!([]), json!({"Records": []}), json!({"offload": "dance"})] {
            assert!(matches!(read(nonsense.clone()), Err(Unknown::Shape)), "{nonsense}");
        }
    }
}
