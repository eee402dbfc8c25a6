//! What travels through the notifications queue: one event for one target, so that a target that fails repeats nothing for
//! another. Pure.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{event::StatusEvent, order::Callbacks, time::rfc3339_millis};

/// The version of the message that this code writes and reads.
pub const VERSION: u32 = 1;

/// An event on its way to one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// [`VERSION`].
    pub v: u32,
    /// Whom to tell.
    pub target: Target,
    /// What.
    pub event: StatusEvent,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// Not to be tried before.
    #[serde(with = "rfc3339_millis::option", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
}

/// Who is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Target {
    /// An open connection: a WebSocket, an event stream, a held request.
    Connection {
        /// Who holds it: an api server's internal address, or API Gateway's Management API.
        endpoint: String,
        /// Its id there.
        id: String,
    },
    /// The order's webhook.
    Webhook {
        /// Where to.
        url: String,
    },
    /// The SNS topic of the settings.
    Topic,
    /// The Step Functions task that waits for the order.
    Task {
        /// Its token.
        token: String,
    },
    /// The `AppSync` Events API of the settings.
    Appsync,
    /// The Mercure hub of the settings.
    Mercure,
}

impl Target {
    /// The channel's name, for logs, metrics and lists of deliveries.
    #[must_use]
    pub fn channel(&self) -> &'static str {
        match self {
            Self::Connection { .. } => "connection",
            Self::Webhook { .. } => "webhook",
            Self::Topic => "topic",
            Self::Task { .. } => "task",
            Self::Appsync => "appsync",
            Self::Mercure => "mercure",
        }
    }

    /// Whether the target belongs to whoever placed the order, and may get what opens its result.
    fn is_the_clients(&self) -> bool {
        matches!(self, Self::Connection { .. } | Self::Webhook { .. } | Self::Task { .. })
    }
}

/// A webhook's URL may have a secret in it, and a task token is one.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.channel())
    }
}

/// The targets that every order has, by the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Broadcast {
    /// An SNS topic.
    pub topic: bool,
    /// An `AppSync` Events API.
    pub appsync: bool,
    /// A Mercure hub.
    pub mercure: bool,
}

/// One message for everybody who is to be told of an event: the connections that watch the order, its own callbacks, and
/// whom the settings name.
#[must_use]
pub fn notifications(
    event: &StatusEvent,
    connections: impl IntoIterator<Item = Target>,
    callbacks: &Callbacks,
    broadcast: Broadcast,
) -> Vec<Notification> {
    let own = [
        callbacks.webhook_url.clone().map(|url| Target::Webhook { url }),
        callbacks.task_token.clone().map(|token| Target::Task { token }),
        broadcast.topic.then_some(Target::Topic),
        broadcast.appsync.then_some(Target::Appsync),
        broadcast.mercure.then_some(Target::Mercure),
    ];
    let notification = |target: Target| {
        let event = event.clone();
        let event = if target.is_the_clients() { event } else { event.for_anybody() };
        Notification { v: VERSION, target, event, attempts: 0, not_before: None }
    };
    connections.into_iter().chain(own.into_iter().flatten()).map(notification).collect()
}
