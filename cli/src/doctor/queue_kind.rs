//! What a queue is for. Pure.

use super::facts::{Program, QueueKind};

/// Variables that name queues, and what for.
const VARIABLES: [(&str, QueueKind); 9] = [
    ("OFFLOAD_QUEUE_URL", QueueKind::Orders),
    ("OFFLOAD_HIGH_QUEUE_URL", QueueKind::Orders),
    ("OFFLOAD_LOW_QUEUE_URL", QueueKind::Orders),
    ("OFFLOAD_QUIET_QUEUE_URL", QueueKind::Orders),
    ("OFFLOAD_NOTIFICATIONS_QUEUE_URL", QueueKind::Notifications),
    ("OFFLOAD_WEBHOOKS_QUEUE_URL", QueueKind::Notifications),
    ("OFFLOAD_WEBHOOK_RETRIES_QUEUE_URL", QueueKind::Notifications),
    ("OFFLOAD_DEAD_LETTER_QUEUE_URL", QueueKind::Dead),
    ("OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL", QueueKind::Dead),
];

/// Of a queue of this name: as the programs name it, as others move messages to it, or else by its
/// name.
pub(super) fn kind(queue: &str, programs: &[Program], targets: &[String]) -> QueueKind {
    let by_variable = programs.iter().find_map(|program| {
        let named = |variable: &str| {
            let url = program.variable(variable).ok().flatten();
            url.is_some_and(|url| url.rsplit('/').next() == Some(queue))
        };
        VARIABLES.into_iter().find(|(variable, _)| named(variable)).map(|(_, kind)| kind)
    });
    let by_name = || {
        let has = |words: &[&str]| words.iter().any(|w| queue.contains(w));
        if targets.iter().any(|t| t == queue) || has(&["dead", "dlq", "failures"]) {
            QueueKind::Dead
        } else if has(&["notification", "webhook"]) {
            QueueKind::Notifications
        } else {
            QueueKind::Orders
        }
    };
    by_variable.unwrap_or_else(by_name)
}

/// The URLs of all queues that programs name.
pub(super) fn urls(programs: &[Program]) -> impl Iterator<Item = &str> {
    programs.iter().flat_map(|p| VARIABLES.into_iter().filter_map(|(v, _)| p.variable(v).ok().flatten()))
}
