//! How a worker delivers notifications.

use std::{fmt, time::Duration};

use offload_domain::{internal::InternalKey, webhook};

use super::InternalSecret;
use crate::settings::{
    declare::settings,
    parser::{boolean, number, seconds, usable},
};

settings! {
    /// How a worker delivers notifications.
    #[derive(Debug, Clone)]
    pub struct NotifierSettings in "Notifier" {
        /// Notifications that this worker delivers at once. 0 for a worker that delivers none.
        pub concurrency: usize = default(NOTIFY_CONCURRENCY, "64", number(0..=10_000)),

        /// Webhooks that this worker delivers at once, beside other notifications; and a quarter as
        /// many that are tried again. A tenant has half of them at most, and endpoints that have
        /// not worked within an hour have a quarter.
        pub webhook_concurrency: usize = default(WEBHOOK_CONCURRENCY, "64", number(1..=10_000)),

        /// What authenticates the worker to api servers, if there are any.
        pub key: Option<InternalKey> = group(InternalSecret, |secret| secret.key),

        /// Signs webhooks.
        pub webhook_secret: Option<webhook::Secrets> = group(WebhookSecret, |secret| secret.secrets),

        /// Whether webhooks are signed by webhook-secret itself too, for receivers that still
        /// verify with it: true or false. Each of them can sign for all others.
        pub webhook_shared_signature: bool = default(WEBHOOK_SHARED_SIGNATURE, "false", boolean),

        /// Where webhooks may go.
        pub webhook_policy: webhook::Policy = group(),

        /// Seconds between the attempts at a webhook, separated by commas.
        pub webhook_retry: Vec<Duration> =
            default(WEBHOOK_RETRY_SECONDS, "5,300,1800,7200,18000,36000,50400,72000,86400", waits),

        /// API key of the AppSync Events API. Without one, the worker's role signs the requests.
        pub appsync_api_key: Option<Secret> = optional(secret APPSYNC_API_KEY, Secret::new),

        /// JWT that may publish to the Mercure hub.
        pub mercure_jwt: Option<Secret> = optional(secret MERCURE_JWT, Secret::new),
    }
}

settings! {
    /// What signs webhooks.
    pub(super) struct WebhookSecret in "Webhooks" {
        /// Secret from which that of each receiver of webhooks is derived: whsec_ and the base64 of
        /// 24 to 64 bytes. Several, separated by spaces, while it is being replaced. Workers sign
        /// with it. An api that has it gives callers the secrets of their receivers.
        pub(super) secrets: Option<webhook::Secrets> =
            optional(secret WEBHOOK_SECRET, usable(webhook::Secrets::parse)),
    }
}

/// A text that appears in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    fn new(text: &str) -> Result<Self, String> {
        Ok(Self(text.to_owned()))
    }

    /// The text, for the header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn waits(text: &str) -> Result<Vec<Duration>, String> {
    let wait = seconds(0.0..=604_800.0);
    let waits: Result<_, _> = text.split(',').map(|part| wait(part.trim())).collect();
    waits.map_err(|_| "is not a list of seconds such as 5,300,1800".to_owned())
}
