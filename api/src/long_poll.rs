//! Holding a request until its order changes (`Prefer: wait=N`).

use std::{sync::Arc, time::Duration};

use offload_domain::order::OrderRecord;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{
    edge::limit_concurrency::Place, push::order_updates::Follow, request::prefer::Wait, response::error::ApiError,
    service::Service,
};

/// Between the first two looks at the order table; it grows by half with each.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An order after a hold.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) record: OrderRecord,
    /// The preference that was applied; `None` if this request was not held: too many are already, or it is a function
    /// that serves.
    pub(crate) applied: Option<Wait>,
}

/// Holds a request until its order, by revision and whether it is done, is `enough`, or the wait is over, or the service
/// ends.
///
/// A held request gives up its place among those in service: it does nothing, and should keep nobody out.
pub(crate) async fn hold(
    service: &Arc<Service>,
    place: &Place,
    record: OrderRecord,
    wait: Wait,
    enough: impl Fn(u64, bool) -> bool,
) -> Result<Held, ApiError> {
    if is_enough(&enough, &record) {
        return Ok(Held { record, applied: Some(wait) });
    }
    if !service.holds {
        return Ok(Held { record, applied: None });
    }
    let end = Instant::now() + wait.duration();
    if service.hub.is_some() {
        return until_told(service, place, record, wait, end, enough).await;
    }
    until_seen(service, place, record, wait, end, enough).await
}

fn is_enough(enough: &impl Fn(u64, bool) -> bool, record: &OrderRecord) -> bool {
    enough(record.state.revision, record.state.status.is_final())
}

/// Waits to be told of a change: nothing is asked meanwhile.
async fn until_told(
    service: &Arc<Service>,
    place: &Place,
    record: OrderRecord,
    wait: Wait,
    end: Instant,
    enough: impl Fn(u64, bool) -> bool,
) -> Result<Held, ApiError> {
    let id = record.order.id;
    let (mut follow, record) = match Follow::start(service, id, false).await {
        Ok(started) => started,
        Err(ApiError::TooManyConnections) => return Ok(Held { record, applied: None }),
        Err(e) => return Err(e),
    };
    if is_enough(&enough, &record) {
        return Ok(Held { record, applied: Some(wait) });
    }
    place.give_up();
    let told = async {
        while let Some(told) = follow.changed().await {
            if enough(told.revision, told.done) {
                break;
            }
        }
    };
    // Too late to be told is early enough to look once.
    let _ = timeout_at(end, told).await;
    let record = match service.stores.orders.get(id).await {
        Ok(Some(newer)) => newer,
        Ok(None) => return Err(ApiError::OrderNotFound),
        // What is known is still true.
        Err(e) => {
            service.note("cannot look at an order for a held request", &e);
            record
        }
    };
    Ok(Held { record, applied: Some(wait) })
}

/// Looks at the order table now and then, where nobody tells.
async fn until_seen(
    service: &Service,
    place: &Place,
    mut record: OrderRecord,
    wait: Wait,
    end: Instant,
    enough: impl Fn(u64, bool) -> bool,
) -> Result<Held, ApiError> {
    let Ok(seat) = service.seats.try_acquire() else { return Ok(Held { record, applied: None }) };
    place.give_up();
    let mut pause = FIRST_PAUSE;
    while Instant::now() < end && !service.stop.is_cancelled() {
        tokio::select! {
            () = sleep_until(end.min(Instant::now() + pause)) => {}
            () = service.stop.cancelled() => {}
        }
        pause = (pause + pause / 2).min(LONGEST_PAUSE);
        match service.stores.orders.get(record.order.id).await {
            Ok(Some(newer)) => record = newer,
            Ok(None) => return Err(ApiError::OrderNotFound),
            // What is known is still true; the next look may succeed.
            Err(e) => service.note("cannot look at an order for a held request", &e),
        }
        if is_enough(&enough, &record) {
            break;
        }
    }
    drop(seat);
    Ok(Held { record, applied: Some(wait) })
}
