//! An order is submitted once, and refused with a reason.

use offload_client::Error;
use serde_json::{Value, json};

use crate::service::{Scripted, Service};

#[tokio::test]
async fn an_order_is_submitted_once_however_often_it_is_sent() {
    let receipt = json!({"id": "x", "order_token": "v1.secret", "status_url": "http://s3/k", "poll_after_ms": 1_000});
    let busy = |status: u16| -> Scripted { (status, vec![("retry-after", "0".to_owned())], String::new()) };
    let accepted = (202, vec![], receipt.to_string());
    let service = Service::start(vec![busy(503), busy(429), busy(409), accepted], vec![]).await;
    let submitted = service.client().submit(&json!({"kind": "report", "rows": 3})).delay_seconds(5).await.unwrap();
    assert_eq!(submitted.id, "x");
    let attempts = service.received("/order");
    assert_eq!(attempts.len(), 4);
    let key = attempts[0].header("idempotency-key");
    assert!(key.len() >= 32);
    assert!(attempts.iter().all(|a| a.header("idempotency-key") == key && a.body == attempts[0].body));
    let sent: Value = serde_json::from_str(&attempts[0].body).unwrap();
    assert_eq!(sent, json!({"kind": "report", "rows": 3, "options": {"delay_seconds": 5}}));
}

#[tokio::test]
async fn an_invalid_order_is_not_sent_again() {
    let problem = json!({"type": "https://x/problems/invalid-order", "title": "The order is invalid", "status": 422,
        "errors": [{"pointer": "/rows", "detail": "is missing"}]});
    let service = Service::start(vec![(422, vec![], problem.to_string())], vec![]).await;
    let Err(Error::Problem(problem)) = service.client().submit(&json!({})).await else { panic!() };
    assert_eq!((problem.slug(), problem.errors[0].pointer.as_str()), ("invalid-order", "/rows"));
    assert_eq!(service.received("/order").len(), 1);
}

#[tokio::test]
async fn json_text_is_sent_to_the_last_digit() {
    let receipt = json!({"id": "x", "order_token": "v1.secret"}).to_string();
    let service = Service::start(vec![(202, vec![], receipt.clone())], vec![]).await;
    let order = "{ \"n\": 1.00000000000000000001 }";
    let response = service.client().submit_json(order).response().await.unwrap();
    assert_eq!((response.text, response.http_status), (receipt, 202));
    assert_eq!(service.received("/order")[0].body, order);
}
