//! What a request for an order does: it locks its idempotency key, estimates, and has the order
//! accepted.
//!
//! The protocol itself is `offload_lifecycle::accept`.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use offload_domain::{
    fence::Fence,
    group::GroupPlace,
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    lane::Lane,
    order::{Order, OrderRecord},
    schedule,
};
use offload_lifecycle::accept::{self, Accepted, NotResumed};
use offload_service::clock;

use crate::{
    eta::{EstimateInputs, Forecast, Observation},
    request::submission::Submission,
    response::{error::ApiError, status_access::StatusAccess},
    service::Service,
};

/// The longest that a request waits for another one with its key.
pub(crate) const KEY_WAIT_MAX: Duration = Duration::from_secs(10);

/// An order whose row, status object and message are written, and how its client reads the object.
#[derive(Debug)]
pub(crate) struct AcceptedOrder {
    pub(crate) record: OrderRecord,
    pub(crate) access: StatusAccess,
    pub(crate) inputs: EstimateInputs,
}

/// Accepts the order, or finds the one that its key gave before.
pub(crate) async fn accept(service: &Arc<Service>, submission: Submission) -> Result<AcceptedOrder, ApiError> {
    let Some(key) = submission.key.clone() else { return create(service, submission).await };
    let mut lock = service.key_locks.lock(&key.hash, KEY_WAIT_MAX).await.ok_or(ApiError::IdempotencyKeyInUse)?;
    if lock.waited {
        // The request before this one has most likely created the order: all that waited may read
        // it at the same time.
        drop(lock);
        if let Some(found) = service.stores.orders.find_idempotent(&key).await? {
            return resume(service, &key, &found).await;
        }
        lock = service.key_locks.lock(&key.hash, KEY_WAIT_MAX).await.ok_or(ApiError::IdempotencyKeyInUse)?;
    }
    let accepted = match service.stores.orders.find_idempotent(&key).await? {
        Some(found) => resume(service, &key, &found).await,
        None => create(service, submission).await,
    };
    drop(lock);
    accepted
}

/// An order that is about to be written.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) record: OrderRecord,
    pub(crate) lane: Lane,
    pub(crate) access: StatusAccess,
    pub(crate) inputs: EstimateInputs,
}

impl Draft {
    /// Everything of a new order but its calls. `now` is AWS's time.
    ///
    /// # Errors
    /// If no access can be given to its status object: the client would get an order that it cannot
    /// read.
    pub(crate) async fn new(
        service: &Service,
        forecast: Forecast,
        submission: Submission,
        (id, group): (OrderId, Option<GroupPlace>),
        now: DateTime<Utc>,
    ) -> Result<Self, ApiError> {
        let Submission { tenant, payload, options, key: _, trace } = submission;
        let Forecast { lane, estimate, inputs } = forecast;
        let window = estimate.window(now);
        let access = StatusAccess::of(service, id, Some(&window), now).await?;
        let (deadline_at, not_before) = options.times(now);
        let renew = service.public.order(id);
        let (trace, callbacks) = (Some(trace), options.callbacks());
        let order = Order {
            id,
            tenant,
            created_at: now,
            priority: options.priority,
            payload,
            deadline_at,
            not_before,
            trace,
            renew,
            callbacks,
            labels: options.labels,
            group,
            attempt: Fence::default(),
        };
        let record = OrderRecord::new(order, window, schedule::poll_after_ms(&window, now));
        Ok(Self { record, lane, access, inputs })
    }
}

impl Submission {
    /// The estimate for it. Counts the order.
    pub(crate) fn forecast(&self, service: &Service, observation: &Observation) -> Forecast {
        let delay = Duration::from_secs(self.options.delay_seconds.unwrap_or(0).into());
        service.estimator.estimate(observation, &self.tenant, self.options.priority, delay)
    }
}

async fn create(service: &Arc<Service>, submission: Submission) -> Result<AcceptedOrder, ApiError> {
    let observation = service.estimator.observe().await;
    let forecast = submission.forecast(service, &observation);
    // After its own forecast, for which the others count.
    let _under_way = service.estimator.begin();
    service.know_the_time().await?;
    let now = clock::now();
    let key = submission.key.clone();
    let Draft { record, lane, access, inputs } =
        Draft::new(service, forecast, submission, (OrderId::new(now), None), now).await?;
    let refused = match accept::accept(&service.stores, &service.table_health, &record, lane, key.as_ref()).await {
        Ok(Accepted::New) => {
            service.metrics.accepted(&record.order.labels);
            service.admin.count_accepted(now);
            service.write_health.succeeded();
            // It is written: a long poll would only hold it.
            let record = record.without_payload();
            return Ok(AcceptedOrder { record, access, inputs });
        }
        Ok(Accepted::Exists(found)) => {
            service.estimator.uncount(lane);
            return match key {
                Some(key) => resume(service, &key, &found).await,
                // Only a key can exist.
                None => Err(ApiError::OrderExpired),
            };
        }
        Err(refused) => refused,
    };
    service.write_health.failed(&refused);
    for other in &refused.others {
        service.record_aws_error("another store failed for a refused order", other);
    }
    service.estimator.uncount(lane);
    Err(refused.into())
}

/// Finishes what an earlier request with the same key began, as far as it was not finished.
async fn resume(
    service: &Arc<Service>,
    key: &IdempotencyKey,
    found: &IdempotencyRecord,
) -> Result<AcceptedOrder, ApiError> {
    let record = accept::resume(&service.stores, key, found).await.map_err(|e| match e {
        NotResumed::OtherBody => ApiError::IdempotencyKeyReused,
        NotResumed::Expired => ApiError::OrderExpired,
        NotResumed::Failed(e) => e.into(),
    })?;
    let record = record.without_payload();
    let access = StatusAccess::of(service, record.order.id, record.state.eta.as_ref(), clock::now()).await?;
    let inputs = service.estimator.inputs(record.order.priority.into());
    Ok(AcceptedOrder { record, access, inputs })
}
