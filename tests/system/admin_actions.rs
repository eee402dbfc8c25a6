//! Bulk actions: previewed, bounded, aborted, and finished by another server.

use offload_service::settings::catalogue as c;
use offload_tests::{
    Response, Setup, System, eventually,
    orders::{report, with_options},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::{KEY, ask, failing, get, listed, setup};

async fn start(system: &System, body: Value) -> Response {
    system.send(ask(system, Method::POST, "/admin/actions").json(&body)).await
}

/// The action once it has ended, at whichever server.
async fn ended(system: &System, api: &str, id: &str) -> Value {
    eventually("the action has ended", async || {
        let answer = system.http.get(format!("{api}/admin/actions/{id}")).bearer_auth(KEY).send().await.ok()?;
        let action = Response::of(answer).await.json();
        matches!(action["state"].as_str(), Some("done" | "aborted")).then_some(action)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_redriven_as_a_preview_said() {
    let system = failing().start().await;
    for _ in 0..7 {
        let receipt = system.order(&report(1)).await;
        assert_eq!(system.done(&receipt).await["status"], "failed");
    }
    eventually("all are dead letters", async || (listed(&system, "state:dead").await.len() == 7).then_some(())).await;
    let preview = start(&system, json!({"verb": "redrive", "filter": "state:dead kind:report", "dry_run": true})).await;
    let preview = preview.json();
    assert_eq!((&preview["count"], &preview["complete"]), (&json!(7), &json!(true)), "{preview}");
    assert_eq!(preview["examples"].as_array().unwrap().len(), 5);
    assert_eq!(listed(&system, "state:dead attempt:1").await.len(), 7, "a dry run does nothing");

    let differs = start(&system, json!({"verb": "redrive", "filter": "kind:report", "count": 6})).await;
    assert_eq!((differs.status, differs.problem()), (409, "action-count-differs".to_owned()));
    let begun = start(&system, json!({"verb": "redrive", "filter": "kind:report", "count": 7})).await;
    assert_eq!(begun.status, 202, "{}", begun.text);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(begun.header("location"), format!("/admin/actions/{id}"));
    let action = ended(&system, &system.apis[0], &id).await;
    assert_eq!((&action["state"], &action["done"], &action["by"]), (&json!("done"), &json!(7), &json!("console")));
    let again = eventually("they have failed again", async || {
        let dead = listed(&system, "state:dead").await;
        (dead.len() == 7).then_some(dead)
    });
    for id in again.await {
        assert_eq!(get(&system, &format!("/admin/orders/{id}")).await["generation"], 2);
    }
    assert_eq!(get(&system, "/admin/actions").await["actions"][0]["id"], id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_refused_unless_it_says_what_it_means() {
    let system = Setup { workers: 0, ..setup() }.start().await;
    for (body, status, slug, detail) in [
        (json!({"verb": "cancel", "filter": " "}), 422, "invalid-action", "needs a filter"),
        (json!({"verb": "cancel", "filter": "state:dead"}), 422, "invalid-action", "open, pending or processing"),
        (json!({"verb": "redrive", "filter": "state:open"}), 422, "invalid-action", "dead or failed"),
        (json!({"verb": "cancel", "filter": "kind:nothing"}), 422, "invalid-action", "no order matches"),
        (json!({"verb": "cancel", "filter": "kind:a", "rate": 0}), 422, "invalid-action", "the rate is 1 to 200"),
        (json!({"verb": "cancel", "filter": "kind:a", "count": 4_294_967_296_u64}), 422, "invalid-action", "that fits"),
        (json!({"verb": "erase", "filter": "kind:a"}), 422, "invalid-action", "unknown variant"),
        (json!({"verb": "cancel", "filter": "x"}), 400, "invalid-filter", "at 1: x"),
    ] {
        let refused = start(&system, body.clone()).await;
        assert_eq!((refused.status, &*refused.problem()), (status, slug), "{body}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(detail), "{}", refused.text);
    }
    let orders: Vec<Value> = (0..101).map(|_| report(1)).collect();
    let batch = system.send(system.request(Method::POST, "/orders").json(&orders)).await;
    assert_eq!(batch.status, 200);
    eventually("all are in the index", async || {
        let preview = start(&system, json!({"verb": "cancel", "filter": "kind:report", "dry_run": true})).await;
        (preview.json()["count"] == 101).then_some(())
    })
    .await;
    let unstated = start(&system, json!({"verb": "cancel", "filter": "kind:report"})).await;
    assert_eq!(unstated.problem(), "action-count-differs");
    assert!(unstated.json()["detail"].as_str().unwrap().contains("101 orders"), "{}", unstated.text);
    let unknown = system.send(ask(&system, Method::GET, "/admin/actions/x")).await;
    assert_eq!((unknown.status, unknown.problem()), (404, "action-not-found".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_can_be_aborted_and_leaves_the_rest_alone() {
    let system = Setup { workers: 0, ..setup() }.start().await;
    let orders: Vec<Value> = (0..40).map(|_| with_options(report(1), json!({"delay_seconds": 600}))).collect();
    system.send(system.request(Method::POST, "/orders").json(&orders)).await;
    eventually("all are listed", async || (listed(&system, "state:pending").await.len() == 40).then_some(())).await;
    let body = json!({"verb": "cancel", "filter": "state:pending", "rate": 1});
    let id = start(&system, body).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/actions/{id}");
    let aborting = system.send(ask(&system, Method::DELETE, &path)).await;
    assert_eq!((aborting.status, &aborting.json()["state"]), (202, &json!("aborting")));
    let action = ended(&system, &system.apis[0], &id).await;
    assert_eq!(action["state"], "aborted");
    let done = action["done"].as_u64().unwrap();
    assert!(done < 10, "{action}");
    assert_eq!(system.send(ask(&system, Method::DELETE, &path)).await.status, 200, "it had ended");
    let left = eventually("the index is up to date", async || {
        let left = listed(&system, "state:pending").await.len() as u64;
        (left == 40 - done).then_some(left)
    });
    left.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_finished_by_another_server_than_the_one_that_began_it() {
    let mut system = Setup { workers: 0, ..setup() }.with(c::SHUTDOWN_GRACE_SECONDS, "1").start().await;
    let orders: Vec<Value> = (0..30).map(|_| with_options(report(1), json!({"delay_seconds": 600}))).collect();
    system.send(system.request(Method::POST, "/orders").json(&orders)).await;
    eventually("all are listed", async || (listed(&system, "state:pending").await.len() == 30).then_some(())).await;
    let body = json!({"verb": "cancel", "filter": "state:pending", "rate": 5});
    let id = start(&system, body).await.json()["id"].as_str().unwrap().to_owned();
    system.stop_apis();
    system.add_api().await;
    let api = system.apis.last().unwrap().clone();
    let action = ended(&system, &api, &id).await;
    let number = |name: &str| action[name].as_u64().unwrap();
    assert_eq!((&action["state"], number("done") + number("skipped")), (&json!("done"), 30), "{action}");
    assert_eq!(number("failed"), 0, "{action}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_finished_however_many_were_made_after_it() {
    let mut system = Setup { workers: 0, ..setup() }.with(c::SHUTDOWN_GRACE_SECONDS, "1").start().await;
    let orders: Vec<Value> = (0..40).map(|_| with_options(report(1), json!({"delay_seconds": 600}))).collect();
    system.send(system.request(Method::POST, "/orders").json(&orders)).await;
    let listed = eventually("all are listed", async || {
        let pending = listed(&system, "state:pending").await;
        (pending.len() == 40).then_some(pending)
    });
    let listed = listed.await;
    let body = json!({"verb": "cancel", "filter": "state:pending", "rate": 5});
    let id = start(&system, body).await.json()["id"].as_str().unwrap().to_owned();
    for order in &listed[..25] {
        let begun = start(&system, json!({"verb": "cancel", "filter": format!("id:{order}")})).await;
        assert!(begun.status == 202 || begun.problem() == "invalid-action", "{}", begun.text);
    }
    let path = format!("/admin/actions/{id}");
    assert_eq!(get(&system, &path).await["state"], "running");
    system.stop_apis();
    system.add_api().await;
    let api = system.apis.last().unwrap().clone();
    assert_eq!(ended(&system, &api, &id).await["state"], "done");
}
