//! An order as the service keeps it: what the client asked for, and its state.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    fence::Fence,
    group::GroupPlace,
    id::OrderId,
    json_text::JsonText,
    labels::Labels,
    lane::Priority,
    payload::Payload,
    problem::{Problem, Violation},
    status::{EtaWindow, ProgressReport, Status, StatusObject},
    tenant::Tenant,
    time::rfc3339_millis,
    trace::TraceContext,
    whole_number,
};

/// What the client asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The order's id.
    pub id: OrderId,
    /// Whose it is.
    pub tenant: Tenant,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// How urgent it is.
    pub priority: Priority,
    /// The order's own members: the text that the client sent, without `options`.
    pub payload: Payload,
    /// When it must have ended.
    pub deadline_at: Option<DateTime<Utc>>,
    /// Not to be started before.
    pub not_before: Option<DateTime<Utc>>,
    /// The W3C trace context of the request.
    pub trace: Option<TraceContext>,
    /// The `renew` link of the status object, known to the api that accepted the order.
    pub renew: String,
    /// Who is notified of every change.
    pub callbacks: Callbacks,
    /// What the client wrote on it, to find it by.
    pub labels: Labels,
    /// Where it is in the group of its batch, if it came in one.
    pub group: Option<GroupPlace>,
    /// For a processor: the attempt that it makes, as a fencing token of its work.
    pub attempt: Fence,
}

/// Who is notified of every change because the order names them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Callbacks {
    /// A webhook.
    pub webhook_url: Option<String>,
    /// The token of a Step Functions task that waits for the order.
    pub task_token: Option<String>,
}

/// A webhook's URL may have a secret in it, and a task token is one.
impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { webhook_url, task_token } = self;
        write!(f, "Callbacks(webhook: {}, task: {})", webhook_url.is_some(), task_token.is_some())
    }
}

impl Order {
    /// The member `kind`, by which the demo processor chooses its work.
    #[must_use]
    pub fn kind(&self) -> String {
        #[derive(Deserialize)]
        struct Kind {
            kind: String,
        }
        self.payload.read::<Kind>().map(|k| k.kind).unwrap_or_default()
    }
}

/// A result: small ones stand in the status object, large ones in S3 beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderResult {
    /// At most [`crate::status::INLINE_RESULT_MAX_BYTES`] of JSON.
    Inline(JsonText),
    /// The key of the object that holds it.
    Key(String),
}

/// The state of an order. Every change makes a new one with the next revision: see
/// [`crate::transition`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// 1 for a new order, one more with every transition.
    pub revision: u64,
    /// The status.
    pub status: Status,
    /// How often a worker has started the work.
    pub attempt: u32,
    /// Attempts that ended because their worker shut down; they do not count against the order.
    #[serde(default)]
    pub handed_back: u32,
    /// 1, and one more each time that an operator gave a failed order another chance.
    #[serde(default = "first_generation")]
    pub generation: u32,
    /// When this generation began, if it is not the first.
    #[serde(with = "rfc3339_millis::option", default)]
    pub redriven_at: Option<DateTime<Utc>>,
    /// When this revision was made.
    #[serde(with = "rfc3339_millis")]
    pub updated_at: DateTime<Utc>,
    /// When a worker first started the work.
    #[serde(with = "rfc3339_millis::option", default)]
    pub started_at: Option<DateTime<Utc>>,
    /// When the order got its final status.
    #[serde(with = "rfc3339_millis::option", default)]
    pub finished_at: Option<DateTime<Utc>>,
    /// How far the work is.
    pub progress: Option<ProgressReport>,
    /// When it should be done.
    pub eta: Option<EtaWindow>,
    /// When a client should poll next, from `updated_at`.
    pub poll_after_ms: Option<u64>,
    /// The result of a completed order.
    pub result: Option<OrderResult>,
    /// Why it failed; while it is processing, why the last attempt did.
    pub error: Option<Problem>,
}

impl OrderState {
    /// The first state of an order that is accepted at `at`.
    #[must_use]
    pub fn pending(at: DateTime<Utc>) -> Self {
        Self {
            revision: 1,
            status: Status::Pending,
            attempt: 0,
            handed_back: 0,
            generation: 1,
            redriven_at: None,
            updated_at: at,
            started_at: None,
            finished_at: None,
            progress: None,
            eta: None,
            poll_after_ms: None,
            result: None,
            error: None,
        }
    }

    /// The fencing token of the attempt that the order is in.
    #[must_use]
    pub fn fence(&self) -> Fence {
        Fence { generation: self.generation, attempt: self.attempt }
    }

    /// Attempts that count against the order.
    #[must_use]
    pub fn attempts_made(&self) -> u32 {
        self.attempt.saturating_sub(self.handed_back)
    }
}

fn first_generation() -> u32 {
    1
}

/// A worker's claim on an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Names one delivery to one worker, so that a worker knows its own write again when its answer
    /// was lost.
    pub owner: String,
    /// Until when nobody else takes the order.
    pub until: DateTime<Utc>,
}

/// The row of the order table.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRecord {
    /// What was asked.
    pub order: Order,
    /// Its state.
    pub state: OrderState,
    /// Who works on it.
    pub lease: Option<Lease>,
    /// The client asked for cancellation while a worker had the order.
    pub cancel_requested: bool,
    /// When a sweeper sees to it next; `None` once its end is published.
    pub due_at: Option<DateTime<Utc>>,
    /// Whether a connection has ever subscribed: only then are the connections read.
    pub subscribed: bool,
}

impl OrderRecord {
    /// A new order.
    #[must_use]
    pub fn new(order: Order, eta: EtaWindow, poll_after_ms: u64) -> Self {
        let state =
            OrderState { eta: Some(eta), poll_after_ms: Some(poll_after_ms), ..OrderState::pending(order.created_at) };
        Self { order, state, lease: None, cancel_requested: false, due_at: None, subscribed: false }
    }

    /// When a client polls first, by the schedule, if the order is pending and its status object
    /// says when.
    #[must_use]
    pub fn first_poll_at(&self) -> Option<DateTime<Utc>> {
        let OrderState { status: Status::Pending, updated_at, poll_after_ms: Some(ms), .. } = self.state else {
            return None;
        };
        i64::try_from(ms).ok().and_then(TimeDelta::try_milliseconds).map(|wait| updated_at + wait)
    }

    /// The record without the order's payload, for those who keep it and need only the state.
    #[must_use]
    pub fn without_payload(mut self) -> Self {
        self.order.payload = Payload::default();
        self
    }

    /// The same with nothing of the payload but its member `kind`, for lists.
    #[must_use]
    pub fn with_kind_only(self) -> Self {
        let kind = serde_json::json!({ "kind": self.order.kind() }).to_string();
        let mut record = self.without_payload();
        record.order.payload = Payload::stored(kind).unwrap_or_default();
        record
    }

    /// The worker that has the order, by the name in its lease.
    #[must_use]
    pub fn worker(&self) -> Option<&str> {
        self.lease.as_ref().and_then(|lease| lease.owner.split('/').next())
    }

    /// The status object of this record, as it is stored in S3: without the order's labels, because
    /// anyone who has its URL can read it. `result_url` is the presigned URL of a result in S3 and
    /// its expiry.
    #[must_use]
    pub fn status_object(&self, result_url: Option<(String, DateTime<Utc>)>) -> StatusObject {
        let s = &self.state;
        let done = s.status.is_final();
        let (result_url, result_url_expires_at) = result_url.unzip();
        StatusObject {
            id: self.order.id,
            status: s.status,
            done,
            revision: s.revision,
            generation: s.generation,
            attempt: s.attempt,
            created_at: self.order.created_at,
            updated_at: s.updated_at,
            started_at: s.started_at,
            finished_at: s.finished_at,
            progress: s.progress.clone(),
            eta: if done { None } else { s.eta },
            poll_after_ms: if done { None } else { s.poll_after_ms },
            result: match &s.result {
                Some(OrderResult::Inline(v)) => Some(v.clone()),
                _ => None,
            },
            result_url,
            result_url_expires_at,
            // While the work goes on an error is the service's business: the next attempt may well
            // succeed.
            error: if s.status == Status::Failed { s.error.clone() } else { None },
            renew: self.order.renew.clone(),
            labels: Labels::default(),
            counts: None,
        }
    }

    /// A status object of this record as those get it who may know the order's labels.
    #[must_use]
    pub fn with_labels(&self, object: StatusObject) -> StatusObject {
        StatusObject { labels: self.order.labels.clone(), ..object }
    }

    /// When the order must have ended: by its own deadline, or `default` after it was accepted or
    /// may start. An order that was redriven has the same time once more.
    #[must_use]
    pub fn deadline(&self, default: Duration) -> DateTime<Utc> {
        let created = self.order.created_at;
        let begun = self.state.redriven_at.unwrap_or(created);
        match self.order.deadline_at {
            Some(at) => begun + (at - created),
            None => begun.max(self.order.not_before.unwrap_or(begun)) + default,
        }
    }

    /// Until when the order is kept: so long after the latest time at which it may end.
    #[must_use]
    pub fn kept_until(&self, default_deadline: Duration, retention: Duration) -> DateTime<Utc> {
        self.deadline(default_deadline) + retention
    }

    /// The deadline that the order brought with it, if it did; later by as much as a redrive was.
    #[must_use]
    pub fn own_deadline(&self) -> Option<DateTime<Utc>> {
        self.order.deadline_at.map(|_| self.deadline(Duration::ZERO))
    }

    /// The key of a result in S3.
    #[must_use]
    pub fn result_key(&self) -> Option<&str> {
        match &self.state.result {
            Some(OrderResult::Key(key)) => Some(key),
            _ => None,
        }
    }
}

/// The reserved member `options` of a request: settings of the request.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderOptions {
    /// The order fails if it has not ended after so many seconds.
    #[serde(default, deserialize_with = "whole_number::optional")]
    pub deadline_seconds: Option<u32>,
    /// The work starts after so many seconds at the earliest.
    #[serde(default, deserialize_with = "whole_number::optional")]
    pub delay_seconds: Option<u32>,
    /// How urgent it is.
    #[serde(default)]
    pub priority: Priority,
    /// Notified of every change by a signed POST (Standard Webhooks 1.0).
    pub webhook_url: Option<String>,
    /// The token of a Step Functions task that waits for the order.
    pub task_token: Option<String>,
    /// What the order is found and counted by.
    #[serde(default)]
    pub labels: Labels,
}

impl std::fmt::Debug for OrderOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrderOptions")
            .field("deadline_seconds", &self.deadline_seconds)
            .field("delay_seconds", &self.delay_seconds)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

impl OrderOptions {
    /// Who is notified.
    #[must_use]
    pub fn callbacks(&self) -> Callbacks {
        Callbacks { webhook_url: self.webhook_url.clone(), task_token: self.task_token.clone() }
    }

    /// The longest that an order may take until it must have ended.
    #[must_use]
    pub fn longest(&self, default_deadline: Duration) -> Duration {
        let seconds = |s: u32| Duration::from_secs(s.into());
        let after_delay = seconds(self.delay_seconds.unwrap_or(0)) + default_deadline;
        self.deadline_seconds.map_or(after_delay, seconds)
    }

    /// Where the options contradict each other.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Violation> {
        let (Some(deadline), Some(delay)) = (self.deadline_seconds, self.delay_seconds) else { return Vec::new() };
        if deadline > delay {
            return Vec::new();
        }
        let violation = |member: &str, detail: String| Violation { pointer: format!("/options/{member}"), detail };
        vec![
            violation("deadline_seconds", format!("is over before the order may start, after {delay} s")),
            violation("delay_seconds", format!("is not over before the deadline, after {deadline} s")),
        ]
    }

    /// The absolute times that the options mean for an order accepted at `now`: the deadline and
    /// the earliest start.
    #[must_use]
    pub fn times(&self, now: DateTime<Utc>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let after = |s: u32| now + TimeDelta::seconds(i64::from(s));
        (self.deadline_seconds.map(after), self.delay_seconds.filter(|s| *s > 0).map(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    const DEFAULT: Duration = Duration::from_secs(100);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_default_deadline_counts_from_the_time_at_which_an_order_may_start() {
        let mut record = fixtures::record(at(0));
        assert_eq!(record.deadline(DEFAULT), at(100));
        record.order.not_before = Some(at(5_000));
        assert_eq!(record.deadline(DEFAULT), at(5_100));
        record.state.redriven_at = Some(at(1_000));
        assert_eq!(record.deadline(DEFAULT), at(5_100), "redriven before it was due");
        record.state.redriven_at = Some(at(9_000));
        assert_eq!(record.deadline(DEFAULT), at(9_100));
        record.order.deadline_at = Some(at(6_000));
        assert_eq!(record.deadline(DEFAULT), at(15_000), "its own time once more");
        assert_eq!(record.kept_until(DEFAULT, Duration::from_secs(30)), at(15_030));
    }

    #[test]
    fn a_deadline_that_is_over_before_the_order_may_start_is_a_contradiction() {
        let pointers = |deadline_seconds, delay_seconds| {
            let options = OrderOptions { deadline_seconds, delay_seconds, ..OrderOptions::default() };
            options.contradictions().into_iter().map(|v| v.pointer).collect::<Vec<_>>()
        };
        let both = ["/options/deadline_seconds", "/options/delay_seconds"];
        assert_eq!(pointers(Some(10), Some(10)), both);
        assert_eq!(pointers(Some(10), Some(3_600)), both);
        for (deadline, delay) in [(Some(11), Some(10)), (Some(1), Some(0)), (Some(1), None), (None, Some(2_592_000))] {
            assert!(pointers(deadline, delay).is_empty(), "{deadline:?} {delay:?}");
        }
    }
}
