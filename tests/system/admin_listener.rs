//! The listener for operators and monitoring: what is served there, to whom, and what is not.

use offload_service::settings::catalogue as c;
use offload_tests::{
    Receipt, Response, Setup, System, eventually,
    orders::{fulfilment, with_options},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{admin::KEY, callers::key};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
/// What a proxy would state, as anybody could.
const FORGED: &str = "tenant=shop; name=mallory; roles=admin";

/// A system whose operators have a listener of their own, and are known by keys.
async fn system(more: impl FnOnce(Setup) -> Setup) -> System {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::ADMIN_LISTEN, "127.0.0.1:0");
    more(setup.with(c::AUTH, "keys,header").with(c::AUTH_HEADER, "x-caller")).start().await
}

async fn ask(system: &System, method: Method, url: &str, bearer: &str) -> Response {
    system.send(system.http.request(method, url).bearer_auth(bearer)).await
}

/// Every route below `/admin`, with some id.
fn admin_routes() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(include_str!("../../openapi/openapi.json")).unwrap();
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/admin/"));
    let routes = paths.flat_map(|(path, operations)| {
        let path = path.replace("{id}", "0198c1f0-0000-7000-8000-000000000000");
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase().parse().unwrap(), path.clone())).collect::<Vec<_>>()
    });
    let routes: Vec<_> = routes.collect();
    assert!(routes.len() > 15, "{routes:?}");
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_reach_the_admin_api_on_their_listener_by_the_same_roles() {
    let system = system(|setup| setup).await;
    let (api, admin) = (system.apis[0].clone(), system.admins[0].clone());
    let [view, operate, all] = ["view", "operate", "admin"];
    let (view, operate, all) =
        (key(&system, "shop", view).await, key(&system, "shop", operate).await, key(&system, "ops", all).await);
    let order = with_options(fulfilment(), json!({"delay_seconds": 600}));
    let post = system.request(Method::POST, "/order").header("x-caller", "tenant=shop; roles=submit").json(&order);
    let receipt = Receipt::of(&system.send(post).await);
    let (path, cancel) = (format!("/admin/orders/{}", receipt.id), format!("/admin/orders/{}/cancel", receipt.id));
    for to in [&admin, &api] {
        let url = |path: &str| format!("{to}{path}");
        let get = async |path: &str, key: &str| ask(&system, Method::GET, &url(path), key).await.status;
        assert_eq!(system.send(system.http.get(url(&path))).await.problem(), "credentials-missing", "{to}");
        assert_eq!(get(&path, view.reveal()).await, 200, "{to}");
        assert_eq!(get("/admin/counts", operate.reveal()).await, 403, "{to}");
        assert_eq!(get("/admin/counts", all.reveal()).await, 200, "{to}");
        assert_eq!(get("/admin/session", all.reveal()).await, 404, "{to}: there is no console");
        let refused = ask(&system, Method::POST, &url(&cancel), view.reveal()).await;
        assert_eq!((refused.status, refused.problem()), (403, "role-missing".to_owned()), "{to}");
    }
    let cancelled = ask(&system, Method::POST, &format!("{admin}{cancel}"), operate.reveal()).await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (202, &json!("cancelled")), "{}", cancelled.text);
    assert_eq!(cancelled.header("cache-control"), "no-store");
    // No proxy is in front of it: what one would state, anybody may have written.
    for (to, status) in [(&admin, 401), (&api, 200)] {
        let forged = system.http.get(format!("{to}/admin/orders")).header("x-caller", FORGED);
        assert_eq!(system.send(forged).await.status, status, "{to}");
    }
    for (path, of_clients) in [("/metrics", 404), ("/healthz", 200), ("/readyz", 200), ("/openapi.json", 200)] {
        assert_eq!(system.send(system.http.get(format!("{admin}{path}"))).await.status, 200, "{path}");
        assert_eq!(system.send(system.http.get(format!("{api}{path}"))).await.status, of_clients, "{path}");
    }
    for (method, path) in [(Method::POST, "/order"), (Method::POST, "/orders"), (Method::POST, "/webhooks/secret")] {
        let answer = ask(&system, method, &format!("{admin}{path}"), all.reveal()).await;
        assert_eq!((answer.status, answer.problem()), (404, "not-found".to_owned()), "{path}: it is not for clients");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_and_the_console_can_be_kept_from_clients() {
    let console = |setup: Setup| setup.with(c::CONSOLE, "on").with(c::CONSOLE_KEY, KEY);
    let system = system(|setup| console(setup).with(c::ADMIN_LISTEN_ONLY, "true")).await;
    let (api, admin) = (system.apis[0].clone(), system.admins[0].clone());
    for (method, path) in admin_routes() {
        let at_clients = ask(&system, method.clone(), &format!("{api}{path}"), KEY).await;
        assert_eq!((at_clients.status, at_clients.problem()), (404, "not-found".to_owned()), "{method} {path}");
        // A stream is not read to its end.
        let answer = system.http.request(method.clone(), format!("{admin}{path}")).bearer_auth(KEY).send().await;
        let answer = answer.unwrap().status();
        assert!(![StatusCode::METHOD_NOT_ALLOWED, StatusCode::UNAUTHORIZED].contains(&answer), "{method} {path}");
    }
    let page = async |to: &str| system.send(system.http.get(format!("{to}/")).header("accept", HTML)).await;
    assert_eq!(page(&api).await.status, 404);
    let page = page(&admin).await;
    assert_eq!((page.status, page.text.contains("<base href=\"./\">")), (200, true));
    // Its pages submit orders, and nobody else does there.
    let submit = |to: &str| system.http.post(format!("{to}/order")).json(&fulfilment());
    assert_eq!(system.send(submit(&admin)).await.problem(), "credentials-missing");
    let forged = submit(&admin).header("x-caller", FORGED);
    assert_eq!(system.send(forged).await.problem(), "credentials-missing");
    let receipt = Receipt::of(&system.send(submit(&admin).bearer_auth(KEY)).await);
    let url = format!("{admin}/admin/orders/{}", receipt.id);
    assert_eq!(ask(&system, Method::GET, &url, KEY).await.json()["status"], "pending");
    let of_clients = submit(&api).header("x-caller", "tenant=shop; roles=submit");
    assert_eq!(system.send(of_clients).await.status, 202, "clients submit as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_get_in_while_clients_take_every_permit() {
    let system = system(|setup| setup.with(c::MAX_CONCURRENT_REQUESTS, 1)).await;
    let all = key(&system, "ops", "admin").await;
    let head = "POST /order HTTP/1.1\r\nhost: localhost\r\nx-caller: roles=submit\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let orders = |to: &str| format!("{to}/admin/orders");
    let client = eventually("clients are refused", async || {
        // A body that does not arrive holds the only permit, unless the other request was first.
        let mut client = TcpStream::connect(system.apis[0].strip_prefix("http://")?).await.ok()?;
        client.write_all(head.as_bytes()).await.ok()?;
        let refused = ask(&system, Method::GET, &orders(&system.apis[0]), all.reveal()).await;
        (refused.status == 503 && refused.problem() == "overloaded").then_some(client)
    })
    .await;
    assert_eq!(ask(&system, Method::GET, &orders(&system.admins[0]), all.reveal()).await.status, 200);
    drop(client);
}
