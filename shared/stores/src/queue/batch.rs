//! Many messages, in as few calls as SQS allows.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use offload_domain::{tenant::OfTenant, trace::TraceContext};
use serde::Serialize;

use super::{
    DELAY_MAX, Queue, body,
    send_span::SendSpan,
    whole_seconds,
    wire::{BATCH_MAX, BatchAnswer, BatchEntry, SendMessage, SendMessageBatch, TraceAttributes},
};
use crate::{
    direct::{Answer, Failure, by_sdk},
    error::{Error, Kind},
};

pub(super) const OPERATION: &str = "sqs.SendMessageBatch";

/// What an entry of a batch says: its id, body, group and delay.
pub(super) type Entry = (String, String, Option<String>, Option<i32>);

/// Calls at once for one list of messages.
const CALLS_AT_ONCE: usize = 8;

/// A message to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a, M> {
    /// What it says.
    pub message: &'a M,
    /// When it is to be delivered, from now on.
    pub delay: Duration,
}

impl Queue {
    /// Sends messages, to be delivered at once, in as few calls as SQS allows.
    ///
    /// # Errors
    /// If a call fails, or SQS refuses one of the messages; each of them may or may not be in the
    /// queue then.
    pub async fn send_all<M: Serialize + OfTenant>(
        &self,
        messages: &[M],
        trace: Option<&TraceContext>,
    ) -> Result<(), Error> {
        if let [message] = messages {
            return self.send(message, Duration::ZERO, trace).await;
        }
        for batch in messages.chunks(BATCH_MAX) {
            let batch: Vec<_> = batch.iter().map(|message| Outgoing { message, delay: Duration::ZERO }).collect();
            self.send_batch(&batch, trace).await.into_iter().collect::<Result<(), Error>>()?;
        }
        Ok(())
    }

    /// Sends messages in as few calls as SQS allows. What became of each, in their order: one that
    /// failed may or may not be in the queue.
    pub async fn send_each<M: Serialize + OfTenant>(
        &self,
        messages: &[Outgoing<'_, M>],
        trace: Option<&TraceContext>,
    ) -> Vec<Result<(), Error>> {
        let batches = stream::iter((0..messages.len()).step_by(BATCH_MAX)).map(|from| {
            let batch = &messages[from..messages.len().min(from + BATCH_MAX)];
            self.send_batch(batch, trace)
        });
        batches.buffered(CALLS_AT_ONCE).flat_map(stream::iter).collect().await
    }

    /// Sends ten messages at most. Those that SQS could not take are sent once more, because it
    /// takes each of a batch by itself, and a call that was answered is not made again.
    async fn send_batch<M: Serialize + OfTenant>(
        &self,
        batch: &[Outgoing<'_, M>],
        trace: Option<&TraceContext>,
    ) -> Vec<Result<(), Error>> {
        let span = SendSpan::new(self.name(), batch.len(), trace);
        span.around(self.send_batch_in_span(batch, span.trace())).await
    }

    async fn send_batch_in_span<M: Serialize + OfTenant>(
        &self,
        batch: &[Outgoing<'_, M>],
        trace: Option<&TraceContext>,
    ) -> Vec<Result<(), Error>> {
        let grouped = batch.iter().any(|outgoing| outgoing.message.group().is_some()) && self.takes_groups();
        let all: Vec<usize> = (0..batch.len()).collect();
        let mut results = vec![Ok(()); batch.len()];
        let again: Vec<usize> = match self.call(batch, &all, grouped, trace).await {
            Ok(failed) => {
                let again = failed.iter().filter(|(_, e)| e.is_transient() || grouped).map(|(n, _)| *n).collect();
                failed.into_iter().for_each(|(n, error)| results[n] = Err(error));
                again
            }
            Err(error) => {
                let again = if grouped && error.kind == Kind::Invalid { all } else { Vec::new() };
                results.fill(Err(error));
                again
            }
        };
        if again.is_empty() {
            return results;
        }
        let refused = again.iter().find_map(|n| results[*n].clone().err().filter(|e| e.kind == Kind::Invalid));
        let failed = match self.call(batch, &again, grouped && refused.is_none(), trace).await {
            Ok(failed) => failed,
            Err(error) => again.iter().map(|n| (*n, error.clone())).collect(),
        };
        again.iter().for_each(|n| results[*n] = Ok(()));
        let all_sent = failed.is_empty();
        failed.into_iter().for_each(|(n, error)| results[n] = Err(error));
        if let Some(refused) = refused.filter(|_| all_sent) {
            self.groups_refused(&refused);
        }
        results
    }

    /// Sends some of a batch, and answers with those that SQS refused.
    async fn call<M: Serialize + OfTenant>(
        &self,
        batch: &[Outgoing<'_, M>],
        numbers: &[usize],
        grouped: bool,
        trace: Option<&TraceContext>,
    ) -> Result<Vec<(usize, Error)>, Error> {
        let mut entries: Vec<Entry> = Vec::with_capacity(numbers.len());
        for n in numbers {
            let Outgoing { message, delay } = batch[*n];
            let delay = (!delay.is_zero()).then(|| whole_seconds(delay.min(DELAY_MAX)));
            entries.push((n.to_string(), body(message, OPERATION)?, message.group().filter(|_| grouped), delay));
        }
        let Some(direct) = self.switch.direct() else { by_sdk!(self.send_batch_by_sdk(entries, trace)) };
        let entries = entries.iter().map(|(id, body, group, delay)| BatchEntry {
            id,
            message: SendMessage {
                queue_url: None,
                message_body: body,
                delay_seconds: *delay,
                message_group_id: group.as_deref(),
                message_attributes: trace.map(TraceAttributes::of),
            },
        });
        let send = SendMessageBatch { queue_url: &self.url, entries: entries.collect() };
        refused_of(OPERATION, direct.json(OPERATION, "AmazonSQS.SendMessageBatch", &send).await)
    }
}

/// The entries of a batch that SQS refused, by its answer.
pub(super) fn refused_of(
    operation: &'static str,
    answer: Result<Answer, Failure>,
) -> Result<Vec<(usize, Error)>, Error> {
    let answer = answer.map_err(|failure| failure.error)?;
    let read = serde_json::from_slice::<BatchAnswer>(&answer.body);
    let read = read.map_err(|e| Error::new(Kind::Invalid, operation, e.to_string()))?;
    let failed = read.failed.unwrap_or_default().into_iter();
    Ok(failed.filter_map(|f| refused(operation, &f.id, f.sender_fault, f.code)).collect())
}

/// One entry of a batch that SQS refused; an id that is none of ours says nothing.
pub(super) fn refused(operation: &'static str, id: &str, sender_fault: bool, code: String) -> Option<(usize, Error)> {
    let kind = if sender_fault { Kind::Invalid } else { Kind::Unavailable };
    Some((id.parse().ok()?, Error::new(kind, operation, code)))
}
