//! What a caller gets of another tenant's things: what anybody gets of things that do not exist.

use offload_domain::id::OrderId;
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    Response, Setup, System, eventually,
    orders::{report, with_options},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::webhooks::receiver;

const OWNER: &str = "tenant=shop; name=jane; roles=submit view operate admin";
const STRANGER: &str = "tenant=other; name=joe; roles=submit view operate";

/// A method, and a path with a place for an id.
struct Route {
    method: Method,
    path: String,
}

impl Route {
    /// The routes of the OpenAPI document that take an id, each with the query that it needs, and
    /// `HEAD` beside `GET`.
    fn all() -> Vec<Self> {
        let document: Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).unwrap();
        let mut routes = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains('{')) {
            for (method, operation) in operations.as_object().unwrap() {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let query = parameters.filter(|p| p["in"] == "query" && p["required"] == true);
                let query: Vec<String> = query
                    .map(|p| format!("{}={}", p["name"].as_str().unwrap(), p["schema"]["enum"][0].as_str().unwrap()))
                    .collect();
                let method: Method = method.to_uppercase().parse().unwrap();
                let path = format!("{path}?{}", query.join("&"));
                if method == Method::GET {
                    routes.push(Self { method: Method::HEAD, path: path.clone() });
                }
                routes.push(Self { method, path });
            }
        }
        routes
    }

    /// The answer to a caller, without the id that it asked for.
    async fn ask(&self, system: &System, caller: &str, id: &str) -> (u16, [String; 2], String) {
        let request = system.request(self.method.clone(), &self.path.replace("{id}", id));
        let answer = system.send(request.header("x-caller", caller).header("x-request-id", "same")).await;
        let headers = ["content-type", "content-length"].map(|name| answer.header(name).to_owned());
        (answer.status, headers, answer.text.replace(id, "{id}"))
    }
}

async fn as_owner(system: &System, method: Method, path: &str, body: &Value) -> Response {
    let answer = system.send(system.request(method, path).header("x-caller", OWNER).json(body)).await;
    assert!(matches!(answer.status, 200 | 202), "{path}: {}", answer.text);
    answer
}

/// One thing of the owner of each kind that has an id, by its id: all have come to rest.
async fn things(system: &System) -> [(&'static str, String); 5] {
    let (url, _) = receiver(&[204]).await;
    let owner = async |method: Method, path: &str, body: Value| as_owner(system, method, path, &body).await.json();
    let id = |answer: &Value| answer["id"].as_str().unwrap().to_owned();
    let failed = id(&owner(Method::POST, "/order", with_options(report(1), json!({"webhook_url": url}))).await);
    let batch = owner(Method::POST, "/orders", json!([report(1)])).await;
    let later = with_options(report(1), json!({"delay_seconds": 600, "labels": {"n": "1"}}));
    let open = id(&owner(Method::POST, "/order", later.clone()).await);
    owner(Method::POST, "/order", with_options(later, json!({"delay_seconds": 600, "labels": {"n": "2"}}))).await;
    let cancel = json!({"verb": "cancel", "filter": "label:n=2"});
    let action = eventually("the index has it", async || {
        let request = system.request(Method::POST, "/admin/actions").header("x-caller", OWNER).json(&cancel);
        let answer = system.send(request).await;
        (answer.status == 202).then(|| id(&answer.json()))
    })
    .await;
    let test = id(&owner(Method::POST, &format!("/admin/deliveries/test?url={url}"), Value::Null).await);
    let things = [
        ("/admin/deliveries/", failed),
        ("/group/", batch["group"]["id"].as_str().unwrap().to_owned()),
        ("/admin/orders/", open),
        ("/admin/actions/", action),
        ("/admin/deliveries/test/", test),
    ];
    for ((path, id), (member, rest)) in things.iter().zip([
        ("/deliveries/0/state", json!("delivered")),
        ("/done", json!(true)),
        ("/status", json!("pending")),
        ("/state", json!("done")),
        ("/delivery/state", json!("delivered")),
    ]) {
        eventually(path, async || {
            let now = owner(Method::GET, &format!("{path}{id}"), Value::Null).await;
            (*now.pointer(member)? == rest).then_some(())
        })
        .await;
    }
    things
}

#[tokio::test(flavor = "multi_thread")]
async fn to_another_tenant_every_id_is_one_that_does_not_exist() {
    let setup = Setup::default().with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller").with(c::MAX_ATTEMPTS, 1);
    let failing = setup.with(c::PROCESSOR, "command").with(c::COMMAND, r#"["sh","-c","echo no >&2; exit 75"]"#);
    let system = failing.with(c::PROCESSING_AFTER_MS, 60_000).start().await;
    let things = things(&system).await;
    let unknown = OrderId::new(clock::now()).to_string();
    let routes = Route::all();
    assert!(routes.len() > 15, "{}", routes.len());
    for route in &routes {
        let of_nothing = route.ask(&system, STRANGER, &unknown).await;
        for (kind, id) in &things {
            let of_another = route.ask(&system, STRANGER, id).await;
            assert_eq!(of_another, of_nothing, "{} {} of {kind}{id}", route.method, route.path);
        }
    }
    // Each route has something that it would have given away. What erases comes last.
    let (last, first): (Vec<_>, Vec<_>) = routes.iter().partition(|route| route.path.contains("erase"));
    for route in first.into_iter().chain(last) {
        let of_nothing = route.ask(&system, OWNER, &unknown).await;
        let mut differs = false;
        for (_, id) in &things {
            differs |= route.ask(&system, OWNER, id).await != of_nothing;
            if differs {
                break;
            }
        }
        assert!(differs, "{} {}: to its owner too", route.method, route.path);
    }
}
