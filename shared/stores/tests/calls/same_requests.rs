//! The service and the SDK send the same requests.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use chrono::{NaiveDateTime, TimeDelta};
use http::Request;
use offload_domain::{
    fence::Fence,
    fixtures,
    group::{Group, GroupPlace},
    idempotency::IdempotencyKey,
    message::Envelope,
    order::{Lease, OrderRecord},
    payload::Payload,
    status::{EtaWindow, Status},
    trace::TraceContext,
    transition::Transition,
};
use offload_service::clock;
use offload_stores::{DELAY_MAX, Outgoing, ReceivedMessage, ResultBody, Stores};
use serde_json::Value;

use crate::scripted::{Scripted, answer};

/// Headers in which they differ: what says who sends, how often and when, and what the SDK leaves
/// to its HTTP client.
const OWN: [&str; 10] = [
    "authorization",
    "host",
    "user-agent",
    "x-amz-user-agent",
    "amz-sdk-request",
    "amz-sdk-invocation-id",
    "x-amz-date",
    "content-length",
    // Asks S3 for a checksum that the SDK would compare.
    "x-amz-checksum-mode",
    // Asks SQS for the error codes of an older protocol beside its own.
    "x-amzn-query-mode",
];

/// The requests of [`make_every_call`].
const CALLS: usize = 26;

/// What a request says.
#[derive(Debug, PartialEq)]
struct Sent {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Sent {
    fn of(request: &Request<Vec<u8>>) -> Self {
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .filter(|(name, _)| !OWN.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        let text = || String::from_utf8_lossy(request.body()).into();
        let body = serde_json::from_slice(request.body()).unwrap_or_else(|_| text());
        // A query that says nothing but the operation, which the path and method say as well.
        let uri = request.uri().to_string();
        let uri = uri.split("?x-id=").next().unwrap_or_default().to_owned();
        Self { method: request.method().to_string(), uri, headers, body }
    }
}

fn record() -> OrderRecord {
    let now = clock::now();
    let mut order = fixtures::order(now);
    order.tenant = "shop".parse().unwrap();
    order.payload = Payload::stored("{ \"kind\": \"x\", \"z\": -0, \"s\": \"\\u00e9 \u{1f600}\" }".to_owned()).unwrap();
    order.deadline_at = Some(now + TimeDelta::hours(1));
    order.trace = TraceContext::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ["shop=1"]);
    order.labels = [("customer", "acme")].into_iter().collect();
    order.callbacks.webhook_url = Some("https://shop.example/hook?a=b".to_owned());
    OrderRecord::new(order, EtaWindow { at: now, earliest_at: now, latest_at: now }, 700)
}

/// Makes each call once.
async fn make_every_call(stores: &Stores, record: &OrderRecord) {
    let (id, now) = (record.order.id, record.order.created_at);
    stores.orders.insert(record, None).await.unwrap();
    let key = IdempotencyKey::parse(&record.order.tenant, b"k", b"{}").unwrap();
    stores.orders.insert(record, Some(&key)).await.unwrap();
    assert_eq!(stores.orders.find_idempotent(&key).await.unwrap(), None);
    assert_eq!(stores.orders.get(id).await.unwrap(), None);
    let object = record.status_object(None);
    stores.objects.create(&object).await.unwrap();
    stores.objects.overwrite(&object, Some("\"0123456789abcdef\"")).await.unwrap();
    stores.objects.overwrite(&object, None).await.unwrap();
    let fence = Fence { generation: 1, attempt: 2 };
    stores.objects.put_log(id, fence, "a line\n".to_owned()).await.unwrap();
    stores.objects.log(id, fence).await.unwrap().unwrap();
    assert_eq!(stores.objects.latest_log(id, fence).await.unwrap(), Some(fence));
    let json = ResultBody::Bytes(b"{}".to_vec());
    stores.objects.put_result(id, fence, "result.json", "application/json", json).await.unwrap();
    let file = ResultBody::File(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
    stores.objects.put_result(id, fence, "Über \"alles\".toml", "application/toml", file).await.unwrap();
    stores.objects.delete(&[id.log_key(fence)]).await.unwrap();
    stores.objects.ready().await.unwrap();
    let mut envelope = Envelope::new(id, Some("\"0123456789abcdef\"".to_owned()));
    stores.queue.send(&envelope, Duration::ZERO, None).await.unwrap();
    envelope.tenant = record.order.tenant.clone();
    stores.queue.send(&envelope, Duration::from_millis(1_500), record.order.trace.as_ref()).await.unwrap();
    let two =
        [Outgoing { message: &envelope, delay: Duration::ZERO }, Outgoing { message: &envelope, delay: DELAY_MAX }];
    assert!(stores.queue.send_each(&two, record.order.trace.as_ref()).await.iter().all(Result::is_ok));
    let group = Group {
        id,
        tenant: record.order.tenant.clone(),
        created_at: now,
        eta: EtaWindow { at: now, earliest_at: now, latest_at: now },
        renew: String::new(),
        trace: None,
        orders: 2,
        refused: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
    };
    stores.orders.insert_group(&group, now).await.unwrap();
    drop(stores.orders.count_end(GroupPlace { group: id, place: 1 }, Status::Failed).await);
    let start = Transition::Start { eta: None, poll_after_ms: None };
    let (state, lease) = (record.state.apply(start, now).unwrap(), Lease { owner: "w".to_owned(), until: now });
    drop(stores.orders.take(id, &state, Some(&lease), now).await);
    drop(stores.orders.end(id, &state).await);
    stores.orders.settle(record).await.unwrap();
    let mut deliveries = stores.queue.receive(3, Duration::ZERO, Duration::from_secs(30)).await.unwrap();
    // Once alone, and once two together, as they come while the one is under way.
    let [one, two, three] = [(); 3].map(|()| deliveries.pop().unwrap());
    let (first, second, third) = tokio::join!(one.complete(), two.complete(), three.complete());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    let handed = ReceivedMessage {
        message_id: "m".to_owned(),
        receipt: "r".to_owned(),
        body: String::new(),
        receive_count: 1,
        trace: None,
    };
    stores.queue.delivery(handed).0.complete().await.unwrap();
}

/// Answers each call with what makes it succeed.
fn aws() -> std::sync::Arc<Scripted> {
    Scripted::new(|_, request| {
        let target = request.headers().get("x-amz-target").map_or("", |t| t.to_str().unwrap());
        let json = [("content-type", "application/x-amz-json-1.0")];
        let message = r#"{"MessageId":"m","ReceiptHandle":"r+/=","Body":"{}"}"#;
        let messages = format!("{{\"Messages\":[{message},{message},{message}]}}");
        match target {
            "AmazonSQS.ReceiveMessage" => answer(200, &json, &messages),
            "" => answer(200, &[("etag", "\"e\"")], ""),
            _ => answer(200, &json, "{}"),
        }
    })
}

async fn requests(calls: &str, record: &OrderRecord) -> Vec<Request<Vec<u8>>> {
    let aws = aws();
    make_every_call(&aws.stores(calls).await, record).await;
    aws.received()
}

#[tokio::test]
async fn the_service_and_the_sdk_ask_for_the_same() {
    let record = record();
    let (direct, sdk) = (requests("direct", &record).await, requests("sdk", &record).await);
    assert_eq!(direct.len(), CALLS);
    assert_eq!(direct.len(), sdk.len());
    for (direct, sdk) in direct.iter().zip(&sdk) {
        assert_eq!(Sent::of(direct), Sent::of(sdk));
    }
}

#[tokio::test]
async fn each_signature_is_the_one_that_aws_sigv4_makes() {
    let mut checked = 0;
    for request in requests("direct", &record()).await {
        let header = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap());
        let authorization = header("authorization").unwrap();
        let part = |name: &str| authorization.split(&format!("{name}=")).nth(1).unwrap().split(',').next().unwrap();
        let time = NaiveDateTime::parse_from_str(header("x-amz-date").unwrap(), "%Y%m%dT%H%M%SZ").unwrap().and_utc();
        let identity = Credentials::new("AKID", "secret", None, None, "test").into();
        let service = part("Credential").split('/').nth(3).unwrap();
        let mut settings = SigningSettings::default();
        if service == "s3" {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder().identity(&identity).region("eu-west-1").name(service);
        let params = params.time(SystemTime::from(time)).settings(settings).build().unwrap().into();
        let signed: Vec<_> = part("SignedHeaders").split(';').filter_map(|name| Some((name, header(name)?))).collect();
        // It adds these itself.
        let given = signed.iter().copied().filter(|(name, _)| !["x-amz-date", "x-amz-content-sha256"].contains(name));
        let uri = request.uri().to_string();
        let body = match header("x-amz-content-sha256") {
            Some("UNSIGNED-PAYLOAD") => SignableBody::UnsignedPayload,
            _ => SignableBody::Bytes(request.body()),
        };
        let signable = SignableRequest::new(request.method().as_str(), &uri, given, body).unwrap();
        let (instructions, signature) = sign(signable, &params).unwrap().into_parts();
        assert_eq!(part("Signature"), signature, "{authorization}");
        let (headers, _) = instructions.into_parts();
        let own = headers.iter().find(|h| h.name() == "authorization").unwrap();
        assert_eq!(authorization, own.value());
        assert!(part("SignedHeaders").starts_with("host;"));
        checked += 1;
    }
    assert_eq!(checked, CALLS);
}
