//! Where orders, their status objects and their messages are kept.

use std::time::Duration;

use url::Url;

use super::NotificationSettings;
use crate::settings::{
    declare::settings,
    parser::{days, http_url, one_of, seconds, text},
};

settings! {
    /// Where orders and their status objects are kept.
    #[derive(Debug, Clone)]
    pub struct StoreSettings in "Stores" {
        /// S3 bucket of status objects and results.
        pub bucket: String = required(BUCKET, text),

        /// DynamoDB table of orders.
        pub table: String = required(TABLE, text),

        /// URL of the SQS queue of orders.
        pub queue_url: String = required(QUEUE_URL, text),

        /// URL of the SQS queue of orders with the priority high. Without it they are refused.
        pub high_queue_url: Option<String> = optional(HIGH_QUEUE_URL, text),

        /// URL of the SQS queue of orders with the priority low. Without it they are refused.
        pub low_queue_url: Option<String> = optional(LOW_QUEUE_URL, text),

        /// URL of the SQS queue of orders of tenants that use less than their share while others
        /// have a backlog: workers keep permits free for it. Without it they go by their priority.
        pub quiet_queue_url: Option<String> = optional(QUIET_QUEUE_URL, text),

        /// URL of the dead-letter queue of orders. A worker that has it fails the orders in it.
        pub dead_letter_queue_url: Option<String> = optional(DEAD_LETTER_QUEUE_URL, text),

        /// How events are published; `None` without a queue of notifications.
        pub notifications: Option<NotificationSettings> = group(),

        /// ARN of the role that signs URLs, assumed for an hour at a time. Needed where the
        /// service's own credentials do not state when they expire, as in Lambda.
        pub signer_role_arn: Option<String> = optional(SIGNER_ROLE_ARN, text),

        /// Whether the bucket is in the path of S3 URLs: true, false, or auto, which is true where
        /// an S3 endpoint is set.
        pub s3_path_style: Option<bool> =
            default(S3_PATH_STYLE, "auto", one_of(&[("auto", None), ("true", Some(true)), ("false", Some(false))])),

        /// S3 endpoint that clients reach, if it is another than the one that the service uses.
        pub public_s3_endpoint: Option<Url> = optional(PUBLIC_S3_ENDPOINT, http_url),

        /// What sends the calls that every order makes: direct, which takes a fraction of the
        /// processor time, or sdk. Both send the same requests. The packages for Lambda refuse
        /// sdk.
        pub calls: Calls =
            default(AWS_CALLS, "direct", one_of(&[("direct", Calls::Direct), ("sdk", Calls::Sdk)])),

        /// Days that an order is kept in the order table after the latest time at which it may end,
        /// 1 to 3650.
        pub retention: Duration = default(RETENTION_DAYS, "30", days(1..=3_650)),

        /// When an order without a deadline of its own must have ended.
        pub default_deadline: Duration = group(DefaultDeadline, |deadline| deadline.after),

        /// Least time before a sweep sends the message of an order again, because the one before
        /// may be lost. Each time it waits twice as long. Api and workers need the same.
        pub resend_after: Duration = default(SWEEP_AFTER_SECONDS, "60", seconds(0.0..=86_400.0)),
    }
}

/// What sends the calls that every order makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// The service itself.
    Direct,
    /// The AWS SDK.
    Sdk,
}

settings! {
    /// The deadline of orders that bring none.
    pub(super) struct DefaultDeadline in "Stores" {
        /// Seconds until an order without a deadline of its own fails, in whatever state it is,
        /// counted from when it may start. Api and workers need the same: by it the api sets how
        /// long the table keeps the order.
        pub(super) after: Duration = default(DEFAULT_DEADLINE_SECONDS, "604800", seconds(1.0..=315_360_000.0)),
    }
}
