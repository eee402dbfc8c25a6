//! Push by functions: the routes of the WebSocket API, the notifier behind its queue, and the
//! stream of the table.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    Function, RawQueue, Receipt, Role, Setup, System, eventually,
    orders::{fulfilment, with_options},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const TIME: Duration = Duration::from_secs(30);

/// The Management API of API Gateway: what was posted to which connection, with what authorization.
#[derive(Default)]
struct Management {
    posted: Mutex<Vec<(String, String, Value)>>,
    gone: Mutex<HashSet<String>>,
}

impl Management {
    async fn start() -> (Arc<Self>, String) {
        let management = Arc::new(Self::default());
        let router = Router::new()
            .route("/push/@connections/{id}", post(post_to_connection))
            .with_state(Arc::clone(&management));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (management, url)
    }

    fn to(&self, connection: &str) -> Vec<Value> {
        let posted = self.posted.lock().unwrap();
        posted.iter().filter(|(id, ..)| id == connection).map(|(_, _, event)| event.clone()).collect()
    }
}

async fn post_to_connection(
    State(m): State<Arc<Management>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    if m.gone.lock().unwrap().contains(&id) {
        return StatusCode::GONE;
    }
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    m.posted.lock().unwrap().push((id, authorization, serde_json::from_str(&body).unwrap()));
    StatusCode::OK
}

/// An event of a WebSocket API, as API Gateway sends it (the fixture
/// `example-apigw-websocket-request` of `aws_lambda_events`, and
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html>).
fn event(route: &str, connection: &str, query: &Value, body: Option<&Value>) -> Value {
    let kind = match route {
        "$connect" => "CONNECT",
        "$disconnect" => "DISCONNECT",
        _ => "MESSAGE",
    };
    json!({
        "headers": {"Host": "id.execute-api.us-east-1.amazonaws.com", "Sec-WebSocket-Version": "13"},
        "multiValueHeaders": {"Host": ["id.execute-api.us-east-1.amazonaws.com"], "Sec-WebSocket-Version": ["13"]},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query.as_object().map(|q| q.iter().map(|(k, v)| (k.clone(), json!([v]))).collect::<serde_json::Map<_, _>>()),
        "requestContext": {
            "routeKey": route, "eventType": kind, "extendedRequestId": "TWegAcC4EowCHnA=", "requestTime": "28/Jan/2020:09:38:17 +0000",
            "messageDirection": "IN", "stage": "push", "connectedAt": 1_580_204_296_887_i64, "requestTimeEpoch": 1_580_204_297_000_i64,
            "identity": {"userAgent": "test", "sourceIp": "192.0.2.1"}, "requestId": "HH0xNEcZjoEFovQ=",
            "domainName": "id.execute-api.us-east-1.amazonaws.com", "connectionId": connection, "apiId": "id",
        },
        "body": body.map(ToString::to_string), "isBase64Encoded": false,
    })
}

struct Push {
    system: System,
    management: Arc<Management>,
    api: Function,
    notifier: Function,
    queue: RawQueue,
}

impl Push {
    async fn start() -> Self {
        let system = Setup { workers: 0, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 3).start().await;
        let (management, url) = Management::start().await;
        let api = [
            ("OFFLOAD_PUBLIC_URL", "https://api.example.com"),
            ("OFFLOAD_WEBSOCKET_URL", "wss://id.execute-api.us-east-1.amazonaws.com/push"),
            ("OFFLOAD_MANAGEMENT_URL", url.as_str()),
        ];
        let api = Function::start(Role::Api, &system, &api).await;
        // Without the secret of our own servers, as on AWS.
        let notifier = Function::start(Role::Notifier, &system, &[("OFFLOAD_INTERNAL_SECRET", "")]).await;
        let queue = RawQueue::notifications(&system);
        Self { system, management, api, notifier, queue }
    }

    /// Sends an event to the api function; status code and body of the response.
    async fn send(&mut self, route: &str, connection: &str, query: Value, body: Option<Value>) -> (u64, Value) {
        let response = self.api.invoke(event(route, connection, &query, body.as_ref()), TIME).await.response();
        let text = response["body"].as_str().unwrap_or_default();
        (response["statusCode"].as_u64().unwrap(), serde_json::from_str(text).unwrap_or_default())
    }

    /// Invokes the notifier function with what is in its queue, until `check` holds.
    async fn deliver_until(&mut self, what: &str, check: impl Fn(&Management) -> bool) {
        let end = tokio::time::Instant::now() + offload_tests::PATIENCE;
        while !check(&self.management) {
            assert!(tokio::time::Instant::now() < end, "{what}");
            let batch = self.queue.receive_event(10).await.unwrap();
            if batch["Records"].as_array().unwrap().is_empty() {
                continue;
            }
            let response = self.notifier.invoke(batch.clone(), TIME).await.response();
            assert_eq!(response["batchItemFailures"], json!([]), "{response}");
            for record in batch["Records"].as_array().unwrap() {
                self.queue.delete(record["receiptHandle"].as_str().unwrap()).await.unwrap();
            }
        }
    }

    async fn subscribers(&self, receipt: &Receipt) -> usize {
        self.system.stores.orders.subscribers(receipt.id.parse().unwrap(), clock::now()).await.unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_api_gateway_gets_the_status_of_its_orders() {
    let mut push = Push::start().await;
    let receipt = push.system.order(&fulfilment()).await;
    let second = push.system.order(&fulfilment()).await;
    assert_eq!(push.send("$connect", "bad=", json!({"token": "nonsense"}), None).await.0, 403);
    assert_eq!(push.send("$connect", "a=", json!({"token": receipt.token}), None).await.0, 200);
    push.deliver_until("the status as it is", |m| m.to("a=").iter().any(|e| e["data"]["status"] == "pending")).await;

    let (status, problem) = push.send("$default", "a=", json!(null), Some(json!({"action": "dance"}))).await;
    assert_eq!((status, problem["status"].as_u64()), (200, Some(400)), "{problem}");
    assert!(problem["type"].as_str().unwrap().ends_with("/unknown-action"));
    assert_eq!(
        push.send("$default", "a=", json!(null), Some(json!({"action": "ping"}))).await.1,
        json!({"type": "pong"})
    );
    let subscribe = json!({"action": "subscribe", "token": second.token});
    let (_, now) = push.send("subscribe", "a=", json!(null), Some(subscribe)).await;
    assert_eq!((now["subject"].as_str(), now["data"]["status"].as_str()), (Some(&*second.id), Some("pending")));

    push.system.add_worker();
    for order in [&receipt, &second] {
        push.system.done(order).await;
    }
    push.system.stop_workers().await;
    let ended = |m: &Management| m.to("a=").iter().filter(|e| e["data"]["done"] == true).count() >= 2;
    push.deliver_until("both ends", ended).await;
    let authorizations: Vec<String> =
        push.management.posted.lock().unwrap().iter().map(|(_, a, _)| a.clone()).collect();
    assert!(
        authorizations
            .iter()
            .all(|a| a.starts_with("AWS4-HMAC-SHA256") && a.contains("/us-east-1/execute-api/aws4_request")),
        "{authorizations:?}"
    );

    assert_eq!(push.subscribers(&receipt).await, 1);
    assert_eq!(push.send("$disconnect", "a=", json!(null), None).await.0, 200);
    assert_eq!((push.subscribers(&receipt).await, push.subscribers(&second).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_gone_is_unsubscribed() {
    let mut push = Push::start().await;
    let receipt = push.system.order(&fulfilment()).await;
    for connection in ["gone=", "open="] {
        let subscribe = json!({"action": "subscribe", "token": receipt.token});
        push.send("subscribe", connection, json!(null), Some(subscribe)).await;
    }
    push.management.gone.lock().unwrap().insert("gone=".into());
    assert_eq!(push.subscribers(&receipt).await, 2);
    push.system.cancel(&receipt).await;
    push.deliver_until("the end", |m| m.to("open=").iter().any(|e| e["data"]["status"] == "cancelled")).await;
    eventually("410 removes the subscription", async || {
        let batch = push.queue.receive_event(10).await.ok()?;
        if !batch["Records"].as_array()?.is_empty() {
            assert_eq!(push.notifier.invoke(batch, TIME).await.response()["batchItemFailures"], json!([]));
        }
        (push.subscribers(&receipt).await == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_may_be_cancelled_when_its_last_client_disconnects() {
    let mut push = Push::start().await;
    // So that the function sends to every queue.
    let order = with_options(fulfilment(), json!({"webhook_url": "http://127.0.0.1:9/hook"}));
    let receipt = push.system.order(&order).await;
    let subscribe = json!({"action": "subscribe", "token": receipt.token, "cancel_on_disconnect": true});
    push.send("subscribe", "a=", json!(null), Some(subscribe)).await;
    push.send("$disconnect", "a=", json!(null), None).await;
    assert_eq!(push.system.done(&receipt).await["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_the_tables_stream_gives_the_same_event() {
    let mut push = Push::start().await;
    let receipt = push.system.order(&fulfilment()).await;
    let subscribe = json!({"action": "subscribe", "token": receipt.token});
    push.send("subscribe", "a=", json!(null), Some(subscribe)).await;
    push.system.add_worker();
    let done = push.system.done(&receipt).await;
    push.system.stop_workers().await;
    push.deliver_until("the event of the writer", |m| m.to("a=").iter().any(|e| e["data"]["done"] == true)).await;
    let written = push.management.to("a=").pop().unwrap();

    // The row of the table, in the shape of a stream record.
    let image = |revision: u64, subscribed: bool| {
        let millis = |name: &str| {
            let at: chrono::DateTime<chrono::Utc> = done[name].as_str().unwrap().parse().unwrap();
            json!({"N": at.timestamp_millis().to_string()})
        };
        let mut image = json!({
            "pk": {"S": receipt.id}, "sk": {"S": "order"}, "payload": {"S": "{}"}, "renew": {"S": done["renew"]},
            "created_at": millis("created_at"), "revision": {"N": revision.to_string()}, "status": {"S": done["status"]},
            "attempt": {"N": "1"}, "updated_at": {"S": done["updated_at"]}, "started_at": {"S": done["started_at"]},
            "finished_at": {"S": done["finished_at"]}, "expires_at": {"N": "4102444800"}, "subscribed": {"BOOL": subscribed},
            "progress": {"S": done["progress"].to_string()}, "result": {"S": json!({"inline": done["result"]}).to_string()},
        });
        for (name, value) in [("progress", &done["progress"]), ("result", &done["result"])] {
            if value.is_null() {
                image.as_object_mut().unwrap().remove(name);
            }
        }
        image
    };
    let revision = done["revision"].as_u64().unwrap();
    let record = |sequence: &str, before: Option<Value>, after: Value| {
        json!({"eventID": sequence, "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": {"ApproximateCreationDateTime": 1_479_499_740, "Keys": {"pk": {"S": receipt.id}, "sk": {"S": "order"}},
                "OldImage": before, "NewImage": after, "SequenceNumber": sequence, "StreamPollerType": "NEW_AND_OLD_IMAGES"},
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2016-11-16T20:42:48.104"})
    };
    let before = push.management.to("a=").len();
    let changes = json!({"Records": [
        record("1", Some(image(revision - 1, true)), image(revision, true)),
        record("2", Some(image(revision, true)), image(revision, true)),
        {"eventID": "3", "eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {"SequenceNumber": "3",
            "NewImage": {"pk": {"S": "workers"}, "sk": {"S": "worker-1"}}}},
    ]});
    let response = push.notifier.invoke(changes, TIME).await.response();
    assert_eq!(response, json!({"batchItemFailures": []}));
    push.deliver_until("the event of the stream", |m| m.to("a=").len() > before).await;
    let events = push.management.to("a=");
    assert_eq!(
        (events.len(), events.last()),
        (before + 1, Some(&written)),
        "the same event, once for each change of the order"
    );
}
