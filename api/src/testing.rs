//! A service for tests whose stores do not answer: every call to AWS is refused at
//! once. What needs AWS is tested by the whole-system tests.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use offload_service::settings::{self, ApiSettings, EtaSettings, Setting, StoreSettings, catalogue as c};
use offload_stores::{CallPolicy, Connection, Endpoints, Stores};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{router::router, service::Service};

pub(crate) const ORDER: &str = r#"{"kind":"report","rows":3}"#;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl TestResponse {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The last part of the problem's type.
    pub(crate) fn slug(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{problem}");
        problem["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }
}

pub(crate) fn settings(more: &[(Setting, &str)]) -> (ApiSettings, EtaSettings) {
    let secret = "s".repeat(32);
    let mut values = vec![(c::TOKEN_SECRET, secret.as_str()), (c::AUTH, "none")];
    values.extend_from_slice(more);
    settings::from_values(values).unwrap()
}

pub(crate) async fn stores() -> Stores {
    let closed = "http://127.0.0.1:1".to_owned();
    let endpoints = Endpoints {
        s3: closed.clone(),
        sqs: closed.clone(),
        dynamodb: closed.clone(),
        region: "eu-west-1".into(),
        access_key_id: "key".into(),
        secret_access_key: "secret".into(),
    };
    let values = [(c::BUCKET, "b"), (c::QUEUE_URL, "http://127.0.0.1:1/q"), (c::TABLE, "t")];
    let settings: StoreSettings = settings::from_values(values).unwrap();
    let policy = CallPolicy { attempts: 1, ..CallPolicy::INTERACTIVE };
    Connection::to(endpoints, policy).await.stores(&settings).await.unwrap()
}

pub(crate) async fn service(more: &[(Setting, &str)]) -> Arc<Service> {
    let (api, eta) = settings(more);
    let listen = "127.0.0.1:8080".parse().unwrap();
    Arc::new(Service::new(api, eta, stores().await, listen, CancellationToken::new()).unwrap())
}

pub(crate) async fn call(router: &Router, request: Request<Body>) -> TestResponse {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    TestResponse { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

/// Sends a request without a body to a service of default settings.
pub(crate) async fn ask(method: &str, uri: &str, headers: &[(&str, &str)]) -> TestResponse {
    send(method, uri, headers, "").await
}

/// Sends a request to a service of default settings.
pub(crate) async fn send(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> TestResponse {
    let router = router(&service(&[]).await).unwrap();
    call(&router, request(method, uri, headers, body)).await
}

pub(crate) fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}
