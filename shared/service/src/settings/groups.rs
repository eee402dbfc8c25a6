//! The settings by concern, checked.

use std::{fmt, net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use url::Url;

use super::{catalogue as c, catalogue::Setting, source::Source};
use offload_domain::{
    backoff::Backoff, claim::Limits, internal::InternalKey, notification::Broadcast, schema::OrderSchema,
    token::TokenKeys, webhook,
};

/// Where orders and their status are kept.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The bucket of status objects and results.
    pub bucket: String,
    /// The queue of orders.
    pub queue_url: String,
    /// The dead-letter queue of orders, if it is to be worked on.
    pub dead_letter_queue_url: Option<String>,
    /// How changes are told of, if they are.
    pub notifications: Option<NotificationSettings>,
    /// The order table.
    pub table: String,
    /// The role that signs URLs, if it is not the service's own.
    pub signer_role_arn: Option<String>,
    /// Whether S3 URLs have the bucket in their path; `None` to decide by the endpoint.
    pub s3_path_style: Option<bool>,
    /// The S3 endpoint that presigned URLs name, if it is another than the service's own.
    pub public_s3_endpoint: Option<Url>,
    /// How long the order table remembers an order.
    pub retention: Duration,
}

impl StoreSettings {
    /// The settings that this group reads.
    pub const SETTINGS: &[Setting] = &[
        c::BUCKET,
        c::QUEUE_URL,
        c::DEAD_LETTER_QUEUE_URL,
        c::NOTIFICATIONS_QUEUE_URL,
        c::NOTIFICATIONS_DEAD_LETTER_QUEUE_URL,
        c::EVENT_TOPIC_ARN,
        c::APPSYNC_URL,
        c::MERCURE_URL,
        c::EVENTS_FROM,
        c::TABLE,
        c::SIGNER_ROLE_ARN,
        c::S3_PATH_STYLE,
        c::PUBLIC_S3_ENDPOINT,
        c::RETENTION_DAYS,
    ];

    /// Reads the group; what is wrong is noted in the source.
    pub fn read(s: &mut Source) -> Option<Self> {
        let bucket = s.required(c::BUCKET);
        let queue_url = s.required(c::QUEUE_URL);
        let table = s.required(c::TABLE);
        let styles = [("auto", None), ("true", Some(true)), ("false", Some(false))];
        let s3_path_style = s.choice(c::S3_PATH_STYLE, &styles);
        let public_s3_endpoint = optional_url(s, c::PUBLIC_S3_ENDPOINT);
        let notifications = NotificationSettings::read(s);
        let days = s.number(c::RETENTION_DAYS, 1, 3_650);
        Some(Self {
            bucket: bucket?,
            queue_url: queue_url?,
            dead_letter_queue_url: s.optional(c::DEAD_LETTER_QUEUE_URL),
            notifications: notifications?,
            table: table?,
            signer_role_arn: s.optional(c::SIGNER_ROLE_ARN),
            s3_path_style: s3_path_style?,
            public_s3_endpoint: public_s3_endpoint?,
            retention: Duration::from_secs(86_400 * days?),
        })
    }
}

/// How changes are told of.
#[derive(Debug, Clone)]
pub struct NotificationSettings {
    /// The queue of notifications.
    pub queue_url: String,
    /// Its dead-letter queue, where notifications go that are given up.
    pub dead_letter_queue_url: Option<String>,
    /// The SNS topic of every change.
    pub topic_arn: Option<String>,
    /// The `AppSync` Events API of every change.
    pub appsync_url: Option<Url>,
    /// The Mercure hub of every change.
    pub mercure_url: Option<Url>,
    /// Whether whoever shows a status tells of it; if not, the table's stream does.
    pub by_writers: bool,
}

impl NotificationSettings {
    #[expect(clippy::option_option, reason = "the outer one says whether the settings can be used")]
    fn read(s: &mut Source) -> Option<Option<Self>> {
        let (appsync, mercure) = (optional_url(s, c::APPSYNC_URL), optional_url(s, c::MERCURE_URL));
        let by_writers = s.choice(c::EVENTS_FROM, &[("writers", true), ("stream", false)]);
        let Some(queue_url) = s.optional(c::NOTIFICATIONS_QUEUE_URL) else {
            for needs_it in [c::EVENT_TOPIC_ARN, c::APPSYNC_URL, c::MERCURE_URL] {
                if s.optional(needs_it).is_some() {
                    let (set, missing) = (needs_it.variable(), c::NOTIFICATIONS_QUEUE_URL.variable());
                    s.error(format!("{set} is set, and {missing} is missing: events go through that queue"));
                }
            }
            return Some(None);
        };
        Some(Some(Self {
            queue_url,
            dead_letter_queue_url: s.optional(c::NOTIFICATIONS_DEAD_LETTER_QUEUE_URL),
            topic_arn: s.optional(c::EVENT_TOPIC_ARN),
            appsync_url: appsync?,
            mercure_url: mercure?,
            by_writers: by_writers?,
        }))
    }

    /// Whom every order's changes are told.
    #[must_use]
    pub fn broadcast(&self) -> Broadcast {
        Broadcast {
            topic: self.topic_arn.is_some(),
            appsync: self.appsync_url.is_some(),
            mercure: self.mercure_url.is_some(),
        }
    }
}

/// What the estimator assumes while there is no history.
#[derive(Debug, Clone, Copy)]
pub struct EtaSettings {
    /// Mean seconds of work per order.
    pub expected_job_seconds: f64,
    /// Orders that all workers together work on at once.
    pub expected_concurrency: u32,
}

impl EtaSettings {
    /// The settings that this group reads.
    pub const SETTINGS: &[Setting] = &[c::EXPECTED_JOB_SECONDS, c::EXPECTED_CONCURRENCY];

    /// Reads the group; what is wrong is noted in the source.
    pub fn read(s: &mut Source) -> Option<Self> {
        let seconds = s.number(c::EXPECTED_JOB_SECONDS, 0.001, 604_800.0);
        let concurrency = s.number(c::EXPECTED_CONCURRENCY, 1, 1_000_000);
        Some(Self { expected_job_seconds: seconds?, expected_concurrency: concurrency? })
    }
}

/// How clients read status objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By a presigned URL.
    Url,
    /// By temporary credentials for the one object, with an SDK of their own.
    Sts,
}

/// What the api needs beside the stores.
pub struct ApiSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The api's URL as clients reach it, without a slash at the end; `None` for the listen address.
    pub public_url: Option<Url>,
    /// The keys of order tokens.
    pub token_keys: TokenKeys,
    /// What an order looks like.
    pub schema: OrderSchema,
    /// How clients read status objects.
    pub access: Access,
    /// How long a status URL works: the shortest and the longest.
    pub status_url_ttl: RangeInclusive<Duration>,
    /// Requests served at once.
    pub max_concurrent_requests: usize,
    /// Origins whose pages may call the api; `*` for any.
    pub cors_origins: Vec<String>,
    /// Time from SIGTERM to the end.
    pub shutdown_grace: Duration,
    /// How the api keeps connections open that are told of changes, if it does.
    pub push: Option<PushSettings>,
    /// The WebSocket API of API Gateway, if there is one.
    pub websocket_url: Option<Url>,
    /// Its Management API.
    pub management_url: Option<Url>,
    /// Where orders may have their webhooks, if they may have any.
    pub webhooks: Option<webhook::Policy>,
}

/// How an api server is reached by those who tell its open connections of changes.
#[derive(Debug, Clone)]
pub struct PushSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The same as workers reach it; `None` for the listen address.
    pub url: Option<Url>,
    /// What authenticates them.
    pub key: InternalKey,
    /// Connections kept open.
    pub max_connections: usize,
}

impl ApiSettings {
    /// The settings that this group reads.
    pub const SETTINGS: &[Setting] = &[
        c::LISTEN,
        c::PUBLIC_URL,
        c::TOKEN_SECRET,
        c::ORDER_SCHEMA,
        c::ACCESS,
        c::STATUS_URL_TTL_SECONDS,
        c::STATUS_URL_MIN_TTL_SECONDS,
        c::MAX_CONCURRENT_REQUESTS,
        c::CORS_ORIGINS,
        c::SHUTDOWN_GRACE_SECONDS,
        c::INTERNAL_LISTEN,
        c::INTERNAL_URL,
        c::INTERNAL_SECRET,
        c::MAX_OPEN_CONNECTIONS,
        c::WEBSOCKET_URL,
        c::MANAGEMENT_URL,
        c::WEBHOOKS,
        c::WEBHOOK_ALLOW,
        c::WEBHOOK_DENY,
        c::WEBHOOK_INSECURE_LOOPBACK,
    ];

    /// Reads the group; what is wrong is noted in the source.
    pub fn read(s: &mut Source) -> Option<Self> {
        let listen = s.read(c::LISTEN, "an address and port, such as 0.0.0.0:8080");
        let public_url = optional_url(s, c::PUBLIC_URL);
        let secret = s.required(c::TOKEN_SECRET);
        let token_keys = secret.and_then(|secret| match TokenKeys::parse(&secret) {
            Ok(keys) => Some(keys),
            Err(e) => {
                // Never the value: this goes to a log.
                s.error(format!("{} cannot be used: {e}", c::TOKEN_SECRET.variable()));
                None
            }
        });
        let path = s.optional(c::ORDER_SCHEMA).map(PathBuf::from);
        let schema = schema(s, path);
        let access = s.choice(c::ACCESS, &[("url", Access::Url), ("sts", Access::Sts)]);
        let ttl = s.seconds(c::STATUS_URL_TTL_SECONDS, 60.0, 604_800.0);
        let min_ttl = s.seconds(c::STATUS_URL_MIN_TTL_SECONDS, 60.0, 604_800.0);
        let max = s.number(c::MAX_CONCURRENT_REQUESTS, 1, 1_000_000);
        let origins = origins(s);
        let grace = s.seconds(c::SHUTDOWN_GRACE_SECONDS, 1.0, 3_600.0);
        let internal_listen = s.read(c::INTERNAL_LISTEN, "an address and port, such as 0.0.0.0:9090");
        let (internal_url, key) = (optional_url(s, c::INTERNAL_URL), internal_key(s));
        let max_connections = s.number(c::MAX_OPEN_CONNECTIONS, 0, 1_000_000);
        let websocket_url = url_of(s, c::WEBSOCKET_URL, &["ws", "wss"]);
        let management_url = optional_url(s, c::MANAGEMENT_URL);
        let webhooks = s.choice(c::WEBHOOKS, &[("false", false), ("true", true)]);
        let policy = webhook_policy(s);
        let push = match key? {
            Some(key) => {
                let (listen, url, max_connections) = (internal_listen?, internal_url?, max_connections?);
                Some(PushSettings { listen, url, key, max_connections })
            }
            None => None,
        };
        Some(Self {
            listen: listen?,
            public_url: public_url?,
            token_keys: token_keys?,
            schema: schema?,
            access: access?,
            status_url_ttl: min_ttl?.min(ttl?)..=ttl?,
            max_concurrent_requests: max?,
            cors_origins: origins?,
            shutdown_grace: grace?,
            push,
            websocket_url: websocket_url?,
            management_url: management_url?,
            webhooks: webhooks?.then_some(policy?),
        })
    }
}

#[expect(clippy::option_option, reason = "the outer one says whether the setting can be used")]
fn internal_key(s: &mut Source) -> Option<Option<InternalKey>> {
    let Some(secret) = s.optional(c::INTERNAL_SECRET) else { return Some(None) };
    match InternalKey::new(&secret) {
        Ok(key) => Some(Some(key)),
        Err(e) => {
            s.error(format!("{} cannot be used: {e}", c::INTERNAL_SECRET.variable()));
            None
        }
    }
}

fn webhook_policy(s: &mut Source) -> Option<webhook::Policy> {
    let loopback = s.choice(c::WEBHOOK_INSECURE_LOOPBACK, &[("false", false), ("true", true)]);
    let mut lists = [c::WEBHOOK_ALLOW, c::WEBHOOK_DENY].map(|setting| {
        let text = s.optional(setting).unwrap_or_default();
        match webhook::Rule::list(&text) {
            Ok(rules) => Some(rules),
            Err(e) => {
                s.error(format!("{} cannot be used: {e}", setting.variable()));
                None
            }
        }
    });
    Some(webhook::Policy { loopback: loopback?, allow: lists[0].take()?, deny: lists[1].take()? })
}

/// What whoever delivers notifications needs.
#[derive(Debug, Clone)]
pub struct NotifierSettings {
    /// Deliveries at once; none if it is 0.
    pub concurrency: usize,
    /// What api servers know us by, if there are any.
    pub key: Option<InternalKey>,
    /// What signs webhooks, if there are any. The worker checks it.
    pub webhook_secret: Option<Secret>,
    /// Where webhooks may go.
    pub webhook_policy: webhook::Policy,
    /// Waits between the attempts at a webhook.
    pub webhook_retry: Vec<Duration>,
    /// The `AppSync` Events API's key, if it has one.
    pub appsync_api_key: Option<Secret>,
    /// What the Mercure hub knows us by.
    pub mercure_jwt: Option<Secret>,
}

/// A text that is in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the header that it goes into.
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

impl NotifierSettings {
    /// Reads the group, which is part of [`WorkerSettings`]; what is wrong is noted in the source.
    fn read(s: &mut Source) -> Option<Self> {
        let concurrency = s.number(c::NOTIFY_CONCURRENCY, 0, 10_000);
        let (key, policy) = (internal_key(s), webhook_policy(s));
        let retry = s.required(c::WEBHOOK_RETRY_SECONDS).and_then(|text| {
            let waits = text.split(',').map(|wait| wait.trim().parse::<f64>().ok());
            let waits = waits.map(|wait| wait.filter(|w| (0.0..=604_800.0).contains(w)).map(Duration::from_secs_f64));
            let waits: Option<Vec<Duration>> = waits.collect();
            if waits.is_none() {
                let variable = c::WEBHOOK_RETRY_SECONDS.variable();
                s.error(format!("{variable} is \"{text}\", which is not a list of seconds such as 5,300,1800"));
            }
            waits
        });
        Some(Self {
            concurrency: concurrency?,
            key: key?,
            webhook_secret: s.optional(c::WEBHOOK_SECRET).map(Secret),
            webhook_policy: policy?,
            webhook_retry: retry?,
            appsync_api_key: s.optional(c::APPSYNC_API_KEY).map(Secret),
            mercure_jwt: s.optional(c::MERCURE_JWT).map(Secret),
        })
    }
}

/// Origins as browsers send them: scheme, host and port, and nothing behind.
fn origins(s: &mut Source) -> Option<Vec<String>> {
    let text = s.required(c::CORS_ORIGINS)?;
    let is_origin = |o: &str| {
        o == "*" || Url::parse(o).is_ok_and(|u| u.origin().is_tuple() && u.origin().ascii_serialization() == o)
    };
    let (good, bad): (Vec<&str>, Vec<&str>) = text.split(',').map(str::trim).partition(|o| is_origin(o));
    if !bad.is_empty() {
        let variable = c::CORS_ORIGINS.variable();
        s.error(format!(
            "{variable} has \"{}\", which is no origin such as https://shop.example.com",
            bad.join("\", \"")
        ));
        return None;
    }
    Some(good.into_iter().map(str::to_owned).collect())
}

fn schema(s: &mut Source, path: Option<PathBuf>) -> Option<OrderSchema> {
    let text = match &path {
        None => Ok(offload_domain::schema::BUILT_IN.to_owned()),
        Some(path) => std::fs::read_to_string(path).map_err(|e| e.to_string()),
    };
    match text.and_then(|text| OrderSchema::parse(&text).map_err(|e| e.to_string())) {
        Ok(schema) => Some(schema),
        Err(e) => {
            let place = path.map(|p| p.display().to_string()).unwrap_or_default();
            s.error(format!("{} is \"{place}\", which cannot be used: {e}", c::ORDER_SCHEMA.variable()));
            None
        }
    }
}

/// What a worker needs beside the stores, whatever processor it runs.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Orders worked on at once.
    pub concurrency: usize,
    /// The lease of an order.
    pub visibility: Duration,
    /// What an order is allowed.
    pub limits: Limits,
    /// How often to look for what falls due.
    pub sweep_every: Duration,
    /// Age at which an order that is not known to be in the queue is sent again.
    pub sweep_after: Duration,
    /// Waits between attempts.
    pub retry: Backoff,
    /// The longest attempt.
    pub job_timeout: Duration,
    /// How often progress is shown for the sake of people.
    pub progress_interval: Duration,
    /// Work that ends sooner is never shown as processing.
    pub processing_after: Duration,
    /// How often a running order is checked for cancellation.
    pub cancel_check: Duration,
    /// How long the URL of a large result works.
    pub result_url_ttl: Duration,
    /// Time from SIGTERM to the end.
    pub shutdown_grace: Duration,
    /// How notifications are delivered.
    pub notifier: NotifierSettings,
}

impl WorkerSettings {
    /// The settings that this group reads.
    pub const SETTINGS: &[Setting] = &[
        c::CONCURRENCY,
        c::VISIBILITY_SECONDS,
        c::MAX_ATTEMPTS,
        c::DEFAULT_DEADLINE_SECONDS,
        c::SWEEP_SECONDS,
        c::SWEEP_AFTER_SECONDS,
        c::RETRY_BASE_SECONDS,
        c::RETRY_MAX_SECONDS,
        c::JOB_TIMEOUT_SECONDS,
        c::PROGRESS_INTERVAL_SECONDS,
        c::PROCESSING_AFTER_MS,
        c::CANCEL_CHECK_SECONDS,
        c::RESULT_URL_TTL_SECONDS,
        c::SHUTDOWN_GRACE_SECONDS,
        c::NOTIFY_CONCURRENCY,
        c::INTERNAL_SECRET,
        c::WEBHOOK_SECRET,
        c::WEBHOOK_ALLOW,
        c::WEBHOOK_DENY,
        c::WEBHOOK_INSECURE_LOOPBACK,
        c::WEBHOOK_RETRY_SECONDS,
        c::APPSYNC_API_KEY,
        c::MERCURE_JWT,
    ];

    /// Reads the group; what is wrong is noted in the source.
    pub fn read(s: &mut Source) -> Option<Self> {
        let concurrency = s.number(c::CONCURRENCY, 1, 1_000);
        // SQS keeps a message invisible for twelve hours at most; below 3 s renewals would come too close.
        let visibility = s.seconds(c::VISIBILITY_SECONDS, 3.0, 43_200.0);
        let max_attempts = s.number(c::MAX_ATTEMPTS, 1, 100);
        let default_deadline = s.seconds(c::DEFAULT_DEADLINE_SECONDS, 1.0, 315_360_000.0);
        let sweep_every = s.seconds(c::SWEEP_SECONDS, 0.1, 86_400.0);
        let sweep_after = s.seconds(c::SWEEP_AFTER_SECONDS, 0.0, 86_400.0);
        let retry_base = s.seconds(c::RETRY_BASE_SECONDS, 0.0, 43_200.0);
        let retry_max = s.seconds(c::RETRY_MAX_SECONDS, 0.0, 43_200.0);
        let job_timeout = s.seconds(c::JOB_TIMEOUT_SECONDS, 0.1, 604_800.0);
        let progress_interval = s.seconds(c::PROGRESS_INTERVAL_SECONDS, 0.1, 3_600.0);
        let processing_after = s.number(c::PROCESSING_AFTER_MS, 0, 60_000);
        let cancel_check = s.seconds(c::CANCEL_CHECK_SECONDS, 0.1, 3_600.0);
        let result_url_ttl = s.seconds(c::RESULT_URL_TTL_SECONDS, 60.0, 604_800.0);
        let notifier = NotifierSettings::read(s);
        let shutdown_grace = s.seconds(c::SHUTDOWN_GRACE_SECONDS, 1.0, 3_600.0);
        Some(Self {
            concurrency: concurrency?,
            visibility: visibility?,
            limits: Limits { max_attempts: max_attempts?, default_deadline: default_deadline? },
            sweep_every: sweep_every?,
            sweep_after: sweep_after?,
            retry: Backoff { base: retry_base?, max: retry_max? },
            job_timeout: job_timeout?,
            progress_interval: progress_interval?,
            processing_after: Duration::from_millis(processing_after?),
            cancel_check: cancel_check?,
            result_url_ttl: result_url_ttl?,
            shutdown_grace: shutdown_grace?,
            notifier: notifier?,
        })
    }
}

/// An optional URL: `Some(None)` if it is not set, `None` if it is wrong.
#[expect(clippy::option_option, reason = "the outer one says whether the setting can be used")]
fn optional_url(s: &mut Source, setting: Setting) -> Option<Option<Url>> {
    url_of(s, setting, &["http", "https"])
}

#[expect(clippy::option_option, reason = "the outer one says whether the setting can be used")]
fn url_of(s: &mut Source, setting: Setting, schemes: &[&str]) -> Option<Option<Url>> {
    let Some(text) = s.optional(setting) else {
        return Some(None);
    };
    match Url::parse(&text) {
        Ok(url) if schemes.contains(&url.scheme()) && url.host().is_some() => Some(Some(url)),
        _ => {
            s.error(format!("{} is \"{text}\", which is not an {} URL", setting.variable(), schemes.join(" or ")));
            None
        }
    }
}

impl fmt::Debug for ApiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiSettings")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url.as_ref().map(Url::as_str))
            .field("token_keys", &self.token_keys)
            .field("status_url_ttl", &self.status_url_ttl)
            .finish_non_exhaustive()
    }
}
