//! What is known of a deployment, from wherever it was read. What is not known says why: a check
//! takes it for neither good nor bad.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::policy::Policy;

/// Why something is not known: a clause without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) String);

/// A value, or why it is not known.
pub(super) type Fact<T> = Result<T, Unknown>;

/// A value that is not known for this reason.
pub(super) fn unknown<T>(why: &str) -> Fact<T> {
    Err(Unknown(why.to_owned()))
}

/// A deployment, as far as its reader could see.
#[derive(Debug)]
pub(super) struct Deployment {
    pub(super) buckets: Vec<Bucket>,
    pub(super) tables: Vec<Table>,
    pub(super) queues: Vec<Queue>,
    pub(super) programs: Fact<Vec<Program>>,
    /// What Lambda feeds functions from, of queues.
    pub(super) sources: Fact<Vec<EventSource>>,
    pub(super) roles: Fact<Vec<Role>>,
    /// The stages of WebSocket APIs.
    pub(super) stages: Fact<Vec<Stage>>,
    pub(super) domains: Fact<Vec<Domain>>,
    pub(super) alarms: Fact<Vec<Alarm>>,
    pub(super) provisioned: Fact<Vec<Provisioned>>,
    /// Workers that have published a report of themselves within the last minutes.
    pub(super) reporting_workers: Fact<usize>,
    /// What the clocks of the services are ahead of this machine's.
    pub(super) clock_offset: Fact<TimeDelta>,
}

/// A bucket of status objects and results.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) label: String,
    pub(super) name: String,
    /// Whether all four blocks of public access are on.
    pub(super) public_access_blocked: Fact<bool>,
    pub(super) policy: Fact<Option<Policy>>,
    pub(super) cors: Fact<Vec<CorsRule>>,
    pub(super) lifecycle: Fact<Lifecycle>,
    /// ARN or id of the customer's key that encrypts it.
    pub(super) key: Fact<Option<String>>,
    /// The mean size of objects, by their prefix, where it was measured.
    pub(super) mean_bytes: BTreeMap<&'static str, Fact<u64>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct CorsRule {
    pub(super) methods: Vec<String>,
    pub(super) allowed_headers: Vec<String>,
    pub(super) exposed_headers: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Lifecycle {
    pub(super) rules: Vec<LifecycleRule>,
    /// Whether objects under 128 KB are left in Standard by every rule: S3's default.
    pub(super) small_objects_stay: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct LifecycleRule {
    pub(super) id: String,
    pub(super) enabled: bool,
    pub(super) prefix: String,
    /// Tags that an object must have.
    pub(super) tags: Vec<String>,
    pub(super) larger_than: Option<u64>,
    pub(super) smaller_than: Option<u64>,
    pub(super) expire_days: Option<u32>,
    pub(super) transitions: Vec<Transition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) days: u32,
    pub(super) storage_class: String,
}

/// An order table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) label: String,
    pub(super) name: String,
    pub(super) indexes: Fact<Vec<Index>>,
    /// The attribute by which items expire.
    pub(super) ttl: Fact<Option<String>>,
    pub(super) key: Fact<Option<String>>,
}

#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) keys: Vec<String>,
}

/// What a queue is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueKind {
    /// Orders, of any priority.
    Orders,
    /// Notifications and webhooks.
    Notifications,
    /// Where other queues move messages to, or what a stream lost is named.
    Dead,
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) label: String,
    pub(super) name: String,
    pub(super) kind: QueueKind,
    pub(super) visibility_seconds: Fact<u64>,
    pub(super) retention_seconds: Fact<u64>,
    /// The name of its dead-letter queue.
    pub(super) dead_letters: Fact<Option<String>>,
    pub(super) policy: Fact<Option<Policy>>,
    pub(super) key: Fact<Option<String>>,
}

/// A program of the service, where it runs.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) label: String,
    pub(super) name: String,
    pub(super) host: Host,
    /// Its variables, the values of some of which may be unknown.
    pub(super) environment: Fact<BTreeMap<String, Fact<String>>>,
    /// The name of its role.
    pub(super) role: Fact<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Host {
    Function {
        timeout_seconds: Fact<u64>,
    },
    /// Containers, and the least number of them.
    Containers {
        count: Fact<u64>,
    },
}

/// A part of the service, by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Api,
    Worker,
    DeadLetters,
    Sweeper,
    Notifier,
    /// A container that is worker, sweeper and consumer of dead letters.
    Container,
}

impl Program {
    /// Its variable; `None` if it is not set.
    pub(super) fn variable(&self, name: &str) -> Fact<Option<&str>> {
        match &self.environment {
            Ok(variables) => variables.get(name).map(|v| v.as_deref().map_err(Clone::clone)).transpose(),
            Err(why) => Err(why.clone()),
        }
    }

    /// Which part it is, by its name as infra/terraform and deploy/cdk give it.
    pub(super) fn part(&self) -> Option<Part> {
        let endings = [
            ("-dead-letters", Part::DeadLetters),
            ("-sweeper", Part::Sweeper),
            ("-notifier", Part::Notifier),
            ("-worker", Part::Worker),
            ("-api", Part::Api),
        ];
        let part = endings.into_iter().find(|(ending, _)| self.name.ends_with(ending)).map(|(_, part)| part);
        match (part, &self.host) {
            (Some(Part::Worker), Host::Containers { .. }) => Some(Part::Container),
            (part, _) => part,
        }
    }
}

#[derive(Debug)]
pub(super) struct EventSource {
    pub(super) label: String,
    /// The names of its queue and its function.
    pub(super) queue: Fact<String>,
    pub(super) function: Fact<String>,
    pub(super) enabled: Fact<bool>,
    /// Whether what the function reports as failed comes again alone.
    pub(super) reports_failures: Fact<bool>,
}

#[derive(Debug)]
pub(super) struct Role {
    pub(super) label: String,
    pub(super) name: String,
    /// Its policies, by their names.
    pub(super) policies: Fact<Vec<(String, Fact<Policy>)>>,
}

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) label: String,
    /// Requests a second; `None` for no limit of its own.
    pub(super) rate: Fact<Option<f64>>,
}

#[derive(Debug)]
pub(super) struct Domain {
    pub(super) label: String,
    pub(super) security_policy: Fact<String>,
}

#[derive(Debug)]
pub(super) struct Alarm {
    /// The values of the dimensions of its metrics: names of queues, functions and so on.
    pub(super) about: Fact<Vec<String>>,
}

/// Functions that are kept ready.
#[derive(Debug)]
pub(super) struct Provisioned {
    pub(super) label: String,
    /// Whether anything calls what is kept ready, and how that is known.
    pub(super) used: Fact<bool>,
}
