//! The work that comes with the service, chosen by the order's kind.

use async_trait::async_trait;
use offload_domain::order::Order;

use super::{Fulfilment, JobDuration, Outcome, ProcessError, Processor, Progress, Report};

/// Does orders of the kinds `fulfilment` and `report`.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    fulfilment: Fulfilment,
    report: Report,
}

impl BuiltIn {
    /// With the duration of simulated work.
    #[must_use]
    pub fn new(duration: JobDuration) -> Self {
        Self { fulfilment: Fulfilment { duration }, report: Report }
    }
}

#[async_trait]
impl Processor for BuiltIn {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        match order.kind() {
            "fulfilment" => self.fulfilment.process(order, progress).await,
            "report" => self.report.process(order, progress).await,
            // The kind itself is the order's, which the status object must not tell.
            _ => Err(ProcessError::failed(
                "the order's kind is neither fulfilment nor report, and this worker has no other work; \
                 orders of a schema of your own need the processor command or http",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use super::{super::order_of, *};

    #[tokio::test]
    async fn the_kind_chooses_the_work() {
        let (progress, _reports) = Progress::new(CancellationToken::new());
        let built_in = BuiltIn::new(JobDuration::fixed(Duration::ZERO));
        let order = order_of(json!({"kind": "fulfilment", "items": []}));
        assert!(matches!(built_in.process(&order, &progress).await, Ok(Outcome::Value(Some(_)))));
        let order = order_of(json!({"kind": "report", "rows": 1}));
        assert!(matches!(built_in.process(&order, &progress).await, Ok(Outcome::File(_))));
        for payload in [json!({"kind": "invoice"}), json!({})] {
            let error = built_in.process(&order_of(payload), &progress).await.unwrap_err();
            assert!(matches!(&error, ProcessError::Final(_)) && !error.to_string().contains("invoice"), "{error}");
        }
    }
}
