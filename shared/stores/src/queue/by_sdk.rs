//! The same through the SDK.

use std::time::{Duration, Instant};

use aws_sdk_sqs::{
    config::timeout::TimeoutConfig,
    types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, SendMessageBatchRequestEntry},
};
use offload_domain::trace::TraceContext;

use super::{
    Delivery, Error, Kind, Queue, RECEIVE, SEND, TRACE, Visibility,
    batch::{Entry, OPERATION, refused},
    delete::{DELETE, DELETE_BATCH},
    deletions::Receipt,
    trace_attributes, whole_seconds,
};

impl Queue {
    pub(super) async fn send_by_sdk(
        &self,
        body: String,
        delay: Option<i32>,
        group: Option<String>,
        trace: Option<&TraceContext>,
    ) -> Result<(), Error> {
        let mut send = self.client.send_message().queue_url(&*self.url).message_body(body);
        send = send.set_message_group_id(group).set_delay_seconds(delay);
        send = send.set_message_attributes(trace.map(|trace| trace_attributes(trace, SEND)).transpose()?);
        Box::pin(send.send()).await.map(drop).map_err(|e| Error::of(SEND, &e))
    }

    pub(super) async fn send_batch_by_sdk(
        &self,
        entries: Vec<Entry>,
        trace: Option<&TraceContext>,
    ) -> Result<Vec<(usize, Error)>, Error> {
        let mut send = self.client.send_message_batch().queue_url(&*self.url);
        for (id, body, group, delay) in entries {
            let mut entry = SendMessageBatchRequestEntry::builder().id(id).message_body(body);
            entry = entry.set_message_group_id(group).set_delay_seconds(delay);
            entry = entry.set_message_attributes(trace.map(|trace| trace_attributes(trace, OPERATION)).transpose()?);
            send = send.entries(entry.build().map_err(|e| Error::new(Kind::Invalid, OPERATION, e.to_string()))?);
        }
        let answer = Box::pin(send.send()).await.map_err(|e| Error::of(OPERATION, &e))?;
        Ok(answer.failed.into_iter().filter_map(|f| refused(OPERATION, &f.id, f.sender_fault, f.code)).collect())
    }

    pub(super) async fn receive_by_sdk(
        &self,
        max: i32,
        wait: Duration,
        visibility: Duration,
        patience: Duration,
        received: Instant,
    ) -> Result<Vec<Delivery>, Error> {
        let patience = TimeoutConfig::builder().operation_attempt_timeout(patience).operation_timeout(patience).build();
        let receive = self
            .client
            .receive_message()
            .queue_url(&*self.url)
            .max_number_of_messages(max)
            .wait_time_seconds(whole_seconds(wait))
            .visibility_timeout(whole_seconds(visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .set_message_attribute_names(Some(TRACE.map(str::to_owned).into()))
            .customize()
            .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(patience));
        let answer = Box::pin(receive.send()).await.map_err(|e| Error::of(RECEIVE, &e))?;
        let delivery = |m: Message| {
            let count = m.attributes.as_ref().and_then(|a| a.get(&MessageSystemAttributeName::ApproximateReceiveCount));
            let attribute = |name: &str| m.message_attributes.as_ref()?.get(name)?.string_value();
            Some(Delivery {
                receive_count: count.and_then(|c| c.parse().ok()).unwrap_or(1),
                trace: Queue::trace_of(attribute),
                message_id: m.message_id.unwrap_or_default(),
                body: m.body.unwrap_or_default(),
                // Without a receipt handle nothing can be done with a message; SQS always gives
                // one.
                handle: Visibility { queue: self.clone(), receipt: m.receipt_handle?.into(), received },
                handed_by: None,
            })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(delivery).collect())
    }

    pub(super) async fn delete_by_sdk(&self, receipt: &Receipt) -> Result<(), Error> {
        let delete = self.client.delete_message().queue_url(&*self.url).receipt_handle(&**receipt);
        Box::pin(delete.send()).await.map(drop).map_err(|e| Error::of(DELETE, &e))
    }

    pub(super) async fn delete_batch_by_sdk(&self, receipts: &[Receipt]) -> Result<Vec<(usize, Error)>, Error> {
        let entries = receipts.iter().enumerate().map(|(n, receipt)| {
            DeleteMessageBatchRequestEntry::builder().id(n.to_string()).receipt_handle(&**receipt).build()
        });
        let entries = entries.collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|e| Error::new(Kind::Invalid, DELETE_BATCH, e.to_string()))?;
        let delete = self.client.delete_message_batch().queue_url(&*self.url).set_entries(Some(entries));
        let answer = Box::pin(delete.send()).await.map_err(|e| Error::of(DELETE_BATCH, &e))?;
        Ok(answer.failed.into_iter().filter_map(|f| refused(DELETE_BATCH, &f.id, f.sender_fault, f.code)).collect())
    }
}
