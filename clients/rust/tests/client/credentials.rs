//! A caller's own credentials reach the api, and nobody else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use offload_client::{Client, Error};
use serde_json::json;

use crate::service::{Scripted, Service, found, view};

fn refused() -> Scripted {
    let problem = json!({"type": "https://x/problems/credentials-invalid", "title": "Not valid", "status": 401});
    (401, vec![], problem.to_string())
}

/// A client whose source gives `token-1`, `token-2` and so on, and how often it was asked.
fn renewing(service: &Service) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let own = Arc::clone(&asked);
    let source = move || {
        let n = own.fetch_add(1, Ordering::Relaxed) + 1;
        async move { Ok::<_, Error>(format!("token-{n}")) }
    };
    (Client::builder().credentials(source).build(&service.base).unwrap(), asked)
}

#[tokio::test]
async fn a_key_is_sent_to_the_api_beside_the_orders_token_and_never_to_s3() {
    let service = Service::start(vec![], vec![found("completed", 2)]).await;
    let receipt = service.receipt();
    service.script_api((202, vec![], json!({"id": receipt.id, "order_token": receipt.order_token}).to_string()));
    service.script_api(view(&service.url("/bucket/second"), "pending", 1));
    let client = Client::builder().key("sok_mine").push(false).build(&service.base).unwrap();
    client.submit(&json!({"kind": "report"})).await.unwrap();
    client.status(&receipt).await.unwrap();
    client.wait(&receipt).await.unwrap();
    let api = service.received("/order");
    assert!(api.len() >= 2 && api.iter().all(|r| r.header("authorization") == "Bearer sok_mine"), "{api:?}");
    assert_eq!([api[0].header("offload-token"), api[1].header("offload-token")], ["", receipt.order_token.as_str()]);
    let s3 = service.received("/bucket");
    assert!(!s3.is_empty() && s3.iter().all(|r| r.header("authorization").is_empty()), "{s3:?}");
    assert!(!format!("{client:?}").contains("sok_mine"));
}

#[tokio::test]
async fn a_token_is_kept_until_the_api_refuses_it_and_renewed_once() {
    let service = Service::start(vec![], vec![]).await;
    let pending = view(&service.url("/bucket/first"), "pending", 1);
    for response in [pending.clone(), pending.clone(), refused(), pending, refused()] {
        service.script_api(response);
    }
    let (client, asked) = renewing(&service);
    let receipt = service.receipt();
    for _ in 0..3 {
        client.status(&receipt).await.unwrap();
    }
    let sent: Vec<String> = service.received("/order").iter().map(|r| r.header("authorization").to_owned()).collect();
    assert_eq!(sent, ["Bearer token-1", "Bearer token-1", "Bearer token-1", "Bearer token-2"]);
    // From now on the api refuses every token.
    let Err(Error::Problem(problem)) = client.status(&receipt).await else { panic!() };
    assert_eq!((problem.slug(), asked.load(Ordering::Relaxed)), ("credentials-invalid", 3));
    assert_eq!(service.received("/order").len(), 6);
}

#[tokio::test]
async fn a_source_without_credentials_is_an_error_and_nothing_is_sent() {
    let service = Service::start(vec![], vec![]).await;
    let source = || async { Err::<String, _>("the issuer is down") };
    let client = Client::builder().credentials(source).build(&service.base).unwrap();
    let Err(Error::InvalidInput(why)) = client.submit(&json!({})).await else { panic!() };
    assert!(why.contains("the issuer is down"), "{why}");
    assert!(service.received("/").is_empty());
}
