//! Simulated work: it takes the time of a fulfilment, reports progress, and has no effect.

use std::time::Duration;

use async_trait::async_trait;
use offload_domain::{id::OrderId, order::Order, whole_number::whole_number};
use offload_service::clock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    super::{
        contract::{Outcome, ProcessError, Processor},
        progress::Progress,
    },
    duration::JobDuration,
};

/// The shortest and the longest time between two progress reports.
const STEP: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Fulfils orders of the kind `fulfilment`, in appearance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fulfilment {
    /// How long it takes.
    pub(super) duration: JobDuration,
}

#[async_trait]
impl Processor for Fulfilment {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let parcel = Parcel::of(order).ok_or_else(|| ProcessError::failed("a fulfilment needs a list of items"))?;
        let total = self.duration.sample(&mut clock::random());
        let step = (total / 20).clamp(STEP.0, STEP.1);
        let start = Instant::now();
        let mut elapsed = Duration::ZERO;
        while elapsed < total {
            let (percent, message) = parcel.stage(elapsed.as_secs_f64() / total.as_secs_f64());
            progress.report(percent, Some(&message));
            tokio::select! {
                () = progress.stopped() => return Err(ProcessError::stopped()),
                () = sleep_until(start + (elapsed + step).min(total)) => {}
            }
            elapsed = start.elapsed();
        }
        Ok(Outcome::Value(Some(parcel.receipt(order.id).into())))
    }
}

/// The order in numbers: nothing else of it may reach the status object, which others may read.
#[derive(Debug, Clone, Copy)]
struct Parcel {
    items: u32,
    units: u64,
}

impl Parcel {
    fn of(order: &Order) -> Option<Self> {
        #[derive(Deserialize)]
        struct Items {
            items: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Item {
            quantity: Option<Value>,
        }
        let Items { items } = order.payload.read().ok()?;
        let quantity = |item: &Item| item.quantity.as_ref().and_then(whole_number).unwrap_or(1);
        let units = items.iter().map(quantity).fold(0, u64::saturating_add);
        Some(Self { items: u32::try_from(items.len()).ok()?, units })
    }

    /// The percentage and the message when `done`, in `[0, 1)`, of the time is over: four fifths go
    /// to picking.
    fn stage(self, done: f64) -> (u8, String) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's cast saturates")]
        let (percent, item) = ((done * 100.0) as u8, (done / 0.8 * f64::from(self.items)) as u32 + 1);
        let message = match percent {
            95.. => "handing over".to_owned(),
            80.. => "packing".to_owned(),
            _ if self.items == 0 => "picking".to_owned(),
            _ => format!("picking {} of {}", item.min(self.items), self.items),
        };
        (percent, message)
    }

    /// The result. The tracking number follows from the id, so that a second run gives the same.
    fn receipt(self, id: OrderId) -> Value {
        let id = id.to_string().to_uppercase();
        let last = id.rsplit('-').next().unwrap_or_default();
        json!({ "items": self.items, "units": self.units, "tracking": format!("SO-{last}") })
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::{super::super::testing::order_of, *};

    fn lasting(duration: Duration) -> Fulfilment {
        Fulfilment { duration: JobDuration::fixed(duration) }
    }

    #[tokio::test]
    async fn the_result_counts_the_items_and_reveals_nothing_else() {
        let items = json!([{"sku": "secret", "quantity": 2}, {"sku": "b", "quantity": 5}]);
        let order = order_of(json!({"kind": "fulfilment", "items": items, "customer_ref": "Jane"}));
        let (progress, reports) = Progress::new(CancellationToken::new());
        let outcome = lasting(Duration::from_millis(30)).process(&order, &progress).await.unwrap();
        let Outcome::Value(Some(result)) = outcome else { panic!("{outcome:?}") };
        let result: Value = serde_json::from_str(result.as_str()).unwrap();
        assert_eq!((&result["items"], &result["units"]), (&json!(2), &json!(7)));
        assert!(result["tracking"].as_str().unwrap().starts_with("SO-"));
        assert_eq!(result.as_object().unwrap().len(), 3);
        assert!(reports.borrow().is_some());
    }

    #[tokio::test]
    async fn it_ends_at_once_when_it_is_stopped() {
        let order = order_of(json!({"kind": "fulfilment", "items": [{"sku": "a", "quantity": 1}]}));
        let stop = CancellationToken::new();
        let (progress, mut reports) = Progress::new(stop.clone());
        let work = tokio::spawn(async move { lasting(Duration::from_secs(3_600)).process(&order, &progress).await });
        reports.changed().await.unwrap();
        stop.cancel();
        assert_eq!(work.await.unwrap().unwrap_err(), ProcessError::stopped());
    }

    #[test]
    fn progress_goes_through_the_items_then_packing_then_handing_over() {
        let parcel = Parcel { items: 3, units: 7 };
        let stages: Vec<_> = (0..100).map(|i| parcel.stage(f64::from(i) / 100.0).1).collect();
        let mut seen = stages.clone();
        seen.dedup();
        assert_eq!(seen, ["picking 1 of 3", "picking 2 of 3", "picking 3 of 3", "packing", "handing over"]);
        assert!(parcel.stage(0.999).0 < 100);
    }

    #[tokio::test]
    async fn an_order_without_items_fails_for_good() {
        let (progress, _reports) = Progress::new(CancellationToken::new());
        let error = lasting(Duration::ZERO).process(&order_of(json!({"kind": "fulfilment"})), &progress).await;
        assert!(matches!(error, Err(ProcessError::Final(_))));
    }
}
