//! Holding a request until its order changes (`Prefer: wait=N`).

use std::time::Duration;

use offload_shared::order::OrderRecord;
use tokio::time::{Instant, sleep_until};

use crate::{edge::shed::Place, error::ApiError, prefer::Wait, service::Service};

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

/// Holds a request until `enough` of its order, or the wait is over, or the service ends.
///
/// A held request gives up its place among those in service: it does nothing, and should keep nobody out.
pub(crate) async fn hold(
    service: &Service,
    place: &Place,
    mut record: OrderRecord,
    wait: Wait,
    enough: impl Fn(&OrderRecord) -> bool,
) -> Result<Held, ApiError> {
    if enough(&record) {
        return Ok(Held { record, applied: Some(wait) });
    }
    if !service.holds {
        return Ok(Held { record, applied: None });
    }
    let Ok(seat) = service.seats.try_acquire() else { return Ok(Held { record, applied: None }) };
    place.give_up();
    let end = Instant::now() + wait.duration();
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
        if enough(&record) {
            break;
        }
    }
    drop(seat);
    Ok(Held { record, applied: Some(wait) })
}
