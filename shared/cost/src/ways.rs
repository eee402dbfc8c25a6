//! The ways in which a client can learn of an order's end, each with what it costs in a month:
//! what differs between them, and nothing that they have in common.

use serde::Serialize;

use crate::{
    calls::{Calls, PUTS_AT_LEAST, QUEUE_CALLS, row_units},
    item::Item,
    line::{Line, sum},
    orders::Behaviour,
    prices::{MONTH_SECONDS, Prices},
    scenario::{Channel, Scenario},
};

/// Bytes of a response's head.
const HEAD_BYTES: f64 = 400.0;
/// Bytes in a GB, as AWS counts them.
pub(crate) const GB: f64 = 1_073_741_824.0;
/// Days of a month.
const MONTH_DAYS: f64 = MONTH_SECONDS / 86_400.0;
/// A function of the api, and of the notifier: 256 MB.
pub(crate) const FUNCTION_GB: f64 = 0.25;
/// The time that the api's function takes for a request, most of it waiting for AWS.
pub(crate) const API_SECONDS: f64 = 0.03;
/// The time that the notifier takes for one notification.
const NOTIFIER_SECONDS: f64 = 0.05;
/// Open connections that a task of the smallest size serves: 18 KiB each (`just bench push`).
const CONNECTIONS_A_TASK: f64 = 10_000.0;
/// A task of the smallest size.
pub(crate) const TASK: (f64, f64) = (0.25, 0.5);

/// A way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayName {
    /// Polling an API of REST API, a function of 256 MB for 500 ms and a 10 KB item.
    TypicalApi,
    /// Polling an API of REST API, a function of 128 MB for 10 ms and a 4 KB item.
    RestApi,
    /// The same behind an HTTP API.
    LeanApi,
    /// Polling an object in S3, which is written twice, by an interval.
    PlainS3,
    /// Polling S3 by this service's schedule.
    Schedule,
    /// WebSockets of this service on API Gateway.
    Websocket,
    /// Server-sent events of this service.
    Sse,
    /// Webhooks of this service.
    Webhook,
}

impl WayName {
    /// Every way, the APIs first.
    pub const ALL: [Self; 8] = [
        Self::TypicalApi,
        Self::RestApi,
        Self::LeanApi,
        Self::PlainS3,
        Self::Schedule,
        Self::Websocket,
        Self::Sse,
        Self::Webhook,
    ];

    /// The ways in which a client polls an API of one's own.
    pub const APIS: [Self; 3] = [Self::TypicalApi, Self::RestApi, Self::LeanApi];

    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::TypicalApi => "poll a typical API (REST, 256 MB for 500 ms, 10 KB item)",
            Self::RestApi => "poll a lean API (REST, Rust function, 4 KB item)",
            Self::LeanApi => "poll a lean API (HTTP API, Rust function, 4 KB item)",
            Self::PlainS3 => "poll S3 by an interval",
            Self::Schedule => "this service: poll S3 by its schedule",
            Self::Websocket => "this service: WebSocket",
            Self::Sse => "this service: server-sent events",
            Self::Webhook => "this service: webhook",
        }
    }

    /// The same in few words.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::TypicalApi => "typical API",
            Self::RestApi => "lean REST API",
            Self::LeanApi => "lean HTTP API",
            Self::PlainS3 => "S3 by an interval",
            Self::Schedule => "S3 by this schedule",
            Self::Websocket => "WebSocket",
            Self::Sse => "server-sent events",
            Self::Webhook => "webhook",
        }
    }
}

impl From<Channel> for WayName {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Poll => Self::Schedule,
            Channel::Websocket => Self::Websocket,
            Channel::Sse => Self::Sse,
            Channel::Webhook => Self::Webhook,
        }
    }
}

/// What a way costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Way {
    /// Which it is.
    pub name: WayName,
    /// Dollars a month.
    pub dollars: f64,
    /// Line by line.
    pub lines: Vec<Line>,
}

impl Way {
    pub(crate) fn new(name: WayName, inputs: &Inputs<'_>) -> Self {
        let lines = match name {
            WayName::TypicalApi => inputs.api(Item::RestApiRequest, (Item::LambdaSecondX86, 0.25 * 0.5), 1.5),
            WayName::RestApi => inputs.api(Item::RestApiRequest, (Item::LambdaSecondArm, 0.125 * 0.01), 0.5),
            WayName::LeanApi => inputs.api(Item::HttpApiRequest, (Item::LambdaSecondArm, 0.125 * 0.01), 0.5),
            WayName::PlainS3 => inputs.plain(),
            WayName::Schedule => [inputs.status(), inputs.channel(Channel::Poll)].concat(),
            WayName::Websocket => [inputs.status(), inputs.channel(Channel::Websocket)].concat(),
            WayName::Sse => [inputs.status(), inputs.channel(Channel::Sse)].concat(),
            WayName::Webhook => [inputs.status(), inputs.channel(Channel::Webhook)].concat(),
        };
        Self { name, dollars: sum(&lines), lines }
    }
}

/// What the lines are computed from.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) prices: &'a Prices,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) calls: &'a Calls,
}

impl Inputs<'_> {
    pub(crate) fn line(&self, what: &str, item: Item, each: f64) -> Line {
        Line::new(self.prices, what, item, self.scenario.orders * each)
    }

    pub(crate) fn egress(&self, what: &str, bytes: f64) -> Line {
        self.line(what, Item::Egress, bytes / GB)
    }

    pub(crate) fn stored(&self, what: &str, item: Item, bytes: f64) -> Line {
        self.line(what, item, bytes / GB * self.scenario.retention_days / MONTH_DAYS)
    }

    /// An API of one's own: its gateway, the time of its function in GB-seconds, and what it reads.
    fn api(&self, gateway: Item, (time, each): (Item, f64), read_units: f64) -> Vec<Line> {
        let polls = self.scenario.polls;
        vec![
            self.line("polls: gateway", gateway, polls),
            self.line("polls: invocations", Item::LambdaRequest, polls),
            self.line("polls: function time", time, polls * each),
            self.line("polls: reads of the item", Item::DynamodbRead, polls * read_units),
            self.egress("polls: egress", polls * self.response_bytes()),
        ]
    }

    /// What a poll is answered.
    fn response_bytes(&self) -> f64 {
        HEAD_BYTES + self.scenario.status_bytes
    }

    fn plain(&self) -> Vec<Line> {
        let polls = self.scenario.polls;
        vec![
            self.line("status objects: pending and end", Item::S3Put, PUTS_AT_LEAST),
            self.stored("status objects: storage", Item::S3Storage, self.scenario.status_bytes),
            self.line("polls", Item::S3Get, polls),
            self.egress("polls: egress", polls * self.response_bytes()),
        ]
    }

    /// The status objects of this service, which it writes whatever channel a client uses.
    pub(crate) fn status(&self) -> Vec<Line> {
        let running = (self.calls.puts - PUTS_AT_LEAST).max(0.0);
        vec![
            self.line("status objects: pending and end", Item::S3Put, PUTS_AT_LEAST),
            self.line("status objects: as orders run", Item::S3Put, running),
            self.line("their rows, written first", Item::DynamodbWrite, running * row_units(self.scenario)),
            self.stored("status objects: storage", Item::S3Storage, self.scenario.status_bytes),
        ]
    }

    /// What a channel of this service costs beside the status objects.
    pub(crate) fn channel(&self, channel: Channel) -> Vec<Line> {
        let row = row_units(self.scenario);
        // A connection's row is put and removed, and its order marked.
        let subscription = self.line("subscriptions: rows", Item::DynamodbWrite, 2.0 + row);
        let mut lines = match channel {
            Channel::Poll => {
                let gets = self.calls.gets;
                return vec![
                    self.line("polls", Item::S3Get, gets),
                    self.egress("polls: egress", gets * self.response_bytes()),
                ];
            }
            Channel::Websocket => vec![
                self.line("connections", Item::WebsocketMinute, self.behaviour.minutes),
                self.line("messages", Item::WebsocketMessage, 1.0 + self.behaviour.events),
                // Connect, subscribe, disconnect.
                self.line("connections: invocations", Item::LambdaRequest, 3.0),
                self.line("connections: function time", Item::LambdaSecondArm, 3.0 * API_SECONDS * FUNCTION_GB),
                subscription,
            ],
            Channel::Sse => [self.streams(), vec![subscription]].concat(),
            Channel::Webhook => Vec::new(),
        };
        lines.extend(self.notifications());
        lines
    }

    /// Containers that hold event streams, and the balancer before them.
    fn streams(&self) -> Vec<Line> {
        let a_second = self.scenario.orders / MONTH_SECONDS;
        let open = a_second * self.scenario.run_seconds;
        let hours = MONTH_SECONDS / 3_600.0;
        let tasks = (open / CONNECTIONS_A_TASK).max(1.0) * hours;
        let bytes_an_hour = a_second * 3_600.0 * self.behaviour.events * self.response_bytes();
        let units = (a_second / 25.0).max(open / 3_000.0).max(bytes_an_hour / GB);
        let line = |what: &str, item, quantity| Line::new(self.prices, what, item, quantity);
        vec![
            line("event streams: processors", Item::FargateVcpuArm, TASK.0 * tasks),
            line("event streams: memory", Item::FargateGbArm, TASK.1 * tasks),
            line("event streams: load balancer", Item::BalancerHour, hours),
            line("event streams: what it handles", Item::BalancerUnit, units * hours),
        ]
    }

    /// From a change to a delivery: a message, and a function that delivers it.
    fn notifications(&self) -> Vec<Line> {
        let events = self.behaviour.events;
        let progress = (events - 1.0).max(0.0);
        vec![
            self.line("notifications: queue", Item::SqsRequest, QUEUE_CALLS * events),
            self.line("notifications: invocations", Item::LambdaRequest, events),
            self.line("notifications: function time", Item::LambdaSecondArm, events * NOTIFIER_SECONDS * FUNCTION_GB),
            self.line("notifications: who subscribes", Item::DynamodbRead, events),
            self.line("notifications: progress rows", Item::DynamodbWrite, progress * row_units(self.scenario)),
            self.egress("notifications: egress", events * self.response_bytes()),
        ]
    }
}
