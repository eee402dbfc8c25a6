//! What every action needs: the state of the service, and its request.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::deliveries::Deliveries;
use super::error::SqsError;
use super::long_polls::LongPolls;
use super::quota::Quota;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::identity::{Caller, Identities};
use crate::options::ACCOUNT_ID;
use crate::store::queues::Queue;
use crate::store::{Store, queues};

/// The state of the service.
pub(super) struct Shared {
    pub(super) store: Arc<Store>,
    pub(super) identities: Arc<Identities>,
    pub(super) clock: Clock,
    pub(super) region: Arc<str>,
    pub(super) long_polls: LongPolls,
    pub(super) quota: Quota,
    pub(super) deliveries: Deliveries,
    pub(super) faults: Faults,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// A verified request.
pub(super) struct RequestContext<'a> {
    pub(super) sqs: &'a Arc<Shared>,
    pub(super) caller: Caller,
    /// The `Host` that the client used, for queue URLs that it can reach.
    pub(super) host: String,
}

impl Shared {
    pub(super) fn arn(&self, queue: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT_ID}:{queue}", self.region)
    }

    /// The queue that a URL names. Only the path counts, so a URL stays good when the stack moves
    /// to another port.
    pub(super) async fn queue_by_url(&self, url: Option<String>) -> Result<Queue, SqsError> {
        let url = url.ok_or_else(|| SqsError::missing("QueueUrl"))?;
        let name = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.queue(name).await
    }

    pub(super) async fn queue(&self, name: &str) -> Result<Queue, SqsError> {
        self.store.run(|connection| queues::find(connection, name)).await?.ok_or_else(SqsError::no_such_queue)
    }

    /// The queue that an ARN names, of this account.
    pub(super) async fn queue_by_arn(&self, arn: &str) -> Result<Queue, SqsError> {
        let name = arn.rsplit(':').next().unwrap_or_default();
        if self.arn(name) != arn {
            return Err(SqsError::no_such_queue());
        }
        self.queue(name).await
    }
}

impl RequestContext<'_> {
    pub(super) fn queue_url(&self, name: &str) -> String {
        format!("http://{}/{ACCOUNT_ID}/{name}", self.host)
    }
}
