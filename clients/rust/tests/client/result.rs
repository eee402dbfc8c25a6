//! A result is read whatever its size, and its URL renewed.

use serde_json::{Value, json};

use crate::service::{Service, found, object, s3_error};

#[tokio::test]
async fn a_small_result_takes_no_request() {
    let service = Service::start(vec![], vec![found("completed", 2)]).await;
    let client = service.client();
    let done = client.wait(&service.receipt()).await.unwrap();
    let result: Value = client.result(&service.receipt(), &done).await.unwrap().json().await.unwrap();
    assert_eq!((result, service.received("/").len()), (json!({"boxes": 1}), 1));
}

#[tokio::test]
async fn the_expired_url_of_a_large_result_is_renewed() {
    let service = Service::start(vec![], vec![s3_error(403, "AccessDenied"), (200, vec![], "a,b".to_owned())]).await;
    let link = |name: &str| service.url(&format!("/results/{name}"));
    let mut view = object("completed", 2);
    (view["status_url"], view["result_url"]) = (json!(link("status")), json!(link("new")));
    view["links"] = json!({"self": "http://api/order/x"});
    service.script_api((200, vec![], view.to_string()));
    view["result_url"] = json!(link("old"));
    let done = serde_json::from_value(view).unwrap();
    let body = service.client().result(&service.receipt(), &done).await.unwrap().text().await.unwrap();
    assert_eq!((body.as_str(), service.received("/results/new").len()), ("a,b", 1));
}
