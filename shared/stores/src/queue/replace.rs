//! New messages in the place of deliveries: ten of them in two calls.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use offload_domain::tenant::OfTenant;
use serde::Serialize;

use super::{
    DELAY_MAX, Delivery, Queue, batch::refused, body, deletions::Receipt, trace_attributes, whole_seconds,
    wire::BATCH_MAX,
};
use crate::error::{Error, Kind};

const SEND: &str = "sqs.SendMessageBatch";

/// A message that is sent in the place of a delivery, whose trace it keeps.
#[derive(Debug)]
pub struct Replacement<M> {
    /// The message.
    pub message: M,
    /// To be delivered after this (at most [`DELAY_MAX`]; a longer one is cut).
    pub delay: Duration,
    /// What it replaces.
    pub delivery: Delivery,
}

impl Queue {
    /// Sends the messages of replacements to this queue, and settles the deliveries of those that
    /// were sent. In the same order: what of each failed. What was not settled comes again.
    pub async fn replace<M: Serialize + OfTenant>(&self, replacements: Vec<Replacement<M>>) -> Vec<Result<(), Error>> {
        let mut results = Vec::with_capacity(replacements.len());
        let mut left = replacements.into_iter();
        loop {
            let batch: Vec<_> = left.by_ref().take(BATCH_MAX).collect();
            if batch.is_empty() {
                return results;
            }
            let mut grouped = batch.iter().any(|r| r.message.group().is_some()) && self.takes_groups();
            let mut sent = self.send_replacements(&batch, grouped).await;
            if let (true, Some(refused)) = (grouped, all_refused(&sent)) {
                grouped = false;
                sent = self.send_replacements(&batch, grouped).await;
                if sent.iter().any(Result::is_ok) {
                    self.groups_refused(&refused);
                }
            }
            let deliveries = batch.into_iter().map(|replacement| replacement.delivery);
            let (done, failed): (Vec<_>, Vec<_>) = deliveries.zip(sent).enumerate().partition(|(_, (_, r))| r.is_ok());
            let (places, done): (Vec<usize>, Vec<Delivery>) = done.into_iter().map(|(n, (d, _))| (n, d)).unzip();
            let mut of_batch: Vec<(usize, Result<(), Error>)> =
                places.into_iter().zip(complete_all(done).await).collect();
            of_batch.extend(failed.into_iter().map(|(n, (_, failed))| (n, failed)));
            of_batch.sort_by_key(|(n, _)| *n);
            results.extend(of_batch.into_iter().map(|(_, result)| result));
        }
    }

    async fn send_replacements<M: Serialize + OfTenant>(
        &self,
        batch: &[Replacement<M>],
        grouped: bool,
    ) -> Vec<Result<(), Error>> {
        let entry = |(n, replacement): (usize, &Replacement<M>)| {
            let Replacement { message, delay, delivery } = replacement;
            let mut entry =
                SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(body(message, SEND)?);
            entry = entry.set_message_group_id(message.group().filter(|_| grouped));
            entry = entry.delay_seconds(whole_seconds((*delay).min(DELAY_MAX)));
            let trace = delivery.trace.as_ref().map(|trace| trace_attributes(trace, SEND));
            entry = entry.set_message_attributes(trace.transpose()?);
            entry.build().map_err(|e| Error::new(Kind::Invalid, SEND, e.to_string()))
        };
        let entries = match batch.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(e) => return vec![Err(e); batch.len()],
        };
        let send = self.client.send_message_batch().queue_url(&*self.url).set_entries(Some(entries));
        match Box::pin(send.send()).await {
            Ok(answer) => by_entry(batch.len(), answer.failed),
            Err(e) => vec![Err(Error::of(SEND, &e)); batch.len()],
        }
    }
}

/// The error with which all were refused, if they were.
fn all_refused(results: &[Result<(), Error>]) -> Option<Error> {
    let refused = |r: &Result<(), Error>| r.as_ref().err().filter(|e| e.kind == Kind::Invalid).cloned();
    results.iter().map(refused).collect::<Option<Vec<_>>>()?.pop()
}

/// Settles deliveries, which may be of several queues.
async fn complete_all(deliveries: Vec<Delivery>) -> Vec<Result<(), Error>> {
    let mut results = vec![Ok(()); deliveries.len()];
    let mut left: Vec<(usize, Delivery)> = Vec::new();
    for (n, delivery) in deliveries.into_iter().enumerate() {
        match delivery {
            // Deleted by Lambda, which received it.
            Delivery { handed_by: Some(_), .. } => results[n] = delivery.complete().await,
            delivery => left.push((n, delivery)),
        }
    }
    while let Some((_, first)) = left.first() {
        let queue = first.handle.queue.clone();
        let (of_queue, others) = left.into_iter().partition(|(_, delivery)| delivery.handle.queue.url == queue.url);
        left = others;
        let of_queue: Vec<(usize, Delivery)> = of_queue;
        let receipts: Vec<Receipt> = of_queue.iter().map(|(_, delivery)| delivery.handle.receipt.clone()).collect();
        for ((n, _), result) in of_queue.iter().zip(queue.delete_all(&receipts).await) {
            results[*n] = result;
        }
    }
    results
}

/// What became of each entry of a batch that was sent.
fn by_entry(count: usize, failed: Vec<aws_sdk_sqs::types::BatchResultErrorEntry>) -> Vec<Result<(), Error>> {
    let mut results = vec![Ok(()); count];
    for (n, error) in failed.into_iter().filter_map(|f| refused(SEND, &f.id, f.sender_fault, f.code)) {
        if let Some(result) = results.get_mut(n) {
            *result = Err(error);
        }
    }
    results
}
