//! What the notifications queue carries: one event for one target, so that a target that fails
//! repeats nothing for another. Pure.

mod group;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    event::StatusEvent,
    order::{Callbacks, Order},
    tenant::{OfTenant, Tenant},
    time::rfc3339_millis,
};

/// The version of the message that this code writes and reads.
pub const VERSION: u32 = 1;

/// An event on its way to one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// [`VERSION`].
    pub v: u32,
    /// The receiver.
    pub target: Target,
    /// What it receives.
    pub event: StatusEvent,
    /// Whose order it is about. Absent for the default tenant, and in messages of older versions.
    #[serde(default, skip_serializing_if = "Tenant::is_default")]
    pub tenant: Tenant,
    /// How often delivery was tried.
    #[serde(default)]
    pub attempts: u32,
    /// Not to be tried before.
    #[serde(with = "rfc3339_millis::option", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
}

/// The receiver of an event. Each variant is a channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", rename_all = "snake_case")]
pub enum Target {
    /// An open connection: a WebSocket, an event stream or a long poll.
    Connection(OpenConnection),
    /// The order's webhook.
    Webhook {
        /// Its URL.
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

/// An open connection, as the notifier reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredConnection")]
pub struct OpenConnection {
    /// Who holds it.
    pub holder: Holder,
    /// The holder's URL: an api server's internal address, or API Gateway's Management API.
    pub endpoint: String,
    /// Its id there.
    pub id: String,
}

/// Who holds an open connection. Both take events by the same call, but authenticate its sender
/// differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// One of our own api servers, which shares a secret with the workers.
    ApiServer,
    /// API Gateway, which wants AWS's signature.
    ApiGateway,
}

/// A connection as it was written. Before the holder was stored, the endpoint's name said who it
/// is.
#[derive(Deserialize)]
struct StoredConnection {
    holder: Option<Holder>,
    endpoint: String,
    id: String,
}

impl From<StoredConnection> for OpenConnection {
    fn from(StoredConnection { holder, endpoint, id }: StoredConnection) -> Self {
        Self { holder: holder.unwrap_or_else(|| Holder::of_endpoint(&endpoint)), endpoint, id }
    }
}

impl Holder {
    /// The word in JSON and in DynamoDB.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiServer => "api_server",
            Self::ApiGateway => "api_gateway",
        }
    }

    /// The holder of a stored connection: `word` is what was stored, if anything was.
    #[must_use]
    pub fn stored(word: Option<&str>, endpoint: &str) -> Self {
        match word {
            Some("api_server") => Self::ApiServer,
            Some("api_gateway") => Self::ApiGateway,
            _ => Self::of_endpoint(endpoint),
        }
    }

    /// For what was written before holders were stored: API Gateway's endpoints are
    /// `https://{api}.execute-api.{region}.amazonaws.com/{stage}`.
    fn of_endpoint(endpoint: &str) -> Self {
        let at_gateway =
            Url::parse(endpoint).is_ok_and(|url| url.host_str().is_some_and(|h| h.contains(".execute-api.")));
        if at_gateway { Self::ApiGateway } else { Self::ApiServer }
    }
}

impl OfTenant for Notification {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn group(&self) -> Option<String> {
        group::group(&self.target, &self.tenant)
    }
}

impl Notification {
    /// A notification that was not tried yet.
    #[must_use]
    pub fn new(target: Target, event: StatusEvent, tenant: Tenant) -> Self {
        Self { v: VERSION, target, event, tenant, attempts: 0, not_before: None }
    }

    /// Whether it was put back before: it was tried, or had to wait.
    #[must_use]
    pub fn is_retry(&self) -> bool {
        self.not_before.is_some()
    }
}

impl Target {
    /// The channel's name, for logs, metrics and lists of deliveries.
    #[must_use]
    pub fn channel(&self) -> &'static str {
        match self {
            Self::Connection(_) => "connection",
            Self::Webhook { .. } => "webhook",
            Self::Topic => "topic",
            Self::Task { .. } => "task",
            Self::Appsync => "appsync",
            Self::Mercure => "mercure",
        }
    }

    /// What of an event the target may get. The order's client gets the URL of its result and its
    /// labels, the operator's own topic the labels, and a hub, whose subscribers the operator need
    /// not know, neither.
    fn share_of(&self, event: StatusEvent) -> StatusEvent {
        match self {
            Self::Connection(_) | Self::Webhook { .. } | Self::Task { .. } => event,
            Self::Topic => event.for_anybody(),
            Self::Appsync | Self::Mercure => event.for_the_public(),
        }
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

impl Broadcast {
    /// Whether there is one.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.targets().next().is_some()
    }

    fn targets(self) -> impl Iterator<Item = Target> {
        // Every member by name: one that is left out does not compile.
        let Self { topic, appsync, mercure } = self;
        let all = [(topic, Target::Topic), (appsync, Target::Appsync), (mercure, Target::Mercure)];
        all.into_iter().filter_map(|(set, target)| set.then_some(target))
    }
}

/// Whether anybody is to be notified of an order's changes. `subscribed`: whether a connection has
/// ever subscribed to it.
#[must_use]
pub fn has_targets(order: &Order, subscribed: bool, broadcast: Broadcast) -> bool {
    let Callbacks { webhook_url, task_token } = &order.callbacks;
    subscribed || webhook_url.is_some() || task_token.is_some() || broadcast.is_any()
}

/// One message for each target of an event: the connections that subscribe to the order, the
/// order's own callbacks, and the targets of the settings.
#[must_use]
pub fn notifications(
    event: &StatusEvent,
    connections: impl IntoIterator<Item = Target>,
    order: &Order,
    broadcast: Broadcast,
) -> Vec<Notification> {
    let Callbacks { webhook_url, task_token } = order.callbacks.clone();
    let own: [Option<Target>; 2] =
        [webhook_url.map(|url| Target::Webhook { url }), task_token.map(|token| Target::Task { token })];
    let targets = connections.into_iter().chain(own.into_iter().flatten()).chain(broadcast.targets());
    shares(event, targets, &order.tenant).collect()
}

/// The same for the event of a group, which has the targets of the settings alone.
#[must_use]
pub fn notifications_of_group(event: &StatusEvent, tenant: &Tenant, broadcast: Broadcast) -> Vec<Notification> {
    shares(event, broadcast.targets(), tenant).collect()
}

fn shares(
    event: &StatusEvent,
    targets: impl Iterator<Item = Target>,
    tenant: &Tenant,
) -> impl Iterator<Item = Notification> {
    targets.map(|target| {
        let event = target.share_of(event.clone());
        Notification::new(target, event, tenant.clone())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    #[test]
    fn a_target_gets_what_of_an_event_is_meant_for_it() {
        let mut record = fixtures::record(DateTime::UNIX_EPOCH);
        record.order.labels = [("customer", "acme")].into_iter().collect();
        let mut object = record.with_labels(record.status_object(None));
        object.result_url = Some("https://s3/secret".to_owned());
        let event = StatusEvent::of(object);
        for (target, url, labels) in [
            (Target::Webhook { url: "u".into() }, true, true),
            (Target::Task { token: "t".into() }, true, true),
            (Target::Topic, false, true),
            (Target::Appsync, false, false),
            (Target::Mercure, false, false),
        ] {
            let share = target.share_of(event.clone());
            let has = (share.data.result_url.is_some(), !share.data.labels.is_empty());
            assert_eq!(has, (url, labels), "{target:?}");
        }
    }

    #[test]
    fn a_connection_names_its_holder_and_an_old_one_is_read_by_its_endpoint() {
        let gateway = "https://id.execute-api.eu-west-1.amazonaws.com/push";
        let behind_a_domain = "https://push.example.com/prod";
        for (holder, endpoint, expected) in [
            (Some("api_gateway"), behind_a_domain, Holder::ApiGateway),
            (Some("api_server"), gateway, Holder::ApiServer),
            (None, gateway, Holder::ApiGateway),
            (None, "http://10.0.0.1:9090", Holder::ApiServer),
        ] {
            let mut written = json!({"channel": "connection", "endpoint": endpoint, "id": "a="});
            if let Some(holder) = holder {
                written["holder"] = json!(holder);
            }
            let target: Target = serde_json::from_value(written).unwrap();
            let connection = OpenConnection { holder: expected, endpoint: endpoint.into(), id: "a=".into() };
            assert!(target == Target::Connection(connection), "{holder:?} {endpoint}");
            let again: Target = serde_json::from_value(serde_json::to_value(&target).unwrap()).unwrap();
            assert!(again == target);
            assert_eq!(Holder::stored(holder, endpoint), expected);
            assert_eq!(serde_json::to_value(expected).unwrap(), expected.as_str());
        }
    }
}
