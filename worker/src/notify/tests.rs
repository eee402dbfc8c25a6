//! What the hosted channels send, against the shapes that their documentation gives.

use std::sync::{Arc, Mutex};

use axum::{Router, http::HeaderMap, http::StatusCode, routing::post};
use offload_domain::{
    event::StatusEvent,
    id::OrderId,
    notification::{Notification, Target},
};
use offload_service::settings::{self, StoreSettings, WorkerSettings, catalogue as c};
use offload_stores::{CallPolicy, Connection, Endpoints, RequestSigner};
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Channel, Outcome, appsync::Appsync, client, mercure::Mercure};

type Got = Arc<Mutex<Option<(HeaderMap, String)>>>;

async fn recorder() -> (url::Url, Got) {
    let got: Got = Arc::default();
    let kept = Arc::clone(&got);
    let take = async move |headers: HeaderMap, body: String| {
        *kept.lock().unwrap() = Some((headers, body));
        StatusCode::OK
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/event", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/event", post(take))).await });
    (url, got)
}

async fn signer() -> RequestSigner {
    let nowhere = "http://127.0.0.1:1".to_owned();
    let endpoints = Endpoints {
        s3: nowhere.clone(),
        sqs: nowhere.clone(),
        dynamodb: nowhere,
        region: "eu-west-1".into(),
        access_key_id: "key".into(),
        secret_access_key: "secret".into(),
    };
    let values = [(c::BUCKET, "b"), (c::QUEUE_URL, "http://127.0.0.1:1/q"), (c::TABLE, "t")];
    let settings: StoreSettings = settings::from_values(values).unwrap();
    Connection::to(endpoints, CallPolicy::BACKGROUND).await.stores(&settings).await.unwrap().signer
}

fn settings(values: &[(settings::Setting, &str)]) -> WorkerSettings {
    settings::from_values(values.iter().copied()).unwrap()
}

fn notification(target: Target) -> Notification {
    let id = OrderId::new(chrono::DateTime::UNIX_EPOCH);
    let object = serde_json::json!({"id": id, "status": "completed", "done": true, "revision": 3, "attempt": 1,
        "created_at": "1970-01-01T00:00:00.000Z", "updated_at": "1970-01-01T00:00:00.000Z", "progress": null, "eta": null,
        "poll_after_ms": null, "result": null, "result_url": null, "error": null, "renew": "https://api.example/order/x"});
    let event = StatusEvent::of(serde_json::from_value(object).unwrap());
    Notification { v: 1, target, event, attempts: 0, not_before: None }
}

/// <https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html>:
/// `{"channel": "/default/channel", "events": ["{\"event_1\":\"data_1\"}"]}`, each event a string,
/// with `x-api-key` or a signature of the service `appsync`.
#[tokio::test]
async fn appsync_gets_events_as_strings_on_the_channel_of_the_order() {
    let n = notification(Target::Appsync);
    for key in [Some("da2-key"), None] {
        let (url, got) = recorder().await;
        let given: Vec<_> = key.map(|k| (c::APPSYNC_API_KEY, k)).into_iter().collect();
        let channel =
            Appsync::new(client::plain().unwrap(), signer().await, url, settings(&given).notifier.appsync_api_key);
        assert_eq!(channel.deliver(&n).await, Outcome::Delivered { status: 200 });
        let (headers, body) = got.lock().unwrap().take().unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["channel"], format!("/orders/{}", n.event.subject));
        let events = body["events"].as_array().unwrap();
        let event: Value = serde_json::from_str(events[0].as_str().unwrap()).unwrap();
        assert_eq!((events.len(), event), (1, serde_json::to_value(&n.event).unwrap()));
        assert_eq!(headers["content-type"], "application/json");
        match key {
            Some(key) => assert_eq!(headers["x-api-key"], key),
            None => assert!(headers["authorization"].to_str().unwrap().contains("/eu-west-1/appsync/aws4_request")),
        }
    }
}

/// <https://mercure.rocks/spec#publication>: a form with `topic`, `data`, `private`, `id` and
/// `type`, and a bearer token.
#[tokio::test]
async fn a_mercure_hub_gets_a_private_update_of_the_orders_topic() {
    let (url, got) = recorder().await;
    let jwt = settings(&[(c::MERCURE_JWT, "a.b.c")]).notifier.mercure_jwt;
    let n = notification(Target::Mercure);
    assert_eq!(Mercure::new(client::plain().unwrap(), url, jwt).deliver(&n).await, Outcome::Delivered { status: 200 });
    let (headers, body) = got.lock().unwrap().take().unwrap();
    let form: std::collections::HashMap<String, String> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert_eq!(
        (form["topic"].as_str(), form["private"].as_str(), form["type"].as_str()),
        ("https://api.example/order/x", "on", "status")
    );
    assert_eq!(serde_json::from_str::<Value>(&form["data"]).unwrap(), serde_json::to_value(&n.event).unwrap());
    assert_eq!(headers["authorization"], "Bearer a.b.c");
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
}
