//! The W3C trace context of a client, from its request to the work and the webhook. Where no traces
//! are sent it is passed on as it came; with them `just telemetry` checks it.

use offload_service::settings::catalogue as c;
use offload_tests::{
    Receipt, Setup, System, eventually,
    orders::{report, with_options},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::webhooks::{Received, receiver};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The result of a program that says what it finds.
const PROGRAM: &str = r#"["sh","-c","printf '{\"result\":[\"%s\",\"%s\"]}' \"$TRACEPARENT\" \"${TRACESTATE-none}\""]"#;

async fn system() -> System {
    let setup = Setup::default().with(c::WEBHOOK_INSECURE_LOOPBACK, "true");
    setup.with(c::PROCESSOR, "command").with(c::COMMAND, PROGRAM).start().await
}

fn submission(system: &System, webhook: &str) -> RequestBuilder {
    let order = with_options(report(1), json!({"webhook_url": webhook}));
    system.request(Method::POST, "/order").json(&order)
}

/// What the work found, and what the webhook of its end got.
async fn passed(system: &System, got: &Received, request: RequestBuilder) -> (Value, [Option<String>; 2]) {
    let receipt = Receipt::of(&system.send(request).await);
    let found = system.done(&receipt).await["result"].clone();
    let headers = eventually("the webhook has the end", async || {
        let got = got.lock().unwrap();
        let of_end = got.iter().find(|(_, body)| {
            let event: Value = serde_json::from_slice(body).unwrap();
            event["subject"] == receipt.id && event["data"]["done"] == true
        });
        of_end.map(|(headers, _)| headers.clone())
    })
    .await;
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    (found, [header("traceparent"), header("tracestate")])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_state_of_a_client_reaches_the_work_and_the_webhook() {
    let system = system().await;
    let (url, got) = receiver(&[204]).await;
    let traced = || submission(&system, &url).header("traceparent", PARENT);
    let state = "shop=1,congo=t61rcWkgMzE";
    let of_two = traced().header("tracestate", "shop=1").header("tracestate", "congo=t61rcWkgMzE");
    let (found, headers) = passed(&system, &got, of_two).await;
    assert_eq!(found, json!([PARENT, state]));
    assert_eq!(headers, [Some(PARENT.to_owned()), Some(state.to_owned())]);

    let many: Vec<String> = (0..40).map(|n| format!("k{n}=v")).collect();
    let (found, headers) = passed(&system, &got, traced().header("tracestate", many.join(","))).await;
    assert_eq!(found, json!([PARENT, many[..32].join(",")]), "what is over the bounds is dropped");
    assert_eq!(headers[1], Some(many[..32].join(",")));

    // Nothing is refused for a state, and none goes on without its parent.
    for malformed in ["A=1", "a=1,a=2", "a", "k=\u{e9}"] {
        let (found, headers) = passed(&system, &got, traced().header("tracestate", malformed)).await;
        assert_eq!(found, json!([PARENT, "none"]), "{malformed}");
        assert_eq!(headers, [Some(PARENT.to_owned()), None], "{malformed}");
    }
    let (found, headers) = passed(&system, &got, submission(&system, &url).header("tracestate", "a=1")).await;
    assert_ne!(found[0], PARENT);
    assert_eq!((&found[1], &headers[1]), (&json!("none"), &None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_orders_of_a_batch_have_the_trace_state_of_their_request() {
    let system = system().await;
    let batch = system.request(Method::POST, "/orders").header("traceparent", PARENT).header("tracestate", "shop=1");
    let answer = system.send(batch.json(&[report(1), report(2)])).await.json();
    for accepted in answer["orders"].as_array().unwrap() {
        let url = accepted["receipt"]["status_url"].as_str().unwrap();
        let found = eventually("the order is done", async || {
            let object: Value = system.http.get(url).send().await.ok()?.json().await.ok()?;
            (object["done"] == true).then(|| object["result"].clone())
        })
        .await;
        assert_eq!(found, json!([PARENT, "shop=1"]));
    }
}
