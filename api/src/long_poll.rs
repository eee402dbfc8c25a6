//! Long polls: a request waits until its order changes (`Prefer: wait=N`).

use std::{sync::Arc, time::Duration};

use offload_domain::order::OrderRecord;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    edge::limit_concurrency::RequestPermit, push::order_updates::OrderUpdates, request::prefer::Wait,
    response::error::ApiError, service::Service,
};

/// Between the first two reads of the order table; it grows by half with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An order after a long poll.
#[derive(Debug)]
pub(crate) struct LongPolled {
    pub(crate) record: OrderRecord,
    /// The preference that was applied; `None` if this request did not wait: too many do already,
    /// or a function serves.
    pub(crate) applied: Option<Wait>,
}

/// Waits until the order is `enough`, by its revision and whether it is done, or the wait is over,
/// or the service ends.
///
/// A request that waits releases its permit: it does nothing, and must not keep others out.
pub(crate) async fn long_poll(
    service: &Arc<Service>,
    permit: &RequestPermit,
    record: OrderRecord,
    wait: Wait,
    enough: impl Fn(u64, bool) -> bool,
) -> Result<LongPolled, ApiError> {
    // Thousands wait, and none needs what may be the largest part of it.
    let record = record.without_payload();
    if is_enough(&enough, &record) {
        return Ok(LongPolled { record, applied: Some(wait) });
    }
    if !service.allows_long_polls {
        return Ok(LongPolled { record, applied: None });
    }
    let end = Instant::now() + wait.duration();
    if service.connections.is_some() {
        return by_events(service, permit, record, wait, end, enough).await;
    }
    by_reads(service, permit, record, wait, end, enough).await
}

fn is_enough(enough: &impl Fn(u64, bool) -> bool, record: &OrderRecord) -> bool {
    enough(record.state.revision, record.state.status.is_final())
}

/// Waits for events: no store is read meanwhile.
async fn by_events(
    service: &Arc<Service>,
    permit: &RequestPermit,
    record: OrderRecord,
    wait: Wait,
    end: Instant,
    enough: impl Fn(u64, bool) -> bool,
) -> Result<LongPolled, ApiError> {
    let id = record.order.id;
    let (mut updates, record) = match OrderUpdates::subscribe(service, id, false).await {
        Ok((updates, record)) => (updates, record.without_payload()),
        Err(ApiError::TooManyConnections | ApiError::TooManySubscribers) => {
            return Ok(LongPolled { record, applied: None });
        }
        Err(e) => return Err(e),
    };
    if is_enough(&enough, &record) {
        return Ok(LongPolled { record, applied: Some(wait) });
    }
    permit.release();
    let changed = async {
        while let Some(update) = updates.next().await {
            if enough(update.revision, update.done) {
                break;
            }
        }
    };
    // When the wait is over without an event, one read makes sure.
    let _ = timeout_at(end, changed).await;
    let record = match service.stores.orders.get(id).await {
        Ok(Some(newer)) => newer,
        Ok(None) => return Err(ApiError::OrderNotFound),
        // What is known is still true.
        Err(e) => {
            service.record_aws_error("cannot read an order after a long poll", &e);
            record
        }
    };
    Ok(LongPolled { record, applied: Some(wait) })
}

/// Reads the order table now and then, where there are no events.
async fn by_reads(
    service: &Service,
    request_permit: &RequestPermit,
    mut record: OrderRecord,
    wait: Wait,
    end: Instant,
    enough: impl Fn(u64, bool) -> bool,
) -> Result<LongPolled, ApiError> {
    let Ok(permit) = service.long_poll_permits.try_acquire() else { return Ok(LongPolled { record, applied: None }) };
    request_permit.release();
    let mut pause = FIRST_PAUSE;
    while Instant::now() < end && !service.stop.is_cancelled() {
        tokio::select! {
            () = sleep_until(end.min(Instant::now() + pause)) => {}
            () = service.stop.cancelled() => {}
        }
        pause = (pause + pause / 2).min(LONGEST_PAUSE);
        match service.stores.orders.get(record.order.id).await {
            Ok(Some(newer)) => record = newer.without_payload(),
            Ok(None) => return Err(ApiError::OrderNotFound),
            // What is known is still true, and the next read may succeed.
            Err(e) => service.record_aws_error("cannot read an order during a long poll", &e),
        }
        if is_enough(&enough, &record) {
            break;
        }
    }
    drop(permit);
    Ok(LongPolled { record, applied: Some(wait) })
}
