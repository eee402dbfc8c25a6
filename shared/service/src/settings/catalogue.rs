//! Every setting that there is. The programs pick theirs; a name that is not here is an error everywhere.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The flag without its dashes; the variable is `OFFLOAD_` and the same in capitals.
    pub name: &'static str,
    /// One line for `--help`.
    pub help: &'static str,
    /// What holds if it is not set; `None` for a required or an optional one.
    pub default: Option<&'static str>,
}

impl Setting {
    /// The name of the environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("OFFLOAD_{}", self.name.replace('-', "_").to_uppercase())
    }
}

macro_rules! settings {
    ($($constant:ident = $name:literal, $default:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Setting = Setting { name: $name, help: $help, default: $default };
        )*
        /// Every setting of every program.
        pub const ALL: &[Setting] = &[$($constant),*];
    };
}

settings! {
    BUCKET = "bucket", None, "S3 bucket of status objects and results (required)";
    QUEUE_URL = "queue-url", None, "URL of the SQS queue of orders (required)";
    DEAD_LETTER_QUEUE_URL = "dead-letter-queue-url", None, "URL of the dead-letter queue of orders; a worker that knows it ends the orders in it";
    NOTIFICATIONS_QUEUE_URL = "notifications-queue-url", None, "URL of the SQS queue of notifications; without it there is no push";
    NOTIFICATIONS_DEAD_LETTER_QUEUE_URL = "notifications-dead-letter-queue-url", None, "URL of the dead-letter queue of notifications, where those go that are given up";
    EVENT_TOPIC_ARN = "event-topic-arn", None, "ARN of an SNS topic that is told of every change of every order";
    APPSYNC_URL = "appsync-url", None, "URL of an AppSync Events API (https://.../event) that is told of every change, on the channel /orders/{id}";
    MERCURE_URL = "mercure-url", None, "URL of a Mercure hub (https://.../.well-known/mercure) that is told of every change, with the order's URL as topic";
    EVENTS_FROM = "events-from", Some("writers"), "who tells of changes: writers (whoever shows a status) or stream (the table's DynamoDB stream, by a function)";
    TABLE = "table", None, "DynamoDB table of orders (required)";
    S3_PATH_STYLE = "s3-path-style", Some("auto"), "bucket in the path of S3 URLs: true, false, or auto (true where an S3 endpoint is set)";
    PUBLIC_S3_ENDPOINT = "public-s3-endpoint", None, "S3 endpoint that clients reach, if it is not the one that the service reaches";
    SIGNER_ROLE_ARN = "signer-role-arn", None, "role that signs URLs, assumed for an hour at a time; needed where the service's own credentials do not tell when they expire, as in Lambda";
    RETENTION_DAYS = "retention-days", Some("30"), "days until the order table forgets an order";

    LISTEN = "listen", Some("127.0.0.1:8080"), "address that the api listens on";
    PUBLIC_URL = "public-url", None, "URL of the api as clients reach it [default: http:// and the listen address]";
    TOKEN_SECRET = "token-secret", None, "secret of at least 32 bytes that signs order tokens (required); several, separated by commas, while it is being replaced";
    ORDER_SCHEMA = "order-schema", None, "file with the JSON Schema (2020-12) of an order [default: the built-in kinds]";
    ACCESS = "access", Some("url"), "how clients read status objects: url (a presigned URL) or sts (temporary credentials for the one object; needs signer-role-arn)";
    STATUS_URL_TTL_SECONDS = "status-url-ttl-seconds", Some("43200"), "the longest that a status URL works, 60 to 604800; a URL is made for twice the time that the order may take";
    STATUS_URL_MIN_TTL_SECONDS = "status-url-min-ttl-seconds", Some("900"), "the shortest that a status URL works, 60 to 604800";
    MAX_CONCURRENT_REQUESTS = "max-concurrent-requests", Some("1024"), "requests that are served at once; more get 503";
    CORS_ORIGINS = "cors-origins", Some("*"), "origins whose pages may call the api, separated by commas";

    INTERNAL_LISTEN = "internal-listen", Some("127.0.0.1:0"), "address on which the api takes notifications for its open connections from workers";
    INTERNAL_URL = "internal-url", None, "URL of internal-listen as workers reach it [default: http:// and the address; name the host where it is 0.0.0.0]";
    INTERNAL_SECRET = "internal-secret", None, "secret of at least 32 bytes that workers and api servers share; with it and a notifications queue the api serves event streams, WebSockets and held requests";
    MAX_OPEN_CONNECTIONS = "max-open-connections", Some("10000"), "event streams, WebSockets and held requests that one api server keeps open";

    WEBSOCKET_URL = "websocket-url", None, "URL of the WebSocket API of API Gateway, where the api is a function (wss://...)";
    MANAGEMENT_URL = "management-url", None, "URL of its Management API, by which its connections are reached (https://...)";

    NOTIFY_CONCURRENCY = "notify-concurrency", Some("64"), "notifications that this worker delivers at once; 0 for a worker that delivers none";
    WEBHOOK_SECRET = "webhook-secret", None, "secret that signs webhooks, whsec_ and base64 of 24 to 64 bytes; several, separated by spaces, while it is being replaced";
    WEBHOOKS = "webhooks", Some("false"), "whether orders may name a webhook, true or false; the workers need webhook-secret for it";
    WEBHOOK_ALLOW = "webhook-allow", None, "hosts that webhooks may go to, separated by commas, such as hooks.example.com or *.example.com [default: any public one]";
    WEBHOOK_DENY = "webhook-deny", None, "hosts and networks that webhooks never go to, separated by commas, such as *.internal.example.com or 203.0.113.0/24";
    WEBHOOK_INSECURE_LOOPBACK = "webhook-insecure-loopback", Some("false"), "allow webhooks to http and https on this very machine, for development: true or false";
    WEBHOOK_RETRY_SECONDS = "webhook-retry-seconds", Some("5,300,1800,7200,18000,36000,50400,72000,86400"), "waits between the attempts at a webhook, separated by commas";
    APPSYNC_API_KEY = "appsync-api-key", None, "API key of the AppSync Events API; without one, requests are signed by the worker's role";
    MERCURE_JWT = "mercure-jwt", None, "JWT that may publish to the Mercure hub";

    EXPECTED_JOB_SECONDS = "expected-job-seconds", Some("1"), "mean seconds of work per order, until there is history; guess low";
    EXPECTED_CONCURRENCY = "expected-concurrency", Some("10"), "orders that all workers together work on at once; err high";

    CONCURRENCY = "concurrency", Some("10"), "orders that this worker works on at once, 1 to 1000";
    PROCESSOR = "processor", None, "what does the work, by the name of its processor; without one, the error lists them (required)";
    COMMAND = "command", None, "with the processor command: program and arguments, split at white space, or a JSON array of strings";
    HTTP_URL = "http-url", None, "with the processor http: the URL that orders are POSTed to";
    JOB_SECONDS = "job-seconds", Some("lognormal:2:0.5"), "duration of simulated work: 2, exp:2, or lognormal:2:0.5 (mean and coefficient of variation)";
    JOB_TIMEOUT_SECONDS = "job-timeout-seconds", Some("900"), "the longest that one attempt may take";
    VISIBILITY_SECONDS = "visibility-seconds", Some("30"), "lease of an order: how soon another worker takes over from one that died, 3 to 43200";
    MAX_ATTEMPTS = "max-attempts", Some("5"), "how often an order is tried before it fails";
    DEFAULT_DEADLINE_SECONDS = "default-deadline-seconds", Some("604800"), "time until an order without a deadline of its own fails, however it got stuck";
    SWEEP_SECONDS = "sweep-seconds", Some("30"), "how often a worker looks for orders that were accepted and not sent, or whose deadline has passed";
    SWEEP_AFTER_SECONDS = "sweep-after-seconds", Some("60"), "age at which an order that is not known to be in the queue is sent again";
    RETRY_BASE_SECONDS = "retry-base-seconds", Some("2"), "wait before the second attempt; it doubles with each further one";
    RETRY_MAX_SECONDS = "retry-max-seconds", Some("900"), "the longest wait between two attempts";
    PROGRESS_INTERVAL_SECONDS = "progress-interval-seconds", Some("10"), "how often progress is shown to people; what changes when a client should look is shown sooner";
    PROCESSING_AFTER_MS = "processing-after-ms", Some("500"), "work that ends sooner is never shown as processing, which saves a PUT";
    CANCEL_CHECK_SECONDS = "cancel-check-seconds", Some("2"), "how often a running order is checked for cancellation";
    SHUTDOWN_GRACE_SECONDS = "shutdown-grace-seconds", Some("25"), "time from SIGTERM to the end of the process";
    RESULT_URL_TTL_SECONDS = "result-url-ttl-seconds", Some("86400"), "how long the URL of a large result works, 60 to 604800";

    LOG = "log", Some("info"), "what is logged, as tracing directives, such as info or info,offload_worker=debug";
    LOG_FORMAT = "log-format", Some("json"), "json or text";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_own_name() {
        let names: std::collections::HashSet<_> = ALL.iter().map(|s| s.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert_eq!(QUEUE_URL.variable(), "OFFLOAD_QUEUE_URL");
    }
}
