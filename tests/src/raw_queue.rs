//! A queue without the service in between: sends what the service never would, and receives as
//! Lambda does.

use offload_domain::lane::Lane;
use serde_json::{Map, Value, json};

use crate::{System, json_service::JsonService};

/// One queue of a system.
pub struct RawQueue {
    sqs: JsonService,
    url: String,
}

impl RawQueue {
    /// The queue of orders.
    #[must_use]
    pub fn orders(system: &System) -> Self {
        Self::of(system, system.store_settings().queue_url)
    }

    /// The queue of orders of a lane.
    ///
    /// # Panics
    /// If the system has none.
    #[must_use]
    pub fn of_lane(system: &System, lane: Lane) -> Self {
        let settings = system.store_settings();
        let url = match lane {
            Lane::Quiet => settings.quiet_queue_url,
            Lane::High => settings.high_queue_url,
            Lane::Normal => Some(settings.queue_url),
            Lane::Low => settings.low_queue_url,
        };
        Self::of(system, url.expect("the system has this lane"))
    }

    /// Its dead-letter queue.
    ///
    /// # Panics
    /// If the system has none.
    #[must_use]
    pub fn dead_letters(system: &System) -> Self {
        Self::of(system, system.store_settings().dead_letter_queue_url.expect("every system has one"))
    }

    /// The queue of notifications.
    ///
    /// # Panics
    /// If the system has none.
    #[must_use]
    pub fn notifications(system: &System) -> Self {
        Self::of(system, system.store_settings().notifications.expect("every system has one").queue_url)
    }

    /// The queues of notifications for webhooks, and of those that are tried again.
    ///
    /// # Panics
    /// If the system has none.
    #[must_use]
    pub fn webhooks(system: &System) -> [Self; 2] {
        let settings = system.store_settings().notifications.expect("every system has one");
        [settings.webhooks_queue_url, settings.webhook_retries_queue_url]
            .map(|url| Self::of(system, url.expect("every system has one")))
    }

    fn of(system: &System, url: String) -> Self {
        Self { sqs: JsonService::sqs(system), url }
    }

    /// Sends a body as it is.
    ///
    /// # Errors
    /// If the queue refuses it.
    pub async fn send(&self, body: &str) -> anyhow::Result<()> {
        self.call("SendMessage", json!({"MessageBody": body})).await.map(drop)
    }

    /// Receives up to `max` messages, ten at most, as an event of the kind that Lambda invokes
    /// with.
    ///
    /// # Errors
    /// If the queue does not respond.
    pub async fn receive_event(&self, max: usize) -> anyhow::Result<Value> {
        let wanted = json!({"MaxNumberOfMessages": max, "WaitTimeSeconds": 5, "VisibilityTimeout": 180,
            "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]});
        let response = self.call("ReceiveMessage", wanted).await?;
        let name = self.url.rsplit('/').next().unwrap_or_default();
        let attribute = |(name, value): (&String, &Value)| {
            let of_event = json!({"stringValue": value["StringValue"], "dataType": value["DataType"],
                "stringListValues": [], "binaryListValues": []});
            (name.clone(), of_event)
        };
        let record = |m: &Value| {
            let attributes: Map<String, Value> =
                m["MessageAttributes"].as_object().map(|a| a.iter().map(attribute).collect()).unwrap_or_default();
            json!({
                "messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"],
                "attributes": m["Attributes"], "messageAttributes": attributes, "md5OfBody": m["MD5OfBody"],
                "eventSource": "aws:sqs", "awsRegion": self.sqs.region,
                "eventSourceARN": format!("arn:aws:sqs:{}:000000000000:{name}", self.sqs.region),
            })
        };
        let records: Vec<Value> =
            response["Messages"].as_array().map(|m| m.iter().map(record).collect()).unwrap_or_default();
        Ok(json!({"Records": records}))
    }

    /// Deletes a message, as Lambda does once a function has processed it.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn delete(&self, receipt_handle: &str) -> anyhow::Result<()> {
        self.call("DeleteMessage", json!({"ReceiptHandle": receipt_handle})).await.map(drop)
    }

    async fn call(&self, action: &str, mut body: Value) -> anyhow::Result<Value> {
        body["QueueUrl"] = json!(self.url);
        self.sqs.call(action, &body).await
    }
}
