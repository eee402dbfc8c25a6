//! Warns of queues and tables that are not as the service needs them.

use offload_service::settings;
use offload_stores::{Kind, Needs, Queue};

use crate::context::Worker;

/// Checks what the worker was given, and logs a line for everything that is wrong with it. Nothing
/// of it keeps the worker from its work.
pub(crate) async fn warn(worker: &Worker) {
    let stores = &worker.stores;
    let needs = Needs {
        default_deadline: worker.settings.limits.default_deadline,
        dead_letter_queue: stores.dead_letters.as_ref().map(Queue::name),
        lease: settings::in_lambda().then_some(worker.settings.visibility),
    };
    let checked = stores.check_deployment(needs).await;
    for finding in checked.findings {
        tracing::warn!(resource = finding.resource, attribute = finding.attribute, "{}", finding.detail);
    }
    for e in checked.unchecked {
        let (kind, operation) = (e.kind.as_str(), e.operation);
        match e.kind {
            Kind::Denied => {
                tracing::info!(aws.operation = operation, "the role may not check how the deployment is set up");
            }
            _ => tracing::warn!(aws.operation = operation, error.kind = kind, error.cause = %e.source,
                "cannot check how the deployment is set up"),
        }
    }
}
