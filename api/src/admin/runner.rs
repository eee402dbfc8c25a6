//! Runs the bulk actions that this server made, and those whose server died.

use std::{sync::Arc, time::Duration};

use offload_domain::action::Action;
use offload_lifecycle::act;
use offload_service::clock;
use tokio::time::sleep;

use crate::service::Service;

/// How often a server polls for actions that nobody runs.
const EVERY: Duration = Duration::from_secs(5);
/// Actions that it takes up at a time.
const AT_A_TIME: usize = 20;

/// Runs an action whose lease this server has. It stops with the service, and another server takes
/// it up.
pub(crate) fn start(service: &Arc<Service>, action: Action) {
    let own = Arc::clone(service);
    service.background.tracker().spawn(async move {
        let id = action.id;
        match act::run(&own.stores, action, &own.stop).await {
            Ok(ended) => tracing::info!(
                target: "audit",
                {
                    action.id = %id, action.state = ?ended.state, done = ended.done, failed = ended.failed,
                    skipped = ended.skipped
                },
                "bulk action has come so far"
            ),
            Err(e) => own.record_aws_error("a bulk action goes on when its lease is over", &e),
        }
    });
}

/// Takes up what nobody runs, until the service ends.
pub(crate) async fn take_up(service: Arc<Service>) {
    loop {
        tokio::select! {
            () = service.stop.cancelled() => return,
            () = sleep(EVERY) => {}
        }
        let actions = match service.stores.orders.abandoned_actions(clock::now(), AT_A_TIME).await {
            Ok(actions) => actions,
            Err(e) => {
                service.record_aws_error("cannot read which bulk actions nobody runs", &e);
                continue;
            }
        };
        for stored in &actions {
            match act::take_up(&service.stores, stored).await {
                Ok(Some(action)) => start(&service, action),
                Ok(None) => {}
                Err(e) => service.record_aws_error("cannot take up a bulk action", &e),
            }
        }
    }
}
