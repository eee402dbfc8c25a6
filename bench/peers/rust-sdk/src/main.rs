//! `POST /order`, by axum and the AWS SDK for Rust.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use aws_sdk_s3::{config::RequestChecksumCalculation, presigning::PresigningConfig, primitives::ByteStream};
use aws_sdk_sqs::types::QueueAttributeName as Name;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

const URL_LIVES: Duration = Duration::from_secs(900);
const KEPT: TimeDelta = TimeDelta::days(37);

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Order {
    Fulfilment {
        items: Vec<Item>,
        #[serde(skip_serializing_if = "Option::is_none")]
        customer_ref: Option<String>,
    },
    Report {
        rows: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        delay_ms: Option<u32>,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Item {
    sku: String,
    quantity: u32,
}

impl Order {
    fn is_valid(&self) -> bool {
        let is_valid = |item: &Item| (1..=64).contains(&item.sku.len()) && (1..=1_000).contains(&item.quantity);
        match self {
            Self::Fulfilment { items, .. } => (1..=100).contains(&items.len()) && items.iter().all(is_valid),
            Self::Report { .. } => true,
        }
    }
}

struct Service {
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    bucket: String,
    table: String,
    queue: String,
    listen: String,
    depth: AtomicU64,
}

struct Failed(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.0.to_string()).into_response()
    }
}

impl Service {
    fn new(sdk: &SdkConfig) -> anyhow::Result<Self> {
        let setting = |name: &str| env::var(format!("OFFLOAD_{name}")).with_context(|| format!("OFFLOAD_{name}"));
        let s3 = aws_sdk_s3::config::Builder::from(sdk)
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        Ok(Self {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            sqs: aws_sdk_sqs::Client::new(sdk),
            dynamodb: aws_sdk_dynamodb::Client::new(sdk),
            bucket: setting("BUCKET")?,
            table: setting("TABLE")?,
            queue: setting("QUEUE_URL")?,
            listen: setting("LISTEN")?,
            depth: AtomicU64::new(0),
        })
    }

    /// Reads the depth of the queue.
    async fn read_depth(&self) -> anyhow::Result<()> {
        let names = [Name::ApproximateNumberOfMessages, Name::ApproximateNumberOfMessagesNotVisible];
        let get = self.sqs.get_queue_attributes().queue_url(&self.queue).set_attribute_names(Some(names.into()));
        let attributes = get.send().await?.attributes.unwrap_or_default();
        let depth = attributes.values().filter_map(|count| count.parse::<u64>().ok()).sum();
        self.depth.store(depth, Ordering::Relaxed);
        Ok(())
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn accept(State(service): State<Arc<Service>>, Json(order): Json<Order>) -> Result<Response, Failed> {
    if !order.is_valid() {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    }
    let (id, created) = (Uuid::new_v4().to_string(), Utc::now());
    let key = format!("status/{}/{id}.json", &id[id.len() - 2..]);
    let renew = format!("http://{}/order/{id}", service.listen);
    // By the mean of two seconds, over ten workers.
    let depth = service.depth.load(Ordering::Relaxed);
    let seconds = 2.0 * (1.0 + depth as f64 / 10.0);
    let after = |seconds: f64| text(created + TimeDelta::milliseconds((seconds * 1e3) as i64));
    let poll_after_ms = (seconds * 1e3) as u64;
    let eta = json!({"seconds": seconds, "p10_seconds": seconds * 0.7, "p90_seconds": seconds * 1.6,
        "at": after(seconds), "queue_depth": depth, "basis": "configured"});
    let status = json!({"id": id, "status": "pending", "done": false, "revision": 1, "attempt": 0,
        "created_at": text(created), "updated_at": text(created), "started_at": null, "finished_at": null,
        "progress": null, "eta": {"at": after(seconds), "earliest_at": after(seconds * 0.7),
        "latest_at": after(seconds * 1.6)}, "poll_after_ms": poll_after_ms, "result": null, "result_url": null,
        "result_url_expires_at": null, "error": null, "renew": renew});
    let put_item = service
        .dynamodb
        .put_item()
        .table_name(&service.table)
        .item("id", S(id.clone()))
        .item("payload", S(serde_json::to_string(&order)?))
        .item("status", S("pending".to_owned()))
        .item("revision", N("1".to_owned()))
        .item("attempt", N("0".to_owned()))
        .item("created_at", S(text(created)))
        .item("updated_at", S(text(created)))
        .item("renew", S(renew))
        .item("expires_at", N((created + KEPT).timestamp().to_string()))
        .condition_expression("attribute_not_exists(id)");
    let put_object = service
        .s3
        .put_object()
        .bucket(&service.bucket)
        .key(&key)
        .body(ByteStream::from(serde_json::to_vec(&status)?))
        .content_type("application/json")
        .cache_control("no-cache")
        .if_none_match("*");
    let message = json!({"v": 1, "id": id, "key": key}).to_string();
    let send_message = service.sqs.send_message().queue_url(&service.queue).message_body(message);
    let (item, object, message) = tokio::join!(put_item.send(), put_object.send(), send_message.send());
    item?;
    object?;
    message?;
    let presigning = PresigningConfig::expires_in(URL_LIVES)?;
    let url = service.s3.get_object().bucket(&service.bucket).key(&key).presigned(presigning).await?;
    let this = format!("/order/{id}");
    let accepted = json!({"id": id, "status": "pending", "status_url": url.uri(),
        "status_url_expires_at": text(created + URL_LIVES), "eta": eta, "poll_after_ms": poll_after_ms,
        "links": {"self": this}});
    let headers: [(HeaderName, String); 2] =
        [(header::LOCATION, this), (header::RETRY_AFTER, poll_after_ms.div_ceil(1_000).to_string())];
    Ok((StatusCode::ACCEPTED, headers, Json(accepted)).into_response())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let service = Arc::new(Service::new(&sdk)?);
    service.read_depth().await?;
    let (listener, reader) = (TcpListener::bind(&service.listen).await?, Arc::clone(&service));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // The depth of before serves until the queue answers again.
            let _ = reader.read_depth().await;
        }
    });
    axum::serve(listener, Router::new().route("/order", post(accept)).with_state(service)).await?;
    Ok(())
}
