//! Dead letter: the order of a message in the dead-letter queue ends as failed.
//!
//! Invariant: a dead letter is deleted only after the final status of its order is stored in S3.

use std::time::Duration;

use offload_domain::{claim::lease_left, message::Envelope, problem::ends, transition::Transition};
use offload_service::clock;
use offload_stores::{Conflict, Error, Stores};

use crate::publish::{ResultUrlTtl, publish_end};

/// What to do with the dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetter {
    /// Delete it: its order had ended and says so, or there is none.
    Done,
    /// Delete it: its order has failed by it and says so.
    Failed,
    /// Receive it again after this long.
    Later(Duration),
}

/// Ends the order of a dead letter, unless it has ended, and publishes it.
///
/// # Errors
/// If a call fails; the letter comes again after its visibility.
pub async fn fail(stores: &Stores, envelope: &Envelope, ttl: ResultUrlTtl) -> Result<DeadLetter, Error> {
    let Some(mut record) = stores.orders.get(envelope.id).await? else { return Ok(DeadLetter::Done) };
    let had_ended = record.state.status.is_final();
    if !had_ended {
        let time = clock::time();
        if let Some(left) = lease_left(record.lease.as_ref(), time) {
            // Another copy of the message is being worked on: its worker records the end.
            return Ok(DeadLetter::Later(left));
        }
        let last = record.state.error.as_ref().and_then(|e| e.detail.as_deref());
        let error = ends::dead_lettered(record.state.attempt, last);
        let Ok(state) = record.state.apply(Transition::Fail { error }, time.now) else {
            return Ok(DeadLetter::Later(Duration::ZERO));
        };
        record = match stores.orders.take(envelope.id, &state, None, time.earliest()).await {
            Ok(record) => record,
            Err(Conflict::Changed(_)) => return Ok(DeadLetter::Later(Duration::from_secs(1))),
            Err(Conflict::Failed(e)) => return Err(e),
        };
        tracing::error!(order.id = %envelope.id, attempt = record.state.attempt, "order is dead-lettered");
    }
    publish_end(stores, &record, ttl, None).await?;
    Ok(if had_ended { DeadLetter::Done } else { DeadLetter::Failed })
}
