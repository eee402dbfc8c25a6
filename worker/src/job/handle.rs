//! Handles a delivery from its claim to its settlement.

use std::time::Duration;

use offload_domain::{message::Envelope, trace::TraceContext};
use offload_lifecycle::{claim::Claim, enqueue};
use offload_service::{clock, trace, trace_span};
use offload_stores::Delivery;
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field::Empty};

use super::{claim::claim, heartbeat::LeaseHeartbeat, log, run::run, settle};
use crate::{context::Worker, work_log::WorkLog};

/// An order keeps its permit while it is claimed and while its end is recorded, and those behind it
/// wait as long. Of an outage, which may take minutes, its service time has this much.
const BESIDE_WORK_MAX: Duration = Duration::from_secs(1);

/// Does everything for one delivery. Whatever happens, the message is settled or comes again.
pub(crate) async fn handle(worker: &Worker, delivery: Delivery) {
    match Envelope::parse(&delivery.body) {
        Ok(envelope) => {
            let trace = delivery.trace.as_ref().map(TraceContext::trace_id).unwrap_or_default();
            let log = tracing::info_span!("order", order.id = %envelope.id, trace.id = trace);
            let span = process_span(&delivery, &envelope);
            handle_order(worker, delivery, &envelope, &span).instrument(log).instrument(span.clone()).await;
        }
        Err(e) => {
            // Not settled: it comes again until the queue moves it to the dead-letter queue, where
            // a person can read it.
            worker.metrics.unreadable();
            let (id, size) = (&delivery.message_id, delivery.body.len());
            tracing::error!(message.id = id, message.bytes = size, message.receives = delivery.receive_count, error = %e,
                "message cannot be read");
        }
    }
}

/// The span of a delivery's processing, within the trace that its message carries; and linked to
/// the message where that came before.
/// <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/>
fn process_span(delivery: &Delivery, envelope: &Envelope) -> Span {
    let span = trace_span!(
        "process",
        otel.name = "process order",
        otel.kind = "consumer",
        otel.status_code = Empty,
        error.type = Empty,
        messaging.system = "aws_sqs",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = delivery.queue(),
        messaging.message.id = delivery.message_id,
        messaging.aws_sqs.receive_count = i64::from(delivery.receive_count),
        order.id = %envelope.id,
        order.attempt = Empty,
        order.attempt_end = Empty,
    );
    if let Some(context) = &delivery.trace {
        trace::set_parent(&span, context);
        if delivery.receive_count > 1 {
            trace::link(&span, context);
        }
    }
    span
}

async fn handle_order(worker: &Worker, delivery: Delivery, envelope: &Envelope, span: &Span) {
    let begun = Instant::now();
    let settled = match claim(worker, &delivery, envelope).await {
        Claim::Mine(mut job) => {
            let mut heartbeat = LeaseHeartbeat::start(worker, &job, &delivery);
            let log = WorkLog::new(worker.settings.work_log_bytes);
            let work_begun = Instant::now();
            let running = worker.metrics.begin();
            let end = run(worker, &mut job, &mut heartbeat, &log).await;
            drop(running);
            worker.metrics.attempt(end.name(), work_begun.elapsed());
            span.record("order.attempt", i64::from(job.record.state.attempt));
            span.record("order.attempt_end", end.name());
            if !matches!(end.name(), "completed" | "cancelled" | "shutdown") {
                trace::failed(span, end.name());
            }
            let (worked, attempt, ended) = (work_begun.elapsed(), job.record.state.attempt, end.is_of_the_work());
            let (order, fence) = (job.record.order.id, job.record.state.fence());
            // At the same time: the end of the order waits for no log.
            let settled = settle::settle(worker, job, end, heartbeat, delivery, envelope.eta.as_ref());
            let settled = tokio::join!(settled, log::keep(worker, order, fence, &log)).0;
            if ended {
                let beside = begun.elapsed().saturating_sub(worked).min(BESIDE_WORK_MAX);
                worker.reporter.finished(worked + beside, attempt, clock::now());
            }
            settled
        }
        Claim::Ended(job) => settle::publish_and_complete(worker, job, None, delivery).await,
        Claim::Later(wait) | Claim::Missing(wait) => delivery.retry_after(wait).await,
        Claim::NotDue(wait) => enqueue::postpone(&worker.stores, delivery, envelope, wait).await,
        Claim::Unknown => {
            // Withdrawn, or past its retention.
            tracing::info!("message is for an unknown order");
            delivery.complete().await
        }
    };
    if let Err(e) = settled {
        // Harmless: the message comes again, and its work is then found done or is done again.
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot settle a message");
    }
}
