//! The work of a simulation: it takes its time, reports progress, and ends as the ledger says.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use offload_domain::order::Order;
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use super::ledger::{Ledger, WorkEnd};

/// Between two reports of progress.
const STEP: Duration = Duration::from_millis(200);

/// Works by the ledger.
pub(super) struct LedgerProcessor {
    pub(super) ledger: Arc<Ledger>,
    /// Where it works.
    pub(super) host: &'static str,
}

/// The name that a client gave its order.
pub(super) fn name(order: &Order) -> String {
    #[derive(Default, Deserialize)]
    struct Named {
        customer_ref: String,
    }
    order.payload.read::<Named>().unwrap_or_default().customer_ref
}

#[async_trait]
impl Processor for LedgerProcessor {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let name = name(order);
        let work = {
            let mut entries = self.ledger.entries();
            *entries.starts.entry(name.clone()).or_default() += 1;
            entries.work.get(&name).copied().ok_or_else(|| ProcessError::failed("nobody ordered this"))?
        };
        let (total, mut done) = (Duration::from_millis(work.takes_ms), Duration::ZERO);
        while done < total {
            let percent = done.as_millis() * 100 / total.as_millis().max(1);
            progress.report(u8::try_from(percent).unwrap_or(100), Some("at work"));
            let step = if work.reports { STEP.min(total) } else { total };
            tokio::select! {
                biased;
                () = progress.stopped(), if work.reports => return Err(ProcessError::stopped()),
                () = sleep(step) => done += step,
            }
        }
        let fence = order.attempt;
        match work.end {
            WorkEnd::Fails => return Err(ProcessError::failed("it cannot be done")),
            WorkEnd::FailsAtFirst(attempts) if fence.attempt <= attempts => {
                return Err(ProcessError::retryable("not this time"));
            }
            WorkEnd::PanicsAtFirst if fence.attempt == 1 => panic!("the work of a simulation panics"),
            _ => {}
        }
        let padding = "x".repeat(work.result_bytes);
        let result = json!({"fence": fence.to_string(), "host": self.host, "padding": padding});
        Ok(Outcome::Value(Some(result.into())))
    }
}
