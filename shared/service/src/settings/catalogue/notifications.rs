//! How events are published.

use offload_domain::notification::Broadcast;
use url::Url;

use crate::settings::{
    declare::settings,
    parser::{http_url, one_of, text},
    source::Source,
};

settings! {
    /// How events are published.
    #[derive(Debug, Clone)]
    pub struct NotificationSettings in "Notifications", if queue_url else check_targets {
        /// URL of the SQS queue of notifications. Without it, nothing is pushed.
        pub queue_url: String = optional(NOTIFICATIONS_QUEUE_URL, text),

        /// URL of the SQS queue of webhooks, so that no other notification waits behind them.
        /// Without it they go through the queue of notifications.
        pub webhooks_queue_url: Option<String> = optional(WEBHOOKS_QUEUE_URL, text),

        /// URL of the SQS queue of webhooks that are tried again, so that no other webhook waits
        /// behind them. Without it they go through the queue of webhooks.
        pub webhook_retries_queue_url: Option<String> = optional(WEBHOOK_RETRIES_QUEUE_URL, text),

        /// URL of the dead-letter queue of notifications, for those that could not be delivered.
        pub dead_letter_queue_url: Option<String> = optional(NOTIFICATIONS_DEAD_LETTER_QUEUE_URL, text),

        /// ARN of an SNS topic. Every event of every order is published to it.
        pub topic_arn: Option<String> = optional(EVENT_TOPIC_ARN, text),

        /// URL of an AppSync Events API (https://.../event). Every event is published to it, on the
        /// channel /orders/{id}.
        pub appsync_url: Option<Url> = optional(APPSYNC_URL, http_url),

        /// URL of a Mercure hub (https://.../.well-known/mercure). Every event is published to it,
        /// with the order's URL as topic.
        pub mercure_url: Option<Url> = optional(MERCURE_URL, http_url),

        /// What sends events: writers (the process that writes a status object) or stream (a
        /// function on the table's DynamoDB stream).
        pub by_writers: bool = default(EVENTS_FROM, "writers", one_of(&[("writers", true), ("stream", false)])),
    }
}

impl NotificationSettings {
    /// Where every event goes.
    #[must_use]
    pub fn broadcast(&self) -> Broadcast {
        Broadcast {
            topic: self.topic_arn.is_some(),
            appsync: self.appsync_url.is_some(),
            mercure: self.mercure_url.is_some(),
        }
    }
}

/// Without the queue, events reach no target.
fn check_targets(source: &mut Source) {
    for target in [EVENT_TOPIC_ARN, APPSYNC_URL, MERCURE_URL] {
        if source.is_set(target) {
            let (set, missing) = (target.variable(), NOTIFICATIONS_QUEUE_URL.variable());
            source.error(format!("{set} is set, and {missing} is missing: events go through that queue"));
        }
    }
}
