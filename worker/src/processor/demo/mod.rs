//! Demo work, for trying the service out: chosen by the order's kind.

mod duration;
mod fulfilment;
mod report;

use async_trait::async_trait;
use offload_domain::order::Order;
use offload_service::settings::{Errors, ProcessorSettings, catalogue::JOB_SECONDS};

use super::{
    contract::{Outcome, ProcessError, Processor},
    entry::{Chosen, Entry, usable},
    progress::Progress,
};
use duration::JobDuration;
use fulfilment::Fulfilment;
use report::Report;

/// The processor `demo`.
pub const ENTRY: Entry = Entry {
    name: "demo",
    about: "simulated work of the kinds fulfilment and report, for trying the service out",
    settings: &[JOB_SECONDS],
    build,
};

fn build(settings: &ProcessorSettings, errors: &mut Errors<'_>) -> Option<Chosen> {
    let text = &settings.job_seconds;
    let duration = usable(JOB_SECONDS, text.parse::<JobDuration>(), "is not a duration", errors)?;
    Some(Chosen::new(&ENTRY, Demo::new(duration), format!("demo, simulated work takes {text}")))
}

/// Does orders of the kinds `fulfilment` and `report`.
#[derive(Debug, Clone, Copy)]
struct Demo {
    fulfilment: Fulfilment,
    report: Report,
}

impl Demo {
    /// With the duration of simulated work.
    fn new(duration: JobDuration) -> Self {
        Self { fulfilment: Fulfilment { duration }, report: Report }
    }
}

#[async_trait]
impl Processor for Demo {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        match order.kind().as_str() {
            "fulfilment" => self.fulfilment.process(order, progress).await,
            "report" => self.report.process(order, progress).await,
            // The kind itself is part of the order, which the status object must not reveal.
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

    use super::{super::testing::order_of, *};

    #[tokio::test]
    async fn the_kind_chooses_the_work() {
        let (progress, _reports) = Progress::new(CancellationToken::new());
        let demo = Demo::new(JobDuration::fixed(Duration::ZERO));
        let order = order_of(json!({"kind": "fulfilment", "items": []}));
        assert!(matches!(demo.process(&order, &progress).await, Ok(Outcome::Value(Some(_)))));
        let order = order_of(json!({"kind": "report", "rows": 1}));
        assert!(matches!(demo.process(&order, &progress).await, Ok(Outcome::File(_))));
        for payload in [json!({"kind": "invoice"}), json!({})] {
            let error = demo.process(&order_of(payload), &progress).await.unwrap_err();
            assert!(matches!(&error, ProcessError::Final(_)) && !error.to_string().contains("invoice"), "{error}");
        }
    }
}
