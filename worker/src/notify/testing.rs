//! What the tests of the channels share: an event, and a receiver that keeps what it gets.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use offload_domain::{event::StatusEvent, fixtures, status::Status};
use offload_service::settings::{self, NotifierSettings, Setting, StoreSettings, catalogue as c};
use offload_stores::{CallPolicy, Connection, Endpoints, RequestSigner};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use url::Url;

/// The event of an order's revision 3.
pub(super) fn event(status: Status) -> StatusEvent {
    let mut record = fixtures::record(chrono::DateTime::UNIX_EPOCH);
    record.order.renew = "https://api.example/order/x".to_owned();
    (record.state.status, record.state.revision) = (status, 3);
    StatusEvent::of(record.status_object(None))
}

/// The last request that a receiver got.
pub(super) type Received = Arc<Mutex<Option<(HeaderMap, String)>>>;

/// A receiver that answers every POST to its URL with 200.
pub(super) async fn receiver() -> (Url, Received) {
    let received = Received::default();
    let kept = Arc::clone(&received);
    let keep = async move |headers: HeaderMap, body: String| {
        *kept.lock() = Some((headers, body));
        StatusCode::OK
    };
    (serve(Router::new().route("/event", post(keep))).await.join("event").unwrap(), received)
}

/// Serves routes on a port of their own, and returns their base URL.
pub(super) async fn serve(routes: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url.parse().unwrap()
}

/// A signer for the region `eu-west-1`.
pub(super) async fn signer() -> RequestSigner {
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
    let settings = settings::from_values::<StoreSettings>(values).unwrap();
    Connection::to(endpoints, CallPolicy::BACKGROUND).await.stores(&settings).await.unwrap().signer
}

/// The notifier's settings, with these.
pub(super) fn settings<'a>(values: impl IntoIterator<Item = (Setting, &'a str)>) -> NotifierSettings {
    settings::from_values(values).unwrap()
}
