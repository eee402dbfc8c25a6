//! Enqueue: the message of an order.
//!
//! A message that is sent twice does no harm: it finds its order claimed or ended. One that is lost
//! is sent again by a sweeper.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{lane::Lane, message::Envelope, order::OrderRecord, status::Status, trace::TraceContext};
use offload_service::{trace, trace_span};
use offload_stores::{DELAY_MAX, Delivery, Error, Stores};
use tracing::{Instrument as _, Span};

use crate::publish::publish;

/// Sends the message of an order by a lane. `etag` is that of its pending status object, if it is
/// known.
///
/// # Errors
/// If the call fails; the message may have been sent then.
pub async fn send(
    stores: &Stores,
    record: &OrderRecord,
    lane: Lane,
    etag: Option<String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (envelope, delay) = message(record, etag, now);
    stores.order_queues.of(lane).send(&envelope, delay, record.order.trace.as_ref()).await
}

/// The message of an order, and how long it is kept back.
pub(crate) fn message(record: &OrderRecord, etag: Option<String>, now: DateTime<Utc>) -> (Envelope, Duration) {
    let order = &record.order;
    let mut envelope = Envelope::new(order.id, etag);
    envelope.tenant = order.tenant.clone();
    envelope.priority = order.priority;
    envelope.not_before = order.not_before;
    envelope.first_poll_at = record.first_poll_at();
    // Of the order's first life: a redrive knows nothing of when it will be done.
    let first = record.state.status == Status::Pending && record.state.generation == 1;
    envelope.eta = record.state.eta.filter(|_| first);
    let delay = order.not_before.and_then(|at| (at - now).to_std().ok()).unwrap_or_default();
    (envelope, delay.min(DELAY_MAX))
}

/// Makes sure that a pending order has its status object, and sends its message, in this order:
/// after a message that was lost, or a redrive.
///
/// # Errors
/// If a call fails; a sweeper tries again.
pub async fn again(stores: &Stores, record: &OrderRecord, now: DateTime<Utc>) -> Result<(), Error> {
    let span = span_again(record.order.trace.as_ref());
    send_again(stores, record, now).instrument(span).await
}

/// The span of a message that is sent once more: linked to what the message before it came from.
fn span_again(before: Option<&TraceContext>) -> Span {
    let span = trace_span!("send again", otel.kind = "internal");
    if let Some(before) = before {
        trace::set_parent(&span, before);
        trace::link(&span, before);
    }
    span
}

async fn send_again(stores: &Stores, record: &OrderRecord, now: DateTime<Utc>) -> Result<(), Error> {
    if record.state.status == Status::Pending {
        // The api may have died before the object was written; a redriven order's object still says
        // that it failed. The 202 of a new order is its first event.
        if record.state.revision > 1 {
            publish(stores, record, None).await?;
        } else {
            stores.objects.overwrite(&record.status_object(None), None).await?;
        }
    }
    // A tenant that was quiet when the order was accepted need not be any more.
    send(stores, record, record.order.priority.into(), None, now).await
}

/// Puts the message of an order that cannot start yet back into the queue of its priority, as a new
/// one: a message can neither be delayed for more than fifteen minutes nor be received again and
/// again without becoming a dead letter.
///
/// # Errors
/// If a call fails; the message comes again then.
pub async fn postpone(stores: &Stores, delivery: Delivery, envelope: &Envelope, wait: Duration) -> Result<(), Error> {
    let queue = stores.order_queues.of(envelope.priority.into());
    let before = delivery.trace.as_ref();
    queue.send(envelope, wait.min(DELAY_MAX), before).instrument(span_again(before)).await?;
    delivery.complete().await
}
