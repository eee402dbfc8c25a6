//! Whether the dependencies can be reached, and written where writes failed lately.

use std::time::{Duration, Instant};

use offload_service::clock;
use offload_stores::{Error, Stores};
use serde::Serialize;
use tokio::{sync::Mutex, time::timeout};
use utoipa::ToSchema;

use crate::write_health::WriteHealth;

/// How long a result is used: any number of probes costs three calls a second, and two more while
/// writes fail.
const FRESH: Duration = Duration::from_secs(1);
/// A dependency that takes longer is unavailable.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether a dependency can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dependency {
    /// It answers as it should.
    Ok,
    /// It does not answer, or refuses; the log says why.
    Unavailable,
}

/// The dependencies of the service, and its clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub(crate) struct Dependencies {
    /// The bucket.
    pub(crate) s3: Dependency,
    /// The queue.
    pub(crate) sqs: Dependency,
    /// The order table.
    pub(crate) dynamodb: Dependency,
    /// What AWS's time is ahead of this machine's clock, in seconds; 0 while that may be right. It
    /// makes nothing unready: the service goes by AWS's time.
    pub(crate) clock_offset_seconds: f64,
}

impl Dependencies {
    pub(crate) fn all_ok(&self) -> bool {
        [self.s3, self.sqs, self.dynamodb].iter().all(|d| *d == Dependency::Ok)
    }
}

/// The last result. Requests that come during a check wait for it: the lock is held meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Dependencies)>>);

impl Readiness {
    pub(crate) async fn check(&self, stores: &Stores, writes: &WriteHealth) -> Dependencies {
        let mut last = self.0.lock().await;
        if let Some((at, dependencies)) = *last
            && at.elapsed() < FRESH
        {
            return dependencies;
        }
        let (s3, sqs, dynamodb) = tokio::join!(
            probe("s3", async {
                stores.objects.ready().await?;
                if writes.bucket_is_suspect() {
                    stores.objects.writable().await?;
                    writes.bucket_was_probed();
                }
                Ok(())
            }),
            probe("sqs", stores.queue.ready()),
            probe("dynamodb", async {
                stores.orders.ready().await?;
                if writes.table_is_suspect() {
                    stores.orders.writable().await?;
                    writes.table_was_probed();
                }
                Ok(())
            }),
        );
        let sqs = if writes.queue_is_failing() { Dependency::Unavailable } else { sqs };
        // After the answers, from which it is known.
        let clock_offset_seconds = clock::offset().as_seconds_f64();
        let dependencies = Dependencies { s3, sqs, dynamodb, clock_offset_seconds };
        *last = Some((Instant::now(), dependencies));
        dependencies
    }
}

async fn probe(name: &'static str, ready: impl Future<Output = Result<(), Error>>) -> Dependency {
    match timeout(TIMEOUT, ready).await {
        Ok(Ok(())) => return Dependency::Ok,
        Ok(Err(e)) => {
            tracing::warn!(dependency = name, error.kind = e.kind.as_str(), error.cause = %e.source, "not ready");
        }
        Err(_) => tracing::warn!(dependency = name, "not ready: no answer within {} s", TIMEOUT.as_secs()),
    }
    Dependency::Unavailable
}
