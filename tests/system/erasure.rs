//! What is left of an order that is erased.

use std::time::Duration;

use offload_domain::{id::OrderId, order::OrderResult, transition::Transition};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    Function, Receipt, Role, Setup, System, eventually, http_api_request,
    orders::{fulfilment, new_record},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const TIME: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_worked_on_is_erased_and_stays_so() {
    let setup = Setup::default().with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller");
    let setup = setup.with(c::PROGRESS_WRITES, "live");
    let system = setup.with(c::JOB_SECONDS, "1").with(c::SWEEP_AFTER_SECONDS, "0.5").start().await;
    let caller = "tenant=a; name=jane; roles=admin";
    let post = system.request(Method::POST, "/order").header("x-caller", caller).json(&fulfilment());
    let order = Receipt::of(&system.send(post).await);
    eventually("the work to begin", async || {
        (system.poll(&order).await.json()["status"] == "processing").then_some(())
    })
    .await;
    let path = format!("/admin/orders/{}?erase=true", order.id);
    let erased = system.send(system.request(Method::DELETE, &path).header("x-caller", caller)).await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    // Longer than the work: its end, its result and its progress are refused.
    let id: OrderId = order.id.parse().unwrap();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        assert!(system.stores.orders.get(id).await.unwrap().is_none(), "the row is back");
        sleep(Duration::from_millis(50)).await;
    }
    let status = system.http.get(&order.status_url).send().await.unwrap().status().as_u16();
    assert!(matches!(status, 403 | 404), "the object is back: {status}");
    assert!(system.stores.orders.tombstone(id).await.unwrap().is_some());
}

async fn status_of(system: &System, key: &str) -> u16 {
    let url = system.stores.presigner.get(key, Duration::from_secs(60), clock::now()).await.unwrap().0;
    system.http.get(url).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_erases_and_the_sweepers_deletes_what_came_late() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let mut ended = new_record();
    let id = ended.order.id;
    system.stores.orders.insert(&ended, None).await.unwrap();
    system.stores.objects.create(&ended.status_object(None)).await.unwrap();
    let result = Some(OrderResult::Key(format!("results/00/{id}/report.csv")));
    for transition in [Transition::Start { eta: None, poll_after_ms: None }, Transition::Complete { result }] {
        let state = ended.state.apply(transition, clock::now()).unwrap();
        ended = system.stores.orders.store(id, &state, None).await.unwrap();
    }

    let at_once = ("OFFLOAD_SWEEP_AFTER_SECONDS", "0");
    let public = ("OFFLOAD_PUBLIC_URL", "https://api.example.com");
    let mut api = Function::start(Role::Api, &system, &[public, at_once, ("OFFLOAD_AUTH", "gateway")]).await;
    let mut erase = http_api_request("DELETE", &format!("/admin/orders/{id}"), &json!({}), None);
    erase["rawQueryString"] = json!("erase=true");
    let mut ask = async |roles: Option<&str>| -> Value {
        if let Some(roles) = roles {
            // As the authorizer leaves it, which no client can write.
            let claims = json!({"sub": "jane", "roles": roles});
            erase["requestContext"]["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
        }
        api.invoke(erase.clone(), TIME).await.response()["statusCode"].clone()
    };
    assert_eq!([ask(None).await, ask(Some("operate")).await, ask(Some("admin")).await], [401, 403, 200]);
    assert!(matches!(status_of(&system, &id.status_key()).await, 403 | 404));

    system.stores.objects.create(&ended.status_object(None)).await.unwrap();
    assert_eq!(status_of(&system, &id.status_key()).await, 200, "a late writer's");
    let mut sweeper = Function::start(Role::Sweeper, &system, &[at_once]).await;
    eventually("the sweeper deletes it", async || {
        let swept = sweeper.invoke(json!({"offload": "sweep"}), TIME).await.response();
        assert_eq!(swept["failed"], 0, "{swept}");
        matches!(status_of(&system, &id.status_key()).await, 403 | 404).then_some(())
    })
    .await;
}
