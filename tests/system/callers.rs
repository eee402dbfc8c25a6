//! Who a caller is, and what is whose.

use offload_domain::{api_key::ApiKey, caller::Roles, id::OrderId, tenant::Tenant, token::TokenKeys};
use offload_service::{clock, settings::catalogue as c};
use offload_stores::StoredKey;
use offload_tests::{
    RawQueue, Receipt, Response, SECRET, Setup, System, eventually,
    orders::{fulfilment, report, with_options},
};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

async fn system(workers: usize) -> System {
    let setup = Setup { workers, ..Setup::default() }.with(c::AUTH, "keys,header").with(c::AUTH_HEADER, "x-caller");
    setup.with(c::AUTH_CACHE_SECONDS, 1).start().await
}

/// Makes a key as `offload keys create` does.
pub(crate) async fn key(system: &System, tenant: &str, roles: &str) -> ApiKey {
    let random = |n: u128| uuid::Uuid::new_v4().as_u128().wrapping_add(n).to_be_bytes();
    let secret = [random(1), random(2)].concat().try_into().unwrap();
    let key = ApiKey::new(random(0)[..8].try_into().unwrap(), secret);
    let roles = Roles::parse(roles).unwrap();
    let stored = StoredKey::new(&key, tenant.parse().unwrap(), "a test", roles, clock::now());
    system.stores.orders.insert_api_key(&stored).await.unwrap();
    key
}

async fn as_caller(system: &System, key: &ApiKey, request: RequestBuilder) -> Response {
    system.send(request.bearer_auth(key.reveal())).await
}

async fn submit(system: &System, key: &ApiKey, idempotency_key: &str) -> Response {
    let request = system.request(Method::POST, "/order").header("idempotency-key", idempotency_key);
    as_caller(system, key, request.json(&fulfilment())).await
}

fn problem(response: &Response) -> (u16, String) {
    (response.status, response.problem())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_of_two_tenants_gives_two_orders_of_their_own() {
    let system = system(0).await;
    let (a, b) = (key(&system, "a", "submit,view").await, key(&system, "b", "submit,view").await);
    let (of_a, of_b) = (submit(&system, &a, "k").await, submit(&system, &b, "k").await);
    let (of_a, of_b) = (Receipt::of(&of_a), Receipt::of(&of_b));
    assert_ne!(of_a.id, of_b.id);
    assert_eq!(Receipt::of(&submit(&system, &a, "k").await).id, of_a.id);
    // Neither can be probed by another body.
    let request = system.request(Method::POST, "/order").header("idempotency-key", "k").json(&report(3));
    assert_eq!(problem(&as_caller(&system, &a, request).await), (422, "idempotency-key-reused".to_owned()));
    let order: OrderId = of_a.id.parse().unwrap();
    assert_eq!(system.stores.orders.get(order).await.unwrap().unwrap().order.tenant, "a".parse::<Tenant>().unwrap());

    let path = format!("/order/{}", of_a.id);
    let unknown = format!("/order/{}", OrderId::new(clock::now()));
    for method in [Method::GET, Method::DELETE] {
        for path in [&path, &unknown] {
            let foreign = as_caller(&system, &b, system.request(method.clone(), path)).await;
            assert_eq!(problem(&foreign), (404, "order-not-found".to_owned()), "{method} {path}");
        }
        let own = as_caller(&system, &a, system.request(method.clone(), &path)).await;
        assert!(matches!(own.status, 200 | 202), "{method}: {}", own.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_of_a_tenant_are_its_own_in_every_queue() {
    let system = system(0).await;
    for tenant in ["shop", "default"] {
        let caller = format!("tenant={tenant}; name=jane; roles=submit");
        let order = with_options(fulfilment(), json!({"webhook_url": "http://127.0.0.1:9/"}));
        let post = system.request(Method::POST, "/order").header("x-caller", &caller).json(&order);
        let order = Receipt::of(&system.send(post).await);
        let cancel = system.request(Method::DELETE, &format!("/order/{}", order.id)).header("x-caller", &caller);
        assert_eq!(system.send(cancel).await.status, 202);
        let [webhooks, _] = RawQueue::webhooks(&system);
        // The default tenant has no group for its orders: alone it needs no share. Webhooks have a
        // few for each tenant.
        let of_webhooks = format!("{tenant}/");
        let groups = [(tenant == "shop").then_some("shop"), Some(&*of_webhooks)];
        for (queue, group) in [RawQueue::orders(&system), webhooks].into_iter().zip(groups) {
            let message = &queue.receive_event(1).await.unwrap()["Records"][0];
            assert!(message["body"].as_str().unwrap().contains(&order.id), "{message}");
            let of_message = message["attributes"].get("MessageGroupId").and_then(|group| group.as_str());
            assert_eq!(of_message.map(|of| of.trim_end_matches(|c: char| c.is_ascii_digit())), group);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_sends_too_much_keeps_no_other_waiting() {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller");
    let system = setup.with(c::MAX_REQUESTS_PER_SECOND_OF_TENANT, 2).start().await;
    let post = |tenant: &str| {
        let caller = format!("tenant={tenant}; name=jane; roles=submit");
        system.send(system.request(Method::POST, "/order").header("x-caller", caller).json(&fulfilment()))
    };
    let mut refused = None;
    for _ in 0..50 {
        let answer = post("busy").await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("more than a tenant may send");
    assert_eq!(problem(&refused), (429, "too-many-requests".to_owned()));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit")), ("1", "\"tenant-requests\";r=0;t=1"));
    assert_eq!(post("calm").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_needs_credentials_and_a_role_and_is_answered_which() {
    let system = system(0).await;
    let (viewer, submitter) = (key(&system, "a", "view").await, key(&system, "a", "submit").await);
    let post = || system.request(Method::POST, "/order").json(&fulfilment());
    let nobody = system.send(post()).await;
    assert_eq!(problem(&nobody), (401, "credentials-missing".to_owned()));
    assert_eq!(nobody.header("www-authenticate"), "Bearer");
    let mistyped = system.send(post().bearer_auth(&viewer.reveal()[..80])).await;
    assert_eq!(problem(&mistyped), (401, "credentials-invalid".to_owned()));
    assert_eq!(mistyped.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    let lacking = as_caller(&system, &viewer, post()).await;
    assert_eq!(problem(&lacking), (403, "role-missing".to_owned()));
    assert_eq!(lacking.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"submit\"");
    let order = Receipt::of(&as_caller(&system, &submitter, post()).await);
    let path = format!("/order/{}", order.id);
    let read = as_caller(&system, &submitter, system.request(Method::GET, &path)).await;
    assert_eq!(problem(&read), (403, "role-missing".to_owned()));
    let cancel = as_caller(&system, &viewer, system.request(Method::DELETE, &path)).await;
    assert_eq!(problem(&cancel), (403, "role-missing".to_owned()));

    let by_header = |value: &str| system.send(post().header("x-caller", value));
    let placed = Receipt::of(&by_header("tenant=shop; name=jane; roles=submit").await);
    let placed = system.stores.orders.get(placed.id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(placed.order.tenant.as_str(), "shop");
    assert_eq!(problem(&by_header("shop").await), (401, "credentials-invalid".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_within_the_time_of_the_cache() {
    let system = system(0).await;
    let key = key(&system, "a", "submit").await;
    assert_eq!(submit(&system, &key, "1").await.status, 202);
    assert!(system.stores.orders.revoke_api_key(key.id()).await.unwrap());
    let revoked = tokio::time::Instant::now();
    while submit(&system, &key, "2").await.status == 202 {
        assert!(revoked.elapsed().as_secs_f64() < 2.0, "it is still believed");
    }
    assert_eq!(problem(&submit(&system, &key, "3").await), (401, "credentials-invalid".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_order_beside_credentials_of_any_kind() {
    let system = system(0).await;
    let (own, foreign) = (key(&system, "a", "submit").await, key(&system, "b", "submit").await);
    let order = Receipt::of(&submit(&system, &own, "k").await);
    let (path, read_token) = (format!("/order/{}", order.id), order.body["read_token"].as_str().unwrap());
    for bearer in [foreign.reveal(), "eyJhbGciOiJub25lIn0.e30.", "of-somebody-else", "v1.of-another-service"] {
        let by_query = system.request(Method::GET, &format!("{path}?token={}", order.token)).bearer_auth(bearer);
        assert_eq!(system.send(by_query).await.status, 200, "{bearer}");
        let by_header = system.request(Method::GET, &path).header("offload-token", &order.token).bearer_auth(bearer);
        assert_eq!(system.send(by_header).await.status, 200, "{bearer}");
    }
    let with = |method, token: &str| system.send(system.request(method, &format!("{path}?token={token}")));
    assert_eq!(with(Method::GET, read_token).await.status, 200);
    assert_eq!(problem(&with(Method::DELETE, read_token).await), (403, "token-read-only".to_owned()));
    // A caller of another tenant gains nothing by the token that can only read.
    let both = system.request(Method::DELETE, &path).header("offload-token", read_token).bearer_auth(foreign.reveal());
    assert_eq!(problem(&system.send(both).await), (403, "token-read-only".to_owned()));
    let id: OrderId = order.id.parse().unwrap();
    let keys = TokenKeys::parse(SECRET).unwrap();
    let late = keys.sign(id, offload_domain::token::Access::Full, clock::now() - chrono::TimeDelta::seconds(1));
    assert_eq!(problem(&with(Method::GET, &late).await), (403, "token-expired".to_owned()));
    assert_eq!(with(Method::DELETE, &order.token).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_order_that_is_erased() {
    let system = system(1).await;
    let (own, admin) = (key(&system, "a", "submit").await, key(&system, "operators", "admin").await);
    let order = report(200_000);
    let post = system.request(Method::POST, "/order").header("idempotency-key", "k").json(&order);
    let order = Receipt::of(&as_caller(&system, &own, post).await);
    let done = system.done(&order).await;
    let result = done["result_url"].as_str().expect("a large result").to_owned();
    let path = format!("/admin/orders/{}", order.id);
    let erase = |key, query: &str| as_caller(&system, key, system.request(Method::DELETE, &format!("{path}{query}")));
    assert_eq!(problem(&erase(&own, "?erase=true").await), (403, "role-missing".to_owned()));
    assert_eq!(problem(&erase(&admin, "").await), (400, "erase-not-asked-for".to_owned()));
    let erased = erase(&admin, "?erase=true").await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    for url in [&order.status_url, &result] {
        let status = system.http.get(url).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 403 | 404), "{status}");
    }
    let read = system.request(Method::GET, &format!("/order/{}", order.id)).bearer_auth(&order.token);
    assert_eq!(problem(&system.send(read).await), (404, "order-not-found".to_owned()));
    assert_eq!(problem(&erase(&admin, "?erase=true").await), (404, "order-not-found".to_owned()));
    let again = Receipt::of(&submit(&system, &own, "k").await);
    assert_ne!(again.id, order.id, "its idempotency key is gone too");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_callers_everybody_submits_and_nobody_erases() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let order = system.order(&fulfilment()).await;
    let path = format!("/admin/orders/{}?erase=true", order.id);
    let request = system.request(Method::DELETE, &path).header("x-caller", "tenant=a; roles=admin");
    assert_eq!(problem(&system.send(request.bearer_auth(&order.token)).await), (404, "not-found".to_owned()));
    let body = json!({"kind": "report", "rows": 1});
    let with_key = system.request(Method::POST, "/order").bearer_auth("anything").json(&body);
    assert_eq!(system.send(with_key).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_so_many_subscribers_and_others_have_theirs() {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::AUTH, "keys").with(c::MAX_SUBSCRIBERS_PER_TENANT, 1);
    let system = setup.start().await;
    let (a, b) = (key(&system, "a", "submit,view").await, key(&system, "b", "submit,view").await);
    let order = async |key: &ApiKey, n: &str| Receipt::of(&submit(&system, key, n).await);
    let (first, second, other) = (order(&a, "1").await, order(&a, "2").await, order(&b, "1").await);
    let open = async |receipt: &Receipt| {
        let url = format!("{}/order/{}/events", system.apis[0], receipt.id);
        system.http.get(url).bearer_auth(&receipt.token).send().await.unwrap()
    };
    let stream = open(&first).await;
    assert_eq!(stream.status(), 200);
    assert_eq!(open(&second).await.status(), 503, "its tenant has as many as it may");
    assert_eq!(open(&other).await.status(), 200);
    let url = format!("{}/ws?token={}", system.apis[0].replace("http", "ws"), second.token);
    let mut socket = offload_tests::Socket::open(&url).await.unwrap();
    let refused = socket.next().await.unwrap();
    assert_eq!(refused["type"], "https://status-offload.dev/problems/too-many-connections");
    drop(stream);
    offload_tests::eventually("the share is given back", async || (open(&second).await.status() == 200).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_tenant_has_an_estimate_of_its_own_beside_a_busy_one() {
    let setup = Setup::default().with(c::AUTH, "keys").with(c::JOB_SECONDS, 1).with(c::CONCURRENCY, 2);
    let mut system = setup.with(c::EXPECTED_JOB_SECONDS, 1).start().await;
    let (busy, quiet) = (key(&system, "busy", "submit,view").await, key(&system, "quiet", "submit,view").await);
    let seconds = async |system: &System, key: &ApiKey| {
        let request = system.request(Method::POST, "/order").json(&fulfilment());
        Receipt::of(&as_caller(system, key, request).await).body["eta"]["seconds"].as_f64().unwrap()
    };
    for _ in 0..80 {
        seconds(&system, &busy).await;
    }
    eventually("the worker has reported whose orders it works on", async || {
        let reports = system.stores.orders.worker_reports().await.ok()?;
        reports.iter().any(|report| !report.tenants.is_empty()).then_some(())
    })
    .await;
    // One that has accepted none of the orders, and knows no more than the report says.
    system.add_api().await;
    system.apis.swap(0, 1);
    let (of_quiet, of_busy) = (seconds(&system, &quiet).await, seconds(&system, &busy).await);
    assert!(of_quiet < 5.0 && of_busy > 20.0, "{of_quiet} {of_busy}");
}
