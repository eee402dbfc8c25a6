//! What an api server needs beside the stores.

use std::{net::SocketAddr, ops::RangeInclusive, path::Path, time::Duration};

use offload_domain::{schema::OrderSchema, token::TokenKeys, webhook};
use url::Url;

use super::{
    AuthSettings, ConnectionSettings, ConsoleSettings, FunctionMetrics, LimitSettings, MetricLabels, OrderWebhooks,
    PushSettings, Shutdown, WebhookSecret,
};
use crate::settings::{
    declare::settings,
    parser::{address, boolean, http_url, number, one_of, seconds, usable, websocket_url},
    source::Source,
};

settings! {
    /// What an api server needs beside the stores.
    #[derive(Debug)]
    pub struct ApiSettings in "Api" {
        /// Address and port that the api listens on.
        pub listen: SocketAddr = default(LISTEN, "127.0.0.1:8080", address),

        /// URL of the api as clients reach it, without a slash at the end. If it is not set:
        /// http:// and the listen address.
        pub public_url: Option<Url> = optional(PUBLIC_URL, http_url),

        /// Secret of at least 32 bytes that signs order tokens. Several, separated by commas, while
        /// it is being replaced: the first one signs.
        pub token_keys: TokenKeys = required(secret TOKEN_SECRET, usable(TokenKeys::parse)),

        /// How long an order token works. If it is not set: as long as the order is kept.
        pub token_ttl: Option<Duration> = optional(TOKEN_TTL_SECONDS, seconds(60.0..=315_360_000.0)),

        /// Who may call, and how the api knows them.
        pub auth: AuthSettings = group(),

        /// File with the JSON Schema (2020-12) of an order. If it is not set: the built-in kinds.
        pub schema: OrderSchema = fallback(ORDER_SCHEMA, order_schema, OrderSchema::built_in),

        /// How clients read status objects: url (a presigned URL) or sts (temporary credentials for
        /// the one object, which needs signer-role-arn).
        pub access: Access = default(ACCESS, "url", one_of(&[("url", Access::Url), ("sts", Access::Sts)])),

        /// How long a status URL works: the shortest and the longest time.
        pub status_url_ttl: RangeInclusive<Duration> = group(StatusUrlTtl, StatusUrlTtl::bounds),

        /// Requests served at once. Those beyond it get 503.
        pub max_concurrent_requests: usize = default(MAX_CONCURRENT_REQUESTS, "1024", number(1..=1_000_000)),

        /// Bytes of a batch of orders at most, 262144 to 67108864. A function of Lambda gets no
        /// more than 6 MiB, of which JSON lines are base64.
        pub batch_max_bytes: usize = default(BATCH_MAX_BYTES, "4194304", number(262_144..=67_108_864)),

        /// Bytes of order bodies in service at once, 262144 (one of the largest) at least. A
        /// request beyond it waits up to 5 seconds, and then gets 503.
        pub body_budget_bytes: u32 = default(BODY_BUDGET_BYTES, "6291456", number(262_144..=4_000_000_000)),

        /// Origins whose pages may call the api, separated by commas; * for any, loopback for those
        /// of this machine.
        pub cors_origins: Vec<String> = default(CORS_ORIGINS, "*", origins),

        /// Who may connect, and how a client is recognised.
        pub connections: ConnectionSettings = group(),

        /// The console, and who may open it.
        pub console: ConsoleSettings = group(),

        /// What one client may take.
        pub limits: LimitSettings = group(),

        /// Whether clients get the log of an order's work by GET /order/{id}: true or false.
        pub share_work_logs: bool = default(SHARE_WORK_LOGS, "false", boolean),

        /// What orders are counted by.
        pub metric_labels: MetricLabels = group(),

        /// What functions measure.
        pub function_metrics: FunctionMetrics = group(),

        /// Time from SIGTERM to the end of the process.
        pub shutdown_grace: Duration = group(Shutdown, |shutdown| shutdown.grace),

        /// How this server keeps connections open for events; `None` if it does not.
        pub push: Option<PushSettings> = group(),

        /// URL of the WebSocket API of API Gateway (wss://...), where the api is a function.
        pub websocket_url: Option<Url> = optional(WEBSOCKET_URL, websocket_url),

        /// URL of the Management API of API Gateway (https://...), which sends to its connections.
        pub management_url: Option<Url> = optional(MANAGEMENT_URL, http_url),

        /// Where orders may have their webhooks; `None` if they may name none.
        pub webhooks: Option<webhook::Policy> = group(OrderWebhooks, OrderWebhooks::policy),

        /// Derives the secrets of receivers, for callers who ask for theirs.
        pub webhook_secret: Option<webhook::Secrets> = group(WebhookSecret, |secret| secret.secrets),
    }
}

settings! {
    /// How long a status URL works.
    struct StatusUrlTtl in "Api", check check_ttl {
        /// The longest time that a status URL works, 60 to 604800. A URL is made for twice the time
        /// that the order may take.
        max: Duration = default(STATUS_URL_TTL_SECONDS, "43200", seconds(60.0..=604_800.0)),

        /// The shortest time that a status URL works, 60 to 604800.
        min: Duration = default(STATUS_URL_MIN_TTL_SECONDS, "900", seconds(60.0..=604_800.0)),
    }
}

impl StatusUrlTtl {
    fn bounds(self) -> RangeInclusive<Duration> {
        self.min..=self.max
    }
}

fn check_ttl(ttl: &StatusUrlTtl, source: &mut Source) {
    source.check_order((STATUS_URL_MIN_TTL_SECONDS, ttl.min), (STATUS_URL_TTL_SECONDS, ttl.max));
}

/// How clients read status objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By a presigned URL.
    Url,
    /// By temporary credentials for the one object.
    Sts,
}

fn order_schema(path: &str) -> Result<OrderSchema, String> {
    let text = std::fs::read_to_string(Path::new(path)).map_err(|e| format!("cannot be read: {e}"))?;
    usable(OrderSchema::parse)(&text)
}

/// Origins as browsers send them: scheme, host and port, and nothing after them.
fn origins(text: &str) -> Result<Vec<String>, String> {
    let is_origin = |text: &str| {
        let is_its_origin = |url: Url| url.origin().is_tuple() && url.origin().ascii_serialization() == text;
        matches!(text, "*" | "loopback") || Url::parse(text).is_ok_and(is_its_origin)
    };
    let (origins, others): (Vec<&str>, Vec<&str>) = text.split(',').map(str::trim).partition(|o| is_origin(o));
    if others.is_empty() {
        return Ok(origins.into_iter().map(str::to_owned).collect());
    }
    Err(format!("has \"{}\", which is not an origin such as https://shop.example.com", others.join("\", \"")))
}
