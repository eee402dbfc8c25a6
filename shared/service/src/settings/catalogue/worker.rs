//! What a worker needs beside the stores, whatever its processor.

use std::{net::SocketAddr, time::Duration};

use offload_domain::{
    backoff::Backoff,
    claim::Limits,
    publication::{ProgressWrites, Rules},
};

use super::{
    DEFAULT_DEADLINE_SECONDS, EXPECTED_JOB_SECONDS, EtaSettings, FunctionMetrics, NotifierSettings, Shutdown,
    stores::DefaultDeadline,
};
use crate::settings::{
    Errors,
    declare::settings,
    parser::{address, milliseconds, number, one_of, seconds},
    source::Source,
};

settings! {
    /// What a worker needs beside the stores, whatever its processor.
    #[derive(Debug, Clone)]
    pub struct WorkerSettings in "Worker" {
        /// Orders that this worker works on at once, 1 to 1000.
        pub concurrency: usize = default(CONCURRENCY, "10", number(1..=1_000)),

        /// Orders for which a worker keeps permits free for the queue of quiet tenants, once one of
        /// these has had an order within the last hour: 0 to 1000, or auto, which is an eighth of
        /// all, and at least one of four.
        pub kept_permits: Option<usize> = default(KEPT_PERMITS, "auto", kept_permits),

        /// Lease of an order, 3 to 43200: how soon another worker takes over from one that died.
        // SQS keeps a message invisible for twelve hours at most; below 3 s renewals come too
        // close.
        pub visibility: Duration = default(VISIBILITY_SECONDS, "30", seconds(3.0..=43_200.0)),

        /// What an order is allowed.
        pub limits: Limits = group(),

        /// How often a worker sweeps: it sends orders again whose message may be lost, and fails
        /// those whose deadline has passed.
        pub sweep_every: Duration = default(SWEEP_SECONDS, "30", seconds(0.1..=86_400.0)),

        /// Waits between attempts.
        pub retry: Backoff = group(),

        /// The longest time that one attempt may take.
        pub job_timeout: Duration = default(JOB_TIMEOUT_SECONDS, "900", seconds(0.1..=604_800.0)),

        /// What of a running order is published, and when.
        pub publication: Rules = group(),

        /// How often a running order is checked for cancellation.
        pub cancel_check: Duration = default(CANCEL_CHECK_SECONDS, "2", seconds(0.1..=3_600.0)),

        /// How long the URL of a large result works, 60 to 604800.
        pub result_url_ttl: Duration = default(RESULT_URL_TTL_SECONDS, "86400", seconds(60.0..=604_800.0)),

        /// Bytes that are kept of what the work of one attempt logs, up to 1048576: the first and
        /// the last lines. 0 keeps none.
        pub work_log_bytes: usize = default(WORK_LOG_BYTES, "65536", number(0..=1_048_576)),

        /// Time from SIGTERM to the end of the process.
        pub shutdown_grace: Duration = group(Shutdown, |shutdown| shutdown.grace),

        /// Address and port on which a worker serves probes and metrics, to be kept from clients.
        /// If it is not set: nowhere.
        pub admin_listen: Option<SocketAddr> = optional(WORKER_ADMIN_LISTEN, address),

        /// What functions measure.
        pub function_metrics: FunctionMetrics = group(),

        /// How notifications are delivered.
        pub notifier: NotifierSettings = group(),
    }
}

/// `None` for as many as the number of permits says.
fn kept_permits(text: &str) -> Result<Option<usize>, String> {
    match text {
        "auto" => Ok(None),
        text => number(0..=1_000)(text).map(Some).map_err(|e| format!("{e}; \"auto\" is an eighth")),
    }
}

settings! {
    impl Rules in "Worker" {
        /// How much of an order's progress is written to its status object, where people who poll
        /// read it: off, some (at a quarter, half and three quarters of the work) or live (each
        /// interval, and that it is processing as soon as it is). A write costs as much as 12.5
        /// polls; subscribers are notified of progress without one.
        progress: ProgressWrites = default(PROGRESS_WRITES, "some", one_of(&[
            ("off", ProgressWrites::Off), ("some", ProgressWrites::Some), ("live", ProgressWrites::Live),
        ])),

        /// The shortest time between two such writes, and between two notifications of progress.
        interval: Duration = default(PROGRESS_INTERVAL_SECONDS, "10", seconds(0.1..=3_600.0)),

        /// Subscribers of work that ends sooner are notified of its end alone. Nor is it written to
        /// the status object that it is processing, for which work must run 2.5 seconds at least,
        /// and until shortly before a client polls first.
        processing_after: Duration = default(PROCESSING_AFTER_MS, "500", milliseconds(0..=60_000)),
    }
}

settings! {
    impl Limits in "Worker" {
        /// Attempts before an order fails, 1 to 100.
        max_attempts: u32 = default(MAX_ATTEMPTS, "5", number(1..=100)),

        /// Time before an order without a deadline of its own fails.
        default_deadline: Duration = group(DefaultDeadline, |deadline| deadline.after),
    }
}

settings! {
    impl Backoff in "Worker", check check_backoff {
        /// Wait before the second attempt. It doubles with each further one.
        base: Duration = default(RETRY_BASE_SECONDS, "2", seconds(0.0..=43_200.0)),

        /// The longest wait between two attempts.
        max: Duration = default(RETRY_MAX_SECONDS, "900", seconds(0.0..=43_200.0)),
    }
}

fn check_backoff(waits: &Backoff, source: &mut Source) {
    source.check_order((RETRY_BASE_SECONDS, waits.base), (RETRY_MAX_SECONDS, waits.max));
}

impl WorkerSettings {
    /// Reports where they contradict what is expected of the work.
    pub fn check(&self, eta: &EtaSettings, errors: &mut Errors<'_>) {
        let expected = Duration::try_from_secs_f64(eta.expected_job_seconds).unwrap_or(Duration::MAX);
        let allowed =
            [(JOB_TIMEOUT_SECONDS, self.job_timeout), (DEFAULT_DEADLINE_SECONDS, self.limits.default_deadline)];
        for allowed in allowed {
            errors.check_order((EXPECTED_JOB_SECONDS, expected), allowed);
        }
    }
}
