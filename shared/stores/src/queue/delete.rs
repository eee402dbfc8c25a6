//! Messages that are done with are deleted: one by itself, and those that end while a call is under
//! way together, by tens. So nothing waits for others to end, and a busy worker makes a tenth of
//! the calls.

use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::{
    Queue,
    batch::refused_of,
    deletions::{Receipt, Waiting},
    wire::{DeleteEntry, DeleteMessage, DeleteMessageBatch},
};
use crate::{
    direct::by_sdk,
    error::{Error, Kind},
};

pub(super) const DELETE: &str = "sqs.DeleteMessage";
pub(super) const DELETE_BATCH: &str = "sqs.DeleteMessageBatch";

impl Queue {
    /// Deletes a message, with others where several end at once.
    ///
    /// # Errors
    /// If the call fails; the message may come again then.
    pub(super) async fn delete(&self, receipt: Receipt) -> Result<(), Error> {
        let (done, outcome) = oneshot::channel();
        let batch = self.deletions.join((receipt, done));
        if let Some(batch) = batch {
            // In a task of its own: others wait for it, even if this one is dropped.
            tokio::spawn(self.clone().delete_batches(batch).in_current_span());
        }
        outcome.await.unwrap_or_else(|_| Err(Error::new(Kind::Unavailable, DELETE, "the process ends")))
    }

    async fn delete_batches(self, mut batch: Vec<Waiting>) {
        loop {
            let (receipts, waiting): (Vec<Receipt>, Vec<_>) = batch.into_iter().unzip();
            let results = self.delete_all(&receipts).await;
            for (done, result) in waiting.into_iter().zip(results) {
                // Who waits no longer does not want to know.
                let _ = done.send(result);
            }
            match self.deletions.next() {
                Some(next) => batch = next,
                None => return,
            }
        }
    }

    /// Deletes ten messages at most, by one call. In the same order: what of each failed.
    pub(super) async fn delete_all(&self, receipts: &[Receipt]) -> Vec<Result<(), Error>> {
        if let [receipt] = receipts {
            return vec![self.delete_one(receipt).await];
        }
        let mut results = vec![Ok(()); receipts.len()];
        match self.delete_batch(receipts).await {
            Ok(failed) => failed.into_iter().for_each(|(n, error)| {
                if let Some(result) = results.get_mut(n) {
                    *result = Err(error);
                }
            }),
            Err(error) => results.fill(Err(error)),
        }
        results
    }

    async fn delete_one(&self, receipt: &Receipt) -> Result<(), Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.delete_by_sdk(receipt)) };
        let delete = DeleteMessage { queue_url: &self.url, receipt_handle: receipt };
        let answer = direct.json(DELETE, "AmazonSQS.DeleteMessage", &delete).await;
        answer.map(drop).map_err(|failure| failure.error)
    }

    /// The messages that SQS did not delete, by their places.
    async fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<(usize, Error)>, Error> {
        let Some(direct) = self.switch.direct() else { by_sdk!(self.delete_batch_by_sdk(receipts)) };
        let numbered = receipts.iter().enumerate();
        let entries = numbered.map(|(n, receipt)| DeleteEntry { id: n.to_string(), receipt_handle: receipt }).collect();
        let delete = DeleteMessageBatch { queue_url: &self.url, entries };
        refused_of(DELETE_BATCH, direct.json(DELETE_BATCH, "AmazonSQS.DeleteMessageBatch", &delete).await)
    }
}
